import { chmodSync, lstatSync, mkdirSync, rmSync, statSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname, isAbsolute } from "node:path";

import { UsageError } from "../codec/index.ts";
import type { Clock } from "../crypto/index.ts";
import { nodeClock } from "../crypto/node.ts";
import { silentTrace, type Trace } from "../trace/index.ts";
import { Connection } from "./connection.ts";
import type { Pkcs11ErrorCode } from "./errors.ts";
import { FRAME_LIMITS } from "./frames.ts";
import type { Token } from "./token.ts";

export { NamesInFile } from "./node-names.ts";
export { keepPinIn } from "./node-pin.ts";

export type ServeTokenOptions = {
  readonly token: Token;
  /** Absolute path of the Unix socket. Its directory is made with mode 0700 where there is none. */
  readonly path: string;
  readonly clock?: Clock;
  readonly trace?: Trace;
};

/** A token that is being served. */
export type ServedToken = {
  readonly path: string;
  /** How many programs are connected now. */
  readonly connections: () => number;
  /** Ends all connections and removes the socket. The token's element is the caller's to close. */
  readonly close: () => Promise<void>;
};

/** More programs than one machine has at work with one chip; each beyond is turned away at once. */
export const MAX_CONNECTIONS = 64;

/** sun_path holds 108 bytes; what remains is for the bound name's NUL and for kernels that count differently. */
const MAX_PATH_BYTES = 100;

/**
 * Serves a token on a Unix socket (mode 0600) to p11-kit's client library; one connection is one program. A program
 * that breaks the framing loses its connection, no other ever does. Throws `UsageError` `bad-socket`,
 * `open-directory`, `socket-in-use` or `cannot-listen`.
 */
export async function serveToken(options: ServeTokenOptions): Promise<ServedToken> {
  const { token, path, clock = nodeClock, trace = silentTrace } = options;
  preparePath(path);
  await clearStaleSocket(path);
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // Node sends its own Buffers as they are, and has them ready in a pool.
    const room = (length: number) => Buffer.allocUnsafe(length);
    const connection = new Connection({ token, clock, trace, connection: `pkcs11-${++count}`, room });
    serveSocket(socket, connection, trace);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listening(server, path);
  return {
    path,
    connections: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/**
 * Requests are read by events, not by iterating the socket, and what the chip need not be asked for is answered at once:
 * promises would cost more than most of the calls.
 */
function serveSocket(socket: Socket, connection: Connection, trace: Trace): void {
  let isAtWork = false;
  const end = (cause: unknown) => {
    if (!socket.destroyed) {
      const detail = `a program's connection was closed: ${cause instanceof Error ? cause.message : "unknown reason"}`;
      trace.emit("host", { kind: "process", what: "warning", detail });
    }
    socket.destroy();
  };
  const work = async (first: Promise<Uint8Array> | undefined) => {
    isAtWork = true;
    try {
      if (socket.writableNeedDrain) await drained(socket);
      for (let answer = first ?? connection.next(); answer; answer = connection.next()) {
        if (!socket.write(await answer)) await drained(socket);
      }
    } catch (error) {
      end(error);
    } finally {
      isAtWork = false;
      if (socket.isPaused()) socket.resume();
    }
  };
  const read = (chunk: Uint8Array) => {
    connection.push(chunk);
    if (isAtWork) {
      if (connection.pendingBytes > FRAME_LIMITS.maxBody) socket.pause();
      return;
    }
    for (let answer = connection.next(); answer; answer = connection.next()) {
      if (!(answer instanceof Promise) && socket.write(answer)) continue;
      void work(answer instanceof Promise ? answer : undefined);
      break;
    }
  };
  socket.once("close", () => connection.close());
  socket.on("error", end);
  socket.on("data", (chunk: Uint8Array) => {
    try {
      // A plain view: `slice` of a Buffer copies nothing, and what outlives the message is to be a copy.
      read(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    } catch (error) {
      end(error);
    }
  });
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

/** Whoever may write to the socket may sign, so nobody else may even come near it. */
function preparePath(path: string): void {
  if (!isAbsolute(path) || Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw refusal("bad-socket", `${path} is not an absolute path of at most ${MAX_PATH_BYTES} bytes`);
  }
  const directory = dirname(path);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw refusal("cannot-listen", `the directory ${directory} cannot be made: ${reasonOf(cause)}`, cause);
  }
  const { mode, uid } = statSync(directory);
  const owner = process.getuid?.() ?? uid;
  if ((mode & 0o077) !== 0 || uid !== owner) {
    const who = uid === owner ? `has mode ${(mode & 0o777).toString(8)}` : `belongs to user ${uid}`;
    throw refusal("open-directory", `the directory ${directory} ${who}`);
  }
}

/** Removes a socket that a server left behind; one that somebody listens on stays. */
async function clearStaleSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw refusal("bad-socket", `${path} exists and is not a socket`);
  const answer = await new Promise<string>((resolve) => {
    const probe = connect({ path });
    probe.once("connect", () => (probe.destroy(), resolve("")));
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown reason"));
  });
  if (answer !== "ECONNREFUSED") throw refusal("socket-in-use", `${path} has a listener ${answer}`.trimEnd());
  rmSync(path);
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: Error) =>
      reject(refusal("cannot-listen", `cannot listen on ${path}: ${reasonOf(cause)}`, cause));
    server.once("error", refuse);
    // The socket is made while `listen` runs: not for an instant may it have another mode.
    const before = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off("error", refuse);
        chmodSync(path, 0o600);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

function refusal(code: Pkcs11ErrorCode, message: string, cause?: unknown): UsageError<Pkcs11ErrorCode> {
  return new UsageError<Pkcs11ErrorCode>(code, message, cause === undefined ? {} : { cause });
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : "unknown reason";
}
