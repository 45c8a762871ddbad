import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { zipSync } from "fflate";

import { HawserError, type Json, NotFound, toBase64, utf8Bytes } from "../../codec/index.ts";
import { nodeClock, nodeHash } from "../../crypto/node.ts";
import type { TraceEvent } from "../../trace/index.ts";
import type { Published, SystemMessage } from "../broker/index.ts";
import { World as BrokerWorld } from "../broker/harness.test.ts";
import { registryApi } from "../functions/fixtures.test.ts";
import { FunctionLogs, Functions, functionStore } from "../functions/index.ts";
import { openFunctionRuntime } from "../functions/node.ts";
import { registrationEvent } from "../onboarding/registration-event.ts";
import { ACTIVATION_FUNCTION, activationFunctionZip } from "../onboarding/node-activation-function.ts";
import { entropy, newLeaf, newWorld, registeredCa, temporary, type World } from "../registry/fixtures.test.ts";
import { issuersOf, registerPending, type CaEntry } from "../registry/index.ts";
import { Outside } from "./fixtures.test.ts";
import {
  MAX_LOOKUPS,
  RuleEngine,
  Rules,
  type HttpRuleTerms,
  type FunctionDoor,
  type LookUpDoors,
  type RuleCaller,
} from "./index.ts";

type Asked = { readonly caller: RuleCaller; readonly functionArn: string; readonly event: string };

class FakeFunctions implements FunctionDoor {
  readonly asked: Asked[] = [];
  answer: (asked: Asked) => string | undefined = () => undefined;

  invokeFor(caller: RuleCaller, functionArn: string, event: string): string | undefined {
    const asked = { caller, functionArn, event };
    this.asked.push(asked);
    return this.answer(asked);
  }
}

const NO_LOOKUPS: LookUpDoors = {
  askFunction: () => Promise.reject(new NotFound("function-not-found", "there is no function")),
  registryData: () => Promise.reject(new NotFound("resource-not-found", "there is no thing")),
  thingShadow: () => Promise.reject(new NotFound("resource-not-found", "there is no shadow")),
};

const NO_DESTINATIONS: HttpRuleTerms = {
  canSign: false,
  destinations: { check: () => undefined, ensure: () => Promise.resolve() },
};

type Opened = World & {
  readonly rules: Rules;
  readonly engine: RuleEngine;
  readonly functions: FakeFunctions;
  readonly outside: Outside;
  readonly published: { readonly message: SystemMessage; readonly origin: string }[];
};

async function open(t: TestContext, directory = temporary(t), lookUps = NO_LOOKUPS): Promise<Opened> {
  const world = await newWorld(t, directory);
  const { account, store } = world.registry;
  const functions = new FakeFunctions();
  const published: { message: SystemMessage; origin: string }[] = [];
  const outside = new Outside();
  const engine = new RuleEngine({
    account,
    clock: world.clock,
    entropy,
    hash: nodeHash,
    trace: world.ledger,
    functions,
    publish: (message, origin) => void published.push({ message, origin }),
    lookUps,
    http: outside.http,
    objects: outside.objects,
    multiLevelMatchesParent: false,
  });
  const rules = await Rules.open({ account, clock: world.clock, store, engine, http: NO_DESTINATIONS });
  return { ...world, rules, engine, functions, outside, published };
}

const ROLE = "arn:aws:iam::123456789012:role/republish";
const REPUBLISH = { roleArn: ROLE, topic: "b" };
const ARN = "arn:aws:lambda:eu-central-1:123456789012:function:f";

function lambda(functionArn = ARN): Json {
  return { lambda: { functionArn } };
}

function rule(sql: string, ...actions: Json[]): Json {
  return { sql, actions: actions.length > 0 ? actions : [lambda()] };
}

function message(topic: string, payload: string | Uint8Array = "{}"): Published {
  const bytes = typeof payload === "string" ? utf8Bytes(payload) : payload;
  return {
    topic,
    payload: bytes,
    qos: 1,
    retain: false,
    properties: {},
    origin: "client",
    clientId: "c",
    principalId: "p",
  };
}

async function refused(promise: Promise<unknown>, code: string, text = /./): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof HawserError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, text);
    return true;
  });
}

test("CreateTopicRule keeps a rule, GetTopicRule gives it back, a second one of its name is refused", async (t) => {
  const { rules, registry, clock } = await open(t);
  clock.advance(1500);
  const topicRulePayload = {
    ...(rule("SELECT * FROM 'a/#'") as object),
    description: "d",
    awsIotSqlVersion: "2016-03-23",
  };
  await rules.createTopicRule({ ruleName: "one", topicRulePayload });
  const ruleArn = `arn:aws:iot:eu-central-1:${registry.account.id}:rule/one`;
  const kept = {
    ruleName: "one",
    ...topicRulePayload,
    ruleDisabled: false,
    createdAt: Date.UTC(2026, 0, 1) / 1000 + 1.5,
  };
  assert.deepEqual(await rules.getTopicRule({ ruleName: "one" }), { ruleArn, rule: kept });
  await refused(
    rules.createTopicRule({ ruleName: "one", topicRulePayload }),
    "resource-exists",
    /'one' already exists/,
  );
  await rules.createTopicRule({ ruleName: "two", topicRulePayload: rule("SELECT * FROM 'b'") });
  assert.equal((await rules.getTopicRule({ ruleName: "two" })).rule["awsIotSqlVersion"], "2015-10-08");
});

test("a rule that does not exist is answered as AWS does: rule-access-denied", async (t) => {
  const { rules } = await open(t);
  const topicRulePayload = rule("SELECT * FROM 'a'");
  for (const ask of [
    rules.getTopicRule({ ruleName: "x" }),
    rules.replaceTopicRule({ ruleName: "x", topicRulePayload }),
    rules.enableTopicRule({ ruleName: "x" }),
    rules.disableTopicRule({ ruleName: "x" }),
    rules.deleteTopicRule({ ruleName: "x" }),
  ]) {
    await refused(ask, "rule-access-denied", /^Access to topic rule 'x' was denied$/);
  }
});

test("CreateTopicRule refuses actions and settings that are absent by name, and malformed rules", async (t) => {
  const { rules } = await open(t);
  const create = (topicRulePayload: Json) => rules.createTopicRule({ ruleName: "r", topicRulePayload });
  const sql = "SELECT * FROM 'a'";
  await refused(create(rule(sql, { sqs: { queueUrl: "b" } })), "invalid-request", /sqs\.roleArn is required/);
  await refused(
    create({ sql, actions: [], errorAction: { sns: {} } }),
    "invalid-request",
    /sns\.targetArn is required/,
  );
  await refused(create(rule(sql, { ...(lambda() as object), republish: REPUBLISH })), "invalid-request", /one action/);
  await refused(create(rule(sql, { republish: { topic: "x" } })), "invalid-request", /roleArn is missing/);
  await refused(create(rule(sql, { republish: { roleArn: ROLE } })), "invalid-request", /topic is missing/);
  await refused(create(rule(sql, { republish: { ...REPUBLISH, qos: 2 } })), "invalid-request", /qos must be at most 1/);
  const headers = { userProperties: [{ key: "k" }] };
  await refused(
    create(rule(sql, { republish: { ...REPUBLISH, headers } })),
    "invalid-request",
    /\[0\] needs key and value/,
  );
  await refused(
    create(rule(sql, { republish: { ...REPUBLISH, topic: "a/${b +}" } })),
    "sql-parse",
    /character 8 of the template/,
  );
  await refused(
    create(rule(sql, { republish: { ...REPUBLISH, topic: "a/${b" } })),
    "sql-parse",
    /character 3 of the template/,
  );
  await refused(create(rule("SELECT VALUE x FROM 'a'")), "sql-parse", /needs awsIotSqlVersion 2016-03-23/);
  await refused(create(rule(sql, { teleport: {} })), "invalid-request", /no member "teleport"/);
  await refused(create(rule(sql, {})), "invalid-request", /actions\[0\] must name one action/);
  await refused(create(rule(sql, { lambda: {} })), "invalid-request", /functionArn is missing/);
  await refused(create(rule(sql, lambda("f"))), "invalid-request", /functionArn' failed to satisfy/);
  await refused(create(rule(sql, ...Array.from({ length: 11 }, () => lambda()))), "invalid-request", /at most 10/);
  const long = `SELECT '${"x".repeat(100_000)}' AS a FROM 'a'`;
  assert.equal(await create(rule(long)), undefined, "a rule may have 256 KiB");
  await rules.deleteTopicRule({ ruleName: "r" });
  const tooLong = rule(`SELECT '${"x".repeat(256 * 1024 - 50)}' AS a FROM 'a'`, lambda());
  await refused(create(tooLong), "invalid-request", /topicRulePayload has \d+ bytes, at most 262144/);
  await refused(create({ actions: [] }), "invalid-request", /sql is missing/);
  await refused(create({ sql }), "invalid-request", /actions is missing/);
  await refused(create({ sql, actions: [], awsIotSqlVersion: "2017-01-01" }), "invalid-request", /2016-03-23/);
  await refused(create("text"), "invalid-request", /must be an object/);
  await refused(create(rule("SELECT get_secret() FROM 'a'")), "sql-parse", /the function get_secret .*character 8/);
  await refused(rules.getTopicRule({ ruleName: "r" }), "rule-access-denied");
});

test("RuleEngine hands the payload to the function exactly as it was published", async (t) => {
  const { rules, engine, functions, registry } = await open(t);
  await rules.createTopicRule({ ruleName: "r", topicRulePayload: rule("SELECT * FROM 'a/+'") });
  const text = '{ "z": 1.0, "a": 12345678901234567890, "\\u00e9": "ü", "a": 2 }';
  engine.handle(message("a/b", text));
  engine.handle(message("a/b", "[1, null]"));
  for (const topic of ["a", "a/b/c", "b/b", "$a/b"]) engine.handle(message(topic));
  const caller = {
    service: "iot.amazonaws.com",
    sourceArn: `arn:aws:iot:eu-central-1:${registry.account.id}:rule/r`,
    sourceAccount: registry.account.id,
  };
  assert.deepEqual(functions.asked, [
    { caller, functionArn: ARN, event: text },
    { caller, functionArn: ARN, event: "[1, null]" },
  ]);
});

test("RuleEngine keeps the event though the broker reuses the payload's bytes", async (t) => {
  const { rules, engine, functions } = await open(t);
  await rules.createTopicRule({ ruleName: "r", topicRulePayload: rule("SELECT * FROM 'a'") });
  const payload = utf8Bytes('{"n":1}');
  engine.handle(message("a", payload));
  payload.fill(0);
  assert.equal(functions.asked[0]?.event, '{"n":1}');
});

test("all rules whose filters match fire, with all their actions; disabled ones do not", async (t) => {
  const { rules, engine, functions } = await open(t);
  const arn = (name: string) => ARN.replace(/f$/, name);
  await rules.createTopicRule({
    ruleName: "one",
    topicRulePayload: rule("SELECT * FROM '#'", lambda(arn("x")), lambda(arn("y"))),
  });
  await rules.createTopicRule({ ruleName: "two", topicRulePayload: rule("SELECT * FROM 'a'", lambda(arn("z"))) });
  const off = { ...(rule("SELECT * FROM 'a'") as object), ruleDisabled: true };
  await rules.createTopicRule({ ruleName: "off", topicRulePayload: off });
  const fired = (topic = "a") => {
    functions.asked.length = 0;
    engine.handle(message(topic));
    return functions.asked.map(({ functionArn }) => functionArn.replace(/.*:/, "")).toSorted();
  };
  assert.deepEqual(fired(), ["x", "y", "z"]);
  assert.deepEqual(fired("$aws/events/x"), [], "# matches no topic that begins with $");
  await rules.enableTopicRule({ ruleName: "off" });
  assert.deepEqual(fired(), ["f", "x", "y", "z"]);
  await rules.disableTopicRule({ ruleName: "one" });
  assert.deepEqual(fired(), ["f", "z"]);
  await rules.replaceTopicRule({ ruleName: "off", topicRulePayload: rule("SELECT * FROM 'b'") });
  assert.deepEqual([fired(), fired("b")], [["z"], ["f"]]);
  await rules.deleteTopicRule({ ruleName: "two" });
  assert.deepEqual(fired(), []);
});

test("rules are in force again after a restart, disabled ones disabled", async (t) => {
  const directory = temporary(t);
  const first = await open(t, directory);
  await first.rules.createTopicRule({ ruleName: "on", topicRulePayload: rule("SELECT * FROM 'a'") });
  await first.rules.createTopicRule({
    ruleName: "off",
    topicRulePayload: rule("SELECT * FROM 'a'", lambda(`${ARN}2`)),
  });
  await first.rules.disableTopicRule({ ruleName: "off" });
  const before = await first.rules.getTopicRule({ ruleName: "off" });
  await first.registry.store.close();
  const second = await open(t, directory);
  second.engine.handle(message("a"));
  assert.deepEqual(
    second.functions.asked.map(({ functionArn }) => functionArn),
    [ARN],
  );
  assert.deepEqual(await second.rules.getTopicRule({ ruleName: "off" }), before);
});

test("ListTopicRules pages by name and filters by topic and by state", async (t) => {
  const { rules, registry } = await open(t);
  for (const [ruleName, filter] of [
    ["c", "x/#"],
    ["a", "x/y"],
    ["b", "z"],
  ] as const) {
    await rules.createTopicRule({ ruleName, topicRulePayload: rule(`SELECT * FROM '${filter}'`) });
  }
  await rules.disableTopicRule({ ruleName: "b" });
  const names = async (input: Parameters<Rules["listTopicRules"]>[0]) =>
    (await rules.listTopicRules(input)).rules.map(({ ruleName }) => ruleName);
  const page = await rules.listTopicRules({ maxResults: 2 });
  assert.deepEqual(page.rules[0], {
    ruleArn: `arn:aws:iot:eu-central-1:${registry.account.id}:rule/a`,
    ruleName: "a",
    topicPattern: "x/y",
    createdAt: Date.UTC(2026, 0, 1) / 1000,
    ruleDisabled: false,
  });
  const rest = await rules.listTopicRules({ maxResults: 2, nextToken: page.nextToken ?? "" });
  assert.deepEqual([rest.rules.map(({ ruleName }) => ruleName), rest.nextToken], [["c"], undefined]);
  assert.deepEqual(await names({ topic: "x/y" }), ["a", "c"]);
  assert.deepEqual(await names({ topic: "x/#" }), ["c"]);
  assert.deepEqual(await names({ ruleDisabled: true }), ["b"]);
  for (const nextToken of [
    "%",
    toBase64(utf8Bytes("a")),
    toBase64(utf8Bytes(JSON.stringify(["ListThings asc", 0, "a"]))),
  ])
    await refused(rules.listTopicRules({ nextToken }), "invalid-request", /was not issued by this list/);
});

test("what an action could not do is told in the ledger, with the cure, and stops neither rules nor broker", async (t) => {
  const { rules, engine, functions, ledger, registry } = await open(t);
  await rules.createTopicRule({ ruleName: "jitr", topicRulePayload: rule("SELECT * FROM 'a'") });
  functions.answer = () => "no statement of its policy allows it";
  engine.handle(message("a"));
  functions.answer = () => {
    throw new NotFound("function-not-found", "Function not found: f");
  };
  engine.handle(message("a"));
  engine.handle(message("a", new Uint8Array([0xff])));
  engine.handle(message("a", "not json"));
  const runs = ledger
    .events({ kinds: ["function.run"] })
    .flatMap((event) => (event.kind === "function.run" ? [event] : []));
  assert.deepEqual(
    new Set(runs.map((run) => `${run.function} ${run.request} ${run.outcome}`)),
    new Set(["f rule/jitr failed"]),
  );
  const [denied, missing, binary, text] = runs.map(({ detail }) => detail);
  const { id } = registry.account;
  assert.equal(
    denied,
    "rule jitr could not invoke the function: no statement of its policy allows it; aws lambda add-permission " +
      "--function-name f --statement-id rule --action lambda:InvokeFunction --principal iot.amazonaws.com " +
      `--source-arn arn:aws:iot:eu-central-1:${id}:rule/jitr --source-account ${id}`,
  );
  assert.match(missing ?? "", /function-not-found: Function not found: f$/);
  for (const detail of [binary, text]) assert.match(detail ?? "", /the payload is not JSON/);
});

test("a rule whose function has a qualifier needs that qualifier's permission, and its cure says so", async (t) => {
  const { rules, engine, functions, ledger } = await open(t);
  const functionArn = "arn:aws:lambda:eu-central-1:123456789012:function:f:prod";
  const topicRulePayload = { sql: "SELECT * FROM 'a'", actions: [{ lambda: { functionArn } }] };
  await rules.createTopicRule({ ruleName: "jitr", topicRulePayload });
  functions.answer = () => "no statement";
  engine.handle(message("a"));
  assert.equal(functions.asked[0]?.functionArn, functionArn);
  const [run] = ledger.events({ kinds: ["function.run"] });
  assert.ok(run?.kind === "function.run");
  assert.match(run.detail, /aws lambda add-permission --function-name f --qualifier prod --statement-id rule/);
});

test("a rule with fields and a condition hands its function what it selects, and nothing where the condition fails", async (t) => {
  const { rules, engine, functions } = await open(t);
  const sql = "SELECT temp AS celsius, topic(2) AS device FROM 'dt/+' WHERE temp > 30";
  await rules.createTopicRule({ ruleName: "hot", topicRulePayload: rule(sql) });
  for (const payload of ['{"temp":31.5,"x":1}', '{"temp":30}', '{"x":1}', "31.5", "no json"])
    engine.handle(message("dt/d1", payload));
  assert.deepEqual(
    functions.asked.map(({ event }) => event),
    ['{"celsius":31.5,"device":"d1"}'],
  );
});

test("republish publishes what was selected, topic and properties filled in for each message", async (t) => {
  const { rules, engine, published } = await open(t);
  const headers = {
    contentType: "application/json",
    payloadFormatIndicator: "UTF8_DATA",
    responseTopic: "answers/${clientid()}",
    correlationData: "${encode(topic(), 'base64')}",
    messageExpiry: "${ttl}",
    userProperties: [{ key: "from", value: "${principal()}" }],
  };
  const republish = { roleArn: ROLE, topic: "alarms/${topic(2)}", qos: 1, headers };
  await rules.createTopicRule({ ruleName: "r", topicRulePayload: rule("SELECT n FROM 'dt/+'", { republish }) });
  const plain = { republish: { roleArn: ROLE, topic: "$$aws/things/t/shadow/update" } };
  await rules.createTopicRule({ ruleName: "s", topicRulePayload: rule("SELECT * FROM 'raw'", plain) });
  engine.handle(message("dt/d1", '{"n":5,"ttl":60}'));
  const binary = Uint8Array.from([0xff, 1]);
  engine.handle(message("raw", binary));
  binary.fill(0);
  const properties = {
    payloadFormatIndicator: 1,
    messageExpiryIntervalS: 60,
    contentType: "application/json",
    responseTopic: "answers/c",
    correlationData: utf8Bytes("dt/d1"),
    userProperties: [["from", "p"]],
  };
  assert.deepEqual(published, [
    { message: { topic: "alarms/d1", payload: utf8Bytes('{"n":5}'), qos: 1, properties }, origin: "rule/r hop 1" },
    {
      message: { topic: "$aws/things/t/shadow/update", payload: Uint8Array.from([0xff, 1]), qos: 0, properties: {} },
      origin: "rule/s hop 1",
    },
  ]);
});

test("a republish that cannot be made goes to the error action, with the original payload", async (t) => {
  const { rules, engine, functions, published, ledger } = await open(t);
  const broken = (republish: object, ruleName: string) =>
    rules.createTopicRule({
      ruleName,
      topicRulePayload: {
        ...(rule("SELECT * FROM 'a'", { republish: { ...REPUBLISH, ...republish } }) as object),
        errorAction: lambda(),
      },
    });
  await broken({ topic: "x/${missing}" }, "r1");
  await broken({ topic: "$aws/x" }, "r2");
  await broken({ headers: { messageExpiry: "soon" } }, "r3");
  await broken({ headers: { payloadFormatIndicator: "${n}" } }, "r4");
  await broken({ headers: { correlationData: "%" } }, "r5");
  engine.handle(message("a", '{"n":1}'));
  assert.deepEqual(published, []);
  const reports = functions.asked.map(
    ({ event }) => JSON.parse(event) as { ruleName: string; failures: { errorMessage: string }[] },
  );
  assert.deepEqual(
    reports.map((each) => [each.ruleName, each.failures[0]?.errorMessage]),
    [
      ["r1", "the template in topic has no value for this message"],
      ["r2", "a reserved topic must be written with $$"],
      ["r3", "messageExpiry is no number of seconds"],
      ["r4", "payloadFormatIndicator is not UTF8_DATA"],
      ["r5", "correlationData is not base64"],
    ],
  );
  const { failures, ...about } = reports[0] as unknown as Record<string, unknown>;
  assert.deepEqual(about, {
    ruleName: "r1",
    topic: "a",
    cloudwatchTraceId: about["cloudwatchTraceId"],
    clientId: "c",
    base64OriginalPayload: "eyJuIjoxfQ==",
  });
  const failure = {
    failedAction: "RepublishAction",
    failedResource: "x/${missing}",
    errorMessage: reports[0]?.failures[0]?.errorMessage,
  };
  assert.deepEqual(failures, [failure]);
  const [failed] = ledger.events({ kinds: ["rule.failed"] });
  assert.ok(failed?.kind === "rule.failed");
  assert.deepEqual([failed.rule, failed.action, failed.code], ["r1", "republish", "action-failed"]);
  assert.match(failed.detail, /the template in topic has no value/);
});

test("a function that may not be invoked goes to the error action, and an error action that fails to the ledger", async (t) => {
  const { rules, engine, functions, published, ledger } = await open(t);
  const topicRulePayload = {
    ...(rule("SELECT * FROM 'a'") as object),
    errorAction: { republish: { ...REPUBLISH, topic: "errors" } },
  };
  await rules.createTopicRule({ ruleName: "r", topicRulePayload });
  await rules.createTopicRule({
    ruleName: "twice",
    topicRulePayload: { ...(rule("SELECT * FROM 'b'") as object), errorAction: lambda(`${ARN}2`) },
  });
  functions.answer = () => "denied";
  engine.handle(message("a"));
  const [{ message: report } = assert.fail()] = published;
  assert.equal(report.topic, "errors");
  const { failures } = JSON.parse(new TextDecoder().decode(report.payload)) as { failures: Record<string, string>[] };
  assert.deepEqual([failures[0]?.["failedAction"], failures[0]?.["failedResource"]], ["LambdaAction", ARN]);
  engine.handle(message("b"));
  assert.equal(published.length, 1);
  assert.equal(ledger.events({ kinds: ["function.run"] }).length, 3);
});

test("rules that republish to each other end after five hops, which the ledger tells", async (t) => {
  const world = await newWorld(t);
  const { account, store } = world.registry;
  const { broker } = new BrokerWorld();
  const seen: string[] = [];
  const outside = new Outside();
  const engine = new RuleEngine({
    account,
    clock: world.clock,
    entropy,
    hash: nodeHash,
    trace: world.ledger,
    functions: new FakeFunctions(),
    lookUps: NO_LOOKUPS,
    http: outside.http,
    objects: outside.objects,
    publish: (message, origin) => broker.publish(message, origin),
    ...broker.settings,
  });
  const rules = await Rules.open({ account, clock: world.clock, store, engine, http: NO_DESTINATIONS });
  t.after(broker.onPublish((published) => engine.handle(published)));
  t.after(broker.onPublish(({ topic }) => void seen.push(topic)));
  for (const [ruleName, from, topic] of [
    ["ping", "a", "b"],
    ["pong", "b", "a"],
  ] as const) {
    const republish = { ...REPUBLISH, topic };
    await rules.createTopicRule({ ruleName, topicRulePayload: rule(`SELECT * FROM '${from}'`, { republish }) });
  }
  broker.publish({ topic: "a", payload: utf8Bytes("{}"), qos: 0 }, "test");
  assert.deepEqual(seen.toSorted(), ["a", "a", "a", "b", "b", "b"]);
  assert.match(JSON.stringify(world.ledger.events({ kinds: ["rule.failed"] })), /was republished 5 times already/);
});

test("aws_lambda and get_registry_data are asked, and the rule is evaluated again with the answers", async (t) => {
  const asked: unknown[] = [];
  const world = await open(t, undefined, {
    askFunction(caller, functionArn, event) {
      asked.push([caller.sourceArn, functionArn, event]);
      return Promise.resolve({ doubled: (event as { n: number }).n * 2 });
    },
    registryData(operation, thingName) {
      asked.push([operation, thingName]);
      return Promise.resolve({ attributes: { site: "north" } });
    },
    thingShadow: (thing, name) => Promise.resolve({ state: { reported: { of: `${thing}/${name ?? ""}` } } }),
  });
  const { rules, engine, functions, registry } = world;
  const sql =
    `SELECT *, aws_lambda('${ARN}', {"n": n, "id": newuuid()}).doubled AS twice, aws_lambda('${ARN}', *) AS all, ` +
    `get_registry_data('DescribeThing', clientid(), '${ROLE}').attributes.site AS site, ` +
    `get_thing_shadow('t', '${ROLE}').state.reported.of AS classic, ` +
    `get_thing_shadow('t', 'n', '${ROLE}').state.reported.of AS named FROM 'a' ` +
    `WHERE aws_lambda('${ARN}', *).doubled > 5`;
  const topicRulePayload = { ...(rule(sql) as object), awsIotSqlVersion: "2016-03-23" };
  await rules.createTopicRule({ ruleName: "r", topicRulePayload });
  const bytes = utf8Bytes('{"n":4}');
  engine.handle(message("a", bytes));
  // The broker uses the bytes again while answers are on their way.
  bytes.fill(0);
  engine.handle(message("a", '{"n":1}'));
  await engine.whenIdle();
  assert.deepEqual(
    functions.asked.map(({ event }) => JSON.parse(event) as unknown),
    [{ n: 4, twice: 8, all: { doubled: 8 }, site: "north", classic: "t/", named: "t/n" }],
  );
  assert.equal(asked.length, 4, "each question is asked once, and no more than the condition needs");
  assert.deepEqual(asked[0], [`arn:aws:iot:eu-central-1:${registry.account.id}:rule/r`, ARN, { n: 4 }]);
});

test("a question without an answer has no value, and the ledger tells why", async (t) => {
  const { rules, engine, functions, ledger } = await open(t);
  const sql = `SELECT aws_lambda('${ARN}', 1) AS x, get_registry_data('DescribeThing', 't', '${ROLE}') AS y FROM 'a'`;
  await rules.createTopicRule({ ruleName: "r", topicRulePayload: rule(sql) });
  engine.handle(message("a"));
  await engine.whenIdle();
  assert.deepEqual(
    functions.asked.map(({ event }) => event),
    ["{}"],
  );
  assert.match(
    JSON.stringify(ledger.events({ kinds: ["process"] })),
    /rule r: aws_lambda has no value: function-not-found/,
  );
});

test("questions that always change end at a bound", async (t) => {
  let answers = 0;
  const askFunction = () => Promise.resolve({ n: ++answers });
  const { rules, engine } = await open(t, undefined, { ...NO_LOOKUPS, askFunction });
  let nested = "1";
  for (let i = 0; i < MAX_LOOKUPS + 4; i++) nested = `aws_lambda('${ARN}', ${nested})`;
  await rules.createTopicRule({ ruleName: "r", topicRulePayload: rule(`SELECT ${nested} AS x FROM 'a'`) });
  engine.handle(message("a"));
  await engine.whenIdle();
  assert.equal(answers, MAX_LOOKUPS);
});

test("Basic Ingest hands a message to one rule, whatever its filter; topic() does not see the prefix", async (t) => {
  const { rules, engine, functions, ledger } = await open(t);
  const create = (ruleName: string, sql: string) => rules.createTopicRule({ ruleName, topicRulePayload: rule(sql) });
  await create("plain", "SELECT topic() AS t, topic(1) AS one");
  await create("where", "SELECT * WHERE n > 1");
  await create("filtered", "SELECT topic() AS t FROM 'other/#'");
  await create("all", "SELECT * FROM '#'");
  engine.handle(message("$aws/rules/plain/a/b"));
  engine.handle(message("$aws/rules/where/x", '{"n":2}'));
  engine.handle(message("$aws/rules/where/x", '{"n":1}'));
  engine.handle(message("$aws/rules/filtered/a"));
  engine.handle(message("$aws/rules/plain"));
  assert.deepEqual(
    functions.asked.map(({ event }) => event),
    ['{"t":"a/b","one":"a"}', '{"n":2}', '{"t":"a"}', '{"t":"","one":""}'],
  );
  assert.equal(ledger.events({ kinds: ["process"] }).length, 0);
  await rules.disableTopicRule({ ruleName: "plain" });
  engine.handle(message("$aws/rules/plain/a"));
  engine.handle(message("$aws/rules/nobody/a"));
  assert.equal(functions.asked.length, 4);
  const told = JSON.stringify(ledger.events({ kinds: ["process"] }));
  assert.match(told, /rule plain is lost: the rule is disabled/);
  assert.match(told, /rule nobody is lost: the rule does not exist/);
  const { rules: listed } = await rules.listTopicRules({});
  assert.deepEqual(
    listed.map(({ ruleName, topicPattern }) => [ruleName, topicPattern]),
    [
      ["all", "#"],
      ["filtered", "other/#"],
      ["plain", undefined],
      ["where", undefined],
    ],
  );
});

test("Basic Ingest reaches rules and no subscriber, and policies decide about the whole topic", async (t) => {
  const { rules, engine, functions } = await open(t);
  const world = new BrokerWorld();
  t.after(world.broker.onPublish((published) => engine.handle(published)));
  await rules.createTopicRule({ ruleName: "r", topicRulePayload: rule("SELECT *") });
  const subscriber = await world.connected("s");
  await subscriber.subscribe("#", 1);
  const device = await world.connected("d", { protocolVersion: 5 });
  await device.publish("$aws/rules/r/a/b/c/d/e/f/g/h", '{"n":1}', { qos: 1 });
  assert.deepEqual(subscriber.messages(), []);
  assert.deepEqual(
    functions.asked.map(({ event }) => event),
    ['{"n":1}'],
  );
  const tooDeep = await world.connected("deep", { protocolVersion: 5 });
  await tooDeep.publish("$aws/rules/r/1/2/3/4/5/6/7/8/9", "{}", { qos: 1 });
  assert.notEqual(tooDeep.ended, undefined, "what follows the rule's name has the limits of every topic");
});

/** What AWS's just-in-time samples do, as a function of today's SDK in callback style: thing, policy, both attached, ACTIVE. */
const SDK_SAMPLE = `
const { IoTClient, CreateThingCommand, CreatePolicyCommand, AttachPolicyCommand, AttachThingPrincipalCommand,
  UpdateCertificateCommand } = require("@aws-sdk/client-iot");
const iot = new IoTClient({ region: process.env.AWS_REGION, apiVersion: "2015-05-28" });
exports.handler = (event, context, callback) => {
  const { certificateId, awsAccountId } = event;
  const principal = \`arn:aws:iot:\${process.env.AWS_REGION}:\${awsAccountId}:cert/\${certificateId}\`;
  const policyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [
    { Effect: "Allow", Action: ["iot:Connect", "iot:Publish"], Resource: ["*"] } ] });
  const there = (error) => { if (error.name !== "ResourceAlreadyExistsException") throw error; };
  iot.send(new CreatePolicyCommand({ policyName: "sample", policyDocument })).catch(there)
    .then(() => iot.send(new CreateThingCommand({ thingName: "sample-thing" }))).catch(there)
    .then(() => iot.send(new AttachPolicyCommand({ policyName: "sample", target: principal })))
    .then(() => iot.send(new AttachThingPrincipalCommand({ thingName: "sample-thing", principal })))
    .then(() => iot.send(new UpdateCertificateCommand({ certificateId, newStatus: "ACTIVE" })))
    .then(() => callback(null, "success"), callback);
};`;

const ACTIVATIONS = [
  {
    title: "AW-43 AW-57 create function, permission and rule; then a registration event activates the device",
    handler: ACTIVATION_FUNCTION.handler,
    zip: activationFunctionZip(),
    expected: ["ACTIVE", ["device-1"], ["hawser-device"]],
  },
  {
    title: "AW-57 T-25 a just-in-time sample on @aws-sdk/client-iot makes thing and policy, attaches both, activates",
    handler: "index.handler",
    zip: zipSync({ "index.js": utf8Bytes(SDK_SAMPLE) }),
    expected: ["ACTIVE", ["sample-thing"], ["sample"]],
  },
] as const;

for (const { title, handler, zip, expected } of ACTIVATIONS)
  test(title, async (t) => {
    const { registry, ledger, clock } = await newWorld(t);
    const { account, store, directory } = registry;
    const api = registryApi(registry);
    const runtime = await openFunctionRuntime({ clock: nodeClock, trace: ledger, api });
    const kept = functionStore(store);
    const functions = await Functions.open({
      logs: await FunctionLogs.open({ store, clock }),
      account,
      clock,
      entropy,
      hash: nodeHash,
      trace: ledger,
      store: kept,
      runtime,
    });
    t.after(() => functions.close());
    const { broker } = new BrokerWorld();
    const outside = new Outside();
    const engine = new RuleEngine({
      account,
      clock,
      entropy,
      hash: nodeHash,
      trace: ledger,
      functions,
      lookUps: NO_LOOKUPS,
      http: outside.http,
      objects: outside.objects,
      publish: (message, origin) => broker.publish(message, origin),
      ...broker.settings,
    });
    const rules = await Rules.open({ account, clock, store, engine, http: NO_DESTINATIONS });
    t.after(broker.onPublish((published) => engine.handle(published)));

    const { FunctionArn } = await functions.createFunction({
      FunctionName: ACTIVATION_FUNCTION.name,
      Role: "arn:aws:iam::123456789012:role/any",
      Runtime: "nodejs24.x",
      Handler: handler,
      Timeout: 20,
      Code: { ZipFile: zip },
    });
    await rules.createTopicRule({
      ruleName: "activate",
      topicRulePayload: rule(ACTIVATION_FUNCTION.sql, lambda(FunctionArn)),
    });
    const issuer = await registeredCa(registry);
    const leaf = await newLeaf({ issuer, name: "device-1" });
    const [ca] = (await issuersOf(registry, leaf)) as [CaEntry];
    const { entry } = await registerPending(registry, leaf, ca);
    const registered = {
      certificateId: entry.id,
      caCertificateId: ca.id,
      accountId: account.id,
      registeredAt: undefined,
    };
    const event = () => registrationEvent({ ...registered, time: clock.now() });

    broker.publish(event(), "onboarding");
    const before = JSON.stringify(ledger.events({ kinds: ["function.run"] }));
    assert.match(
      before,
      /no statement of its policy allows lambda:InvokeFunction to iot\.amazonaws\.com; aws lambda add-permission/,
    );
    await functions.addPermission({
      FunctionName: ACTIVATION_FUNCTION.name,
      StatementId: "rule",
      Action: "lambda:InvokeFunction",
      Principal: "iot.amazonaws.com",
      SourceArn: (await rules.getTopicRule({ ruleName: "activate" })).ruleArn,
      SourceAccount: account.id,
    });
    const ended = new Promise<TraceEvent>((resolve) => {
      t.after(ledger.subscribe((each) => each.kind === "function.run" && resolve(each)));
    });
    broker.publish(event(), "onboarding");
    const { kind, certificate } = await ended;
    assert.deepEqual([kind, certificate], ["function.run", entry.id]);
    const { status, things, policies } = directory.certificate(entry.id) ?? {};
    assert.deepEqual([status, things, policies], expected);
  });

test("T-20 the registration event says certificateStatus, without the blank that AN12131 prints after it", async (t) => {
  const { rules, engine, functions } = await open(t);
  const sql = "SELECT certificateStatus AS plain FROM '$aws/events/certificates/registered/+'";
  await rules.createTopicRule({ ruleName: "r", topicRulePayload: rule(sql) });
  const about = { certificateId: "ab".repeat(32), caCertificateId: "cd".repeat(32), accountId: "1", time: 1 };
  const { topic, payload } = registrationEvent({ ...about, registeredAt: undefined });
  const event = JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown>;
  assert.equal(event["certificateStatus"], "PENDING_ACTIVATION");
  assert.equal(Object.hasOwn(event, "certificateStatus "), false);
  engine.handle(message(topic, payload));
  assert.equal(functions.asked[0]?.event, '{"plain":"PENDING_ACTIVATION"}');
  // A payload pasted from the note, blank and all, reaches a rule and a function as it is.
  const pasted = JSON.stringify({ ...event, certificateStatus: undefined, "certificateStatus ": "PENDING_ACTIVATION" });
  await rules.replaceTopicRule({
    ruleName: "r",
    topicRulePayload: rule("SELECT * FROM '$aws/events/certificates/registered/+'"),
  });
  engine.handle(message(topic, pasted));
  assert.equal(functions.asked[1]?.event, pasted);
});

test("an account has a thousand rules, and no more", async (t) => {
  const { rules } = await open(t);
  const topicRulePayload = rule("SELECT * FROM 'a'");
  const create = (n: number) => rules.createTopicRule({ ruleName: `r${n}`, topicRulePayload });
  await Promise.all(Array.from({ length: 1000 }, (_, i) => create(i)));
  await refused(create(1000), "limit-exceeded", /at most 1000 topic rules/);
  await refused(create(7), "resource-exists", /'r7' already exists/);
  await rules.deleteTopicRule({ ruleName: "r7" });
  await create(1000);
});
