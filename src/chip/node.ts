import { createServer, type Server, type Socket } from "node:net";

import { encodeJrcp1, JRCP1_TYPE, Jrcp1Parser, type Jrcp1Frame } from "../apdu/index.ts";
import { UsageError } from "../codec/index.ts";
import { silentTrace, type Trace } from "../trace/index.ts";
import type { ChipErrorCode } from "./errors.ts";
import type { Card } from "./ports.ts";

export { nodeChipCrypto } from "./node-crypto.ts";
export { nodeDisk, SealedFileMemory, type SealedFileOptions, type StateDisk } from "./node-memory.ts";

export type ServeChipOptions = {
  readonly chip: Card;
  /** The address to listen on; 127.0.0.1 where absent, since whoever connects may use the chip's keys. */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly trace?: Trace;
};

/** A chip that is being served. */
export type ServedChip = {
  readonly port: number;
  /** Ends all connections and stops listening. */
  readonly close: () => Promise<void>;
};

/** More clients than one bench has; each beyond is turned away at once. */
const MAX_CONNECTIONS = 64;

/**
 * Serves a chip over TCP with JRCP v1: any number of clients, one command at a time, each reply in one write.
 * A client that breaks the framing loses its connection; the chip and the other clients never notice. Throws
 * `UsageError` `cannot-listen`.
 */
export async function serveChip(options: ServeChipOptions): Promise<ServedChip> {
  const { chip, host = "127.0.0.1", port, trace = silentTrace } = options;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    void serveSocket(socket, chip, trace);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listening(server, host, port);
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function serveSocket(socket: Socket, chip: Card, trace: Trace): Promise<void> {
  const parser = new Jrcp1Parser();
  try {
    for await (const chunk of socket as AsyncIterable<Uint8Array>) {
      parser.push(chunk);
      for (let frame = parser.next(); frame; frame = parser.next()) {
        const reply = replyTo(frame, chip);
        if (!reply) return;
        // One write a reply: clients are known that lose bytes when a reply comes in pieces.
        if (!socket.write(encodeJrcp1(reply))) await drained(socket);
        // Whoever sends commands without waiting for answers lets others in between.
        if (parser.pendingBytes > 0) await turn();
      }
    }
  } catch (error) {
    const detail = `a chip connection was closed: ${error instanceof Error ? error.message : "unknown reason"}`;
    trace.emit("chip", { kind: "process", what: "warning", detail });
  } finally {
    socket.destroy();
  }
}

/** What a frame is answered with; undefined ends the connection, as for types that only other servers know. */
function replyTo({ type, node, payload }: Jrcp1Frame, chip: Card): Jrcp1Frame | undefined {
  if (type === JRCP1_TYPE.reset) return { type, node, payload: chip.reset() };
  if (type === JRCP1_TYPE.apdu) return { type, node, payload: chip.exchange(payload) };
  return undefined;
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("drain", resolve);
    socket.once("close", () => resolve());
  });
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: Error) => {
      const message = `cannot listen on ${host}:${port}: ${cause.message}`;
      reject(new UsageError<ChipErrorCode>("cannot-listen", message, { cause }));
    };
    server.once("error", refuse);
    server.listen(port, host, () => {
      server.off("error", refuse);
      resolve();
    });
  });
}
