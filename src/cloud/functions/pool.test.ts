import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { ProtocolError, utf8Bytes } from "../../codec/index.ts";
import { VirtualClock } from "../../crypto/index.ts";
import { frame, FrameReader, MAX_FRAME_BYTES } from "./frames.ts";
import { LogTail } from "./log-tail.ts";
import { FunctionPool, type PoolOptions } from "./pool.ts";
import type {
  Deployment,
  FunctionProcess,
  IsolationReport,
  ProcessEvents,
  ProcessMemory,
  ProcessStarter,
} from "./runtime.ts";

type Message = { readonly type: string; readonly id: number; readonly event: unknown; readonly functionArn?: string };

/** A process that loads at once and then does what it is told. */
class FakeProcess implements FunctionProcess {
  readonly deployment: Deployment;
  readonly events: ProcessEvents;
  readonly received: Message[] = [];
  readonly frozen: boolean[] = [];
  readonly #reader = new FrameReader();
  isKilled = false;
  isRead = true;
  /** Whether the handler loads only when `load` is called. */
  isSlow = false;
  resident = 1;
  tmp = 0;

  constructor(deployment: Deployment, events: ProcessEvents) {
    this.deployment = deployment;
    this.events = events;
  }

  load(): void {
    this.answer({ type: "result", id: 0, payload: null });
  }

  send(bytes: Uint8Array): void {
    for (const message of this.#reader.push(bytes)) {
      const received = message as Message;
      if (received.type !== "setup") this.received.push(received);
      else if (!this.isSlow) this.load();
    }
  }

  answer(message: object): void {
    queueMicrotask(() => this.events.onData(frame(JSON.stringify(message))));
  }

  /** Ends the invocation that came last. */
  finish(payload: unknown = "done"): void {
    this.answer({ type: "result", id: this.received.at(-1)?.id, payload });
  }

  read(wanted: boolean): void {
    this.isRead = wanted;
  }

  freeze(): void {
    this.frozen.push(true);
  }

  thaw(): void {
    this.frozen.push(false);
  }

  kill(): void {
    this.isKilled = true;
  }

  memory(): ProcessMemory {
    return { resident: this.resident, tmp: this.tmp };
  }
}

class FakeStarter implements ProcessStarter {
  isolation: IsolationReport = { boundary: "none", reachable: [], runs: true, noTmp: "", warning: "" };
  readonly started: FakeProcess[] = [];
  readonly forgotten: string[] = [];
  isSlow = false;
  isClosed = false;

  start(deployment: Deployment, events: ProcessEvents): Promise<{ process: FunctionProcess; root: string }> {
    const process = new FakeProcess(deployment, events);
    process.isSlow = this.isSlow;
    this.started.push(process);
    return Promise.resolve({ process, root: "/code" });
  }

  forget(functionArn: string): void {
    this.forgotten.push(functionArn);
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  names(): string[] {
    return this.started.filter(({ isKilled }) => !isKilled).map(({ deployment }) => deployment.functionArn);
  }
}

function world(options: Partial<PoolOptions> = {}) {
  const starter = new FakeStarter();
  const clock = new VirtualClock();
  const pool = new FunctionPool({ starter, clock, api: () => Promise.resolve({}), ...options });
  return { starter, clock, pool };
}

function deployment(functionArn: string, revision = "1"): Deployment {
  return {
    functionName: functionArn,
    functionArn,
    version: "$LATEST",
    revision,
    handler: "index.handler",
    memoryMb: 128,
    tmpMb: 512,
    timeoutMs: 3000,
    environment: {},
    files: () => Promise.resolve(new Map()),
  };
}

const request = (event: unknown = {}) => ({ requestId: "r", event: JSON.stringify(event) });
const settle = () => new Promise<void>((resolve) => void setImmediate(resolve));

test("FunctionPool runs invocations of one function on as many processes as it may have, then makes them wait", async () => {
  const { starter, pool } = world({ limits: { processes: 5, processesPerFunction: 2 } });
  const runs = [1, 2, 3].map((n) => pool.run(deployment("a"), request(n)));
  const other = pool.run(deployment("b"), request());
  await settle();
  assert.deepEqual(starter.names(), ["a", "a", "b"], "a waiting function does not hold others up");
  starter.started[0]?.finish("first");
  await settle();
  assert.deepEqual(
    starter.started[0]?.received.map(({ event }) => event),
    [1, 3],
  );
  for (const process of starter.started) process.finish();
  const results = await Promise.all([...runs, other]);
  assert.deepEqual(
    results.map((each) => (each as { payload: string }).payload),
    ['"first"', '"done"', '"done"', '"done"'],
  );
  assert.deepEqual(starter.started[0]?.frozen, [true], "stopped when nothing waits, not between two invocations");
  const again = pool.run(deployment("b"), request());
  await settle();
  assert.deepEqual(starter.started[2]?.frozen, [true, false]);
  starter.started[2]?.finish();
  await again;
  await settle();
  assert.deepEqual(starter.started[2]?.frozen, [true, false, true]);
});

test("a warm process is told of each invocation by which ARN it was asked for", async () => {
  const { starter, pool } = world();
  for (const invokedArn of ["a:1", "a:prod", undefined]) {
    const run = pool.run(deployment("a:1"), { ...request(), ...(invokedArn && { invokedArn }) });
    await settle();
    starter.started[0]?.finish();
    await run;
  }
  assert.deepEqual(
    starter.started.map(({ received }) => received.map(({ functionArn }) => functionArn)),
    [["a:1", "a:prod", "a:1"]],
  );
});

test("FunctionPool starts few processes of one function at once; work that waits goes to whichever is free first", async () => {
  const { starter, pool } = world({ limits: { processes: 9, processesPerFunction: 4, startsPerFunction: 2 } });
  starter.isSlow = true;
  const runs = [1, 2, 3, 4, 5].map((n) => pool.run(deployment("a"), request(n)));
  const other = pool.run(deployment("b"), request());
  await settle();
  assert.deepEqual(starter.names(), ["a", "a", "b"], "another function may start meanwhile");
  const [first, second, third] = starter.started;
  first?.load();
  await settle();
  assert.deepEqual(starter.names(), ["a", "a", "b", "a"], "the place of one that has started is free");
  first?.finish();
  await settle();
  assert.deepEqual(
    first?.received.map(({ event }) => event),
    [1, 4],
    "a warm process takes what has no process yet",
  );
  first?.finish();
  await settle();
  assert.equal(first?.received.length, 3);
  assert.equal(starter.started.length, 4, "and none is started for it");
  first?.finish();
  for (const process of [second, third, starter.started[3]]) {
    process?.load();
    await settle();
    process?.finish();
  }
  await Promise.all([...runs, other]);
});

test("a process that ends while it starts makes room for the next", async () => {
  const { starter, pool } = world({ limits: { startsPerFunction: 1 } });
  starter.isSlow = true;
  const runs = [1, 2].map((n) => pool.run(deployment("a"), request(n)));
  await settle();
  assert.equal(starter.started.length, 1);
  starter.started[0]?.events.onExit("signal SIGKILL");
  await settle();
  assert.equal(starter.started.length, 2);
  starter.started[1]?.load();
  await settle();
  starter.started[1]?.finish();
  const ends = await Promise.all(runs);
  assert.deepEqual(
    ends.map(({ outcome }) => outcome),
    ["failed", "succeeded"],
  );
});

test("FunctionPool refuses what would wait behind too many: too-many-requests", async () => {
  const { starter, pool } = world({ limits: { processes: 1, queue: 1 } });
  const first = pool.run(deployment("a"), request());
  const second = pool.run(deployment("b"), request());
  await assert.rejects(pool.run(deployment("c"), request()), { name: "Refused", code: "too-many-requests" });
  await settle();
  starter.started[0]?.finish();
  await first;
  await settle();
  assert.deepEqual(starter.names(), ["b"], "an idle process makes way for another function");
  starter.started[1]?.finish();
  await second;
});

test("FunctionPool ends a process that is idle for too long, and not one that was used again", async () => {
  const { starter, pool, clock } = world({ limits: { idleMs: 1000 } });
  const once = async () => {
    const run = pool.run(deployment("a"), request());
    await settle();
    starter.started.at(-1)?.finish();
    await run;
    await settle();
  };
  await once();
  clock.advance(999);
  await once();
  clock.advance(999);
  assert.deepEqual(starter.names(), ["a"]);
  assert.equal(starter.started.length, 1);
  clock.advance(1);
  assert.deepEqual(starter.names(), []);
});

test("FunctionPool.retire ends the idle processes of a function only, and forgets its folders", async () => {
  const { starter, pool } = world();
  const runs = [pool.run(deployment("a"), request()), pool.run(deployment("b"), request())];
  await settle();
  for (const process of starter.started) process.finish();
  await Promise.all(runs);
  await settle();
  pool.retire("a");
  assert.deepEqual([starter.names(), starter.forgotten], [["b"], ["a"]]);
});

test("FunctionPool.close ends everything and refuses what comes later: runtime-closed", async () => {
  const { starter, pool } = world({ limits: { processes: 1 } });
  const running = pool.run(deployment("a"), request());
  const waiting = pool.run(deployment("b"), request());
  await settle();
  const refusal = assert.rejects(waiting, { name: "UsageError", code: "runtime-closed" });
  await pool.close();
  await refusal;
  starter.started[0]?.events.onExit("signal SIGKILL");
  assert.equal((await running).outcome, "failed");
  await assert.rejects(pool.run(deployment("a"), request()), { code: "runtime-closed" });
  assert.ok(starter.isClosed && starter.names().length === 0);
});

test("FunctionPool refuses to run where isolation is missing: functions-unavailable", async () => {
  const { starter, pool } = world();
  starter.isolation = {
    boundary: "none",
    reachable: ["network"],
    runs: false,
    noTmp: "",
    warning: "functions are refused",
  };
  const refusal = { name: "Denied", code: "functions-unavailable", message: "functions are refused" };
  await assert.rejects(pool.run(deployment("a"), request()), refusal);
});

test("a process that cannot be started fails the run and not the pool", async () => {
  const { starter, pool } = world();
  const start = starter.start.bind(starter);
  starter.start = () => Promise.reject(new ProtocolError("function-frame", "no process", ""));
  await assert.rejects(pool.run(deployment("a"), request()), { message: "no process" });
  starter.start = start;
  const run = pool.run(deployment("a"), request());
  await settle();
  starter.started[0]?.finish();
  assert.equal((await run).outcome, "succeeded");
});

test("memory is looked at while a function runs, and seldom while it is idle", async () => {
  const { starter, pool, clock } = world();
  const run = pool.run(deployment("a"), request());
  await settle();
  const process = starter.started[0] as FakeProcess;
  process.resident = 100 * 1024 * 1024;
  clock.advance(20);
  process.finish();
  const first = await run;
  assert.equal(first.maxMemoryBytes, 100 * 1024 * 1024);
  await settle();
  process.resident = 129 * 1024 * 1024;
  clock.advance(499);
  assert.ok(!process.isKilled);
  clock.advance(1);
  assert.ok(process.isKilled);
  const next = pool.run(deployment("a"), request());
  await settle();
  assert.equal(starter.started.length, 2);
  const second = starter.started[1] as FakeProcess;
  second.resident = 129 * 1024 * 1024;
  clock.advance(20);
  const killed = await next;
  assert.equal(killed.outcome, "memory");
  assert.ok(second.isKilled);
});

test("a process that rests, and one that runs, end for what all have in /tmp together", async () => {
  const { starter, pool, clock } = world({ limits: { tmpBytes: 10 } });
  const first = pool.run(deployment("a"), request());
  await settle();
  const [resting] = starter.started as [FakeProcess];
  resting.tmp = 6;
  resting.finish();
  assert.equal((await first).outcome, "succeeded");
  await settle();
  const run = pool.run(deployment("b"), request());
  await settle();
  const running = starter.started[1] as FakeProcess;
  running.tmp = 5;
  clock.advance(20);
  assert.deepEqual([resting.isKilled, running.isKilled], [true, false]);
  running.tmp = 11;
  clock.advance(20);
  const end = await run;
  assert.equal(end.outcome, "failed");
  assert.equal((end as { error: { errorType: string } }).error.errorType, "Sandbox.StorageLimit");
  const again = pool.run(deployment("a"), request());
  await settle();
  starter.started[2]?.finish();
  assert.equal((await again).outcome, "succeeded", "on a process of its own, for nobody has anything in /tmp now");
});

test("a function's calls run eight at a time; the rest stays in the descriptor", async () => {
  const answers: (() => void)[] = [];
  const { starter, pool } = world({ api: () => new Promise((resolve) => void answers.push(() => resolve({}))) });
  const run = pool.run(deployment("a"), request());
  await settle();
  const process = starter.started[0] as FakeProcess;
  for (let id = 1; id <= 20; id++) process.answer({ type: "call", id, operation: "X", input: {} });
  await settle();
  assert.deepEqual([answers.length, process.isRead], [8, false]);
  for (let done = 0; done < 20; done++) {
    answers[done]?.();
    await settle();
  }
  assert.deepEqual([answers.length, process.isRead], [20, true]);
  assert.deepEqual(
    process.received
      .filter(({ type }) => type === "reply")
      .map(({ id }) => id)
      .toSorted((a, b) => a - b)
      .at(-1),
    20,
  );
  process.answer({ type: "result", id: 1, payload: 1 });
  assert.equal((await run).outcome, "succeeded");
});

test("a made-up answer cannot make the server throw: deep results, objects in place of texts", async () => {
  const { starter, pool } = world();
  const answers = [
    { type: "failure", error: { errorType: {}, errorMessage: 7, trace: [{ toString: 1 }, [[]], "line"] } },
    { type: "failure", error: null },
    { type: "failure", error: "text" },
    { type: "result" },
    { type: "call", id: "x", operation: {} },
  ];
  const ends: unknown[] = [];
  const ask = async (answer: (id: number) => string) => {
    const run = pool.run(deployment("a"), request());
    await settle();
    const process = starter.started.at(-1) as FakeProcess;
    process.events.onData(frame(answer(process.received.at(-1)?.id ?? 0)));
    const result = await run;
    await settle();
    ends.push(result.outcome === "succeeded" ? result.payload.length : result.error);
  };
  for (const answer of answers) await ask((id) => JSON.stringify({ id, ...answer }));
  // The numeric key keeps JSON.stringify off its path without recursion.
  const deep = `{"1":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
  await ask((id) => `{"type":"result","id":${id},"payload":${deep}}`);
  const error = (errorType: string, errorMessage: string, trace: string[] = []) => ({ errorType, errorMessage, trace });
  assert.deepEqual(ends.slice(0, 3), [error("Error", "", ["line"]), error("Error", ""), error("Error", "")]);
  assert.deepEqual(
    ends.slice(3).map((end) => (end as { errorType: string }).errorType),
    Array<string>(3).fill("Sandbox.MalformedFrame"),
  );
});

test("FrameReader gives the same messages however the bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { maxLength: 5 }), fc.array(fc.nat(20), { maxLength: 40 }), (values, cuts) => {
      const all = values.flatMap((value) => [...frame(JSON.stringify(value))]);
      const reader = new FrameReader();
      const read: unknown[] = [];
      let at = 0;
      for (const cut of [...cuts, all.length]) {
        for (const message of reader.push(Uint8Array.from(all.slice(at, at + cut)))) read.push(message);
        at = Math.min(all.length, at + cut);
      }
      assert.deepEqual(JSON.stringify(read), JSON.stringify(values));
    }),
    { numRuns: 100 },
  );
});

test("FrameReader refuses a length over the limit at once, and a body that is not UTF-8 JSON: function-frame", () => {
  const length = (value: number) => Uint8Array.from([value >>> 24, value >>> 16, value >>> 8, value]);
  const refused = (bytes: Uint8Array) =>
    assert.throws(() => [...new FrameReader().push(bytes)], { name: "ProtocolError", code: "function-frame" });
  refused(length(MAX_FRAME_BYTES + 1));
  refused(Uint8Array.from([0, 0, 0, 3, 0x22, 0xff, 0x22]));
  refused(Uint8Array.from([0, 0, 0, 0]));
  assert.deepEqual([...new FrameReader().push(length(MAX_FRAME_BYTES))], []);
});

test("LogTail keeps the last bytes, counts all, and starts anew", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 30 }), { maxLength: 30 }),
      fc.integer({ min: 1, max: 40 }),
      (texts, limit) => {
        const tail = new LogTail(limit);
        for (const text of texts) tail.push(utf8Bytes(text));
        const all = utf8Bytes(texts.join(""));
        assert.equal(tail.total, all.length);
        assert.deepEqual(Array.from(tail.take()), Array.from(all.slice(Math.max(0, all.length - limit))));
        assert.deepEqual([tail.total, tail.take().length], [0, 0]);
      },
    ),
    { numRuns: 100 },
  );
});
