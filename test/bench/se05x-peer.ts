import { connect, type Socket } from "node:net";

import { nodeClock } from "../../src/crypto/node.ts";
import { type I2cPlace, openT1, type Transport } from "../../src/host/index.ts";
import { connectChip } from "../../src/host/node.ts";
import { type BareChip, bareJrcp, bareT1 } from "./bare-chip.ts";

/**
 * A chip that somebody else simulates, where HAWSER_SE05X_PEER names one: HOST:PORT takes JRCP, `t1:HOST:PORT` takes
 * blocks of T=1 over TCP, as wolfSSL's SE050 simulator does.
 */
export async function connectPeer(): Promise<Transport | undefined> {
  const peer = peerAddress();
  if (!peer) return undefined;
  const { host, port, isT1 } = peer;
  return isT1 ? openT1(await place(host, port), { clock: nodeClock }) : connectChip(`${host}:${port}`);
}

/** The same chip with a client that costs what the one of our own does. */
export async function barePeer(): Promise<BareChip | undefined> {
  const peer = peerAddress();
  if (!peer) return undefined;
  return peer.isT1 ? bareT1(peer.host, peer.port) : bareJrcp(peer.host, peer.port);
}

function peerAddress(): { readonly host: string; readonly port: number; readonly isT1: boolean } | undefined {
  const named = process.env["HAWSER_SE05X_PEER"];
  if (!named) return undefined;
  const [host = "", port = ""] = named.replace(/^t1:/, "").split(":");
  return { host, port: Number(port), isT1: named.startsWith("t1:") };
}

/** What I2C is to a chip on a board: here a socket, whose reads wait for as many bytes as are asked for. */
async function place(host: string, port: number): Promise<I2cPlace> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    const opened = connect({ host, port, noDelay: true }, () => resolve(opened)).once("error", reject);
  });
  let held = Buffer.alloc(0);
  let waiting: { readonly length: number; readonly take: (bytes: Uint8Array | undefined) => void } | undefined;
  const serve = () => {
    if (!waiting || (held.length < waiting.length && !socket.destroyed)) return;
    const { length, take } = waiting;
    waiting = undefined;
    take(held.length < length ? undefined : held.subarray(0, length));
    held = held.subarray(length);
  };
  socket.on("data", (bytes: Buffer) => {
    held = Buffer.concat([held, bytes]);
    serve();
  });
  socket.on("close", serve);
  return {
    write: (bytes) => new Promise((resolve) => socket.write(bytes, (error) => resolve(!error))),
    read: (length) =>
      new Promise((take) => {
        waiting = { length, take };
        serve();
      }),
    close: async () => void socket.destroy(),
  };
}
