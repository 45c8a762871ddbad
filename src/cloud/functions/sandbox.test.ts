import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";

import { utf8Bytes } from "../../codec/index.ts";
import { nodeClock } from "../../crypto/node.ts";
import { CallRefused } from "./api-calls.ts";
import { boundariesHere, probeIsolation, probeProgram } from "./node-probe.ts";
import { openStarter } from "./node-starter.ts";
import { FunctionPool, type PoolOptions } from "./pool.ts";
import type { ApiCaller, Deployment, IsolationReport, RunResult } from "./runtime.ts";

type Boundary = IsolationReport["boundary"];

const echo: ApiCaller = (operation, input) => Promise.resolve({ operation, input });
const opened: FunctionPool[] = [];

async function openPool(boundaries: readonly Boundary[], options: Partial<PoolOptions> = {}): Promise<FunctionPool> {
  const starter = await openStarter({ clock: nodeClock, boundaries });
  const pool = new FunctionPool({ starter, clock: nodeClock, api: echo, ...options });
  opened.push(pool);
  return pool;
}

const best = await openPool(boundariesHere());

after(async () => {
  for (const pool of opened) await pool.close();
});

let made = 0;

function deploy(source: string | Record<string, string>, more: Partial<Deployment> = {}): Deployment {
  const files = typeof source === "string" ? { "index.js": source } : source;
  return {
    functionName: "f",
    functionArn: `arn:aws:lambda:eu-central-1:123456789012:function:f${made++}`,
    version: "$LATEST",
    revision: "1",
    handler: "index.handler",
    memoryMb: 256,
    tmpMb: 512,
    timeoutMs: 10_000,
    environment: {},
    files: () => Promise.resolve(new Map(Object.entries(files).map(([path, text]) => [path, utf8Bytes(text)]))),
    ...more,
  };
}

function run(deployment: Deployment, event: unknown = {}, pool = best): Promise<RunResult> {
  return pool.run(deployment, { requestId: "request-1", event: JSON.stringify(event) });
}

async function output(source: string | Record<string, string>, event: unknown = {}, pool = best): Promise<unknown> {
  const result = await run(deploy(source), event, pool);
  assert.equal(result.outcome, "succeeded", JSON.stringify(result));
  return JSON.parse((result as { payload: string }).payload);
}

async function failureOf(source: string | Record<string, string>, more: Partial<Deployment> = {}, pool = best) {
  const result = await run(deploy(source, more), {}, pool);
  assert.notEqual(result.outcome, "succeeded");
  const { outcome, error } = result as Extract<RunResult, { error: object }>;
  return { outcome, ...error, log: new TextDecoder().decode(result.log) };
}

test("AW-56 a function answers an event: async, returned value, callback, context.succeed, ES module, .cjs", async () => {
  assert.deepEqual(await output("exports.handler = async (e) => ({ got: e })", { a: [1, null] }), {
    got: { a: [1, null] },
  });
  assert.equal(await output("exports.handler = (e) => e.n + 1", { n: 4 }), 5);
  assert.equal(await output("exports.handler = (e, c, done) => { done(null, 'said') }"), "said");
  assert.equal(await output("exports.handler = (e, c) => { c.succeed('legacy') }"), "legacy");
  assert.equal(await output({ "index.mjs": "export const handler = async () => 'module'" }), "module");
  assert.equal(await output({ "index.cjs": "exports.handler = async () => 'common'" }), "common");
  const asModule = {
    "package.json": '{"type":"module"}',
    "index.js": "export const handler = async () => import.meta.url",
  };
  assert.match(String(await output(asModule)), /index\.js$/);
  const awaiting = { "index.js": "const x = await Promise.resolve(3); export const handler = () => x" };
  assert.equal(await output(awaiting), 3);
});

test("a function reads its own folder: modules, node_modules and data files", async () => {
  const files = {
    "index.js": `const { twice } = require("./lib/twice"); const dep = require("dep");
      exports.handler = () => [twice(2), dep, require("fs").readFileSync(__dirname + "/data.txt", "utf8")]`,
    "lib/twice.js": "exports.twice = (n) => 2 * n",
    "node_modules/dep/package.json": '{"main":"main.js"}',
    "node_modules/dep/main.js": "module.exports = 'dependency'",
    "data.txt": "data",
  };
  assert.deepEqual(await output(files), [4, "dependency", "data"]);
});

test("a handler whose file is not there is told what is: mostly the folder was zipped, not what is in it", async () => {
  const files = { "code/index.js": "exports.handler = () => 1", "node_modules/dep/main.js": "", "package.json": "{}" };
  const { errorType, errorMessage } = await failureOf(files);
  assert.equal(errorType, "Runtime.ImportModuleError");
  const looked = "no index.js, index.cjs or index.mjs in the function";
  assert.equal(errorMessage, `Error: ${looked}; it holds code/index.js, package.json`);
  const missing = await failureOf({ "index.mjs": "import 'left-pad'; export const handler = () => 1" });
  assert.equal(missing.errorType, "Runtime.ImportModuleError");
  assert.match(missing.errorMessage, /^Error: Cannot find package 'left-pad'/);
});

test("a handler in a folder, with a path of exports, is found", async () => {
  const deployment = deploy(
    { "src/app.js": "exports.api = { v1: { run: () => 'found' } }" },
    { handler: "src/app.api.v1.run" },
  );
  assert.deepEqual((await run(deployment)).outcome, "succeeded");
});

test("a callback waits for the event loop to empty, unless callbackWaitsForEmptyEventLoop is false", async () => {
  const source = (waits: boolean) => `let late = 0; exports.handler = (e, context, callback) => {
    if (e.ask) return callback(null, late);
    context.callbackWaitsForEmptyEventLoop = ${waits};
    setTimeout(() => { late = 1; hawser.call("AfterCallback", {}) }, 5);
    callback(null, "first"); callback(null, "second");
  }`;
  const calls: string[] = [];
  const api: ApiCaller = (operation) => Promise.resolve(void calls.push(operation));
  const pool = await openPool(boundariesHere(), { api });
  assert.equal(await output(source(true), {}, pool), "first");
  assert.deepEqual(calls, ["AfterCallback"]);
  assert.equal(await output(source(false), {}, pool), "first");
  assert.deepEqual(calls, ["AfterCallback"]);
});

test("a callback style handler that never calls back answers null once nothing is left to do", async () => {
  assert.equal(await output("exports.handler = (e, c, done) => { setTimeout(() => {}, 2) }"), null);
});

test("context tells the function's name, request id, memory, ARN and the time that is left", async () => {
  const environment = {
    AWS_LAMBDA_FUNCTION_NAME: "f",
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "256",
  };
  const source = `exports.handler = async (e, c) => ({ ...c, left: c.getRemainingTimeInMillis() })`;
  const deployment = deploy(source, { environment });
  const result = await run(deployment);
  assert.equal(result.outcome, "succeeded");
  const context = JSON.parse((result as { payload: string }).payload) as Record<string, unknown>;
  assert.equal(context["functionName"], "f");
  assert.equal(context["functionVersion"], "$LATEST");
  assert.equal(context["memoryLimitInMB"], "256");
  assert.equal(context["invokedFunctionArn"], deployment.functionArn);
  assert.equal(context["awsRequestId"], "request-1");
  assert.ok((context["left"] as number) <= 10_000);
});

test("hawser.call reaches the API as the function, and its errors keep their names", async () => {
  const heard: unknown[] = [];
  const api: ApiCaller = async (operation, input, identity) => {
    heard.push([operation, input, identity]);
    if (operation !== "Fails") return { done: true };
    throw new CallRefused("ResourceAlreadyExistsException", "exists already", undefined);
  };
  const pool = await openPool(boundariesHere(), { api });
  const deployment = deploy(`exports.handler = async () => {
    const out = await hawser.call("Works", { a: 1 });
    try { await hawser.call("Fails") } catch (e) { return [out, e.name, e.code, e.message] }
  }`);
  const result = await run(deployment, {}, pool);
  const payload = (result as { payload: string }).payload;
  const name = "ResourceAlreadyExistsException";
  assert.deepEqual(JSON.parse(payload), [{ done: true }, name, name, "exists already"]);
  const identity = { functionArn: deployment.functionArn };
  assert.deepEqual(heard, [
    ["Works", { a: 1 }, identity],
    ["Fails", {}, identity],
  ]);
});

test("a process is kept for the next invocation of the same revision, and only for it", async () => {
  const deployment = deploy("let n = 0; exports.handler = async () => n++");
  const results = [await run(deployment), await run(deployment), await run({ ...deployment, revision: "2" })];
  assert.deepEqual(
    results.map((each) => (each as { payload: string }).payload),
    ["0", "1", "0"],
  );
});

test("the log holds START, what was printed, END and REPORT", async () => {
  const { log } = await run(deploy("exports.handler = async () => { console.log('out'); console.error('err') }"));
  const lines = new TextDecoder().decode(log).split("\n");
  assert.equal(lines[0], "START RequestId: request-1 Version: $LATEST");
  assert.deepEqual(lines.slice(1, 3).sort(), ["err", "out"]);
  assert.equal(lines[3], "END RequestId: request-1");
  assert.match(
    lines[4] ?? "",
    /^REPORT RequestId: request-1\tDuration: .* ms\tBilled .*\tMax Memory Used: \d+ MB\tInit/,
  );
});

const HOSTILE_ENDS: readonly (readonly [what: string, source: string, type: string, message: RegExp])[] = [
  ["throws", "exports.handler = async () => { throw new TypeError('bad') }", "TypeError", /^bad$/],
  ["throws undefined", "exports.handler = async () => { throw undefined }", "undefined", /^undefined$/],
  ["throws at once", "exports.handler = () => { throw new RangeError('now') }", "RangeError", /^now$/],
  ["calls back with an error", "exports.handler = (e, c, done) => done('boom')", "string", /^boom$/],
  [
    "throws an error whose message throws",
    "exports.handler = async () => { throw Object.defineProperty(new Error(), 'message', { get() { throw 1 } }) }",
    "handled",
    /throws/,
  ],
  [
    "throws later",
    "exports.handler = () => new Promise(() => setTimeout(() => { throw new Error('late') }))",
    "Error",
    /late/,
  ],
  [
    "leaves a rejection unhandled",
    "exports.handler = () => { Promise.reject(new Error('left')); return new Promise(() => setTimeout(() => {}, 50)) }",
    "Runtime.UnhandledPromiseRejection",
    /Error: left/,
  ],
  [
    "returns a cycle",
    "exports.handler = async () => { const a = {}; a.a = a; return a }",
    "Runtime.MarshalError",
    /circular/i,
  ],
  ["returns a BigInt", "exports.handler = async () => 1n", "Runtime.MarshalError", /BigInt/],
  ["returns a function", "exports.handler = async () => () => 1", "Runtime.MarshalError", /function/],
  ["returns 7 MB", "exports.handler = async () => 'x'.repeat(7e6)", "Function.ResponseSizeTooLarge", /7000002 bytes/],
  ["never settles", "exports.handler = () => new Promise(() => {})", "Runtime.NodeJsExit", /never settle/],
  ["exits", "exports.handler = () => process.exit(3)", "Runtime.ExitError", /exit status 3/],
  ["exits while loading", "process.exit(4)", "Runtime.ExitError", /exit status 4/],
  ["fails while loading", "null.x", "TypeError", /null/],
  ["does not parse", "\nexports.handler = (", "Runtime.UserCodeSyntaxError", /^SyntaxError: .* at .*index\.js:\d+$/],
  [
    "exports nothing",
    "exports.other = 1",
    "Runtime.HandlerNotFound",
    /^index\.handler is .*; index\.js exports other$/,
  ],
  [
    "requires what is not there",
    "require('left-pad'); exports.handler = () => 1",
    "Runtime.ImportModuleError",
    /^Error: Cannot find module 'left-pad'/,
  ],
  [
    "closes the descriptor",
    "exports.handler = () => { require('fs').closeSync(3); for (;;); }",
    "Runtime.ExitError|Sandbox.Timedout",
    /./,
  ],
  [
    "writes garbage to the descriptor",
    "exports.handler = () => { require('fs').writeSync(3, Buffer.from([0, 0, 0, 2, 0x7b, 0x7b])); for (;;); }",
    "Sandbox.MalformedFrame",
    /not JSON/,
  ],
  [
    "announces 4 GB on the descriptor",
    "exports.handler = () => { require('fs').writeSync(3, Buffer.from([255, 255, 255, 255, 1])); for (;;); }",
    "Sandbox.MalformedFrame",
    /4294967295 bytes/,
  ],
  [
    "answers another invocation",
    'exports.handler = () => { const b = Buffer.from(\'{"type":"result","id":99,"payload":1}\');' +
      " require('fs').writeSync(3, Buffer.concat([Buffer.from([0, 0, 0, b.length]), b])); for (;;); }",
    "Sandbox.MalformedFrame",
    /out of turn/,
  ],
  [
    "sends what is no object",
    "exports.handler = () => { require('fs').writeSync(3, Buffer.from([0, 0, 0, 4, 110, 117, 108, 108])); for (;;); }",
    "Sandbox.MalformedFrame",
    /out of turn/,
  ],
  [
    "floods the descriptor with calls",
    "exports.handler = async () => { for (;;) await Promise.all(Array.from({ length: 50 }, () => hawser.call('X'))) }",
    "Sandbox.CallLimit",
    /1000/,
  ],
  [
    "floods stdout",
    "exports.handler = () => { const line = 'x'.repeat(65536); for (;;) try { require('fs').writeSync(1, line) } catch {} }",
    "Sandbox.OutputLimit",
    /16777216/,
  ],
];

for (const [what, source, type, message] of HOSTILE_ENDS) {
  test(`a function that ${what} fails with ${type}, and the next one runs`, async () => {
    // A busy machine must not end by the clock what is to end by its own fault.
    const timeoutMs = type.includes("Timedout") ? 800 : 20_000;
    const failure = await failureOf(source, { timeoutMs });
    assert.match(failure.errorType, new RegExp(`^(${type})$`));
    assert.match(failure.errorMessage, message);
    assert.match(failure.log.slice(-1500), /\tERROR\t[\s\S]*END [\s\S]*REPORT /);
    assert.equal(await output("exports.handler = async () => 'still here'"), "still here");
  });
}

test("a function that fails keeps its process where the failure was its own answer, and loses it otherwise", async () => {
  const deployment = deploy(`let n = 0; exports.handler = async (e) => {
    if (e.how === "throw") throw new Error("x"); if (e.how === "exit") process.exit(); return n++ }`);
  const payloads: unknown[] = [];
  for (const how of ["", "throw", "", "exit", ""]) {
    const result = await run(deployment, { how });
    payloads.push(result.outcome === "succeeded" ? result.payload : result.error.errorType);
  }
  assert.deepEqual(payloads, ["0", "Error", "1", "Runtime.ExitError", "0"]);
});

test("a function that loops for ever is killed at its timeout", async () => {
  const failure = await failureOf("exports.handler = async () => { for (;;); }", { timeoutMs: 300 });
  assert.equal(failure.outcome, "timeout");
  assert.match(failure.errorMessage, /^RequestId: request-1 Error: Task timed out after 0\.30 seconds$/);
});

test("a function that loops while it loads is killed", async () => {
  const pool = await openPool(boundariesHere(), { workerLimits: { initMs: 300 } });
  const failure = await failureOf("for (;;);", {}, pool);
  assert.equal(failure.errorType, "Runtime.InitTimeout");
});

test("a function that allocates 1 GB of Buffers is killed at its memory size", async () => {
  const source = `exports.handler = async () => { const all = [];
    for (let i = 0; i < 100; i++) { all.push(Buffer.alloc(10e6, 1)); await new Promise(setImmediate) } return all.length }`;
  const result = await run(deploy(source, { memoryMb: 128 }));
  assert.equal(result.outcome, "memory");
  assert.match((result as { error: { errorMessage: string } }).error.errorMessage, /^\d+ MB in use, 128 MB allowed$/);
  assert.ok(result.maxMemoryBytes > 128 * 1024 * 1024);
});

test("a function that fills its heap is stopped", async () => {
  const source =
    "exports.handler = async () => { const all = []; for (;;) all.push(new Array(1000).fill(all.length)) }";
  const failure = await failureOf(source, { memoryMb: 128 });
  assert.match(failure.errorType, /^Runtime\.(OutOfMemory|ExitError)$/);
});

/** Whether functions can run behind bubblewrap; where not, a reported skip, and a failure where CI=true lacks the program. */
function isBehindBubblewrap(t: TestContext): boolean {
  if (best.isolation.boundary === "bubblewrap") return true;
  const isInstalled = spawnSync("sh", ["-c", "command -v bwrap"]).status === 0;
  assert.ok(isInstalled || process.env["CI"] !== "true", "bubblewrap is not installed; npm run peers installs it");
  t.skip(isInstalled ? "bubblewrap may make no namespaces here" : "bubblewrap is not installed");
  return false;
}

test("what a function leaves running does not run between invocations where the process can be frozen", async (t) => {
  if (!isBehindBubblewrap(t)) return;
  const calls: string[] = [];
  const pool = await openPool(["bubblewrap"], { api: (operation) => Promise.resolve(void calls.push(operation)) });
  const deployment = deploy(`exports.handler = (e, c, done) => { c.callbackWaitsForEmptyEventLoop = false;
    if (!e.wait) setTimeout(() => hawser.call("Behind"), 30); if (e.wait) hawser.call("Now").then(() => setTimeout(done, 5)); else done() }`);
  await run(deployment, {}, pool);
  // Another function's whole life passes meanwhile.
  await output("exports.handler = () => new Promise((done) => setTimeout(done, 60))", {}, pool);
  assert.deepEqual(calls, []);
  await run(deployment, { wait: true }, pool);
  assert.deepEqual(new Set(calls), new Set(["Behind", "Now"]));
});

const MB = 1024 * 1024;

const KEEPER = `const fs = require("fs");
exports.handler = async (e) => {
  const before = fs.readdirSync(require("os").tmpdir());
  if (e.write) fs.writeFileSync("/tmp/kept", e.write);
  let filled = 0;
  try { while (e.fill) filled += fs.writeSync(fs.openSync("/tmp/filled", "a"), Buffer.alloc(1 << 20)) }
  catch (error) { return { filled, code: error.code } }
  return before;
}`;

test("a function has a /tmp that stays with its process, is seen by no other, is bounded, and goes with it", async (t) => {
  if (!isBehindBubblewrap(t)) return;
  assert.equal(best.isolation.noTmp, "");
  const deployment = deploy(KEEPER, { tmpMb: 8 });
  const answer = async (event: object, what = deployment) => {
    const result = await run(what, event);
    assert.equal(result.outcome, "succeeded", JSON.stringify(result));
    return JSON.parse((result as { payload: string }).payload) as unknown;
  };
  assert.deepEqual(await answer({ write: "mine" }), []);
  assert.deepEqual(await answer({}), ["kept"]);
  assert.deepEqual(await answer({}, deploy(KEEPER)), []);
  assert.equal(existsSync("/tmp/kept"), false);
  const { filled, code } = (await answer({ fill: true })) as { filled: number; code: string };
  assert.equal(code, "ENOSPC");
  assert.ok(filled > 4 * MB && filled <= 8 * MB, `${filled} bytes`);
  best.retire(deployment.functionArn);
  assert.deepEqual(await answer({}), []);
});

test("a function may keep in its /tmp what its size says, and a larger size takes effect with the next process", async (t) => {
  if (!isBehindBubblewrap(t)) return;
  const source = `const fs = require("fs"); exports.handler = async ({ mb }) => {
    const { blocks, bsize } = fs.statfsSync("/tmp");
    try { fs.writeFileSync("/tmp/filled", Buffer.alloc(mb << 20)) } catch (error) { return [blocks * bsize, error.code] }
    return [blocks * bsize, "written"] }`;
  const small = deploy(source, { tmpMb: 8 });
  const answer = async (deployment: Deployment, mb: number) => {
    const result = await run(deployment, { mb });
    return JSON.parse((result as { payload: string }).payload) as unknown;
  };
  assert.deepEqual(await answer(small, 9), [8 * MB, "ENOSPC"]);
  assert.deepEqual(await answer({ ...small, revision: "2", tmpMb: 16 }, 9), [16 * MB, "written"]);
  assert.deepEqual(await answer(small, 7), [8 * MB, "written"], "a version keeps the size that it was published with");
  assert.deepEqual(await answer(deploy(source, { tmpMb: 512 }), 1), [512 * MB, "written"]);
  assert.deepEqual(await answer(deploy(source, { tmpMb: 10_240 }), 1), [10_240 * MB, "written"]);
});

test("what is in /tmp does not count as a function's memory", async (t) => {
  if (!isBehindBubblewrap(t)) return;
  const source = `const fs = require("fs"); exports.handler = async () => { const piece = Buffer.alloc(1 << 20);
    for (let i = 0; i < 130; i++) { fs.appendFileSync("/tmp/filled", piece); await new Promise(setImmediate) }
    return fs.statSync("/tmp/filled").size }`;
  const result = await run(deploy(source, { memoryMb: 128, tmpMb: 160 }));
  assert.equal(result.outcome, "succeeded", JSON.stringify(result));
  assert.equal((result as { payload: string }).payload, String(130 * MB));
  assert.ok(result.maxMemoryBytes < 128 * MB);
});

test("what all functions have in /tmp together is bounded: one that rests ends first, then the one with most", async (t) => {
  if (!isBehindBubblewrap(t)) return;
  const pool = await openPool(["bubblewrap"], { limits: { tmpBytes: 24 * MB } });
  const source = `const fs = require("fs"); exports.handler = async ({ mb }) => {
    const before = fs.readdirSync("/tmp");
    for (let i = 0; i < mb; i++) fs.appendFileSync("/tmp/filled", Buffer.alloc(1 << 20));
    if (mb > 24) await new Promise(() => setInterval(() => {}, 1000));
    return before }`;
  const [first, second] = [deploy(source), deploy(source)];
  const answer = async (deployment: Deployment, mb: number) => {
    const result = await run(deployment, { mb }, pool);
    return "payload" in result
      ? (JSON.parse(result.payload) as unknown)
      : [result.error.errorType, result.error.errorMessage];
  };
  assert.deepEqual(await answer(first, 16), []);
  assert.deepEqual(await answer(first, 0), ["filled"]);
  assert.deepEqual(await answer(second, 16), []);
  assert.deepEqual(await answer(second, 0), ["filled"], "the one that came last goes on");
  assert.deepEqual(await answer(first, 0), [], "the one that rested was ended, and its files with it");
  const [type, message] = (await answer(second, 32)) as string[];
  assert.equal(type, "Sandbox.StorageLimit");
  assert.match(message ?? "", /^all functions have \d+ MB in \/tmp together, 24 MB allowed$/);
});

test("a function that fills its /tmp with empty files is killed at its memory size", async (t) => {
  if (!isBehindBubblewrap(t)) return;
  const source = `const fs = require("fs"); exports.handler = async () => { for (let i = 0; ; i++) {
    fs.writeFileSync("/tmp/" + i, ""); if (i % 100 === 0) await new Promise(setImmediate) } }`;
  const result = await run(deploy(source, { memoryMb: 96, timeoutMs: 60_000 }));
  assert.equal(result.outcome, "memory");
});

test("a link in /tmp leads nowhere that the function could not read anyway", async (t) => {
  if (!isBehindBubblewrap(t)) return;
  const source = `const fs = require("fs"); const tried = (act) => { try { return act() } catch (e) { return e.code } };
    exports.handler = () => ["/proc/1/environ", "/etc/passwd", "/usr/bin/env"].map((to, i) =>
      [tried(() => fs.symlinkSync(to, "/tmp/l" + i)), tried(() => String(fs.readFileSync("/tmp/l" + i).length))])`;
  const answers = (await output(source)) as [string, string][];
  for (const [, read] of answers) assert.match(read, /^(ERR_ACCESS_DENIED|ENOENT)$/);
});

test("a function that writes where there is no /tmp for it is told what is missing", async () => {
  const pool = await openPool(["none"]);
  assert.match(pool.isolation.noTmp, /bubblewrap/);
  const source = "exports.handler = async () => require('fs').writeFileSync('/tmp/x', '')";
  const { errorMessage } = await failureOf(source, {}, pool);
  assert.match(errorMessage, /; functions cannot write: without bubblewrap nothing keeps a \/tmp private and bounded$/);
});

test("a bubblewrap that cannot bound a tmpfs still runs functions, without a /tmp", async (t) => {
  if (!isBehindBubblewrap(t)) return;
  const folder = mkdtempSync(join(tmpdir(), "old-"));
  const path = process.env["PATH"] ?? "";
  t.after(() => {
    process.env["PATH"] = path;
    rmSync(folder, { recursive: true });
  });
  const real = path.split(":").find((each) => existsSync(`${each}/bwrap`));
  const old = `#!/bin/sh\ncase "$*" in *" --size "*) echo "bwrap: Unknown option --size" >&2; exit 1;; esac\nexec ${real}/bwrap "$@"\n`;
  writeFileSync(join(folder, "bwrap"), old, { mode: 0o755 });
  process.env["PATH"] = `${folder}:${path}`;
  const pool = await openPool(["bubblewrap"]);
  assert.deepEqual([pool.isolation.runs, pool.isolation.reachable], [true, []]);
  const { errorMessage } = await failureOf("exports.handler = () => require('fs').mkdtempSync('/tmp/x')", {}, pool);
  assert.match(errorMessage, /this bubblewrap cannot bound a \/tmp: it takes version 0\.7 or later$/);
});

const ESCAPES = `
const attempts = {
  tcp: () => settled((ok, no) => require("net").connect(e.port, "127.0.0.1").on("connect", ok).on("error", no)),
  unix: () => settled((ok, no) => require("net").connect(e.socket).on("connect", ok).on("error", no)),
  udp: () => settled((ok, no) => { const s = require("dgram").createSocket("udp4"); s.on("error", no);
    s.send("x", e.port, "127.0.0.1", (error) => error ? no(error) : ok()) }),
  "udp listen": () => settled((ok, no) => require("dgram").createSocket("udp4").on("error", no).bind(0, ok)),
  "dns lookup": () => require("dns/promises").lookup("localhost"),
  "dns query": () => require("dns/promises").resolve4("example.com"),
  fetch: () => fetch("http://127.0.0.1:" + e.port),
  tls: () => settled((ok, no) => require("tls").connect(e.port, "127.0.0.1").on("secureConnect", ok).on("error", no)),
  http2: () => settled((ok, no) => require("http2").connect("http://127.0.0.1:" + e.port).on("connect", ok).on("error", no)),
  websocket: () => settled((ok, no) => { const w = new WebSocket("ws://127.0.0.1:" + e.port); w.onopen = ok; w.onerror = no }),
  "read a file": () => fs.readFileSync(e.secret),
  "read a file, promised": () => fs.promises.readFile(e.secret),
  "read through the own folder": () => fs.readFileSync(__dirname + "/../../../../../../../.." + e.secret),
  "list a folder": () => fs.readdirSync("/"),
  "read the server's environment": () => fs.readFileSync("/proc/" + e.server + "/environ"),
  "read the server's arguments": () => fs.readFileSync("/proc/" + e.server + "/cmdline"),
  "read the parent's environment": () => fs.readFileSync("/proc/" + process.ppid + "/environ"),
  "load a module from outside": () => require(e.secret),
  "write a file": () => fs.writeFileSync(e.written, "x"),
  "write into the own folder": () => fs.writeFileSync(__dirname + "/more.js", "x"),
  "make a link": () => fs.symlinkSync(e.secret, __dirname + "/link"),
  "open a database": () => new (require("node:sqlite").DatabaseSync)(e.written).exec("CREATE TABLE t (a)"),
  "attach a database": () => new (require("node:sqlite").DatabaseSync)(":memory:").exec("ATTACH '" + e.written + "' AS a"),
  "keep local storage": () => { localStorage.setItem("a", "b"); if (localStorage.getItem("a")) return 1 },
  "write a heap snapshot": () => require("v8").writeHeapSnapshot(e.written),
  "write a report": () => process.report.writeReport(e.written),
  "write a trace": () => require("trace_events").createTracing({ categories: ["v8"] }).enable(),
  "start a program": () => { const { error } = require("child_process").spawnSync("/bin/true"); if (error) throw error },
  fork: () => require("child_process").fork(__filename),
  "cluster fork": () => require("cluster").fork(),
  "start a thread": () => new (require("worker_threads").Worker)("1", { eval: true }),
  "load an addon": () => process.dlopen({ exports: {} }, e.secret),
  "require an addon": () => require(e.addon),
  "call native code": () => require("node:ffi").dlopen(null, {}),
  wasi: () => new (require("wasi").WASI)({ version: "preview1", preopens: { "/": "/" } }),
  inspector: () => require("inspector").open(0),
  "use internals": () => process.binding("fs"),
  "set an engine": () => require("crypto").setEngine(e.secret),
  "leave the folder": () => process.chdir("/"),
  "signal the server": () => process.kill(e.server, 0),
  "signal the parent": () => process.kill(process.ppid, 0),
  "signal by another name": () => process._kill(e.server, 0),
  "debug the server": () => process._debugProcess(e.server),
};
const fs = require("fs");
let e;
const settled = (act) => new Promise(act);
exports.handler = async (event) => {
  e = event;
  const answers = {};
  for (const [name, attempt] of Object.entries(attempts)) {
    try {
      const late = new Promise((ok, no) => setTimeout(no, 1000, new Error("no answer")));
      await Promise.race([attempt(), late]);
      answers[name] = "REACHED";
    } catch (error) { answers[name] = error.cause?.code ?? error.code ?? error.name ?? String(error.type) }
  }
  return { answers, environment: process.env, argv: process.argv, execArgv: process.execArgv };
};`;

for (const boundary of ["bubblewrap", "user", "none"] as const) {
  test(`behind the boundary "${boundary}" no escape works, and nothing of the server is to be seen`, async (t) => {
    if (boundary === "bubblewrap" && !isBehindBubblewrap(t)) return;
    if (!boundariesHere().includes(boundary)) return t.skip(`${boundary} is not to be had here`);
    const pool = await openPool([boundary]);
    assert.equal(pool.isolation.boundary, boundary);
    assert.deepEqual(pool.isolation.reachable, boundary === "none" ? ["signal-server"] : []);
    // Not below /tmp: what a function may write there is its own, whatever the name.
    const folder = mkdtempSync(join(existsSync("/var/tmp") ? "/var/tmp" : tmpdir(), "outside-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const secret = join(folder, "secret.js");
    const addon = join(folder, "addon.node");
    for (const path of [secret, addon]) writeFileSync(path, "'secret'", { mode: 0o644 });
    let connections = 0;
    const listen = async (where: object) => {
      const server = createServer(() => void connections++);
      await new Promise<void>((resolve) => void server.listen(where, resolve));
      t.after(() => void server.close());
      return server;
    };
    const tcp = await listen({ port: 0, host: "127.0.0.1" });
    const socket = join(folder, "socket");
    await listen({ path: socket });
    const { port } = tcp.address() as { port: number };
    const written = join(folder, "written");
    const event = { secret, addon, written, socket, port, server: process.pid };
    const deployment = deploy(ESCAPES, { environment: { MINE: "yes" }, timeoutMs: 60_000 });
    const result = await run(deployment, event, pool);
    assert.equal(result.outcome, "succeeded", JSON.stringify(result));
    const seen = JSON.parse((result as { payload: string }).payload) as {
      answers: Record<string, string>;
      environment: Record<string, string>;
      argv: string[];
    };
    assert.ok(Object.keys(seen.answers).length > 40);
    assert.deepEqual(
      Object.entries(seen.answers).filter(([, answer]) => answer === "REACHED"),
      [],
    );
    assert.deepEqual(Object.keys(seen.environment), ["MINE", "LAMBDA_TASK_ROOT"]);
    assert.equal(seen.argv.length, 2);
    assert.equal(connections, 0);
    assert.deepEqual(readdirSync(folder).sort(), ["addon.node", "secret.js", "socket"]);
  });

  test(`behind the boundary "${boundary}" a process holds no descriptor of the server but its own pipes`, async (t) => {
    if (!boundariesHere().includes(boundary) || !existsSync("/proc/self/fd"))
      return t.skip("needs /proc and the boundary");
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    t.after(() => void server.close());
    const shared: string[] = [];
    const look = () => {
      const mine = new Set(descriptors(process.pid));
      const functions = descendants(process.pid).filter((pid) => descendants(pid).length === 0);
      assert.ok(functions.length > 0);
      for (const pid of functions) shared.push(...descriptors(pid).filter((each) => mine.has(each)));
    };
    const pool = await openPool([boundary], { api: () => Promise.resolve(look()) });
    await output("exports.handler = async () => { await hawser.call('Look') }", {}, pool);
    assert.deepEqual(
      [...new Set(shared)].filter((each) => !/^(\/dev\/null|anon_inode:)/.test(each)),
      [],
    );
  });
}

function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function descriptors(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}

test("the probe finds everything open in an ordinary process, so its silence elsewhere means something", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "probe-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const canary = join(folder, "canary");
  writeFileSync(canary, "outside");
  const program = join(folder, "probe.cjs");
  writeFileSync(program, probeProgram({ canary, folder, server: process.pid, tmpBytes: 0 }));
  const child = spawn(process.execPath, [program], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  let said = "";
  child.stdio[3]?.on("data", (chunk: Buffer) => void (said += chunk.toString()));
  await once(child, "close");
  const hidden = ["foreign-function"];
  assert.deepEqual(
    (JSON.parse(said) as string[]).filter((each) => !hidden.includes(each)),
    [
      "read-file",
      "write-file",
      "database-file",
      "network",
      "child-process",
      "worker-thread",
      "native-addon",
      "inspector",
      "signal-server",
    ],
  );
});

test("functions are refused where no boundary can be tried, and the report says why", async () => {
  const none = await probeIsolation(() => "/nowhere", nodeClock, []);
  assert.deepEqual([none.runs, none.reachable.length > 5], [false, true]);
  assert.match(none.warning, /functions are refused: no probe could run, there is no boundary to try/);
  const odd = await probeIsolation(() => "/no*where", nodeClock, ["none"]);
  assert.match(odd.warning, /refused: no probe could run, for a comma or star/);
});
