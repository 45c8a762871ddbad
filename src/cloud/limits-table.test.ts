/**
 * What AWS lets an account have, row by row of its quotas: the limit that says so with its value, and the test below that
 * lowers it and shows the refusal of one more. A limit that no row names fails here.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test, type TestContext } from "node:test";

import { type Json, utf8Bytes } from "../codec/index.ts";
import { nodeHash } from "../crypto/node.ts";
import type { Certificate } from "../pki/index.ts";
import { newApi } from "./api/fixtures.test.ts";
import { chosenLimits } from "./chosen-limits.ts";
import { gatekeeperOf } from "./onboarding/index.ts";
import {
  entropy,
  newCa,
  newIssuing,
  newLeaf,
  newWorld,
  POLICY,
  registeredCa,
  registrationOf,
  temporary,
} from "./registry/fixtures.test.ts";
import {
  ACCOUNT_LIMITS,
  attachPolicy,
  AWS_ACCOUNT_RATES,
  changeThingGroups,
  createPolicy,
  createPolicyVersion,
  createThing,
  createThingGroup,
  createThingType,
  describePolicy,
  iotArn,
  openRegistry,
  registerCa,
  updateThing,
  updateThingGroup,
  type AccountLimits,
} from "./registry/index.ts";
import { answered, Outside } from "./rules/fixtures.test.ts";
import { Rules, type RuleEngine } from "./rules/index.ts";
import { perform, type Occasion } from "./rules/perform.ts";
import { Shadows } from "./shadows/index.ts";
import { carryOut, parseTemplate, planOf } from "./templates/index.ts";

type Row = {
  readonly what: string;
  readonly limits: Partial<AccountLimits>;
  /** Titles of tests below. */
  readonly shown: readonly string[];
};

const ROWS: readonly Row[] = [
  {
    what: "10 policies per principal, of 2048 characters without white space, in 5 versions",
    limits: { policiesPerPrincipal: 10, policyCharacters: 2048, policyVersions: 5 },
    shown: [
      "policiesPerPrincipal: one policy more is not attached",
      "policyCharacters: one character more is refused, and what is kept stays in force",
      "policyVersions: one version more is not made",
    ],
  },
  {
    what: "shadows of 8 KB, 8 deep, 10 requests on their way for one thing by one connection, 20 a second for one thing",
    limits: { shadowBytes: 8192, shadowDepth: 8, shadowRequests: 10, shadowRequestsPerSecond: Infinity },
    shown: [
      "shadowBytes: one byte more is refused",
      "shadowDepth: one level more is refused",
      "shadowRequests: one request more at once is refused, of that thing by that connection alone",
      "shadowRequestsPerSecond: one request more in a second is refused, of that thing alone, and served later",
    ],
  },
  {
    what: "3 attributes of a thing without a type, 50 with one, 3 of them searchable",
    limits: { untypedThingAttributes: 3, typedThingAttributes: 50, searchableAttributes: 3 },
    shown: [
      "untypedThingAttributes, typedThingAttributes: one attribute more is refused, and so is losing the type",
      "searchableAttributes: one more is refused",
    ],
  },
  {
    what: "50 attributes of a thing group",
    limits: { groupAttributes: 50 },
    shown: ["groupAttributes: one attribute of a thing group more is refused"],
  },
  {
    what: "5 versions of a provisioning template, 10 domain configurations, 10 authorizers that are ACTIVE",
    limits: { templateVersions: 5, domainConfigurations: 10, activeAuthorizers: 10 },
    shown: ["templateVersions, domainConfigurations, activeAuthorizers: one more is refused"],
  },
  {
    what: "groups 7 deep, with 100 direct children, 10 for one thing",
    limits: { groupDepth: 7, groupChildren: 100, groupsPerThing: 10 },
    shown: ["groupDepth, groupChildren, groupsPerThing: one more is refused"],
  },
  {
    what: "1000 rules of 10 actions and 256 KB, 3 s for HTTP actions",
    limits: { rules: 1000, actionsPerRule: 10, ruleBytes: 262_144, httpActionMs: 3000 },
    shown: [
      "rules, actionsPerRule, ruleBytes: one more is refused, and kept rules stay in force",
      "httpActionMs: an HTTP action has that long",
    ],
  },
  {
    what: "10 CAs of one subject",
    limits: { casPerSubject: 10 },
    shown: ["casPerSubject: one CA more is not registered"],
  },
  {
    what: "15 certificates a second registered just in time",
    limits: { registrationsPerSecond: Infinity },
    shown: ["registrationsPerSecond: one device more in a second is not registered, and is when it comes again"],
  },
  {
    what: "10 requests a second to most operations of the control plane, 350 to DescribeThing",
    limits: { apiRequestsPerSecond: Infinity, operationRates: {} },
    shown: [
      "apiRequestsPerSecond: one request more of an operation in a second is throttled, others and later ones are served",
      "operationRates: operations of other services have a rate where one is chosen, and spell it as theirs do",
    ],
  },
];

test("each limit of an AWS account is a setting with AWS's value, and its rates are off until chosen", () => {
  for (const { what, limits } of ROWS) {
    for (const [name, value] of Object.entries(limits))
      assert.deepEqual(ACCOUNT_LIMITS[name as keyof AccountLimits], value, `${what}: ${name}`);
  }
  const named = ROWS.flatMap(({ limits }) => Object.keys(limits)).sort();
  assert.deepEqual(named, Object.keys(ACCOUNT_LIMITS).sort(), "every limit, once");
  assert.deepEqual(AWS_ACCOUNT_RATES, {
    shadowRequestsPerSecond: 20,
    registrationsPerSecond: 15,
    apiRequestsPerSecond: 10,
    operationRates: { DescribeThing: 350 },
  });
});

test("the tests that the table of account limits names are there", () => {
  const own = readFileSync(import.meta.filename, "utf8");
  const missing = ROWS.flatMap(({ shown }) => shown).filter((title) => !own.includes(`test("${title}"`));
  assert.deepEqual(missing, []);
  for (const name of Object.keys(ACCOUNT_LIMITS))
    assert.ok(
      ROWS.some(({ shown }) => shown.some((title) => title.includes(name))),
      `no test is named for ${name}`,
    );
});

test("limits are chosen by name, and what is no limit or no number for it is refused: mqtt-setting", () => {
  assert.deepEqual(chosenLimits([]), ACCOUNT_LIMITS);
  const { operationRates, ...numbers } = ACCOUNT_LIMITS;
  assert.deepEqual(operationRates, {});
  const asTheyAre = Object.entries(numbers).map(([name, n]) => `${name}=${n === Infinity ? "none" : n}`);
  assert.deepEqual(chosenLimits(asTheyAre), ACCOUNT_LIMITS);
  const chosen = chosenLimits(["rules=5", "rules=7", "rates=aws", "apiRequestsPerSecond=none"]);
  assert.deepEqual(chosen, { ...ACCOUNT_LIMITS, ...AWS_ACCOUNT_RATES, rules: 7, apiRequestsPerSecond: Infinity });
  assert.deepEqual(chosenLimits(["rates=aws", "rates=none"]), ACCOUNT_LIMITS);
  const single = ["rates=aws", "apiRequestsPerSecond.CreateThing=100", "apiRequestsPerSecond.ListThings=none"];
  const rates = { DescribeThing: 350, CreateThing: 100, ListThings: Infinity };
  assert.deepEqual(chosenLimits(single).operationRates, rates);
  const cases: [text: string, message: RegExp][] = [
    ["rules", /"rules" is not written name=value/],
    ["=3", /there is no limit "", only .*policiesPerPrincipal=10.*rules=1000.*shadowRequestsPerSecond=none/],
    ["Rules=3", /there is no limit "Rules"/],
    ["toString=1", /there is no limit "toString"/],
    ["rules=0", /rules is "0", need a whole number from 1 to \d+$/],
    ["rules=none", /rules is "none"/],
    ["rules=1e3", /rules is "1e3"/],
    ["shadowDepth=201", /from 1 to 200/],
    ["apiRequestsPerSecond=0", /from 1 to \d+, or none/],
    ["apiRequestsPerSecond.Nothing=5", /there is no operation "Nothing"/],
    ["apiRequestsPerSecond.CreateThing=0", /apiRequestsPerSecond\.CreateThing is "0"/],
    ["none", /not written/],
    ["rates=some", /rates is "some", need aws or none/],
  ];
  for (const [text, message] of cases)
    assert.throws(() => chosenLimits([text]), { name: "UsageError", code: "mqtt-setting", message }, text);
});

const registryWith = async (t: TestContext, ...texts: string[]) =>
  (await newWorld(t, undefined, { limits: chosenLimits(texts) })).registry;

test("policiesPerPrincipal: one policy more is not attached", async (t) => {
  const registry = await registryWith(t, "policiesPerPrincipal=2");
  await createThingGroup(registry, "g", {});
  for (const name of ["a", "b", "c"]) await createPolicy(registry, name, POLICY);
  const target = iotArn(registry.account, "thinggroup", "g");
  await attachPolicy(registry, "a", target);
  await attachPolicy(registry, "b", target);
  const message = /has 2 policies attached.*limit policiesPerPrincipal=2/;
  await assert.rejects(attachPolicy(registry, "c", target), { code: "limit-exceeded", message });
});

test("policyCharacters: one character more is refused, and what is kept stays in force", async (t) => {
  const { registry, clock, ledger } = await newWorld(t);
  await createPolicy(registry, "kept", POLICY);
  const { store, verifier } = registry;
  const open = (most: number) => {
    const limits = chosenLimits([`policyCharacters=${most}`]);
    return openRegistry({ store, clock, entropy, verifier, trace: ledger }, { limits });
  };
  await createPolicy(await open(POLICY.length), "same", POLICY.replaceAll(",", ", "));
  const shorter = await open(POLICY.length - 1);
  assert.equal((await describePolicy(shorter, "kept")).version.document, POLICY);
  assert.equal(shorter.directory.policy("kept")?.document.statements[0]?.effect, "Allow");
  const message = new RegExp(`limit policyCharacters=${POLICY.length - 1}`);
  const refused = { code: "malformed-policy", message };
  await assert.rejects(createPolicy(shorter, "new", POLICY), refused);
  await assert.rejects(createPolicyVersion(shorter, "kept", { document: POLICY }), refused);
});

test("policyVersions: one version more is not made", async (t) => {
  const registry = await registryWith(t, "policyVersions=2");
  await createPolicy(registry, "p", POLICY);
  await createPolicyVersion(registry, "p", { document: POLICY });
  const message = "The policy p already has the maximum number of versions (2)";
  await assert.rejects(createPolicyVersion(registry, "p", { document: POLICY }), { code: "versions-limit", message });
});

async function shadowsWith(t: TestContext, ...texts: string[]) {
  const { registry, clock } = await newWorld(t);
  const { store } = registry;
  const shadows = new Shadows({ store, clock, publish: () => undefined, limits: chosenLimits(texts) });
  const update = (state: Json, thing = "T", connection = "c1") => {
    const payload = utf8Bytes(JSON.stringify({ state: { reported: state } }));
    return shadows.update({ thing, name: "" }, { payload, connection });
  };
  return { shadows, clock, update };
}

test("shadowBytes: one byte more is refused", async (t) => {
  const { update } = await shadowsWith(t, "shadowBytes=100");
  const room = 100 - JSON.stringify({ state: { reported: { a: "" } } }).length;
  await update({ a: "x".repeat(room) });
  await assert.rejects(update({ a: "x".repeat(room + 1) }), { code: "body-too-large" });
});

test("shadowDepth: one level more is refused", async (t) => {
  const { update } = await shadowsWith(t, "shadowDepth=2");
  await update({ a: { b: 1 } });
  await assert.rejects(update({ a: { b: { c: 1 } } }), { message: /too many levels of nesting; maximum is 2/ });
});

test("shadowRequests: one request more at once is refused, of that thing by that connection alone", async (t) => {
  const { update } = await shadowsWith(t, "shadowRequests=2");
  const all = [
    update({ n: 1 }),
    update({ n: 2 }),
    update({ n: 3 }),
    update({ n: 4 }, "U"),
    update({ n: 5 }, "T", "c2"),
  ];
  const done = await Promise.allSettled(all);
  assert.deepEqual(
    done.map(({ status }) => status),
    ["fulfilled", "fulfilled", "rejected", "fulfilled", "fulfilled"],
  );
  const message = /in flight.*limit shadowRequests=2/;
  await Promise.all([update({ n: 6 }), update({ n: 7 }), assert.rejects(update({ n: 8 }), { message })]);
});

test("shadowRequestsPerSecond: one request more in a second is refused, of that thing alone, and served later", async (t) => {
  const { update, clock } = await shadowsWith(t, "shadowRequestsPerSecond=2");
  await update({ a: 1 });
  await update({ a: 2 });
  const message = /limit shadowRequestsPerSecond=2/;
  await assert.rejects(update({ a: 3 }), { name: "Conflict", code: "throttled", message });
  await update({ a: 1 }, "U");
  clock.advance(500);
  await update({ a: 4 });
  await assert.rejects(update({ a: 5 }), { code: "throttled" });
});

test("untypedThingAttributes, typedThingAttributes: one attribute more is refused, and so is losing the type", async (t) => {
  const registry = await registryWith(t, "untypedThingAttributes=1", "typedThingAttributes=2");
  await createThingType(registry, "k", {});
  const refused = (name: string) => ({ code: "invalid-request", message: new RegExp(`limit ${name}`) });
  await createThing(registry, "bare", { a: "1" });
  await createThing(registry, "typed", { a: "1", b: "2" }, { type: "k" });
  await assert.rejects(createThing(registry, "x", { a: "1", b: "2" }), refused("untypedThingAttributes=1"));
  const three = { a: "1", b: "2", c: "3" };
  await assert.rejects(createThing(registry, "x", three, { type: "k" }), refused("typedThingAttributes=2"));
  const more = { attributes: { b: "2" }, merge: true };
  await assert.rejects(updateThing(registry, "bare", more), refused("untypedThingAttributes=1"));
  await updateThing(registry, "bare", { ...more, type: "k" });
  await assert.rejects(updateThing(registry, "typed", { removeType: true }), refused("untypedThingAttributes=1"));
});

test("searchableAttributes: one more is refused", async (t) => {
  const registry = await registryWith(t, "searchableAttributes=1");
  await createThingType(registry, "k", { properties: { searchableAttributes: ["a"] } });
  const two = createThingType(registry, "l", { properties: { searchableAttributes: ["a", "b"] } });
  await assert.rejects(two, { code: "invalid-request", message: /limit searchableAttributes=1/ });
});

test("groupDepth, groupChildren, groupsPerThing: one more is refused", async (t) => {
  const registry = await registryWith(t, "groupDepth=2", "groupChildren=1", "groupsPerThing=1");
  const refused = (name: string) => ({ code: "invalid-request", message: new RegExp(`limit ${name}`) });
  await createThingGroup(registry, "a", {});
  await createThingGroup(registry, "b", { parent: "a" });
  await assert.rejects(createThingGroup(registry, "c", { parent: "b" }), refused("groupDepth=2"));
  await assert.rejects(createThingGroup(registry, "c", { parent: "a" }), refused("groupChildren=1"));
  await createThingGroup(registry, "c", {});
  await createThing(registry, "t");
  await assert.rejects(changeThingGroups(registry, "t", { add: ["b", "c"] }), refused("groupsPerThing=1"));
  await changeThingGroups(registry, "t", { add: ["b"] });
});

test("casPerSubject: one CA more is not registered", async (t) => {
  const registry = await registryWith(t, "casPerSubject=1");
  await registeredCa(registry);
  const another = registerCa(registry, await registrationOf(registry, await newCa()));
  await assert.rejects(another, { code: "limit-exceeded", message: /limit casPerSubject=1/ });
  await registerCa(registry, await registrationOf(registry, await newCa("Other CA")));
});

test("a limit that is raised holds: a device of the twelfth CA of one subject registers itself", async (t) => {
  const registry = await registryWith(t, "casPerSubject=12");
  for (let i = 1; i < 12; i++) await registeredCa(registry);
  const issuer = await registeredCa(registry);
  const { der, id } = await newLeaf({ issuer });
  const broker = { publish: () => undefined, liveSessions: () => [].values(), closeSessions: () => undefined };
  const gatekeeper = gatekeeperOf(registry, broker);
  t.after(() => gatekeeper.close());
  const peer = { connection: "c", address: "192.0.2.7", certificates: [der], servername: undefined };
  await gatekeeper.admit({ clientId: "d", protocolVersion: 4, cleanStart: true, keepAliveS: 60, peer });
  assert.equal(registry.directory.certificate(id)?.status, "PENDING_ACTIVATION");
});

test("a policy of a template is held to policyCharacters as well", async (t) => {
  const template = parseTemplate(
    JSON.stringify({
      Resources: { policy: { Type: "AWS::IoT::Policy", Properties: { PolicyDocument: POLICY } } },
    }),
  );
  const shop = async (most: number) => {
    const registry = await registryWith(t, `policyCharacters=${most}`);
    return { registry, issuing: await newIssuing(), hash: nodeHash };
  };
  await carryOut(await shop(POLICY.length), planOf(template, {}));
  const message = new RegExp(`limit policyCharacters=${POLICY.length - 1}`);
  const refused = { code: "registration-failure", message };
  await assert.rejects(carryOut(await shop(POLICY.length - 1), planOf(template, {})), refused);
});

const NO_DESTINATIONS = { canSign: false, destinations: { check: () => undefined, ensure: async () => undefined } };

test("rules, actionsPerRule, ruleBytes: one more is refused, and kept rules stay in force", async (t) => {
  const { registry, clock } = await newWorld(t, temporary(t));
  const { account, store } = registry;
  const engine = { set: () => undefined } as unknown as RuleEngine;
  const open = (...texts: string[]) =>
    Rules.open({ account, clock, store, engine, http: NO_DESTINATIONS, limits: chosenLimits(texts) });
  const action = { republish: { roleArn: "arn:aws:iam::123456789012:role/r", topic: "b" } };
  const payload = (count: number) => ({
    sql: "SELECT * FROM 'a'",
    actions: Array.from({ length: count }, () => action),
  });
  const size = JSON.stringify(payload(2)).length;
  const rules = await open("rules=2", "actionsPerRule=2", `ruleBytes=${size}`);
  const create = (ruleName: string, topicRulePayload: Json) => rules.createTopicRule({ ruleName, topicRulePayload });
  await create("r1", payload(2));
  const refused = (code: string, limit: string) => ({ code, message: new RegExp(`limit ${limit}`) });
  await assert.rejects(create("r2", { ...payload(2), description: "" }), refused("invalid-request", "ruleBytes"));
  await create("r2", payload(1));
  await assert.rejects(create("r3", payload(1)), refused("limit-exceeded", "rules=2"));
  const fewer = await open("actionsPerRule=1");
  assert.equal((await fewer.listTopicRules({})).rules?.length, 2);
  const replaced = fewer.replaceTopicRule({ ruleName: "r1", topicRulePayload: payload(2) });
  await assert.rejects(replaced, refused("invalid-request", "actionsPerRule=1"));
});

test("httpActionMs: an HTTP action has that long", async (t) => {
  const { clock, ledger } = await newWorld(t);
  const { httpActionMs } = chosenLimits(["httpActionMs=1000"]);
  const url = "https://api.example/";
  const plan = {
    kind: "http" as const,
    url,
    confirmationUrl: url,
    headers: {},
    body: new Uint8Array(0),
    sigv4: undefined,
  };
  const attempts = async (tookMs: number) => {
    const outside = new Outside();
    outside.enabled.add(url);
    outside.answer = () => {
      clock.advance(tookMs);
      return answered(503);
    };
    const { http, objects } = outside;
    const nothing = () => undefined;
    const doors = { clock, trace: ledger, publish: nothing, functions: { invokeFor: nothing }, objects };
    const occasion: Occasion = { ruleName: "r", caller: { service: "", sourceArn: "", sourceAccount: "" }, hops: 0 };
    await perform(plan, { ...doors, http: { ...http, timeoutMs: httpActionMs } }, occasion);
    return outside.sent.length;
  };
  assert.equal(await attempts(1000), 1);
  assert.equal(await attempts(999), 2);
});

test("registrationsPerSecond: one device more in a second is not registered, and is when it comes again", async (t) => {
  const limits = chosenLimits(["registrationsPerSecond=1"]);
  const { registry, clock, ledger } = await newWorld(t, undefined, { limits });
  const issuer = await registeredCa(registry);
  const published: string[] = [];
  const gatekeeper = gatekeeperOf(registry, {
    publish: ({ topic }) => void published.push(topic),
    liveSessions: () => [].values(),
    closeSessions: () => undefined,
  });
  t.after(() => gatekeeper.close());
  const connect = async ({ der, id }: Certificate) => {
    const peer = { connection: id, address: "192.0.2.7", certificates: [der], servername: undefined };
    const about = { clientId: "d", protocolVersion: 4, cleanStart: true, keepAliveS: 60 } as const;
    const admission = await gatekeeper.admit({ ...about, peer });
    return [admission.admit ? "" : admission.cause, registry.directory.certificate(id)?.status];
  };
  const first = await newLeaf({ issuer });
  const second = await newLeaf({ issuer });
  const pending = ["certificate-pending", "PENDING_ACTIVATION"];
  assert.deepEqual(await connect(first), pending);
  assert.deepEqual(await connect(second), ["mqtt-limit", undefined]);
  assert.deepEqual(await connect(first), pending, "who is registered already is not counted");
  const refusals = ledger.events().flatMap((event) => (event.kind === "refusal" ? [event] : []));
  const limit = refusals.find(({ cause }) => cause === "mqtt-limit")?.evidence["limit"];
  assert.equal(limit, "registrationsPerSecond");
  clock.advance(1000);
  assert.deepEqual(await connect(second), pending);
  assert.equal(published.length, 3);
});

test("apiRequestsPerSecond: one request more of an operation in a second is throttled, others and later ones are served", async (t) => {
  const limits = chosenLimits(["apiRequestsPerSecond=2", "apiRequestsPerSecond.CreateThing=3"]);
  const api = await newApi(t, { opened: { limits } });
  const twice = async () => {
    await api.call("ListThings", {});
    await api.call("ListThings", {});
  };
  await twice();
  const message = /ListThings at most 2 times a second \(limit apiRequestsPerSecond=2\)/;
  await assert.rejects(api.call("ListThings", {}), { type: "ThrottlingException", wire: 400, message });
  for (const thingName of ["a", "b", "c"]) await api.call("CreateThing", { thingName });
  const own = { type: "ThrottlingException", message: /limit apiRequestsPerSecond\.CreateThing=3/ };
  await assert.rejects(api.call("CreateThing", { thingName: "d" }), own);
  api.clock.advance(500);
  await api.call("ListThings", {});
  await assert.rejects(api.call("ListThings", {}), { type: "ThrottlingException" });
  api.clock.advance(1000);
  await twice();
});

test("operationRates: operations of other services have a rate where one is chosen, and spell it as theirs do", async (t) => {
  const chosen = ["AddPermission", "GetThingShadow"].map((name) => `apiRequestsPerSecond.${name}=1`);
  const api = await newApi(t, { opened: { limits: chosenLimits(["apiRequestsPerSecond=1", ...chosen]) } });
  for (let i = 0; i < 3; i++) await api.call("ListNamedShadowsForThing", { thingName: "t" });
  const shadow = () => api.call("GetThingShadow", { thingName: "t" });
  await assert.rejects(shadow(), { type: "ResourceNotFoundException" });
  await assert.rejects(shadow(), { type: "ThrottlingException", wire: 429 });
  const asked = {
    FunctionName: "f",
    StatementId: "s",
    Action: "lambda:InvokeFunction",
    Principal: "iot.amazonaws.com",
  };
  await api.call("AddPermission", asked);
  await assert.rejects(api.call("AddPermission", asked), { type: "TooManyRequestsException", wire: 429 });
});

test("groupAttributes: one attribute of a thing group more is refused", async (t) => {
  const registry = await registryWith(t, "groupAttributes=1");
  await createThingGroup(registry, "g", { attributes: { a: "1" } });
  const message = /limit groupAttributes=1/;
  const refused = { code: "invalid-request", message };
  await assert.rejects(createThingGroup(registry, "h", { attributes: { a: "1", b: "2" } }), refused);
  await assert.rejects(updateThingGroup(registry, "g", { attributes: { b: "2" }, merge: true }), refused);
  await updateThingGroup(registry, "g", { attributes: { b: "2" } });
});

test("templateVersions, domainConfigurations, activeAuthorizers: one more is refused", async (t) => {
  const texts = ["templateVersions=2", "domainConfigurations=1", "activeAuthorizers=1"];
  const api = await newApi(t, { opened: { limits: chosenLimits(texts) } });
  const templateBody = JSON.stringify({
    Resources: { c: { Type: "AWS::IoT::Certificate", Properties: { CertificateId: "x" } } },
  });
  const role = "arn:aws:iam::123456789012:role/r";
  await api.call("CreateProvisioningTemplate", { templateName: "t", templateBody, provisioningRoleArn: role });
  const version = () => api.call("CreateProvisioningTemplateVersion", { templateName: "t", templateBody });
  await version();
  const versions = { type: "VersionsLimitExceededException", message: /limit templateVersions=2/ };
  await assert.rejects(version(), versions);
  const domain = (n: number) =>
    api.call("CreateDomainConfiguration", { domainConfigurationName: `d${n}`, domainName: `d${n}.example` });
  await domain(1);
  const limit = (name: string) => ({
    type: "LimitExceededException",
    wire: 410,
    message: new RegExp(`limit ${name}=1`),
  });
  await assert.rejects(domain(2), limit("domainConfigurations"));
  const authorizer = (authorizerName: string, status: "ACTIVE" | "INACTIVE") => {
    const authorizerFunctionArn = "arn:aws:lambda:us-east-1:123456789012:function:f";
    return api.call("CreateAuthorizer", { authorizerName, authorizerFunctionArn, signingDisabled: true, status });
  };
  await authorizer("a", "ACTIVE");
  await authorizer("b", "INACTIVE");
  await assert.rejects(authorizer("c", "ACTIVE"), limit("activeAuthorizers"));
  await assert.rejects(
    api.call("UpdateAuthorizer", { authorizerName: "b", status: "ACTIVE" }),
    limit("activeAuthorizers"),
  );
  await api.call("UpdateAuthorizer", { authorizerName: "a", tokenKeyName: "k" });
});
