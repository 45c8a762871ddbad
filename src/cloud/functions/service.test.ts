import assert from "node:assert/strict";
import { test } from "node:test";

import { zipSync } from "fflate";

import { fromBase64, Refused, toBase64, utf8Bytes } from "../../codec/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import type { TraceEvent } from "../../trace/index.ts";
import { entropy, newWorld } from "../registry/fixtures.test.ts";
import { FunctionLogs, Functions, functionStore, type RunResult } from "./index.ts";
import { BASIC, ended, failed, FakeRuntime, open, refused, ROLE, ZIP, type Run } from "./service-fixtures.test.ts";

const RULE = "arn:aws:iot:eu-central-1:ACCOUNT:rule/jitr";

function runsIn(events: readonly TraceEvent[]) {
  return events.flatMap((event) => (event.kind === "function.run" ? [event] : []));
}

test("AW-43 CreateFunction keeps a zip and describes the function as Lambda does", async (t) => {
  const { functions, registry, clock } = await open(t);
  const made = await functions.createFunction({ ...BASIC, Environment: { Variables: { A: "1" } }, Timeout: 9 });
  assert.deepEqual(made, {
    FunctionName: "f",
    FunctionArn: `arn:aws:lambda:eu-central-1:${registry.account.id}:function:f`,
    Runtime: "nodejs22.x",
    Role: ROLE,
    Handler: "index.handler",
    CodeSize: ZIP.length,
    Description: "",
    Timeout: 9,
    MemorySize: 128,
    LastModified: "2026-01-01T00:00:00.000+0000",
    CodeSha256: toBase64(nodeHash.digest("sha256", ZIP)),
    Version: "$LATEST",
    RevisionId: made.RevisionId,
    State: "Active",
    LastUpdateStatus: "Successful",
    PackageType: "Zip",
    Architectures: ["x86_64"],
    EphemeralStorage: { Size: 512 },
    Environment: { Variables: { A: "1" } },
  });
  assert.match(made.RevisionId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  clock.advance(1000);
  assert.deepEqual((await functions.getFunction({ FunctionName: "f" })).Configuration, made);
  assert.deepEqual(await functions.getFunctionConfiguration({ FunctionName: made.FunctionArn }), made);
});

test("a function is named by name, partial ARN or ARN, with $LATEST, and nothing else", async (t) => {
  const { functions, registry } = await open(t);
  await functions.createFunction(BASIC);
  const { id } = registry.account;
  const arn = `arn:aws:lambda:eu-central-1:${id}:function:f`;
  for (const name of ["f", "f:$LATEST", `${id}:function:f`, "function:f", arn, `${arn}:$LATEST`]) {
    assert.equal((await functions.getFunctionConfiguration({ FunctionName: name })).FunctionName, "f");
  }
  const others = ["g", "f:1", "999999999999:function:f", `arn:aws:lambda:us-east-1:${id}:function:f`, "f:g:h"];
  for (const name of others) {
    await refused(
      functions.getFunctionConfiguration({ FunctionName: name }),
      "function-not-found",
      /Function not found: /,
    );
  }
  await refused(functions.getFunction({ FunctionName: "f", Qualifier: "7" }), "function-not-found", /f:7/);
});

test("functions and permissions are there again after a restart", async (t) => {
  const first = await open(t);
  const made = await first.functions.createFunction(BASIC);
  const permission = {
    FunctionName: "f",
    StatementId: "s",
    Action: "lambda:InvokeFunction",
    Principal: "iot.amazonaws.com",
  };
  await first.functions.addPermission(permission);
  const policy = await first.functions.getFunctionPolicy({ FunctionName: "f" });
  await first.registry.store.close();
  const second = await open(t, first.directory);
  assert.deepEqual(await second.functions.getFunctionConfiguration({ FunctionName: "f" }), made);
  assert.deepEqual(await second.functions.getFunctionPolicy({ FunctionName: "f" }), policy);
  await second.functions.invoke({ FunctionName: "f" });
  const files = await second.runtime.runs[0]?.deployment.files();
  assert.deepEqual([...(files?.keys() ?? [])], ["index.js"]);
});

test("two CreateFunction of one name at once make one function: function-exists", async (t) => {
  const { functions } = await open(t);
  const both = await Promise.allSettled([functions.createFunction(BASIC), functions.createFunction(BASIC)]);
  assert.deepEqual(both.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
  await refused(functions.createFunction(BASIC), "function-exists", /Function already exist: f/);
});

test("CreateFunction refuses what it cannot keep: function-parameter, function-code", async (t) => {
  const { functions } = await open(t);
  const { Runtime: _, ...noRuntime } = BASIC;
  await refused(functions.createFunction(noRuntime), "function-parameter", /Runtime and Handler are mandatory/);
  await refused(functions.createFunction({ ...BASIC, Code: {} }), "function-parameter", /ZipFile/);
  await refused(functions.createFunction({ ...BASIC, FunctionName: "f".repeat(65) }), "function-parameter", /65/);
  await refused(functions.createFunction({ ...BASIC, Code: { ZipFile: utf8Bytes("no") } }), "function-code");
  await refused(functions.createFunction({ ...BASIC, FunctionName: "f:1" }), "function-parameter", /not f:1/);
  const variables = (Variables: Record<string, string>) =>
    functions.createFunction({ ...BASIC, Environment: { Variables } });
  for (const name of [
    "AWS_REGION",
    "_HANDLER",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_SECRET_ACCESS_KEY",
    "LAMBDA_TASK_ROOT",
  ]) {
    await refused(variables({ [name]: "x" }), "function-parameter", new RegExp(`Reserved keys.*${name}`));
  }
  await refused(variables({ BIG: "x".repeat(4096) }), "function-parameter", /4096/);
  await refused(functions.getFunction({ FunctionName: "f" }), "function-not-found");
});

test("UpdateFunctionCode and UpdateFunctionConfiguration give a new revision and end idle processes", async (t) => {
  const { functions, runtime, clock } = await open(t);
  const made = await functions.createFunction(BASIC);
  clock.advance(5000);
  const other = zipSync({ "index.js": [utf8Bytes("exports.handler = async () => 2"), { mtime: "2000-01-01" }] });
  const dry = await functions.updateFunctionCode({ FunctionName: "f", ZipFile: other, DryRun: true });
  assert.notEqual(dry.CodeSha256, made.CodeSha256);
  assert.deepEqual(await functions.getFunctionConfiguration({ FunctionName: "f" }), made);
  const code = await functions.updateFunctionCode({ FunctionName: "f", ZipFile: other, RevisionId: made.RevisionId });
  assert.equal(code.LastModified, "2026-01-01T00:00:05.000+0000");
  assert.notEqual(code.RevisionId, made.RevisionId);
  const stale = { FunctionName: "f", RevisionId: made.RevisionId };
  await refused(functions.updateFunctionCode({ ...stale, ZipFile: other }), "function-revision");
  await refused(functions.updateFunctionConfiguration({ ...stale, Timeout: 4 }), "function-revision");
  await refused(functions.updateFunctionCode({ FunctionName: "f" }), "function-parameter");
  const change = { Timeout: 4, MemorySize: 256, Description: "d", Handler: "a.b", Runtime: "nodejs24.x" } as const;
  const environment = { Variables: { B: "2" } };
  const changed = await functions.updateFunctionConfiguration({
    FunctionName: "f",
    ...change,
    Environment: environment,
  });
  assert.deepEqual({ ...changed, ...change, Environment: environment }, changed);
  assert.equal(changed.CodeSha256, code.CodeSha256);
  assert.deepEqual(runtime.retired, [made.FunctionArn, made.FunctionArn]);
  await functions.invoke({ FunctionName: "f" });
  const { deployment } = runtime.runs[0] as Run;
  assert.equal(deployment.timeoutMs, 4000);
  assert.equal(deployment.environment["B"], "2");
  assert.equal(deployment.environment["AWS_LAMBDA_FUNCTION_NAME"], "f");
  assert.equal(deployment.environment["AWS_REGION"], "eu-central-1");
  const text = new TextDecoder().decode((await deployment.files()).get("index.js"));
  assert.equal(text, "exports.handler = async () => 2");
});

test("ListFunctions pages by name, and DeleteFunction takes code and policy along", async (t) => {
  const { functions, runtime, registry } = await open(t);
  for (const FunctionName of ["c", "a", "b"]) await functions.createFunction({ ...BASIC, FunctionName });
  const first = await functions.listFunctions({ MaxItems: 2 });
  assert.deepEqual(
    first.Functions.map((each) => each.FunctionName),
    ["a", "b"],
  );
  await functions.createFunction({ ...BASIC, FunctionName: "aa" });
  const second = await functions.listFunctions({ MaxItems: 2, Marker: first.NextMarker ?? "" });
  assert.deepEqual([second.Functions.map((each) => each.FunctionName), second.NextMarker], [["c"], undefined]);
  const versions = Buffer.from(JSON.stringify(["ListVersionsByFunction", "1"])).toString("base64");
  for (const Marker of ["%", Buffer.from("a").toString("base64"), versions])
    await refused(functions.listFunctions({ Marker }), "function-parameter", /Marker was not given by ListFunctions/);
  await functions.addPermission({ FunctionName: "a", StatementId: "s", Action: "*", Principal: "*" });
  await functions.deleteFunction({ FunctionName: "a" });
  await refused(functions.deleteFunction({ FunctionName: "a" }), "function-not-found");
  assert.equal(runtime.retired.length, 1);
  assert.deepEqual(await registry.store.read.selectFrom("function_permissions").selectAll().execute(), []);
});

test("AddPermission, RemovePermission and GetPolicy keep a resource policy with revisions", async (t) => {
  const { functions, registry } = await open(t);
  const { id } = registry.account;
  const made = await functions.createFunction(BASIC);
  await refused(functions.getFunctionPolicy({ FunctionName: "f" }), "statement-not-found");
  const permission = {
    FunctionName: "f",
    StatementId: "rule",
    Action: "lambda:InvokeFunction",
    Principal: "iot.amazonaws.com",
    SourceArn: RULE.replace("ACCOUNT", id),
    SourceAccount: id,
  };
  const { Statement } = await functions.addPermission(permission);
  assert.deepEqual(JSON.parse(Statement), {
    Sid: "rule",
    Effect: "Allow",
    Principal: { Service: "iot.amazonaws.com" },
    Action: "lambda:InvokeFunction",
    Resource: made.FunctionArn,
    Condition: { StringEquals: { "AWS:SourceAccount": id }, ArnLike: { "AWS:SourceArn": RULE.replace("ACCOUNT", id) } },
  });
  await refused(
    functions.addPermission(permission),
    "statement-exists",
    /The statement id \(rule\) provided already exists/,
  );
  const policy = await functions.getFunctionPolicy({ FunctionName: "f" });
  assert.deepEqual(JSON.parse(policy.Policy), {
    Version: "2012-10-17",
    Id: "default",
    Statement: [JSON.parse(Statement)],
  });
  const account = { FunctionName: "f", StatementId: "two", Action: "*", Principal: "210987654321" };
  await refused(functions.addPermission({ ...account, RevisionId: "old" }), "function-revision");
  const second = await functions.addPermission({ ...account, RevisionId: policy.RevisionId });
  assert.deepEqual((JSON.parse(second.Statement) as { Principal: object }).Principal, {
    AWS: "arn:aws:iam::210987654321:root",
  });
  await functions.removePermission({ FunctionName: "f", StatementId: "two" });
  await refused(functions.removePermission({ FunctionName: "f", StatementId: "two" }), "statement-not-found");
  for (let i = 0; ; i++) {
    const long = { ...permission, StatementId: `s${i}`, SourceArn: `arn:aws:iot:::${"x".repeat(5000)}` };
    if (i < 3) await functions.addPermission(long);
    else {
      await refused(functions.addPermission(long), "policy-too-long", /bigger than the limit \(20480\)/);
      break;
    }
  }
});

test("invokeFor asks the resource policy: service, source account and source ARN, and says what is missing", async (t) => {
  const { functions, registry, runtime } = await open(t);
  const { id } = registry.account;
  await functions.createFunction(BASIC);
  const caller = { service: "iot.amazonaws.com", sourceArn: RULE.replace("ACCOUNT", id), sourceAccount: id };
  const ask = () => functions.invokeFor(caller, "f", "{}");
  assert.match(ask() ?? "", /no statement of its policy allows lambda:InvokeFunction to iot\.amazonaws\.com/);
  const basic = { FunctionName: "f", Action: "lambda:InvokeFunction", Principal: "iot.amazonaws.com" };
  const answers: (string | undefined)[] = [];
  const rows = [
    { Principal: "s3.amazonaws.com" },
    { Action: "lambda:GetFunction" },
    { SourceAccount: "999999999999" },
    { SourceArn: caller.sourceArn.replace("jitr", "other") },
    { SourceArn: `arn:aws:iot:*:${id}:cert/*` },
    { SourceArn: "arn:aws:iot:*" },
    { SourceArn: `arn:aws:iot:*:${id}:rule/j?tr`, SourceAccount: id },
    { SourceArn: caller.sourceArn },
    { Action: "lambda:*" },
    { Action: "*", Principal: "*" },
  ];
  for (const [i, row] of rows.entries()) {
    await functions.addPermission({ ...basic, StatementId: `s${i}`, ...row });
    answers.push(ask());
    await functions.removePermission({ FunctionName: "f", StatementId: `s${i}` });
  }
  assert.deepEqual(
    answers.map((answer) => answer === undefined),
    [...Array<boolean>(6).fill(false), ...Array<boolean>(4).fill(true)],
  );
  assert.match(answers[2] ?? "", /statement s2 allows source account 999999999999, not/);
  assert.match(answers[3] ?? "", /statement s3 allows source .*rule\/other, not .*rule\/jitr/);
  assert.equal(runtime.runs.length, 4);
});

test("AW-56 Invoke answers with the result, or with FunctionError and the error, and the log's last 4 KB", async (t) => {
  const { functions, runtime, ledger } = await open(t);
  await functions.createFunction(BASIC);
  runtime.answer = ({ request }) => ended(request.event);
  const event = utf8Bytes('{"n": 1.0, "big": 12345678901234567890}');
  const good = await functions.invoke({ FunctionName: "f", Payload: event, LogType: "Tail" });
  assert.deepEqual([good.StatusCode, good.ExecutedVersion, good.FunctionError], [200, "$LATEST", undefined]);
  assert.deepEqual(good.Payload, event, "the event is handed on as it came");
  const tail = fromBase64(good.LogResult ?? "");
  assert.deepEqual([tail.length, new TextDecoder().decode(tail.subarray(-3))], [4096, "END"]);
  runtime.answer = () => failed();
  const bad = await functions.invoke({ FunctionName: "f" });
  assert.deepEqual([bad.StatusCode, bad.FunctionError, bad.LogResult], [200, "Unhandled", undefined]);
  const error = { errorType: "TypeError", errorMessage: "bad", trace: ["TypeError: bad", "at x"] };
  assert.deepEqual(JSON.parse(new TextDecoder().decode(bad.Payload)), error);
  assert.equal(runtime.runs[1]?.request.event, "{}");
  assert.deepEqual(
    runsIn(ledger.events()).map(({ actor, function: name, outcome, durationMs, detail }) => [
      actor,
      name,
      outcome,
      durationMs,
      detail,
    ]),
    [
      ["cloud", "f", "succeeded", 7, ""],
      ["cloud", "f", "failed", 7, "TypeError: bad"],
    ],
  );
  assert.equal((await functions.invoke({ FunctionName: "f", InvocationType: "DryRun" })).StatusCode, 204);
  assert.equal(runtime.runs.length, 2);
});

test("Invoke refuses events that are no JSON or too large: request-content, request-too-large", async (t) => {
  const { functions } = await open(t);
  await functions.createFunction(BASIC);
  const invoke = (Payload: Uint8Array, InvocationType?: "Event") =>
    functions.invoke({ FunctionName: "f", Payload, ...(InvocationType && { InvocationType }) });
  await refused(invoke(utf8Bytes("{")), "request-content", /Could not parse request body into json/);
  await refused(invoke(new Uint8Array([0x22, 0xff, 0x22])), "request-content");
  await refused(invoke(new Uint8Array(6 * 1024 * 1024 + 1)), "request-too-large", /6291457 byte payload/);
  await refused(invoke(new Uint8Array(1024 * 1024 + 1), "Event"), "request-too-large", /Event/);
  const ClientContext = toBase64(utf8Bytes("no json"));
  await refused(functions.invoke({ FunctionName: "f", ClientContext }), "function-parameter", /ClientContext/);
  await refused(functions.invoke({ FunctionName: "g" }), "function-not-found");
});

test("an Event is accepted with 202 and attempted three times with growing pauses, each in the ledger", async (t) => {
  const { functions, runtime, ledger, clock } = await open(t);
  await functions.createFunction(BASIC);
  const outcomes = [failed("timeout"), new Refused("too-many-requests", "busy", 429), failed("memory"), ended("1")];
  runtime.answer = () => outcomes.shift() ?? ended("2");
  const settle = () => new Promise<void>((resolve) => void setImmediate(resolve));
  const certificate = "ab".repeat(32);
  const Payload = utf8Bytes(JSON.stringify({ certificateId: certificate }));
  assert.deepEqual(await functions.invoke({ FunctionName: "f", InvocationType: "Event", Payload }), {
    StatusCode: 202,
  });
  const runs: number[] = [];
  for (const ms of [0, 999, 1, 1999, 1, 60_000]) {
    clock.advance(ms);
    await settle();
    runs.push(runtime.runs.length);
  }
  assert.deepEqual(runs, [1, 1, 2, 2, 3, 3]);
  assert.equal(
    new Set(runtime.runs.map(({ request }) => request.requestId)).size,
    1,
    "one request id for all attempts",
  );
  const events = runsIn(ledger.events());
  assert.deepEqual(
    events.map(({ outcome }) => outcome),
    ["timeout", "failed", "memory", "failed"],
  );
  assert.match(events[1]?.detail ?? "", /^too-many-requests: busy/);
  assert.match(events[3]?.detail ?? "", /^gave up on the event after its last attempt: TypeError: bad/);
  assert.equal(events[0]?.certificate, certificate);
  await functions.invoke({ FunctionName: "f", InvocationType: "Event" });
  await settle();
  clock.advance(60_000);
  await settle();
  assert.equal(runtime.runs.length, 4, "an event that succeeded is not run again");
});

test("underway resolves with the attempt that runs about a certificate, whether it succeeds, fails or is refused", async (t) => {
  const { functions, runtime } = await open(t);
  await functions.createFunction(BASIC);
  const certificateId = "ab".repeat(32);
  const start = () => {
    const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
    runtime.run = () => promise;
    return { resolve, reject };
  };
  const accept = () =>
    functions.invoke({
      FunctionName: "f",
      InvocationType: "Event",
      Payload: utf8Bytes(JSON.stringify({ certificateId })),
    });
  for (const how of ["succeeds", "fails", "is refused"]) {
    const run = start();
    await accept();
    const attempt = functions.underway(certificateId);
    assert.ok(attempt, how);
    assert.equal(functions.underway("cd".repeat(32)), undefined);
    if (how === "is refused") run.reject(new Refused("too-many-requests", "busy", 429));
    else run.resolve(how === "fails" ? failed() : ended("1"));
    await attempt;
    assert.equal(functions.underway(certificateId), undefined, how);
  }
});

test("events beyond the bound are refused: too-many-requests; close forgets the waiting ones", async (t) => {
  const world = await newWorld(t);
  const runtime = new FakeRuntime();
  runtime.answer = () => failed();
  const { account, store } = world.registry;
  const functions = await Functions.open({
    account,
    clock: world.clock,
    entropy,
    hash: nodeHash,
    trace: world.ledger,
    store: functionStore(store),
    logs: await FunctionLogs.open({ store, clock: world.clock }),
    runtime,
    eventLimits: { pending: 2 },
  });
  await functions.createFunction(BASIC);
  const fire = () => functions.invoke({ FunctionName: "f", InvocationType: "Event" });
  await fire();
  await fire();
  await refused(fire(), "too-many-requests", /2 events are pending/);
  await new Promise((resolve) => setImmediate(resolve));
  await functions.close();
  world.clock.advance(100_000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(runtime.runs.length, 2);
});

test("functionLogs gives what runs printed, of each way to end and each way to be started; they go with the function", async (t) => {
  const { functions, runtime } = await open(t);
  await functions.createFunction(BASIC);
  await refused(functions.functionLogs({ FunctionName: "g" }), "function-not-found");
  assert.deepEqual(await functions.functionLogs({ FunctionName: "f" }), { entries: [], cursor: 0 });
  await functions.invoke({ FunctionName: "f" });
  runtime.answer = () => failed("timeout");
  await functions.invoke({ FunctionName: "f" });
  runtime.answer = () => ended("1");
  await functions.invoke({ FunctionName: "f", InvocationType: "Event" });
  await new Promise((resolve) => setImmediate(resolve));
  const { entries, cursor } = await functions.functionLogs({ FunctionName: "f" });
  assert.deepEqual(
    entries.map(({ outcome, requestId }) => [outcome, requestId]),
    ["succeeded", "timeout", "succeeded"].map((outcome, i) => [outcome, runtime.runs[i]?.request.requestId]),
  );
  assert.match(entries[0]?.log ?? "", /^x+END$/);
  assert.equal(cursor, entries[2]?.id);
  const later = await functions.functionLogs({ FunctionName: "f", after: entries[0]?.id ?? 0, limit: 1 });
  assert.deepEqual(later, { entries: [entries[1]], cursor: entries[1]?.id });
  assert.deepEqual(await functions.functionLogs({ FunctionName: "f", after: cursor }), { entries: [], cursor });
  await functions.deleteFunction({ FunctionName: "f" });
  await functions.createFunction(BASIC);
  assert.deepEqual((await functions.functionLogs({ FunctionName: "f" })).entries, []);
});

test("a service that asks a function needs its permission, and gets its answer, its failure or the time limit", async (t) => {
  const { functions, runtime, registry, clock } = await open(t);
  await functions.createFunction(BASIC);
  const sourceAccount = registry.account.id;
  const caller = {
    service: "iot.amazonaws.com",
    sourceArn: `arn:aws:iot:eu-central-1:${sourceAccount}:authorizer/a`,
    sourceAccount,
  };
  const ask = () => functions.askFor(caller, "f", { event: { n: 1 }, limitMs: 5000 });
  await refused(ask(), "function-refused");
  const permission = {
    FunctionName: "f",
    StatementId: "s",
    Action: "lambda:InvokeFunction",
    Principal: caller.service,
  };
  await functions.addPermission({ ...permission, SourceArn: caller.sourceArn });
  runtime.answer = () => ended('{"yes":true}');
  assert.deepEqual(await ask(), { yes: true });
  assert.equal(runtime.runs.at(-1)?.request.event, '{"n":1}');
  runtime.answer = () => failed();
  await refused(ask(), "function-refused", /function f: bad$/);
  runtime.answer = () => ended("nonsense");
  await refused(ask(), "function-refused", /is not JSON$/);
  runtime.run = () => new Promise(() => {});
  const late = ask();
  clock.advance(5000);
  await refused(late, "function-refused", /no answer within 5000 ms$/);
});
