/**
 * What runs first in a function's process: it reads invocations from descriptor 3, calls the handler, and offers
 * `hawser.call(operation, input)` over the same descriptor.
 *
 * The process may read nothing but its code folder and one file made from this one, so every function here must stand
 * on its own: no imports that stay, no names from outside the list in `bootstrapSource`. It shares the process with
 * the function and enforces nothing: every limit is kept by the parent.
 */
import type { Socket } from "node:net";

import { missingModule, offerSdk, requestOver, routeHttp } from "./node-bootstrap-sdk.ts";

/** The program as JavaScript text: types are gone by the time that a loaded function is asked for its source. */
export function bootstrapSource(): string {
  const parts = [
    start,
    listen,
    send,
    receive,
    setUp,
    loadHandler,
    load,
    whyNotLoaded,
    filesIn,
    named,
    pick,
    invoke,
    contextOf,
    complete,
    settle,
    keepAlive,
    loopEmpty,
    uncaught,
    call,
    reply,
    failureOf,
    jsonOf,
    clip,
    offerSdk,
    missingModule,
    routeHttp,
    requestOver,
  ];
  return `"use strict";\n${IMPORT_MODULE}\n${parts.map(String).join("\n\n")}\n\nstart();\n`;
}

/** As text: in the published package the compiler would put a helper of its file's around an import of what it cannot see. */
const IMPORT_MODULE = "const importModule = (href) => import(href);";
declare const importModule: (href: string) => Promise<unknown>;

type Failure = { errorType: string; errorMessage: string; trace: string[] };
type Outcome = { payload: string } | { error: Failure };
type Callback = (error?: unknown, result?: unknown) => void;
type Handler = (event: unknown, context: object, callback: Callback) => unknown;
type Waiting = { resolve: (output: unknown) => void; reject: (error: Error) => void };
type Context = { callbackWaitsForEmptyEventLoop: boolean };
type Invocation = { id: number; context: Context; isPromise: boolean; outcome: Outcome | undefined };

type Child = {
  channel: Socket;
  handler: Handler | undefined;
  current: Invocation | undefined;
  calls: Map<number, Waiting>;
  nextCall: number;
  flush: ((done: () => void) => void)[];
};

type Setup = {
  type: "setup";
  root: string;
  handler: string;
  environment: Record<string, string>;
  /** Files from whose places modules are looked for that the function did not bring along. */
  sdkRoots?: string[];
};
type Invoke = {
  type: "invoke";
  id: number;
  requestId: string;
  functionArn: string;
  timeoutMs: number;
  event: unknown;
  clientContext?: unknown;
};
type Reply = { type: "reply"; id: number; output?: unknown; error?: { name: string; message: string } };

function start(): void {
  const { Socket } = process.getBuiltinModule("node:net");
  const child: Child = {
    channel: new Socket({ fd: 3 }),
    handler: undefined,
    current: undefined,
    calls: new Map(),
    nextCall: 1,
    // Taken before the function can replace them.
    flush: [process.stdout, process.stderr].map((stream) => {
      const write = stream.write.bind(stream);
      return (done) => void write("", () => done());
    }),
  };
  Object.defineProperty(globalThis, "hawser", {
    value: Object.freeze({ call: (operation: unknown, input?: unknown) => call(child, operation, input) }),
  });
  // Where no kernel boundary stands between processes of one user, this at least takes the tools away.
  for (const name of ["kill", "_kill", "_debugProcess", "_debugEnd", "abort"]) Reflect.deleteProperty(process, name);
  process.on("beforeExit", () => loopEmpty(child));
  process.on("uncaughtException", (error, origin) => uncaught(child, error, origin));
  listen(child);
}

function listen(child: Child): void {
  let pending: Buffer = Buffer.alloc(0);
  child.channel.on("data", (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE(0)) {
      const end = 4 + pending.readUInt32BE(0);
      const message = JSON.parse(pending.toString("utf8", 4, end)) as Setup | Invoke | Reply;
      pending = pending.subarray(end);
      receive(child, message);
    }
  });
  // The parent is gone: nobody is left to answer to.
  for (const event of ["end", "error", "close"]) child.channel.on(event, () => process.exit(0));
}

function send(child: Child, json: string): void {
  const body = Buffer.from(json);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  child.channel.write(Buffer.concat([head, body]));
}

function receive(child: Child, message: Setup | Invoke | Reply): void {
  if (message.type === "setup") void setUp(child, message);
  else if (message.type === "invoke") invoke(child, message);
  else reply(child, message);
}

async function setUp(child: Child, { root, handler, environment, sdkRoots = [] }: Setup): Promise<void> {
  try {
    offerSdk(sdkRoots, (operation, input) => call(child, operation, input));
    for (const name of Object.keys(process.env)) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, environment, { LAMBDA_TASK_ROOT: root });
    child.handler = await loadHandler(root, handler);
    send(child, '{"type":"result","id":0,"payload":null}');
  } catch (error) {
    send(child, JSON.stringify({ type: "failure", id: 0, error: failureOf(error), isFatal: true }));
  }
}

/** Finds `folder/file.export.path`, with the file as .js, .cjs or .mjs. */
async function loadHandler(root: string, handler: string): Promise<Handler> {
  const slash = handler.lastIndexOf("/") + 1;
  const match = /^([^.]+)\.(.+)$/.exec(handler.slice(slash));
  if (!match || handler.split("/").includes("..")) {
    throw named("Runtime.MalformedHandlerName", `Bad handler ${handler}: expected file.export`);
  }
  const stem = `${handler.slice(0, slash)}${match[1]}`;
  const { existsSync } = process.getBuiltinModule("node:fs");
  const file = [".js", ".cjs", ".mjs"].map((ending) => `${root}/${stem}${ending}`).find((path) => existsSync(path));
  if (!file) {
    const message = `Error: no ${stem}.js, ${stem}.cjs or ${stem}.mjs in the function; it holds ${filesIn(root)}`;
    throw named("Runtime.ImportModuleError", message);
  }
  let loaded: unknown;
  try {
    loaded = await load(file);
  } catch (error) {
    throw whyNotLoaded(error);
  }
  const path = match[2] ?? "";
  const found = pick(loaded, path) ?? pick(pick(loaded, "default"), path);
  if (typeof found === "function") return found as Handler;
  const names = Object.keys(Object(loaded) as object).slice(0, 10);
  const there = names.length > 0 ? names.join(", ") : "nothing";
  const name = file.slice(root.length + 1);
  throw named("Runtime.HandlerNotFound", `${handler} is undefined or not exported; ${name} exports ${there}`);
}

async function load(file: string): Promise<unknown> {
  const { createRequire } = process.getBuiltinModule("node:module");
  const { href } = process.getBuiltinModule("node:url").pathToFileURL(file);
  try {
    return file.endsWith(".mjs") ? await importModule(href) : createRequire(file)(file);
  } catch (error) {
    // A module with top-level await cannot be required.
    if ((error as { code?: string } | null)?.code !== "ERR_REQUIRE_ASYNC_MODULE") throw error;
    return importModule(href);
  }
}

/** What Lambda calls the two ways in which code that was uploaded cannot be loaded at all; with the place, where there is one. */
function whyNotLoaded(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const stack = error.stack ?? "";
  const place = /^.*:\d+(?=\r?\n)/.exec(stack)?.[0];
  const { code } = error as { code?: string };
  const message = `${error.name}: ${error.message}`;
  if (error instanceof SyntaxError) {
    return Object.assign(named("Runtime.UserCodeSyntaxError", place ? `${message} at ${place}` : message), { stack });
  }
  if (error.name === "Error" && (code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND")) {
    return Object.assign(named("Runtime.ImportModuleError", message), { stack });
  }
  return error;
}

/** What lies in a folder: a zip of the folder around the code is the most common slip. */
function filesIn(root: string): string {
  const { readdirSync } = process.getBuiltinModule("node:fs");
  const all = readdirSync(root, { recursive: true, withFileTypes: true });
  const files = all.filter((each) => each.isFile() && !each.parentPath.includes("node_modules"));
  const names = files.map(({ parentPath, name }) => `${parentPath.slice(root.length + 1)}/${name}`.replace(/^\//, ""));
  return names.sort().slice(0, 10).join(", ") + (names.length > 10 ? ", …" : "");
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name, stack: "" });
}

function pick(from: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | null | undefined)?.[name], from);
}

function invoke(child: Child, message: Invoke): void {
  const invocation: Invocation = {
    id: message.id,
    context: { callbackWaitsForEmptyEventLoop: true },
    isPromise: false,
    outcome: undefined,
  };
  const context = contextOf(child, invocation, message);
  invocation.context = context;
  child.current = invocation;
  keepAlive(child);
  const handler = child.handler as Handler;
  try {
    const value = handler(message.event, context, (error, result) => complete(child, invocation, error, result));
    if (typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function") {
      invocation.isPromise = true;
      void (value as PromiseLike<unknown>).then(
        (result) => settle(child, invocation, invocation.outcome ?? jsonOf(result)),
        (error: unknown) => settle(child, invocation, invocation.outcome ?? { error: failureOf(error) }),
      );
    } else if (value !== undefined && handler.length < 3) {
      // A handler that takes the callback may return what some library call returned; that is no result.
      settle(child, invocation, jsonOf(value));
    }
  } catch (error) {
    settle(child, invocation, { error: failureOf(error) });
  }
}

function contextOf(child: Child, invocation: Invocation, message: Invoke): Context {
  const began = performance.now();
  const environment = process.env;
  const end = (error: unknown, result: unknown) => {
    invocation.context.callbackWaitsForEmptyEventLoop = false;
    complete(child, invocation, error, result);
  };
  return Object.assign(
    { callbackWaitsForEmptyEventLoop: true },
    {
      functionName: environment["AWS_LAMBDA_FUNCTION_NAME"],
      functionVersion: environment["AWS_LAMBDA_FUNCTION_VERSION"],
      invokedFunctionArn: message.functionArn,
      memoryLimitInMB: environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
      awsRequestId: message.requestId,
      logGroupName: environment["AWS_LAMBDA_LOG_GROUP_NAME"],
      logStreamName: environment["AWS_LAMBDA_LOG_STREAM_NAME"],
      identity: undefined,
      clientContext: message.clientContext,
      getRemainingTimeInMillis: () => Math.max(0, Math.round(message.timeoutMs - (performance.now() - began))),
      done: (error: unknown, result: unknown) => end(error, result),
      succeed: (result: unknown) => end(null, result),
      fail: (error: unknown) => end(error ?? "handled", undefined),
    },
  );
}

/** A callback's word, the first one only. It leaves now, or once nothing is left for the event loop to do. */
function complete(child: Child, invocation: Invocation, error: unknown, result: unknown): void {
  if (invocation.outcome) return;
  const failed = error !== null && error !== undefined;
  invocation.outcome = failed ? { error: failureOf(error) } : jsonOf(result);
  if (!invocation.context.callbackWaitsForEmptyEventLoop) settle(child, invocation, invocation.outcome);
}

/** Ends the invocation, after what it printed has left. A second outcome changes nothing. */
function settle(child: Child, invocation: Invocation, outcome: Outcome, isFatal = false): void {
  if (child.current !== invocation) return;
  child.current = undefined;
  invocation.outcome = outcome;
  keepAlive(child);
  let waiting = child.flush.length;
  const answer = () => {
    if (--waiting > 0) return;
    if ("payload" in outcome) send(child, `{"type":"result","id":${invocation.id},"payload":${outcome.payload}}`);
    else send(child, JSON.stringify({ type: "failure", id: invocation.id, error: outcome.error, isFatal }));
  };
  for (const flush of child.flush) flush(answer);
}

/** During an invocation only open API calls keep the event loop alive; between two, the descriptor does. */
function keepAlive(child: Child): void {
  if (child.current && child.calls.size === 0) child.channel.unref();
  else child.channel.ref();
}

function loopEmpty(child: Child): void {
  const invocation = child.current;
  if (!invocation) return;
  if (invocation.outcome) settle(child, invocation, invocation.outcome);
  else if (invocation.isPromise) {
    const errorMessage = "the handler's promise can never settle: nothing is left that could settle it";
    settle(child, invocation, { error: { errorType: "Runtime.NodeJsExit", errorMessage, trace: [] } });
  } else settle(child, invocation, { payload: "null" });
}

/** The state of the process is unknown after this: the parent is told to end it. */
function uncaught(child: Child, error: unknown, origin: string): void {
  const failure = failureOf(error);
  if (origin === "unhandledRejection") {
    failure.errorMessage = clip(`${failure.errorType}: ${failure.errorMessage}`, 65_536);
    failure.errorType = "Runtime.UnhandledPromiseRejection";
  }
  if (child.current) settle(child, child.current, { error: failure }, true);
  else process.exit(1);
}

function call(child: Child, operation: unknown, input: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const id = child.nextCall++;
    const json = JSON.stringify({ type: "call", id, operation: String(operation), input: input ?? {} });
    child.calls.set(id, { resolve, reject });
    keepAlive(child);
    send(child, json);
  });
}

function reply(child: Child, { id, output, error }: Reply): void {
  const waiting = child.calls.get(id);
  child.calls.delete(id);
  if (error) {
    const { name, message } = error;
    waiting?.reject(Object.assign(new Error(message), { name, code: name }));
  } else waiting?.resolve(output);
  keepAlive(child);
}

function failureOf(error: unknown): Failure {
  try {
    if (process.getBuiltinModule("node:util").types.isNativeError(error)) {
      const { name, message, stack } = error;
      const trace = clip(stack ?? "", 65_536).split("\n");
      return {
        errorType: clip(name, 256),
        errorMessage: clip(message, 65_536),
        trace: trace
          .filter(Boolean)
          .slice(0, 64)
          .map((line) => clip(line, 1024)),
      };
    }
    return { errorType: typeof error, errorMessage: clip(String(error), 65_536), trace: [] };
  } catch {
    return { errorType: "handled", errorMessage: "the error's own name, message or stack throws", trace: [] };
  }
}

function jsonOf(result: unknown): Outcome {
  const refuse = (errorType: string, errorMessage: string) => ({ error: { errorType, errorMessage, trace: [] } });
  try {
    const payload = JSON.stringify(result === undefined ? null : result) as string | undefined;
    if (payload === undefined) return refuse("Runtime.MarshalError", `a ${typeof result} cannot be returned as JSON`);
    const size = Buffer.byteLength(payload);
    if (size <= 6_291_556) return { payload };
    return refuse(
      "Function.ResponseSizeTooLarge",
      `Response payload size (${size} bytes) exceeded maximum allowed payload size (6291556 bytes).`,
    );
  } catch (error) {
    return refuse("Runtime.MarshalError", `Unable to stringify response body: ${failureOf(error).errorMessage}`);
  }
}

/** What is typed as a text here may be anything: functions write the fields of their errors themselves. */
function clip(value: string, length: number): string {
  const text = "".concat(value);
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
