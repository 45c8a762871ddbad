import { createServer, type Server, type Socket } from "node:net";

import { UsageError } from "../codec/index.ts";
import type { Clock } from "../crypto/index.ts";
import { nodeClock } from "../crypto/node.ts";
import { silentTrace, type Trace } from "../trace/index.ts";
import type { ChipErrorCode } from "./errors.ts";
import { JrcpFront } from "./jrcp-front.ts";
import { Lease } from "./lease.ts";
import type { Card } from "./ports.ts";

export {
  askControl,
  serveControl,
  type ControlAnswer,
  type ControlRequest,
  type ServeControlOptions,
} from "./node-control.ts";
export { nodeChipCrypto } from "./node-crypto.ts";
export { nodeSe05xCrypto } from "./node-curves.ts";
export { nodeDisk, SealedFileMemory, type SealedFileOptions, type StateDisk } from "./node-memory.ts";

export type ServeChipOptions = {
  readonly chip: Card;
  /** The address to listen on; 127.0.0.1 where absent, since whoever connects may use the chip's keys. */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly trace?: Trace;
  readonly clock?: Clock;
  /** How long a client that has begun a sequence of commands may keep others waiting; 2000 where absent. */
  readonly leaseMs?: number;
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
 * Serves a chip over TCP with JRCP v1 and v2, told apart by a client's first bytes: any number of clients, one command at
 * a time, each reply in one write. A client that breaks the framing loses its connection; the chip and the other clients
 * never notice. Who has begun a sequence of commands has the chip alone until its end, or until its lease runs out.
 * Throws `UsageError` `cannot-listen`.
 */
export async function serveChip(options: ServeChipOptions): Promise<ServedChip> {
  const { chip, host = "127.0.0.1", port, trace = silentTrace, clock = nodeClock, leaseMs = 2000 } = options;
  const lease = new Lease(clock, leaseMs);
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    void serveSocket(socket, chip, lease, trace);
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

async function serveSocket(socket: Socket, chip: Card, lease: Lease, trace: Trace): Promise<void> {
  const front = new JrcpFront(chip.readerName);
  socket.once("close", () => lease.release(socket));
  try {
    for await (const chunk of socket as AsyncIterable<Uint8Array>) {
      front.push(chunk);
      for (let request = front.next(); request; request = front.next()) {
        await lease.turn(socket);
        if (socket.destroyed) return;
        const before = chip.isMidSequence === true;
        const reply = request(chip);
        lease.carriedOut(socket, { before, after: chip.isMidSequence === true });
        if ("end" in reply) return;
        // One write a reply: clients are known that lose bytes when a reply comes in pieces.
        if (!socket.write(reply.bytes)) await drained(socket);
        // Whoever sends commands without waiting for answers lets others in between.
        if (front.pendingBytes > 0) await turn();
      }
    }
  } catch (error) {
    const detail = `a chip connection was closed: ${error instanceof Error ? error.message : "unknown reason"}`;
    trace.emit("chip", { kind: "process", what: "warning", detail });
  } finally {
    socket.destroy();
  }
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
