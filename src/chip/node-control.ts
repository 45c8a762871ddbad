import { chmodSync, lstatSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";

import { fromHex, HawserError, UsageError } from "../codec/index.ts";
import type { Entropy } from "../crypto/index.ts";
import { nodeEntropy } from "../crypto/node.ts";
import type { ChipErrorCode } from "./errors.ts";
import type { NonVolatileMemory, Rehearsable } from "./ports.ts";
import { rehearse, type RehearsedCommand } from "./rehearsal.ts";

/** What a simulated chip is asked over its control socket. */
export type ControlRequest =
  | { readonly do: "snapshot"; readonly name: string }
  | { readonly do: "rewind"; readonly name: string }
  | { readonly do: "fork"; readonly file: string; readonly name?: string }
  | { readonly do: "what-if"; readonly commands: readonly string[] };

/** What it answers: never bytes of a key, nor of what commands answer. */
export type ControlAnswer = {
  readonly uniqueId: string;
  readonly facts: Readonly<Record<string, string>>;
  readonly rehearsed?: readonly RehearsedCommand[];
};

export type ServeControlOptions = {
  readonly chip: Rehearsable;
  /** Where the socket is made, with mode 0600: whoever reaches it may set the chip back. */
  readonly path: string;
  /** Where the snapshot of this name lies, or would. */
  readonly snapshot: (name: string) => NonVolatileMemory;
  /** Where a forked chip's state goes. */
  readonly forkTo: (file: string) => NonVolatileMemory;
  readonly entropy?: Entropy;
};

/** Longer requests end the connection. */
const MAX_REQUEST = 65_536;

/**
 * Serves a simulated chip's control socket, one JSON object a line. Throws `UsageError` `control-socket` where the
 * socket cannot be made.
 */
export async function serveControl(options: ServeControlOptions): Promise<{ readonly close: () => Promise<void> }> {
  const { path } = options;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    void answerAll(socket, options);
  });
  await removeStale(path);
  await listening(server, path);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Asks a simulated chip over its control socket. Throws `UsageError` with the code that the chip gave, or `control-absent`. */
export async function askControl(path: string, request: ControlRequest): Promise<ControlAnswer> {
  const socket = connect(path);
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    for await (const line of createInterface({ input: socket })) return answerIn(line);
  } catch (cause) {
    if (cause instanceof HawserError) throw cause;
    throw new UsageError<ChipErrorCode>("control-absent", `no simulated chip answers at ${path}`, { cause });
  } finally {
    socket.destroy();
  }
  throw new UsageError<ChipErrorCode>("control-absent", `the simulated chip at ${path} went away`);
}

async function answerAll(socket: Socket, options: ServeControlOptions): Promise<void> {
  let pending = "";
  try {
    for await (const chunk of socket as AsyncIterable<Uint8Array>) {
      pending += new TextDecoder().decode(chunk);
      const lines = pending.split("\n");
      pending = lines.pop() ?? "";
      if (pending.length > MAX_REQUEST) return;
      for (const line of lines) socket.write(`${JSON.stringify(answerTo(line, options))}\n`);
    }
  } catch {
    // A client that went away has no further use for an answer.
  } finally {
    socket.end();
  }
}

function answerTo(line: string, options: ServeControlOptions): object {
  try {
    return { ok: carryOut(requestIn(line), options) };
  } catch (error) {
    if (!(error instanceof HawserError)) return { error: { code: "control-request", message: "the request failed" } };
    return { error: { code: error.code, message: error.message } };
  }
}

function carryOut(request: ControlRequest, options: ServeControlOptions): ControlAnswer {
  const { chip, entropy = nodeEntropy } = options;
  const told = { uniqueId: chip.uniqueId, facts: chip.facts() };
  switch (request.do) {
    case "snapshot":
      chip.saveTo(unused(options.snapshot(nameIn(request.name)), `snapshot ${request.name}`));
      return told;
    case "rewind":
      chip.restoreFrom(present(options.snapshot(nameIn(request.name)), request.name));
      return { ...told, facts: chip.facts() };
    case "fork": {
      const target = unused(options.forkTo(request.file), request.file);
      const source = chip.fork(entropy);
      if (request.name !== undefined) {
        source.restoreFrom(present(options.snapshot(nameIn(request.name)), request.name));
      }
      source.saveTo(target);
      return { ...told, facts: source.facts() };
    }
    case "what-if":
      break;
  }
  return { ...told, rehearsed: rehearse(chip, request.commands.map(fromHex), entropy) };
}

function requestIn(line: string): ControlRequest {
  try {
    const request = JSON.parse(line) as Record<string, unknown>;
    const texts = [request.name, request.file].every((each) => each === undefined || typeof each === "string");
    const isKnown =
      ((request.do === "snapshot" || request.do === "rewind") && request.name !== undefined) ||
      (request.do === "fork" && request.file !== undefined) ||
      (request.do === "what-if" &&
        Array.isArray(request.commands) &&
        request.commands.every((each) => typeof each === "string"));
    if (texts && isKnown) return request as ControlRequest;
  } catch {
    // Said below.
  }
  throw new UsageError<ChipErrorCode>("control-request", "the request is not one of a control socket");
}

function nameIn(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9-]{0,40}$/.test(name)) return name;
  throw new UsageError<ChipErrorCode>("snapshot-name", `${JSON.stringify(name)} cannot name a snapshot`);
}

function unused(memory: NonVolatileMemory, what: string): NonVolatileMemory {
  if (memory.load() === undefined) return memory;
  throw new UsageError<ChipErrorCode>("snapshot-exists", `${what} is there already`);
}

function present(memory: NonVolatileMemory, name: string): NonVolatileMemory {
  if (memory.load() !== undefined) return memory;
  throw new UsageError<ChipErrorCode>("snapshot-missing", `there is no snapshot ${name}`);
}

function answerIn(line: string): ControlAnswer {
  const { ok, error } = JSON.parse(line) as {
    ok?: ControlAnswer;
    error?: { readonly code: ChipErrorCode; readonly message: string };
  };
  if (ok) return ok;
  throw new UsageError<ChipErrorCode>(error?.code ?? "control-request", error?.message ?? "the chip gave no reason");
}

/** A socket that a killed simulator left behind goes; one that is served, or anything else, stays. */
async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw badSocket(path, "something that is not a socket is there");
  const isServed = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => resolve(true));
    probe.once("error", () => resolve(false));
    probe.once("close", () => resolve(false));
    probe.once("connect", () => probe.destroy());
  });
  if (isServed) throw badSocket(path, "another simulator serves it");
  rmSync(path);
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => reject(badSocket(path, cause.message, cause)));
    // The socket is made before listen returns, so nobody can reach it with other permissions.
    const mask = process.umask(0o177);
    try {
      server.listen(path, () => {
        chmodSync(path, 0o600);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}

function badSocket(path: string, why: string, cause?: unknown): UsageError<ChipErrorCode> {
  return new UsageError<ChipErrorCode>("control-socket", `${path}: ${why}`, { cause });
}
