import { connect, type Socket } from "node:net";

import { nodeClock } from "../../src/crypto/node.ts";
import { type I2cPlace, openT1, type Transport } from "../../src/host/index.ts";
import { connectChip } from "../../src/host/node.ts";
import { type BareChip, bareJrcp, bareT1 } from "./bare-chip.ts";
import { listenersOn } from "./interleaved.ts";

/** A chip that somebody else simulates: by the host library's transport, by a client like that of ours, its processes. */
export type Peer = { readonly transport: Transport; readonly bare: BareChip; readonly pids: readonly number[] };

/**
 * The chip that HAWSER_SE05X_PEER names, if it names one: HOST:PORT takes JRCP, `t1:HOST:PORT` takes blocks of T=1 over
 * TCP, as wolfSSL's SE050 simulator does.
 */
export async function connectPeer(): Promise<Peer | undefined> {
  const named = process.env["HAWSER_SE05X_PEER"];
  if (!named) return undefined;
  const [host = "", text = ""] = named.replace(/^t1:/, "").split(":");
  const port = Number(text);
  const pids = listenersOn(port);
  if (!named.startsWith("t1:")) {
    return { transport: await connectChip(`${host}:${port}`), bare: await bareJrcp(host, port), pids };
  }
  const transport = await openT1(await place(host, port), { clock: nodeClock });
  return { transport, bare: await bareT1(host, port), pids };
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
