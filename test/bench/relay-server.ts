/**
 * The least that a program on Node's sockets does to pass a message on: it answers CONNECT and SUBSCRIBE, and copies each
 * PUBLISH to the one subscriber of its topic. What a broker costs beyond this is its own. Forked by broker.bench.ts.
 */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

const CONNACK = Buffer.from([0x20, 2, 0, 0]);
const TYPE = { connect: 1, publish: 3, subscribe: 8 } as const;

const subscribers = new Map<string, Socket>();

function serve(socket: Socket): void {
  socket.on("error", () => undefined);
  // The load sends one packet at a time, each shorter than 128 bytes but for its two bytes of header.
  socket.on("data", (bytes: Buffer) => {
    const type = (bytes[0] ?? 0) >>> 4;
    const body = (bytes[1] ?? 0) < 0x80 ? 2 : 3;
    if (type === TYPE.connect) socket.write(CONNACK);
    else if (type === TYPE.subscribe) {
      subscribers.set(textAt(bytes, body + 2), socket);
      socket.write(Buffer.from([0x90, 3, bytes[body] ?? 0, bytes[body + 1] ?? 0, (bytes.at(-1) ?? 0) & 1]));
    } else if (type === TYPE.publish) {
      const length = bytes.readUInt16BE(body);
      subscribers.get(textAt(bytes, body))?.write(bytes);
      const isAcknowledged = ((bytes[0] ?? 0) & 6) !== 0;
      const id = body + 2 + length;
      if (isAcknowledged) socket.write(Buffer.from([0x40, 2, bytes[id] ?? 0, bytes[id + 1] ?? 0]));
    }
  });
}

function textAt(bytes: Buffer, at: number): string {
  const length = bytes.readUInt16BE(at);
  return bytes.toString("latin1", at + 2, at + 2 + length);
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, resolve));
  return (server.address() as AddressInfo).port;
}

async function start(identity: { readonly key: string; readonly cert: string }): Promise<void> {
  const options = { noDelay: true };
  const plain = await listen(createServer(options, serve));
  const tls = await listen(createTlsServer({ ...options, ...identity }, serve));
  process.send?.({ plain, tls });
}

process.once("message", (identity: { readonly key: string; readonly cert: string }) => void start(identity));
process.once("disconnect", () => process.exit(0));
