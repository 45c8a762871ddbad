import { createServer, type Server, type Socket } from "node:net";

import { UsageError } from "../codec/index.ts";
import type { Clock } from "../crypto/index.ts";
import { nodeClock } from "../crypto/node.ts";
import { silentTrace, type Trace } from "../trace/index.ts";
import type { ChipErrorCode } from "./errors.ts";
import { JrcpFront, type JrcpRequest } from "./jrcp-front.ts";
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

/** What a client may send ahead of its turn; beyond that its socket is not read. */
const MAX_WAITING_BYTES = 64 * 1024;

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
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    serveSocket(socket, chip, lease, trace);
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

/**
 * Requests are read by events, not by iterating the socket, and one that comes alone while the chip is free is answered
 * at once: promises would cost more than most of the commands.
 */
function serveSocket(socket: Socket, chip: Card, lease: Lease, trace: Trace): void {
  // Node sends its own Buffers as they are, and has them ready in a pool.
  const front = new JrcpFront(chip.readerName, (length) => Buffer.allocUnsafe(length));
  const served = { socket, front, chip, lease };
  let isAtWork = false;
  let isLast = false;
  const end = (cause?: unknown) => {
    if (cause !== undefined && !socket.destroyed) {
      const detail = `a chip connection was closed: ${cause instanceof Error ? cause.message : "unknown reason"}`;
      trace.emit("chip", { kind: "process", what: "warning", detail });
    }
    socket.destroy();
  };
  const work = async (first: JrcpRequest | undefined) => {
    isAtWork = true;
    try {
      if ((await answerAll(served, first)) === "end") end();
    } catch (error) {
      end(error);
    } finally {
      isAtWork = false;
      if (socket.isPaused()) socket.resume();
      if (isLast) socket.end();
    }
  };
  const read = (chunk: Uint8Array) => {
    front.push(chunk);
    if (isAtWork) {
      if (front.pendingBytes > MAX_WAITING_BYTES) socket.pause();
      return;
    }
    const request = front.next();
    if (!request) return;
    if (socket.writableNeedDrain || !lease.isOpenTo(socket)) return void work(request);
    if (answer(served, request) === "end") return end();
    if (front.pendingBytes > 0) void work(undefined);
  };
  socket.once("close", () => lease.release(socket));
  // Who has said all may still wait for the answers.
  socket.once("end", () => {
    isLast = true;
    if (!isAtWork) socket.end();
  });
  socket.on("error", end);
  socket.on("data", (chunk: Uint8Array) => {
    try {
      // Node gives each chunk in memory of its own. A plain view: a Buffer's methods are not those of Uint8Array.
      read(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    } catch (error) {
      end(error);
    }
  });
}

const NONE: readonly object[] = [];

type Served = {
  readonly socket: Socket;
  readonly front: JrcpFront;
  readonly chip: Card;
  readonly lease: Lease;
};

/** Carries out one request, whose turn it is, and sends its answer; "end" where the client must be let go. */
function answer({ socket, chip, lease }: Served, request: JrcpRequest): "end" | "more" {
  const before = chip.openSequences ?? NONE;
  const reply = request(chip);
  lease.carriedOut(socket, { before, after: chip.openSequences ?? NONE });
  if ("end" in reply) return "end";
  // One write a reply: clients are known that lose bytes when a reply comes in pieces.
  socket.write(reply.bytes);
  return "more";
}

/** Answers `first`, and then what else has come, one request behind the other; "end" where the client must be let go. */
async function answerAll(served: Served, first: JrcpRequest | undefined): Promise<"end" | "more"> {
  const { socket, front, lease } = served;
  for (let request = first; ; request = undefined) {
    // Whoever sends commands without waiting for answers lets others in between.
    if (!request) await turn();
    request ??= front.next();
    if (!request) return "more";
    if (socket.writableNeedDrain) await drained(socket);
    // Between its turn and here, another that waited may have begun a sequence of its own.
    while (!lease.isOpenTo(socket)) await lease.turn(socket);
    if (socket.destroyed || answer(served, request) === "end") return "end";
    if (front.pendingBytes === 0) return "more";
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    if (socket.destroyed) done();
    else socket.once("drain", done).once("close", done);
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
