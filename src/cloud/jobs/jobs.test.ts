import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import fc from "fast-check";

import { type Json, utf8Bytes } from "../../codec/index.ts";
import { changeThingGroups, createThing, createThingGroup, deleteThing, iotArn } from "../registry/index.ts";
import { newWorld, temporary } from "../registry/fixtures.test.ts";
import { DeviceJobs, Jobs, JobTopics, type NewJob } from "./index.ts";
import { isAborted, NO_COUNTS, rolloutRate } from "./rules.ts";

type Message = { readonly [key: string]: Json };
const MINUTE = 60_000;

/** Jobs over a store of their own, on a clock that stands; what is published and answered is kept. */
async function jobsOf(t: TestContext, directory = temporary(t)) {
  const { registry, clock, ledger } = await newWorld(t, directory);
  const heard: (readonly [topic: string, message: Message])[] = [];
  const read = (payload: Uint8Array) => JSON.parse(new TextDecoder().decode(payload)) as Message;
  const objects = new Map([["b/k.json", utf8Bytes('{"from":"source"}')]]);
  const switchedOff = new Set<string>();
  const jobs = await Jobs.open({
    registry,
    isOn: (event) => !switchedOff.has(event),
    publish: (topic, payload) => void heard.push([topic, read(payload)]),
    readObject: async (bucket, key) => objects.get(`${bucket}/${key}`),
  });
  t.after(() => jobs.close());
  const devices = new DeviceJobs(jobs);
  const topics = new JobTopics(devices, {
    clock,
    trace: ledger,
    answer: (clientId, { topic, payload }) => void heard.push([`${clientId}:${topic}`, read(payload)]),
  });
  const arn = (thing: string) => iotArn(registry.account, "thing", thing);
  const things = async (...names: readonly string[]) => {
    for (const name of names) await createThing(registry, name);
    return names.map(arn);
  };
  const create = (id: string, order: Partial<NewJob>) => jobs.create(id, { targets: [], document: "{}", ...order });
  /** Lets what the clock set going come to its end. */
  const settle = async () => {
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      await registry.store.write(async () => undefined);
    }
  };
  const advance = async (ms: number) => {
    clock.advance(ms);
    await settle();
  };
  /** Asks as a device; gives the answer. */
  const ask = async (topic: string, payload: unknown = {}) => {
    heard.length = 0;
    const bytes = typeof payload === "string" ? utf8Bytes(payload) : utf8Bytes(JSON.stringify(payload));
    const about = { qos: 1, retain: false, properties: {}, origin: "client", clientId: "c", principalId: "p" } as const;
    await topics.handle({ topic: `$aws/things/${topic}`, payload: bytes, ...about });
    await settle();
    const [found] = heard.filter(([name]) => name.startsWith("c:"));
    return { topic: found?.[0].replace(/^c:\$aws\/things\//, ""), body: found?.[1] ?? {} };
  };
  const states = async (job: string) => {
    const { rows } = await jobs.executions({ job }, {});
    return rows.map(({ thing, number, status }) => `${thing}#${number} ${status}`);
  };
  return {
    switchedOff,
    jobs,
    registry,
    clock,
    ledger,
    heard,
    devices,
    topics,
    things,
    create,
    settle,
    advance,
    ask,
    states,
    arn,
  };
}

test("a device hears of its job, starts it, reports on it and ends it; the job completes and tells so", async (t) => {
  const it = await jobsOf(t);
  const targets = await it.things("T");
  await it.create("j1", { targets, document: '{"do":"it"}' });
  assert.deepEqual(
    it.heard.map(([topic]) => topic),
    ["$aws/things/T/jobs/notify", "$aws/things/T/jobs/notify-next"],
  );
  const execution = it.heard[1]?.[1]["execution"] as Message;
  assert.deepEqual([execution["jobId"], execution["status"], execution["jobDocument"]], ["j1", "QUEUED", { do: "it" }]);
  const pending = await it.ask("T/jobs/get", { clientToken: "k" });
  assert.equal(pending.topic, "T/jobs/get/accepted");
  assert.equal(pending.body["clientToken"], "k");
  assert.deepEqual(pending.body["inProgressJobs"], []);
  const started = await it.ask("T/jobs/start-next", { statusDetails: { step: "1" } });
  const now = Date.UTC(2026, 0, 1) / 1000;
  assert.deepEqual(started.body, {
    timestamp: now,
    execution: {
      jobId: "j1",
      thingName: "T",
      status: "IN_PROGRESS",
      statusDetails: { step: "1" },
      queuedAt: now,
      startedAt: now,
      lastUpdatedAt: now,
      executionNumber: 1,
      versionNumber: 2,
      jobDocument: { do: "it" },
    },
  });
  const again = await it.ask("T/jobs/start-next");
  assert.equal((again.body["execution"] as Message)["versionNumber"], 2, "it is in progress already");
  const next = await it.ask("T/jobs/$next/get", { includeJobDocument: false });
  assert.equal((next.body["execution"] as Message)["jobDocument"], undefined);
  const stale = await it.ask("T/jobs/j1/update", { status: "IN_PROGRESS", expectedVersion: 1, clientToken: "u" });
  assert.equal(stale.topic, "T/jobs/j1/update/rejected");
  assert.deepEqual([stale.body["code"], stale.body["clientToken"]], ["VersionMismatch", "u"]);
  assert.deepEqual(stale.body["executionState"], {
    status: "IN_PROGRESS",
    statusDetails: { step: "1" },
    versionNumber: 2,
  });
  const done = await it.ask("T/jobs/j1/update", {
    status: "SUCCEEDED",
    expectedVersion: "2",
    includeJobExecutionState: true,
    includeJobDocument: true,
  });
  assert.deepEqual(done.body["executionState"], {
    status: "SUCCEEDED",
    statusDetails: { step: "1" },
    versionNumber: 3,
  });
  assert.deepEqual(done.body["jobDocument"], { do: "it" });
  assert.deepEqual(
    it.heard.map(([topic]) => topic),
    [
      "c:$aws/things/T/jobs/j1/update/accepted",
      "$aws/events/jobExecution/j1/succeeded",
      "$aws/events/job/j1/completed",
      "$aws/things/T/jobs/notify",
      "$aws/things/T/jobs/notify-next",
    ],
  );
  assert.deepEqual(it.heard[4]?.[1], { timestamp: now });
  assert.equal((await it.ask("T/jobs/j1/update", { status: "FAILED" })).body["code"], "InvalidStateTransition");
  assert.equal((await it.ask("T/jobs/j1/get")).body["code"], "TerminalStateReached");
  await assert.rejects(it.devices.describe({ thing: "T", job: "j1" }, true), { code: "job-ended" });
  assert.deepEqual((await it.ask("T/jobs/$next/get")).body, { timestamp: now });
  assert.equal((await it.jobs.describe("j1")).job.status, "COMPLETED");
});

test("what a device asks wrongly is rejected with the code that AWS has for it", async (t) => {
  const it = await jobsOf(t);
  await it.create("j1", { targets: await it.things("T") });
  for (const [topic, payload, code] of [
    ["T/jobs/get", "{", "InvalidJson"],
    ["T/jobs/get", "[]", "InvalidRequest"],
    ["T/jobs/get", { clientToken: "x".repeat(65) }, "InvalidRequest"],
    ["T/jobs/j1/update", {}, "InvalidRequest"],
    ["T/jobs/j1/update", { status: "QUEUED" }, "InvalidRequest"],
    ["T/jobs/j1/update", { status: "FAILED", statusDetails: { a: 1 } }, "InvalidRequest"],
    ["T/jobs/j1/update", { status: "FAILED", expectedVersion: "x" }, "InvalidRequest"],
    ["T/jobs/j1/update", { status: "IN_PROGRESS", stepTimeoutInMinutes: 0 }, "InvalidRequest"],
    ["T/jobs/none/update", { status: "FAILED" }, "ResourceNotFound"],
    ["U/jobs/j1/get", {}, "ResourceNotFound"],
    ["T/jobs/a b/get", {}, "InvalidTopic"],
  ] as const) {
    const answer = await it.ask(topic, payload);
    assert.equal(answer.topic, `${topic}/rejected`);
    assert.equal(answer.body["code"], code, JSON.stringify([topic, payload]));
  }
  assert.deepEqual(await it.states("j1"), ["T#1 QUEUED"]);
});

test("an execution times out by its job's limit or by its step's, and is tried again as often as the job says", async (t) => {
  const it = await jobsOf(t);
  await it.create("j", {
    targets: await it.things("T"),
    timeoutConfig: { inProgressTimeoutInMinutes: 10 },
    jobExecutionsRetryConfig: { criteriaList: [{ failureType: "TIMED_OUT", numberOfRetries: 1 }] },
  });
  const started = await it.ask("T/jobs/start-next", { stepTimeoutInMinutes: 2 });
  assert.equal((started.body["execution"] as Message)["approximateSecondsBeforeTimedOut"], 120);
  await it.advance(MINUTE);
  await it.ask("T/jobs/j/update", { status: "IN_PROGRESS", stepTimeoutInMinutes: -1 });
  await it.advance(5 * MINUTE);
  assert.deepEqual(await it.states("j"), ["T#1 IN_PROGRESS"]);
  it.heard.length = 0;
  await it.advance(4 * MINUTE);
  assert.deepEqual(await it.states("j"), ["T#1 TIMED_OUT", "T#2 QUEUED"]);
  assert.ok(it.heard.some(([topic]) => topic === "$aws/events/jobExecution/j/timed_out"));
  await it.ask("T/jobs/start-next", { stepTimeoutInMinutes: 3 });
  await it.advance(3 * MINUTE);
  assert.deepEqual(await it.states("j"), ["T#1 TIMED_OUT", "T#2 TIMED_OUT"]);
  const { job, counts } = await it.jobs.describe("j");
  assert.deepEqual([job.status, counts.TIMED_OUT], ["COMPLETED", 1], "a thing counts once");
});

test("a rollout goes by its rate each minute, over a restart too", async (t) => {
  const directory = temporary(t);
  const it = await jobsOf(t, directory);
  const targets = await it.things("a", "b", "c", "d", "e");
  await it.create("j", { targets, jobExecutionsRolloutConfig: { maximumPerMinute: 2 } });
  assert.equal((await it.states("j")).length, 2);
  await it.advance(MINUTE);
  assert.equal((await it.states("j")).length, 4);
  it.jobs.close();
  await it.registry.store.close();
  const again = await jobsOf(t, directory);
  await again.advance(2 * MINUTE);
  assert.equal((await again.states("j")).length, 5, "the new process goes on");
});

test("a job with too many failures is aborted: what is queued is cancelled", async (t) => {
  const it = await jobsOf(t);
  const criterion = {
    action: "CANCEL",
    failureType: "FAILED",
    thresholdPercentage: 50,
    minNumberOfExecutedThings: 2,
  } as const;
  await it.create("j", { targets: await it.things("a", "b", "c"), abortConfig: { criteriaList: [criterion] } });
  await it.ask("a/jobs/j/update", { status: "FAILED" });
  assert.equal((await it.jobs.describe("j")).job.status, "IN_PROGRESS");
  await it.ask("b/jobs/j/update", { status: "SUCCEEDED" });
  assert.deepEqual(await it.states("j"), ["a#1 FAILED", "b#1 SUCCEEDED", "c#1 CANCELED"]);
  assert.equal((await it.jobs.describe("j")).job.status, "CANCELED");
});

test("a continuous job follows its group: who joins gets a turn, who leaves loses it, and it never completes", async (t) => {
  const it = await jobsOf(t);
  await it.things("a", "b");
  await createThingGroup(it.registry, "g", {});
  await changeThingGroups(it.registry, "a", { add: ["g"] });
  const targets = [iotArn(it.registry.account, "thinggroup", "g")];
  await it.create("j", { targets, targetSelection: "CONTINUOUS" });
  assert.deepEqual(await it.states("j"), ["a#1 QUEUED"]);
  await changeThingGroups(it.registry, "b", { add: ["g"] });
  await changeThingGroups(it.registry, "a", { remove: ["g"] });
  await it.advance(MINUTE);
  assert.deepEqual(await it.states("j"), ["a#1 REMOVED", "b#1 QUEUED"]);
  await it.ask("b/jobs/j/update", { status: "SUCCEEDED" });
  assert.equal((await it.jobs.describe("j")).job.status, "IN_PROGRESS");
  await it.jobs.associate("j", await it.things("c"), "more");
  assert.deepEqual(await it.states("j"), ["a#1 REMOVED", "b#1 SUCCEEDED", "c#1 QUEUED"]);
});

test("a target that was deleted since takes its turn along and stops nobody", async (t) => {
  const it = await jobsOf(t);
  const targets = await it.things("a", "b");
  await it.create("j", { targets, targetSelection: "CONTINUOUS" });
  await deleteThing(it.registry, "a");
  await it.advance(MINUTE);
  assert.deepEqual(await it.states("j"), ["a#1 REMOVED", "b#1 QUEUED"]);
  assert.deepEqual(it.ledger.events({ kinds: ["process"] }), []);
});

test("a scheduled job begins and ends at its times, in each of the ways to end", async (t) => {
  for (const [endBehavior, expected] of [
    ["STOP_ROLLOUT", ["a#1 IN_PROGRESS"]],
    ["CANCEL", ["a#1 IN_PROGRESS"]],
    ["FORCE_CANCEL", ["a#1 CANCELED"]],
  ] as const) {
    const it = await jobsOf(t);
    const schedulingConfig = { startTime: "2026-01-01T01:00:00Z", endTime: "2026-01-01T02:00:00Z", endBehavior };
    const targets = await it.things("a", "b");
    await it.create("j", { targets, schedulingConfig, jobExecutionsRolloutConfig: { maximumPerMinute: 1 } });
    assert.deepEqual([(await it.jobs.describe("j")).job.status, await it.states("j")], ["SCHEDULED", []]);
    await it.advance(60 * MINUTE);
    assert.deepEqual(await it.states("j"), ["a#1 QUEUED"]);
    await it.ask("a/jobs/start-next");
    it.clock.advance(60 * MINUTE);
    await it.settle();
    assert.deepEqual((await it.states("j")).slice(0, 1), expected, endBehavior);
  }
});

test("a job with maintenance windows is handed out while one is open only, retries too", async (t) => {
  const it = await jobsOf(t);
  const targets = await it.things("A");
  const maintenanceWindows = [{ startTime: "cron(0 2 * * ? *)", durationInMinutes: 30 }];
  const jobExecutionsRetryConfig = { criteriaList: [{ failureType: "ALL" as const, numberOfRetries: 3 }] };
  const order = { targets, schedulingConfig: { maintenanceWindows }, jobExecutionsRetryConfig };
  await assert.rejects(it.create("j", order), { code: "invalid-request", message: /CONTINUOUS/ });
  await it.create("j", { ...order, targetSelection: "CONTINUOUS" });
  assert.equal((await it.jobs.describe("j")).job.status, "SCHEDULED");
  await it.advance(119 * MINUTE);
  assert.deepEqual(await it.states("j"), []);
  await it.advance(MINUTE);
  assert.equal((await it.jobs.describe("j")).job.status, "IN_PROGRESS");
  assert.deepEqual(await it.states("j"), ["A#1 QUEUED"]);
  await it.advance(35 * MINUTE);
  await it.ask("A/jobs/start-next");
  await it.ask("A/jobs/j/update", { status: "FAILED" });
  assert.deepEqual(await it.states("j"), ["A#1 FAILED"]);
  await it.advance(20 * 60 * MINUTE);
  assert.deepEqual(await it.states("j"), ["A#1 FAILED"]);
  await it.advance((3 * 60 + 25) * MINUTE);
  assert.deepEqual(await it.states("j"), ["A#1 FAILED", "A#2 QUEUED"]);
});

test("schedules that make no sense are refused", async (t) => {
  const it = await jobsOf(t);
  const targets = await it.things("A");
  const windows = (startTime: string) => ({ maintenanceWindows: [{ startTime, durationInMinutes: 5 }] });
  const wrong: readonly [NewJob["schedulingConfig"], RegExp][] = [
    [{ startTime: "2025-12-31T00:00:00Z" }, /is over/],
    [{ startTime: "2027-06-01 00:00" }, /within a year/],
    [{ startTime: "soon" }, /must be a time/],
    [{ endTime: "2025-12-31T00:00:00Z" }, /after the start/],
    [{ endTime: "2029-01-01T00:00:00Z" }, /two years/],
    [windows("0 0 30 FEB ? *"), /never come/],
    [windows("at night"), /six fields/],
  ];
  for (const [schedulingConfig, message] of wrong) {
    const order = { targets, targetSelection: "CONTINUOUS" as const, schedulingConfig };
    await assert.rejects(it.create("j", order), { code: "invalid-request", message }, JSON.stringify(schedulingConfig));
  }
});

test("a thing that is deleted takes its turns with it, and a job that waited for it completes; a restart finds it too", async (t) => {
  const it = await jobsOf(t);
  const targets = await it.things("A", "B", "C");
  await it.create("j", { targets, jobExecutionsRolloutConfig: { maximumPerMinute: 2 } });
  await it.ask("A/jobs/start-next");
  await it.ask("A/jobs/j/update", { status: "SUCCEEDED" });
  it.heard.length = 0;
  await deleteThing(it.registry, "B");
  await it.settle();
  assert.deepEqual(await it.states("j"), ["A#1 SUCCEEDED", "B#1 REMOVED"]);
  assert.ok(it.heard.some(([topic]) => topic === "$aws/events/jobExecution/j/removed"));
  it.jobs.close();
  await deleteThing(it.registry, "C");
  const again = await Jobs.open(it.jobs.ports);
  t.after(() => again.close());
  const { job, counts } = await again.describe("j");
  assert.deepEqual([job.status, counts.REMOVED, counts.SUCCEEDED], ["COMPLETED", 2, 1]);
});

test("a continuous job whose scheduled end stops its rollout stays described as it was ordered", async (t) => {
  const it = await jobsOf(t);
  const targets = await it.things("A");
  const schedulingConfig = { endTime: "2026-01-01T01:00:00Z", endBehavior: "STOP_ROLLOUT" as const };
  await it.create("j", { targets, targetSelection: "CONTINUOUS", schedulingConfig });
  await it.advance(60 * MINUTE);
  const { job } = await it.jobs.describe("j");
  assert.deepEqual([job.status, job.order.targetSelection], ["IN_PROGRESS", "CONTINUOUS"]);
  assert.deepEqual(job.order.schedulingConfig, schedulingConfig);
  await it.ask("A/jobs/start-next");
  await it.ask("A/jobs/j/update", { status: "SUCCEEDED" });
  assert.equal((await it.jobs.describe("j")).job.status, "COMPLETED");
});

test("cancelling and deleting: what is in progress needs force, what has ended does not", async (t) => {
  const it = await jobsOf(t);
  await it.create("j", { targets: await it.things("a", "b") });
  await it.ask("a/jobs/start-next");
  await assert.rejects(it.jobs.cancelExecution("j", "a", {}), { code: "job-state" });
  await assert.rejects(it.jobs.cancelExecution("j", "b", { expectedVersion: 9 }), { code: "version-conflict" });
  await it.jobs.cancelExecution("j", "b", { expectedVersion: 1 });
  await assert.rejects(it.jobs.cancelExecution("j", "b", { force: true }), { code: "job-state" });
  await assert.rejects(it.jobs.delete("j"), { code: "job-state" });
  await assert.rejects(it.jobs.deleteExecution("j", "a", { number: 1 }), { code: "job-state" });
  await it.jobs.cancel("j", {});
  assert.deepEqual(await it.states("j"), ["a#1 IN_PROGRESS", "b#1 CANCELED"]);
  await it.jobs.cancel("j", { force: true, reasonCode: "SORRY" });
  assert.deepEqual(await it.states("j"), ["a#1 CANCELED", "b#1 CANCELED"]);
  await it.jobs.deleteExecution("j", "a", { number: 1 });
  await it.jobs.delete("j");
  await assert.rejects(it.jobs.describe("j"), { code: "resource-not-found" });
});

test("a job's document stands in the order or lies in the object store, and is JSON", async (t) => {
  const it = await jobsOf(t);
  const targets = await it.things("a");
  const source = (documentSource: string) => it.create("x", { targets, document: undefined, documentSource });
  for (const [i, address] of [
    "s3://b/k.json",
    "https://s3.amazonaws.com/b/k.json",
    "https://b.s3.eu-central-1.amazonaws.com/k.json",
  ].entries()) {
    const job = await it.create(`s${i}`, { targets, document: undefined, documentSource: address });
    assert.equal(job.order.document, '{"from":"source"}');
  }
  await assert.rejects(source("s3://b/none"), /there is no object b\/none/);
  await assert.rejects(source("ftp://b/k"), /no address of an S3 object/);
  await assert.rejects(it.create("x", { targets, document: "{" }), /must be JSON/);
  await assert.rejects(it.create("x", { targets, document: undefined }), /document or documentSource is required/);
  await assert.rejects(it.create("x", { targets, document: '"${aws:iot:s3-presigned-url:x}"' }), {
    code: "not-implemented",
  });
  await assert.rejects(it.create("x", { targets: [it.arn("nobody")] }), { code: "resource-not-found" });
  await assert.rejects(it.create("x", { targets: ["no-arn"] }), /no ARN of a thing or group/);
  await assert.rejects(it.create("s0", { targets }), { code: "resource-exists" });
});

test("any history of what devices and the operator do keeps the counts, and one next job at most in progress first", async (t) => {
  const it = await jobsOf(t);
  const targets = await it.things("a", "b");
  const step = fc.record({
    thing: fc.constantFrom("a", "b"),
    job: fc.constantFrom("0", "1"),
    act: fc.constantFrom("start", "SUCCEEDED", "FAILED", "REJECTED", "cancel", "cancel-job", "wait"),
  });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
      run++;
      const ids = [`r${run}-0`, `r${run}-1`];
      const terms = { timeoutConfig: { inProgressTimeoutInMinutes: 1 } };
      const retry = {
        jobExecutionsRetryConfig: { criteriaList: [{ failureType: "ALL" as const, numberOfRetries: 1 }] },
      };
      for (const id of ids) await it.create(id, { targets, ...terms, ...retry });
      for (const { thing, job, act } of steps) {
        const id = `r${run}-${job}`;
        if (act === "start") await it.ask(`${thing}/jobs/start-next`);
        else if (act === "wait") await it.advance(MINUTE);
        else if (act === "cancel") await it.jobs.cancelExecution(id, thing, { force: true }).catch(() => undefined);
        else if (act === "cancel-job") await it.jobs.cancel(id, { force: true }).catch(() => undefined);
        else await it.ask(`${thing}/jobs/${id}/update`, { status: act });
        for (const each of ids) {
          const { job: found, counts } = await it.jobs.describe(each);
          assert.equal(
            Object.values(counts).reduce((sum, count) => sum + count, 0),
            2,
            "each thing counts once",
          );
          const isOpen = counts.QUEUED + counts.IN_PROGRESS > 0;
          assert.equal(found.status === "IN_PROGRESS", isOpen, `${found.status} ${JSON.stringify(counts)}`);
        }
      }
      for (const id of ids) await it.jobs.delete(id, true);
      assert.deepEqual(await it.devices.pending("a"), []);
    }),
    { numRuns: 25 },
  );
  assert.deepEqual(it.ledger.events({ kinds: ["process"] }), []);
});

test("rolloutRate grows by its factor with each batch, up to the maximum; isAborted waits for enough things", () => {
  const exponentialRate = {
    baseRatePerMinute: 10,
    incrementFactor: 2,
    rateIncreaseCriteria: { numberOfNotifiedThings: 10 },
  };
  const rate = (QUEUED: number) =>
    rolloutRate({ jobExecutionsRolloutConfig: { maximumPerMinute: 50, exponentialRate } }, { ...NO_COUNTS, QUEUED });
  assert.deepEqual([rate(0), rate(9), rate(10), rate(20), rate(500)], [10, 10, 20, 40, 50]);
  assert.equal(rolloutRate({}, NO_COUNTS), Infinity);
  fc.assert(
    fc.property(
      fc.nat(100),
      fc.nat(100),
      fc.nat(100),
      fc.integer({ min: 1, max: 50 }),
      (failed, succeeded, percentage, least) => {
        const criterion = {
          failureType: "ALL",
          action: "CANCEL",
          thresholdPercentage: percentage,
          minNumberOfExecutedThings: least,
        } as const;
        const counts = { ...NO_COUNTS, FAILED: failed, SUCCEEDED: succeeded };
        const executed = failed + succeeded;
        const expected = executed >= least && failed * 100 >= percentage * executed;
        assert.equal(isAborted({ abortConfig: { criteriaList: [criterion] } }, counts), expected);
      },
    ),
  );
});

test("events of jobs and of their executions are told while their kind is switched on; notifications always are", async (t) => {
  const it = await jobsOf(t);
  const targets = await it.things("T");
  const run = async (id: string) => {
    it.heard.length = 0;
    await it.create(id, { targets });
    await it.ask(`T/jobs/${id}/update`, { status: "SUCCEEDED" });
    return it.heard.map(([topic]) => topic).filter((topic) => !topic.startsWith("c:"));
  };
  const notified = ["$aws/things/T/jobs/notify", "$aws/things/T/jobs/notify-next"];
  const [execution, job] = ["$aws/events/jobExecution/ID/succeeded", "$aws/events/job/ID/completed"];
  for (const [id, off, events] of [
    ["a", [], [execution, job]],
    ["b", ["JOB"], [execution]],
    ["c", ["JOB_EXECUTION"], [job]],
    ["d", ["JOB", "JOB_EXECUTION"], []],
  ] as const) {
    it.switchedOff.clear();
    for (const each of off) it.switchedOff.add(each);
    assert.deepEqual(await run(id), [...events.map((topic) => topic.replace("ID", id)), ...notified]);
  }
});
