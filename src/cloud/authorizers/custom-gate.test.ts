import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { test, type TestContext } from "node:test";

import fc from "fast-check";

import { Denied } from "../../codec/index.ts";
import type { Admission, ConnectRequest, SessionOwner } from "../broker/index.ts";
import { newWorld } from "../registry/fixtures.test.ts";
import { createAuthorizer, CustomGate, setDefaultAuthorizer, type AuthorizerChoice } from "./index.ts";

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const PEM = publicKey.export({ format: "pem", type: "spki" });
const TOKEN = "who am I";
const SIGNATURE = sign("sha256", Buffer.from(TOKEN), privateKey).toString("base64");
const allow = (Action: string | string[], Resource = "*") =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action, Resource }] });
const GOOD = {
  isAuthenticated: true,
  principalId: "device1",
  policyDocuments: [allow(["iot:Connect", "iot:Publish"], "arn:aws:iot:*:*:*/${iot:ClientId}")],
  disconnectAfterInSeconds: 900,
  refreshAfterInSeconds: 300,
};
const PEER = { connection: "c1", address: "192.0.2.7", certificates: [], servername: "iot.example" };
const NEXT: Admission = { admit: false, cause: "no-client-certificate", reply: "connack" };

/** A gate before one that refuses; `signed` checks tokens, `open` does not. What the function was asked is kept. */
async function gateOf(t: TestContext) {
  const { registry, clock, ledger } = await newWorld(t);
  const it = {
    answer: GOOD as unknown,
    asked: [] as Record<string, unknown>[],
    ended: [] as unknown[],
    live: true,
    choices: new Map<string, AuthorizerChoice>(),
  };
  const functionArn = "arn:aws:lambda:eu-central-1:123456789012:function:auth";
  const keys = { tokenKeyName: "tok", publicKeys: { k: PEM }, functionArn };
  await createAuthorizer(registry, "signed", { ...keys, status: "ACTIVE" });
  await createAuthorizer(registry, "open", { functionArn, signingDisabled: true, status: "ACTIVE" });
  await createAuthorizer(registry, "idle", { functionArn, signingDisabled: true });
  const gate = new CustomGate({
    registry,
    async ask(_, name, { event, limitMs }) {
      assert.deepEqual([name, limitMs], [functionArn, 5000]);
      it.asked.push(event as Record<string, unknown>);
      if (it.answer instanceof Error) throw it.answer;
      return it.answer;
    },
    choiceFor: (serverName) => it.choices.get(serverName),
    next: { admit: async () => NEXT },
    isForNext: ({ username }) => username === "token bearer",
    isConnected: () => it.live,
    end: (owner: SessionOwner, { cause }) => void it.ended.push([owner.clientId, owner.principalId, cause]),
  });
  t.after(() => gate.close());
  const connect = (username?: string, more: Partial<ConnectRequest> = {}) =>
    gate.admit({
      clientId: "dev1",
      protocolVersion: 5,
      cleanStart: true,
      keepAliveS: 60,
      peer: PEER,
      ...(username !== undefined && { username }),
      ...more,
    });
  const settle = async () => {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  return Object.assign(it, { gate, connect, clock, ledger, registry, settle });
}

const NAMED = (name: string, rest = "") => `dev?x-amz-customauthorizer-name=${name}${rest}`;
const SIGNED = NAMED("signed", `&tok=${encodeURIComponent(TOKEN)}&x-amz-customauthorizer-signature=`);
const causeOf = (admission: Admission) => (admission.admit ? "admitted" : admission.cause);

test("CustomGate lets in by the function's answer: event as AWS sends it, policies, principal", async (t) => {
  const it = await gateOf(t);
  const password = Uint8Array.of(1, 2, 3);
  const admission = await it.connect(`${SIGNED}${encodeURIComponent(SIGNATURE)}&SDK=x`, { password });
  assert.ok(admission.admit);
  const { authority } = admission;
  assert.equal(authority.principalId, "device1");
  assert.equal(authority.may("iot:Publish", "dev1").allowed, true);
  const denied = authority.may("iot:Publish", "other");
  assert.ok(!denied.allowed && denied.cause === "policy-denies-publish");
  assert.equal(denied.evidence["principalId"], "device1");
  const [{ connectionMetadata, ...event } = {}] = it.asked;
  assert.match(JSON.stringify(connectionMetadata), /^\{"id":"[0-9a-f-]{36}"\}$/);
  assert.deepEqual(event, {
    token: TOKEN,
    signatureVerified: true,
    protocols: ["tls", "mqtt"],
    protocolData: {
      tls: { serverName: "iot.example" },
      mqtt: { username: "dev", password: "AQID", clientId: "dev1" },
    },
  });
});

test("CustomGate refuses with a typed cause, and tells it to the ledger with what was wrong", async (t) => {
  const it = await gateOf(t);
  const wrong = sign("sha256", Buffer.from("another"), privateKey).toString("base64");
  const rows: readonly (readonly [username: string, answer: unknown, cause: string])[] = [
    [NAMED("nobody"), GOOD, "authorizer-unknown"],
    [NAMED("idle"), GOOD, "authorizer-inactive"],
    [NAMED("signed"), GOOD, "authorizer-signature"],
    [`${SIGNED}${encodeURIComponent(wrong)}`, GOOD, "authorizer-signature"],
    [`${SIGNED}%%%`, GOOD, "authorizer-signature"],
    [NAMED("open"), { isAuthenticated: false }, "authorizer-denied"],
    [NAMED("open"), null, "authorizer-failed"],
    [NAMED("open"), { ...GOOD, principalId: "not allowed!" }, "authorizer-failed"],
    [NAMED("open"), { ...GOOD, policyDocuments: [] }, "authorizer-failed"],
    [NAMED("open"), { ...GOOD, policyDocuments: ["{}"] }, "authorizer-failed"],
    [NAMED("open"), { ...GOOD, refreshAfterInSeconds: 299 }, "authorizer-failed"],
    [NAMED("open"), { ...GOOD, disconnectAfterInSeconds: 86_401 }, "authorizer-failed"],
    [NAMED("open"), new Denied("function-refused", "it took too long"), "authorizer-failed"],
    [NAMED("open"), { ...GOOD, policyDocuments: [allow("iot:Publish")] }, "policy-denies-connect"],
    ["dev", GOOD, "no-client-certificate"],
  ];
  for (const [username, answer, cause] of rows) {
    it.answer = answer;
    assert.equal(causeOf(await it.connect(username)), cause, username);
  }
  const told = it.ledger.events({ kinds: ["refusal"] }).map((event) => event.kind === "refusal" && event.cause);
  assert.deepEqual(
    told,
    rows.slice(0, -1).map(([, , cause]) => cause),
  );
});

test("the default authorizer is asked where none is named, but not for who comes by certificate or token", async (t) => {
  const it = await gateOf(t);
  await setDefaultAuthorizer(it.registry, "open");
  assert.equal(causeOf(await it.connect("dev")), "admitted");
  assert.equal(causeOf(await it.connect()), "admitted");
  assert.equal(causeOf(await it.connect("token bearer")), "no-client-certificate");
  const peer = { ...PEER, certificates: [Uint8Array.of(0x30)] };
  assert.equal(causeOf(await it.connect(NAMED("open"), { peer })), "no-client-certificate");
  assert.equal(it.asked.length, 2);
});

test("a WebSocket's headers and query count, its client certificate does not", async (t) => {
  const it = await gateOf(t);
  const request = { clientId: "dev1", protocolVersion: 4, cleanStart: true, keepAliveS: 60, peer: PEER } as const;
  const headers = [
    ["X-Amz-CustomAuthorizer-Name", "signed"],
    ["Tok", TOKEN],
    ["x-amz-customauthorizer-signature", SIGNATURE],
  ] as const;
  const peer = { ...PEER, certificates: [Uint8Array.of(0x30)] };
  assert.equal(causeOf(await it.gate.overHttp({ headers, query: "" }).admit({ ...request, peer })), "admitted");
  const [event] = it.asked as {
    protocols: string[];
    protocolData: { http: { headers: object; queryString: string } };
  }[];
  assert.deepEqual(event?.protocols, ["tls", "http", "mqtt"]);
  assert.deepEqual(event?.protocolData.http, {
    headers: { "x-amz-customauthorizer-name": "signed", tok: TOKEN, "x-amz-customauthorizer-signature": SIGNATURE },
    queryString: "?",
  });
  // A plus sign in a query is itself: base64 is full of them.
  const query = `x-amz-customauthorizer-name=signed&tok=who%20am%20I&x-amz-customauthorizer-signature=${SIGNATURE}`;
  assert.equal(causeOf(await it.gate.overHttp({ headers: [], query }).admit(request)), "admitted");
  const direct = await it.gate.authorize(PEER, { headers, query: "" });
  assert.ok(direct.admit && !direct.authority.may("iot:Publish", "x").allowed);
});

test("the function is asked again after refreshAfterInSeconds, its policies apply at once, and time runs out", async (t) => {
  const it = await gateOf(t);
  const admission = await it.connect(NAMED("open"));
  assert.ok(admission.admit);
  const { authority } = admission;
  assert.equal(authority.may("iot:Publish", "dev1").allowed, true);
  it.answer = { ...GOOD, policyDocuments: [allow("iot:Connect")] };
  it.clock.advance(300_000);
  await it.settle();
  assert.equal(it.asked.length, 2);
  assert.equal(authority.may("iot:Publish", "dev1").allowed, false);
  it.clock.advance(300_000);
  await it.settle();
  assert.deepEqual([it.asked.length, it.ended], [3, []]);
  it.clock.advance(300_000);
  await it.settle();
  assert.deepEqual(it.ended, [["dev1", "device1", "authorizer-expired"]]);
  it.clock.advance(3_600_000);
  await it.settle();
  assert.equal(it.ended.length, 1, "and no timer is left");
});

test("a refresh that refuses, fails, forbids to connect or names somebody else ends the session", async (t) => {
  for (const [answer, cause] of [
    [{ isAuthenticated: false }, "authorizer-denied"],
    [{}, "authorizer-failed"],
    [{ ...GOOD, principalId: "somebody" }, "authorizer-failed"],
    [{ ...GOOD, policyDocuments: [allow("iot:Publish")] }, "policy-denies-connect"],
  ] as const) {
    const it = await gateOf(t);
    await it.connect(NAMED("open"));
    it.answer = answer;
    it.clock.advance(300_000);
    await it.settle();
    assert.deepEqual(it.ended, [["dev1", "device1", cause]]);
  }
});

test("a client that is gone is not asked about again; one that came back has its own time", async (t) => {
  const it = await gateOf(t);
  await it.connect(NAMED("open"));
  it.clock.advance(200_000);
  await it.connect(NAMED("open"));
  it.clock.advance(200_000);
  await it.settle();
  assert.equal(it.asked.length, 2, "the first connection's refresh was taken over");
  it.live = false;
  it.clock.advance(100_000);
  await it.settle();
  it.clock.advance(3_600_000);
  await it.settle();
  assert.deepEqual([it.asked.length, it.ended], [2, []]);
});

test("whatever the function answers, the client is let in by a whole answer or refused by a typed cause", async (t) => {
  const it = await gateOf(t);
  const members = fc.record(
    {
      isAuthenticated: fc.oneof(fc.constant(true), fc.jsonValue()),
      principalId: fc.oneof(fc.constant("p"), fc.jsonValue()),
      policyDocuments: fc.oneof(fc.constant([allow("*")]), fc.array(fc.jsonValue()), fc.jsonValue()),
      disconnectAfterInSeconds: fc.oneof(fc.constant(300), fc.jsonValue()),
      refreshAfterInSeconds: fc.oneof(fc.constant(300), fc.jsonValue()),
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(members, fc.jsonValue()), fc.string(), async (answer, username) => {
      it.answer = answer;
      const admission = await it.connect(`${NAMED("open")}&${username}`);
      if (admission.admit) assert.match(admission.authority.principalId, /^[a-zA-Z0-9]{1,128}$/);
      else assert.match(admission.cause, /^(authorizer-|policy-denies-connect)/);
    }),
    { numRuns: 200 },
  );
});

test("authorizer-not-allowed: a server name has its own default, and says whether a client may name another", async (t) => {
  const it = await gateOf(t);
  it.choices.set("iot.example", { defaultAuthorizerName: "open" });
  assert.equal(causeOf(await it.connect("anybody")), "admitted");
  assert.equal(causeOf(await it.connect(NAMED("open"))), "admitted");
  assert.equal(causeOf(await it.connect(NAMED("idle"))), "authorizer-not-allowed");
  it.choices.set("iot.example", { defaultAuthorizerName: "open", allowAuthorizerOverride: true });
  assert.equal(causeOf(await it.connect(NAMED("idle"))), "authorizer-inactive");
  const elsewhere = { peer: { ...PEER, servername: "other.example" } };
  assert.equal(causeOf(await it.connect("anybody", elsewhere)), NEXT.admit ? "" : NEXT.cause);
});
