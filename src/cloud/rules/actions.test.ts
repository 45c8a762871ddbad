import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { HawserError, type Json, Refused, toBase64, utf8Bytes } from "../../codec/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import type { Published } from "../broker/index.ts";
import { entropy, newWorld, temporary, type World } from "../registry/fixtures.test.ts";
import { answered, EXAMPLES, Outside } from "./fixtures.test.ts";
import { isUnder } from "./http-plan.ts";
import { Destinations, RuleEngine, Rules, type HttpRequest } from "./index.ts";
import { UNPERFORMED_FACTS } from "./unperformed-actions.ts";

type Opened = World & {
  readonly rules: Rules;
  readonly engine: RuleEngine;
  readonly outside: Outside;
  readonly destinations: Destinations;
  readonly failures: Json[];
};

const ROLE = "arn:aws:iam::123456789012:role/any";

async function open(t: TestContext, directory = temporary(t), canSign = false): Promise<Opened> {
  const world = await newWorld(t, directory);
  const { account, store } = world.registry;
  const { clock, ledger: trace } = world;
  const outside = new Outside();
  const failures: Json[] = [];
  const common = { account, clock, entropy, hash: nodeHash, trace, store };
  const destinations = await Destinations.open({
    ...common,
    sender: outside.http.sender,
    problemWith: (url) => (url.includes("forbidden") ? "it is forbidden" : undefined),
    controlPlane: () => "https://cloud.example:9443",
  });
  const engine = new RuleEngine({
    ...common,
    functions: {
      invokeFor(_caller, _arn, event) {
        failures.push(JSON.parse(event) as Json);
        return undefined;
      },
    },
    lookUps: {
      askFunction: () => Promise.resolve(null),
      registryData: () => Promise.resolve(null),
      thingShadow: () => Promise.resolve(null),
    },
    publish: () => undefined,
    http: {
      sender: outside.http.sender,
      isEnabled: (url) => destinations.isEnabled(url),
      ...(canSign && { sign: async ({ headers }, { service }) => ({ ...headers, authorization: `for ${service}` }) }),
    },
    objects: outside.objects,
    multiLevelMatchesParent: false,
  });
  const rules = await Rules.open({ account, clock, store, engine, http: { canSign, destinations } });
  return { ...world, rules, engine, outside, destinations, failures };
}

const errorAction = { lambda: { functionArn: "arn:aws:lambda:eu-central-1:123456789012:function:failed" } };

async function create(world: Opened, action: Json, sql = "SELECT * FROM 'a/#'"): Promise<void> {
  await world.rules.createTopicRule({
    ruleName: "r",
    topicRulePayload: { sql, actions: [action], errorAction, awsIotSqlVersion: "2016-03-23" },
  });
  await world.destinations.whenIdle();
}

async function publish(world: Opened, payload: string, topic = "a/b"): Promise<void> {
  const about = { qos: 0, retain: false, properties: {}, origin: "client" } as const;
  const message: Published = { topic, payload: utf8Bytes(payload), ...about, clientId: "c", principalId: "p" };
  world.engine.handle(message);
  await world.engine.whenIdle();
}

/** The token of the last confirmation that was posted. */
function tokenIn({ sent }: Outside): string {
  const body = JSON.parse(new TextDecoder().decode(sent.at(-1)?.body)) as { confirmationToken: string };
  return body.confirmationToken;
}

function errorsOf(world: Opened): string[] {
  return world.failures.flatMap((each) =>
    (each as { failures: { failedAction: string; errorMessage: string }[] }).failures.map(
      ({ failedAction, errorMessage }) => `${failedAction}: ${errorMessage}`,
    ),
  );
}

async function refused(promise: Promise<unknown>, code: string, text: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof HawserError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, text);
    return true;
  });
}

test("a destination is confirmed by the token that was posted to its URL, and an HTTP action sends only then", async (t) => {
  const world = await open(t);
  const { outside, destinations, registry } = world;
  await create(world, {
    http: {
      url: "https://hook.example/in/${topic(2)}",
      confirmationUrl: "https://hook.example/in",
      headers: [{ key: "X-Kind", value: "${kind}" }],
    },
  });
  const [asked] = outside.sent;
  const { destinationSummaries } = await destinations.listTopicRuleDestinations({});
  const [listed] = destinationSummaries;
  assert.equal(listed?.status, "IN_PROGRESS");
  assert.match(listed?.arn ?? "", new RegExp(`^arn:aws:iot:eu-central-1:${registry.account.id}:ruledestination/http/`));
  const token = tokenIn(outside);
  assert.equal(asked?.url, `https://hook.example/in?confirmationToken=${token}`);
  assert.equal(asked?.headers["x-amz-rules-engine-message-type"], "DestinationConfirmation");
  assert.deepEqual(JSON.parse(new TextDecoder().decode(asked?.body)), {
    arn: listed?.arn,
    confirmationToken: token,
    enableUrl: `https://cloud.example:9443/confirmdestination/${token}`,
    messageType: "DestinationConfirmation",
  });
  await publish(world, '{"kind":"early"}');
  assert.equal(outside.sent.length, 1);
  assert.match(errorsOf(world).join(), /HttpAction: no confirmed and enabled destination https:\/\/hook\.example\/in/);

  await refused(
    destinations.confirmTopicRuleDestination({ confirmationToken: "x" }),
    "rule-access-denied",
    /destination 'of this token' was denied/,
  );
  await destinations.confirmTopicRuleDestination({ confirmationToken: token });
  await refused(destinations.confirmTopicRuleDestination({ confirmationToken: token }), "rule-access-denied", /denied/);
  await publish(world, '{"kind":"x"}');
  assert.deepEqual(
    outside.sent.slice(1).map(({ url, headers, body }) => [url, headers, new TextDecoder().decode(body)]),
    [["https://hook.example/in/b", { "content-type": "application/json", "x-kind": "x" }, '{"kind":"x"}']],
  );
});

test("destinations go from state to state as AWS has it, and outlive a restart", async (t) => {
  const directory = temporary(t);
  const world = await open(t, directory);
  const { destinations, outside, clock } = world;
  const configuration = { httpUrlConfiguration: { confirmationUrl: "https://hook.example/" } };
  const made = await destinations.createTopicRuleDestination({ destinationConfiguration: configuration });
  const { arn } = made.topicRuleDestination;
  const status = async () => (await destinations.getTopicRuleDestination({ arn })).topicRuleDestination.status;
  const again = destinations.createTopicRuleDestination({ destinationConfiguration: configuration });
  await refused(again, "resource-exists", /already/);
  await refused(
    destinations.updateTopicRuleDestination({ arn, status: "ENABLED" }),
    "invalid-request",
    /IN_PROGRESS to/,
  );
  await destinations.whenIdle();
  const first = tokenIn(outside);
  await destinations.updateTopicRuleDestination({ arn, status: "IN_PROGRESS" });
  await destinations.whenIdle();
  const old = destinations.confirmTopicRuleDestination({ confirmationToken: first });
  await refused(old, "rule-access-denied", /denied/);
  await destinations.confirmTopicRuleDestination({ confirmationToken: tokenIn(outside) });
  assert.equal(await status(), "ENABLED");
  await destinations.updateTopicRuleDestination({ arn, status: "DISABLED" });
  assert.equal(destinations.isEnabled("https://hook.example"), false);
  await destinations.updateTopicRuleDestination({ arn, status: "ENABLED" });
  assert.equal(destinations.isEnabled("https://hook.example"), true);

  outside.answer = () => answered(404);
  await destinations.updateTopicRuleDestination({ arn, status: "IN_PROGRESS" });
  await destinations.whenIdle();
  assert.equal(await status(), "ERROR");
  assert.match(
    (await destinations.getTopicRuleDestination({ arn })).topicRuleDestination.statusReason ?? "",
    /answered 404/,
  );
  outside.answer = () => answered(200);
  await destinations.updateTopicRuleDestination({ arn, status: "IN_PROGRESS" });
  await destinations.whenIdle();
  clock.advance(3 * 24 * 3_600_000 + 1);
  const late = destinations.confirmTopicRuleDestination({ confirmationToken: tokenIn(outside) });
  await refused(late, "rule-access-denied", /denied/);

  await destinations.updateTopicRuleDestination({ arn, status: "IN_PROGRESS" });
  await destinations.whenIdle();
  await destinations.confirmTopicRuleDestination({ confirmationToken: tokenIn(outside) });
  await world.registry.store.close();
  const next = await open(t, directory);
  assert.equal(next.destinations.isEnabled("https://hook.example/"), true);
  await next.destinations.deleteTopicRuleDestination({ arn });
  await refused(next.destinations.getTopicRuleDestination({ arn }), "rule-access-denied", /ruledestination\/http/);
  await refused(next.destinations.deleteTopicRuleDestination({ arn }), "rule-access-denied", /denied/);
});

test("CreateTopicRule refuses HTTP actions that could never be sent, with the place", async (t) => {
  const world = await open(t);
  const sigv4 = { signingRegion: "eu-central-1", serviceName: "execute-api", roleArn: ROLE };
  const url = "https://h.example/a";
  const rows: [action: Json, code: string, text: RegExp][] = [
    [{ http: {} }, "invalid-request", /http\.url is required/],
    [{ http: { url: "ftp://h.example" } }, "invalid-request", /url' failed to satisfy/],
    [{ http: { url: "https://h.example/${a}" } }, "invalid-request", /confirmationUrl is required where url/],
    [{ http: { url, confirmationUrl: "https://other.example" } }, "invalid-request", /must begin with/],
    [{ http: { url, headers: [{ key: "Host", value: "x" }] } }, "invalid-request", /may not set Host/],
    [{ http: { url, headers: [{ key: "a b", value: "x" }] } }, "invalid-request", /key' failed to satisfy/],
    [{ http: { url, auth: { sigv4 } } }, "not-implemented", /auth\.sigv4 without hawser up --http-credentials/],
    [{ http: { url: "https://forbidden.example" } }, "invalid-request", /cannot be used: it is forbidden/],
    [{ http: { url, enableBatching: true } }, "not-implemented", /enableBatching/],
    [{ http: { url: "https://h.example/${a +}", confirmationUrl: "https://h.example" } }, "sql-parse", /character 24/],
    [{ s3: { bucketName: "b", key: "k" } }, "invalid-request", /s3\.roleArn is required/],
    [{ s3: { roleArn: ROLE, bucketName: "b", key: "k", cannedAcl: "public-read" } }, "invalid-request", /private/],
    [{ cloudwatchLogs: { roleArn: ROLE, logGroupName: "g", batchMode: true } }, "not-implemented", /batchMode/],
    [{ cloudwatchMetric: { roleArn: ROLE } }, "invalid-request", /metricNamespace is required/],
  ];
  for (const [action, code, text] of rows) await refused(create(world, action), code, text);
  assert.deepEqual(world.outside.sent, []);
});

test("an HTTP action is repeated twice upon 429 and 5xx only, and fails to the error action", async (t) => {
  const world = await open(t);
  const { outside, destinations, clock } = world;
  const url = "https://hook.example/";
  await create(world, { http: { url } });
  await destinations.confirmTopicRuleDestination({ confirmationToken: tokenIn(outside) });
  const rows: [
    answers: (request: HttpRequest) => ReturnType<Outside["answer"]>,
    sent: number,
    error: RegExp | undefined,
  ][] = [
    [() => answered(204), 1, undefined],
    [() => answered(500), 3, /HttpAction: https:\/\/hook\.example answered 500, attempt 3/],
    [() => answered(429), 3, /answered 429/],
    [() => answered(404), 1, /answered 404, attempt 1/],
    [() => answered(301), 1, /answered 301/],
    [() => ({ status: 503, bodyBytes: 16_385, closes: false }), 1, /answered 503, attempt 1/],
    [() => ({ status: 503, bodyBytes: 0, closes: true }), 1, /answered 503, attempt 1/],
    [
      () => {
        clock.advance(1600);
        return answered(500);
      },
      2,
      /attempt 2/,
    ],
    [() => Promise.reject(new Refused("http-action", "connection reset", "reset")), 1, /http-action: connection reset/],
  ];
  for (const [answers, count, error] of rows) {
    outside.sent.length = 0;
    world.failures.length = 0;
    outside.answer = answers;
    await publish(world, '{"n":1}');
    assert.equal(outside.sent.length, count, String(error));
    if (error) assert.match(errorsOf(world).join(), error);
    else assert.deepEqual(world.failures, []);
  }
  const [failure] = world.failures;
  assert.equal((failure as { base64OriginalPayload: string }).base64OriginalPayload, "eyJuIjoxfQ==");
  const [failed] = world.ledger.events({ kinds: ["rule.failed"] });
  assert.ok(failed?.kind === "rule.failed");
  assert.deepEqual([failed.rule, failed.action, failed.resource, failed.code], ["r", "http", url, "action-failed"]);
});

test("what a message says cannot lead an HTTP action away from its destination, nor add headers", async (t) => {
  const world = await open(t);
  const { outside, destinations } = world;
  await create(world, {
    http: {
      url: "https://hook.example/in${path}",
      confirmationUrl: "https://hook.example/in",
      headers: [{ key: "x", value: "${header}" }],
    },
  });
  await destinations.confirmTopicRuleDestination({ confirmationToken: tokenIn(outside) });
  outside.sent.length = 0;
  for (const path of [".evil.example/", "/../other", "side", "/%2e%2e/other", "@evil.example/", "/..\\other"]) {
    await publish(world, JSON.stringify({ path, header: "h" }));
  }
  await publish(world, JSON.stringify({ path: "/x", header: "a\r\nHost: evil" }));
  assert.equal(outside.sent.length, 0);
  assert.equal(world.failures.length, 7);
  await publish(world, JSON.stringify({ path: "/x?y=1", header: "a" }));
  assert.equal(outside.sent[0]?.url, "https://hook.example/in/x?y=1");
  assert.equal(isUnder("https://h.example:444/in", "https://h.example/in"), false);
  assert.equal(isUnder("http://h.example/in", "https://h.example/in"), false);
});

test("an HTTP action signs with the credentials that the operator gave", async (t) => {
  const world = await open(t, undefined, true);
  const { outside, destinations } = world;
  const sigv4 = { signingRegion: "eu-central-1", serviceName: "execute-api", roleArn: ROLE };
  await create(world, { http: { url: "https://hook.example/", auth: { sigv4 } } });
  await destinations.confirmTopicRuleDestination({ confirmationToken: tokenIn(outside) });
  await publish(world, "{}");
  assert.equal(outside.sent.at(-1)?.headers["authorization"], "for execute-api");
});

test("an s3 action writes an object of the data directory, under a key made for each message", async (t) => {
  const world = await open(t);
  await create(world, { s3: { roleArn: ROLE, bucketName: "b", key: "${topic()}/${n}", cannedAcl: "private" } });
  await publish(world, '{"n":1}');
  assert.deepEqual(world.outside.written, [{ path: "b/a/b/1", text: '{"n":1}' }]);
  await publish(world, "{}");
  assert.match(errorsOf(world).join(), /S3Action: the template in key has no value/);
});

test("cloudwatchLogs and cloudwatchMetric actions write to the ledger", async (t) => {
  const world = await open(t);
  await create(world, { cloudwatchLogs: { roleArn: ROLE, logGroupName: "group/${topic(2)}", batchMode: false } });
  await publish(world, `{"a":"${"x".repeat(9000)}"}`);
  const metric = { metricNamespace: "fleet", metricName: "${name}", metricValue: "${v}", metricUnit: "Count" };
  await world.rules.replaceTopicRule({
    ruleName: "r",
    topicRulePayload: {
      sql: "SELECT * FROM 'a/#'",
      actions: [{ cloudwatchMetric: { roleArn: ROLE, ...metric, metricTimestamp: "${t}" } }],
      errorAction,
    },
  });
  await publish(world, '{"name":"temperature","v":"21.5","t":1}');
  await publish(world, '{"name":"temperature","v":"warm","t":1}');
  const [log, value] = world.ledger.events({ kinds: ["rule.record"] });
  assert.ok(log?.kind === "rule.record" && value?.kind === "rule.record");
  assert.deepEqual([log.what, log.name, log.value.length], ["log", "group/b", 8193]);
  assert.deepEqual(
    [value.rule, value.what, value.name, value.value, value.unit],
    ["r", "metric", "fleet/temperature", "21.5", "Count"],
  );
  assert.match(errorsOf(world).join(), /CloudwatchMetricAction: metricValue is no number/);
});

test("actions that are not performed are kept, listed, and fail to the error action and the ledger when they fire", async (t) => {
  const world = await open(t);
  for (const [i, [name, [parameters]]] of Object.entries(EXAMPLES).entries()) {
    const ruleName = `r${i}`;
    const topicRulePayload = { sql: `SELECT * FROM 'k/${name}'`, actions: [{ [name]: parameters }], errorAction };
    await world.rules.createTopicRule({ ruleName, topicRulePayload });
    const { rule } = await world.rules.getTopicRule({ ruleName });
    assert.deepEqual([rule["actions"], rule["errorAction"]], [[{ [name]: parameters }], errorAction]);
    await publish(world, '{"n":1}', `k/${name}`);
    const { called } = UNPERFORMED_FACTS[name as keyof typeof UNPERFORMED_FACTS];
    const failure = world.failures.pop() as { base64OriginalPayload: string; failures: Record<string, string>[] };
    assert.equal(failure.base64OriginalPayload, toBase64(utf8Bytes('{"n":1}')));
    const [failed] = world.ledger.events({ kinds: ["rule.failed"] }).slice(-1);
    assert.ok(failed?.kind === "rule.failed");
    const { resource, detail } = failed;
    assert.deepEqual(failure.failures, [{ failedAction: called, failedResource: resource, errorMessage: detail }]);
    assert.deepEqual([failed.rule, failed.action, failed.code], [ruleName, name, "action-absent"]);
    assert.match(detail, new RegExp(`^${name} actions are kept, and this cloud does not perform them$`));
  }
  const { rules } = await world.rules.listTopicRules({});
  assert.equal(rules.length, Object.keys(EXAMPLES).length);
  const both = {
    sql: "SELECT * FROM 'both'",
    actions: [{ sqs: EXAMPLES.sqs[0] }, { s3: { roleArn: ROLE, bucketName: "b", key: "k" } }],
    errorAction,
  };
  await world.rules.createTopicRule({ ruleName: "both", topicRulePayload: both });
  await publish(world, "{}", "both");
  assert.equal(world.outside.written.length, 1, "the others of a rule are carried out all the same");
  await world.rules.createTopicRule({
    ruleName: "twice",
    topicRulePayload: {
      sql: "SELECT * FROM 'twice'",
      actions: [{ sqs: EXAMPLES.sqs[0] }],
      errorAction: { sns: EXAMPLES.sns[0] },
    },
  });
  await publish(world, "{}", "twice");
  const last = world.ledger.events({ kinds: ["rule.failed"] }).slice(-2);
  assert.deepEqual(
    last.map((event) => event.kind === "rule.failed" && event.action),
    ["sqs", "sns"],
  );
});
