import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { SignatureV4 } from "@smithy/signature-v4";

import { nodeHash } from "../crypto/node.ts";
import { certificateFromPem } from "../pki/index.ts";
import { ABSENT_OPERATIONS, OPERATIONS, type Operation, type OperationName, SCOPES } from "./operations/index.ts";
import { sha256Of } from "./api/client.ts";
import { answerOf, deliver, newApi, type Answer } from "./api/fixtures.test.ts";
import { Closing } from "./node-closing.ts";
import { openDevicePlane, type OpenDevicePlane } from "./node-device-plane.ts";
import { openEntry } from "./node-entry.ts";
import { Shadows } from "./shadows/index.ts";

type Keys = { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };
type Asked = { readonly service: string; readonly method?: string; readonly path: string; readonly body?: string };

const policyOf = (...Statement: readonly object[]) => JSON.stringify({ Version: "2012-10-17", Statement });
const ALLOW_ALL = { Effect: "Allow", Action: "iot:*", Resource: "*" };
const ROLE = { roleAlias: "camera", roleArn: "arn:aws:iam::123456789012:role/any", credentialDurationSeconds: 900 };
const PUBLISH: Asked = { service: "iotdata", method: "POST", path: "/topics/allowed", body: "{}" };
const THING_NAME = "x-amzn-iot-thingname";

/** A control plane that knows temporary credentials, and a device that is ACTIVE, with a role alias to ask for. */
async function newWorld(t: TestContext, document = policyOf(ALLOW_ALL)) {
  const made: OpenDevicePlane[] = [];
  const closing = new Closing();
  const api = await newApi(t, {
    async temporary({ shop, jobs }) {
      const { registry } = shop;
      const entry = await openEntry({ shop, isServerName: () => true, ask: async () => ({}) }, closing);
      const shadows = new Shadows({ store: registry.store, clock: registry.clock, publish: () => undefined });
      const opened = await openDevicePlane({ ...entry, registry, shadows, jobs });
      made.push(opened);
      return opened.certificateCalls;
    },
  });
  t.after(() => closing.run());
  const { devicePlane } = made[0] as OpenDevicePlane;
  const device = await api.call("CreateKeysAndCertificate", { setAsActive: true });
  await api.call("CreatePolicy", { policyName: "device", policyDocument: document });
  await api.call("AttachPolicy", { policyName: "device", target: device.certificateArn });
  await api.call("CreateRoleAlias", ROLE);
  const { der } = certificateFromPem(device.certificatePem);
  return {
    ...api,
    device,
    /** Asks the credential provider as the device. */
    async ask(
      path = "/role-aliases/camera/credentials",
      headers: Record<string, string> = {},
      chain = [der],
    ): Promise<Answer> {
      const peer = { connection: "c1", address: "192.0.2.7", certificates: chain, servername: "localhost" };
      const head = { method: "GET", path, query: "", headers: Object.entries(headers), address: peer.address };
      assert.ok(devicePlane.offers(head));
      const exchange = devicePlane.begin(head, peer);
      assert.ok("complete" in exchange);
      const answer = await exchange.complete(new Uint8Array(0));
      const lower = Object.entries(answer.headers).map(([name, value]) => [name.toLowerCase(), value] as const);
      return answerOf({ ...answer, headers: Object.fromEntries(lower) });
    },
    async keys(): Promise<Keys & { readonly expiration: string }> {
      const { status, body } = await this.ask();
      assert.equal(status, 200, JSON.stringify(body));
      return body["credentials"] as Keys & { readonly expiration: string };
    },
    /** Sends a signed request to the control plane; `text` for XML. */
    async send(credentials: Keys, { service, method = "GET", path, body = "" }: Asked) {
      const { region } = api.client;
      const signer = new SignatureV4({ credentials, region, service, sha256: sha256Of(nodeHash) });
      const unsigned = {
        method,
        protocol: "https:",
        hostname: "localhost",
        path,
        query: {},
        headers: { host: "localhost" },
        body,
      };
      const { headers } = await signer.sign(unsigned, { signingDate: new Date(api.clock.now()) });
      const bytes = new TextEncoder().encode(body);
      const answer = await deliver(api.plane, { method, url: `https://localhost${path}`, headers, body: bytes });
      return { ...answer, text: new TextDecoder().decode(answer.body), type: answer.headers["x-amzn-errortype"] };
    },
    refusals: () =>
      api.ledger.events({ kinds: ["refusal"] }).flatMap((event) => (event.kind === "refusal" ? [event] : [])),
  };
}

test("the credential provider gives an ACTIVE certificate credentials for as long as the role alias says", async (t) => {
  const world = await newWorld(t);
  const keys = await world.keys();
  assert.deepEqual(Object.keys(keys).sort(), ["accessKeyId", "expiration", "secretAccessKey", "sessionToken"]);
  assert.equal(keys.expiration, "2026-01-01T00:15:00Z");
  await world.call("CreateRoleAlias", { roleAlias: "plain", roleArn: ROLE.roleArn });
  const { body } = await world.ask("/role-aliases/plain/credentials");
  assert.equal((body["credentials"] as { expiration: string }).expiration, "2026-01-01T01:00:00Z");
  const published = await world.send(keys, PUBLISH);
  assert.equal(published.status, 200, published.text);
});

test("the credential provider names what it refuses: alias, policy, thing, certificate", async (t) => {
  const alias = "arn:aws:iot:*:*:rolealias/camera";
  const allow = { Effect: "Allow", Action: "iot:AssumeRoleWithCertificate", Resource: alias };
  const world = await newWorld(t, policyOf(allow));
  const { device } = world;
  await world.call("CreateThing", { thingName: "front-door" });
  await world.call("CreateRoleAlias", { ...ROLE, roleAlias: "other" });
  assert.equal((await world.ask("/role-aliases/none/credentials")).status, 404);
  assert.equal((await world.ask("/role-aliases/a%20b/credentials")).status, 400);
  assert.equal((await world.ask(undefined, { [THING_NAME]: "a b" })).status, 400);
  const denied = await world.ask("/role-aliases/other/credentials");
  assert.deepEqual([denied.status, denied.body["cause"]], [403, "policy-denies-credentials"]);
  assert.equal(world.refusals().at(-1)?.evidence["roleAlias"], "other");
  const foreign = await world.ask(undefined, { [THING_NAME]: "front-door" });
  assert.deepEqual([foreign.status, foreign.body["cause"]], [403, "credentials-thing"]);
  assert.equal(world.refusals().at(-1)?.evidence["thing"], "front-door");
  await world.call("AttachThingPrincipal", { thingName: "front-door", principal: device.certificateArn });
  assert.equal((await world.ask(undefined, { [THING_NAME]: "front-door" })).status, 200);
  assert.equal((await world.ask(undefined, {}, [])).body["cause"], "no-client-certificate");
  const deny = { ...allow, Sid: "NotThisOne", Effect: "Deny" };
  await world.call("CreatePolicyVersion", {
    policyName: "device",
    policyDocument: policyOf(allow, deny),
    setAsDefault: true,
  });
  assert.equal((await world.ask()).body["cause"], "policy-denies-credentials");
  assert.equal(world.refusals().at(-1)?.evidence["statement"], "NotThisOne");
  await world.call("UpdateCertificate", { certificateId: device.certificateId, newStatus: "INACTIVE" });
  assert.equal((await world.ask()).body["cause"], "certificate-inactive");
});

test("temporary credentials are their certificate's: policies and status count at each request", async (t) => {
  const publish = { Effect: "Allow", Action: "iot:Publish", Resource: "arn:aws:iot:*:*:topic/allowed" };
  const assume = { Effect: "Allow", Action: "iot:AssumeRoleWithCertificate", Resource: "*" };
  const world = await newWorld(t, policyOf(publish, assume));
  const { certificateId, certificateArn: target } = world.device;
  const keys = await world.keys();
  const causeOf = async (asked: Asked): Promise<unknown> => {
    const { status, text } = await world.send(keys, asked);
    return status === 200 ? "OK" : (JSON.parse(text) as { cause?: string }).cause;
  };
  assert.equal(await causeOf(PUBLISH), "OK");
  assert.equal(await causeOf({ ...PUBLISH, path: "/topics/elsewhere" }), "policy-denies-publish");
  assert.equal(await causeOf({ service: "iotdata", path: "/things/t1/shadow" }), "policy-denies-request");
  assert.equal(await causeOf({ service: "iotdata", path: "/retainedMessage/allowed" }), "policy-denies-request");
  assert.equal(await causeOf({ service: "iotdata", path: "/retainedMessage" }), "policy-denies-request");
  await world.call("DetachPolicy", { policyName: "device", target });
  assert.equal(await causeOf(PUBLISH), "no-policy");
  await world.call("AttachPolicy", { policyName: "device", target });
  assert.equal(await causeOf(PUBLISH), "OK");
  await world.call("UpdateCertificate", { certificateId, newStatus: "INACTIVE" });
  assert.equal(await causeOf(PUBLISH), "certificate-inactive");
  const who = { service: "sts", method: "POST", path: "/", body: "Action=GetCallerIdentity&Version=2011-06-15" };
  const identity = await world.send(keys, who);
  assert.match(identity.text, /<Code>AccessDenied<.*certificate-inactive: .*<Cure>/, "session-certificate: it is out");
  await world.call("UpdateCertificate", { certificateId, newStatus: "REVOKED" });
  assert.equal(await causeOf(PUBLISH), "certificate-revoked");
  await world.call("DeleteCertificate", { certificateId, forceDelete: true });
  assert.equal(await causeOf(PUBLISH), "certificate-inactive");
  assert.equal(world.refusals().at(-1)?.evidence["status"], "deleted");
});

test("temporary credentials need their token, unchanged, and end in time; an operator's key takes no token", async (t) => {
  const world = await newWorld(t);
  const keys = await world.keys();
  const { accessKeyId, secretAccessKey, sessionToken = "" } = keys;
  const other = await world.keys();
  const last = () => world.refusals().at(-1)?.cause;
  const wrong: readonly Keys[] = [
    { accessKeyId, secretAccessKey },
    { ...keys, sessionToken: other.sessionToken ?? "" },
    { ...keys, sessionToken: `${sessionToken.slice(0, -1)}${sessionToken.endsWith("A") ? "B" : "A"}` },
    { accessKeyId: "HWSTAAAAAAAAAAAAAAAA", secretAccessKey, sessionToken },
  ];
  for (const each of wrong) {
    const { status, type } = await world.send(each, PUBLISH);
    assert.deepEqual([status, type, last()], [403, "UnrecognizedClientException", "session-token"]);
  }
  const signature = await world.send({ ...keys, secretAccessKey: other.secretAccessKey }, PUBLISH);
  assert.equal(signature.type, "InvalidSignatureException");
  const operator = await world.send({ ...world.client.credentials, sessionToken }, PUBLISH);
  assert.equal(operator.type, "UnrecognizedClientException");
  world.clock.advance(899_000);
  assert.equal((await world.send(keys, PUBLISH)).status, 200);
  world.clock.advance(1000);
  const late = await world.send(keys, PUBLISH);
  assert.deepEqual([late.status, late.type, last()], [403, "ExpiredTokenException", "session-expired"]);
});

test("session-not-allowed: every operation of the control plane, by a walk over all tables, and nothing was done", async (t) => {
  const world = await newWorld(t);
  const keys = await world.keys();
  const reached: string[] = [];
  const before = world.calls.length;
  const expectDenied = async (name: string, asked: Asked): Promise<void> => {
    const { status, type, text } = await world.send(keys, asked);
    if (type !== "AccessDeniedException") return void reached.push(name);
    assert.equal(status, 403, name);
    assert.match(text, /is not authorized to perform .* with temporary credentials.*"cure":/);
  };
  for (const [name, { service, method, path }] of Object.entries<Operation>(OPERATIONS)) {
    const filled = path.replaceAll(/\{\w+\+?\}/g, "x");
    for (const scope of SCOPES[service]) await expectDenied(name, { service: scope, method, path: filled });
  }
  for (const [service, rows] of Object.entries(ABSENT_OPERATIONS)) {
    const [scope = "iot"] = (SCOPES as Record<string, readonly string[]>)[service] ?? [];
    for (const [name, method, target] of rows) {
      const [path = ""] = target.split("?");
      await expectDenied(`absent ${name}`, { service: scope, method, path: path.replaceAll(/\{\w+\+?\}/g, "x") });
    }
  }
  await expectDenied("nothing", { service: "iot", path: "/no/such/path" });
  assert.deepEqual([...new Set(reached)].sort(), DATA_PLANE);
  assert.equal(world.refusals().at(-1)?.cause, "session-not-allowed");
  assert.equal(world.calls.length, before);
  for (const [service, version, actions] of QUERIES) {
    for (const action of actions) {
      const body = `Action=${action}&Version=${version}&RoleName=r&AssumeRolePolicyDocument=%7B%22Statement%22%3A%5B%5D%7D`;
      const { status, text } = await world.send(keys, { service, method: "POST", path: "/", body });
      assert.equal(status, 403, text);
      assert.match(text, /<Code>AccessDenied<.*<Cure>/);
    }
  }
  const who = { service: "sts", method: "POST", path: "/", body: "Action=GetCallerIdentity&Version=2011-06-15" };
  const { status, text } = await world.send(keys, who);
  assert.equal(status, 200);
  assert.ok(text.includes(`<Arn>${world.device.certificateArn}</Arn><UserId>${world.device.certificateId}</UserId>`));
});

/** All that a certificate's temporary credentials may ask for at all; its policies decide about each. */
const DATA_PLANE: readonly OperationName[] = [
  "DeleteThingShadow",
  "DescribeDeviceJobExecution",
  "GetPendingJobExecutions",
  "GetRetainedMessage",
  "GetThingShadow",
  "ListNamedShadowsForThing",
  "ListRetainedMessages",
  "Publish",
  "StartNextPendingJobExecution",
  "UpdateJobExecution",
  "UpdateThingShadow",
];

const QUERIES = [
  ["sts", "2011-06-15", ["AssumeRole", "GetSessionToken", "GetAccessKeyInfo", "", "getcalleridentity"]],
  ["iam", "2010-05-08", ["CreateRole", "GetRole", "DeleteRole", "GetCallerIdentity"]],
] as const;
