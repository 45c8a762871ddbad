import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";

import { newApi } from "../fixtures.test.ts";

const FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:auth";
const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const PEM = publicKey.export({ format: "pem", type: "spki" });
const allow = (Action: string, Resource = "*") =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action, Resource }] });
const GOOD = {
  isAuthenticated: true,
  principalId: "device1",
  policyDocuments: [allow("iot:Connect")],
  disconnectAfterInSeconds: 3600,
  refreshAfterInSeconds: 300,
};

test("authorizers: made INACTIVE, made the default, and deleted when they are neither default nor ACTIVE", async (t) => {
  const api = await newApi(t);
  const authorizerName = "a";
  const input = { authorizerName, authorizerFunctionArn: FUNCTION };
  await assert.rejects(api.call("CreateAuthorizer", input), {
    wire: 400,
    message: /tokenSigningPublicKeys are required/,
  });
  const wrongKey = { tokenKeyName: "t", tokenSigningPublicKeys: { k: "no" } };
  await assert.rejects(api.call("CreateAuthorizer", { ...input, ...wrongKey }), { wire: 400 });
  const made = await api.call("CreateAuthorizer", { ...input, tokenKeyName: "t", tokenSigningPublicKeys: { k: PEM } });
  await assert.rejects(api.call("CreateAuthorizer", { ...input, signingDisabled: true }), { wire: 409 });
  const { authorizerDescription: before } = await api.call("DescribeAuthorizer", { authorizerName });
  assert.deepEqual([before?.status, before?.signingDisabled, before?.tokenKeyName], ["INACTIVE", false, "t"]);
  await assert.rejects(api.call("DescribeDefaultAuthorizer", {}), { wire: 404 });
  await assert.rejects(api.call("ClearDefaultAuthorizer", {}), { wire: 404 });
  assert.deepEqual(await api.call("SetDefaultAuthorizer", { authorizerName }), made);
  await assert.rejects(api.call("SetDefaultAuthorizer", { authorizerName: "none" }), { wire: 404 });
  assert.equal((await api.call("DescribeDefaultAuthorizer", {})).authorizerDescription?.authorizerName, "a");
  await assert.rejects(api.call("DeleteAuthorizer", { authorizerName }), { wire: 409, message: /it is the default$/ });
  await api.call("ClearDefaultAuthorizer", {});
  await api.call("UpdateAuthorizer", { authorizerName, status: "ACTIVE", authorizerFunctionArn: "other" });
  assert.deepEqual((await api.call("ListAuthorizers", { status: "ACTIVE" })).authorizers, [made]);
  assert.deepEqual((await api.call("ListAuthorizers", { status: "INACTIVE" })).authorizers, []);
  await assert.rejects(api.call("DeleteAuthorizer", { authorizerName }), { wire: 409, message: /it is ACTIVE$/ });
  await api.call("UpdateAuthorizer", { authorizerName, status: "INACTIVE" });
  await api.call("DeleteAuthorizer", { authorizerName });
  await assert.rejects(api.call("DescribeAuthorizer", { authorizerName }), { wire: 404 });
});

test("an account has at most ten authorizers ACTIVE", async (t) => {
  const api = await newApi(t);
  const create = (i: number) =>
    api.call("CreateAuthorizer", {
      authorizerName: `a${i}`,
      authorizerFunctionArn: FUNCTION,
      signingDisabled: true,
      status: "ACTIVE",
    });
  for (let i = 0; i < 10; i++) await create(i);
  await assert.rejects(create(10), { wire: 410, type: "LimitExceededException" });
  assert.equal((await api.call("ListAuthorizers", {})).authorizers?.length, 10);
});

test("TestInvokeAuthorizer checks the token's signature, asks the function, and checks what it answers", async (t) => {
  const seen: unknown[] = [];
  let answer: unknown = GOOD;
  const api = await newApi(t, {
    async ask(caller, name, question) {
      seen.push([caller.sourceArn, name, question]);
      return answer;
    },
  });
  const keys = { tokenKeyName: "t", tokenSigningPublicKeys: { k: PEM } };
  const made = await api.call("CreateAuthorizer", { authorizerName: "a", authorizerFunctionArn: FUNCTION, ...keys });
  const token = "who am I";
  const tokenSignature = sign("sha256", Buffer.from(token), privateKey).toString("base64");
  const input = { authorizerName: "a", token, tokenSignature };
  const mqttContext = { username: "u", password: Uint8Array.of(1, 2), clientId: "c" };
  assert.deepEqual(await api.call("TestInvokeAuthorizer", { ...input, mqttContext }), GOOD);
  const [[sourceArn, name, question] = []] = seen as [
    string,
    string,
    { event: Record<string, unknown>; limitMs: number },
  ][];
  assert.deepEqual([sourceArn, name, question?.limitMs], [made.authorizerArn, FUNCTION, 5000]);
  const { connectionMetadata, ...event } = question?.event ?? {};
  assert.ok(connectionMetadata);
  assert.deepEqual(event, {
    token,
    signatureVerified: true,
    protocols: ["mqtt"],
    protocolData: { mqtt: { username: "u", password: "AQI=", clientId: "c" } },
  });
  for (const wrong of [{ token: "somebody else" }, { tokenSignature: "AAAA" }, { tokenSignature: "A" }]) {
    await assert.rejects(api.call("TestInvokeAuthorizer", { ...input, ...wrong }), {
      wire: 400,
      type: "InvalidResponseException",
      message: /signature is wrong$/,
    });
  }
  assert.equal(seen.length, 1);
  answer = {};
  await assert.rejects(api.plane.call("TestInvokeAuthorizer", input), { code: "authorizer-response" });
  answer = { ...GOOD, isAuthenticated: false };
  assert.deepEqual(await api.call("TestInvokeAuthorizer", input), { isAuthenticated: false });
  const answers: unknown[] = [
    null,
    { ...GOOD, isAuthenticated: "yes" },
    { ...GOOD, principalId: "not a principal" },
    { ...GOOD, policyDocuments: [] },
    { ...GOOD, policyDocuments: ["{}"] },
    { ...GOOD, disconnectAfterInSeconds: 1 },
    { ...GOOD, refreshAfterInSeconds: "300" },
  ];
  for (answer of answers) {
    await assert.rejects(api.call("TestInvokeAuthorizer", input), {
      type: "InvalidResponseException",
      cure: /names the member/,
    });
  }
});

test("TestAuthorization and GetEffectivePolicies say what a certificate may do, and by which policy", async (t) => {
  const api = await newApi(t);
  const { certificateArn: principal } = await api.call("CreateKeysAndCertificate", { setAsActive: true });
  const arn = `arn:aws:iot:eu-central-1:${api.registry.account.id}`;
  const deny = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Deny", Action: "iot:Publish", Resource: `${arn}:topic/secret` }],
  });
  const thing = allow("iot:Subscribe", `${arn}:topicfilter/\${iot:Connection.Thing.ThingName}/*`);
  for (const [policyName, policyDocument] of Object.entries({
    all: allow("iot:Publish"),
    deny,
    thing,
    extra: allow("iot:Connect"),
  })) {
    await api.call("CreatePolicy", { policyName, policyDocument });
  }
  for (const policyName of ["all", "deny"]) await api.call("AttachPolicy", { policyName, target: principal });
  const group = await api.call("CreateThingGroup", { thingGroupName: "g" });
  await api.call("AttachPolicy", { policyName: "thing", target: group.thingGroupArn ?? "" });
  await api.call("CreateThing", { thingName: "d" });
  await api.call("AddThingToThingGroup", { thingGroupName: "g", thingName: "d" });
  const names = async (input: object) =>
    (await api.call("GetEffectivePolicies", input)).effectivePolicies?.map((each) => each.policyName);
  assert.deepEqual(await names({ principal }), ["all", "deny"]);
  assert.deepEqual(await names({ principal, thingName: "d" }), ["all", "deny", "thing"]);
  assert.deepEqual(await names({ principal: group.thingGroupArn }), ["thing"]);
  await assert.rejects(names({}), { wire: 400 });
  await assert.rejects(names({ principal: principal.replace(/.{4}$/, "0000") }), { wire: 404 });
  await api.call("AttachThingPrincipal", { thingName: "d", principal });
  const decide = async (actionType: "PUBLISH" | "SUBSCRIBE" | "CONNECT", resource: string, more: object = {}) => {
    const authInfos = [{ actionType, resources: [resource] }];
    const { authResults } = await api.call("TestAuthorization", { principal, clientId: "d", authInfos, ...more });
    const [result] = authResults ?? [];
    return [
      result?.authDecision,
      result?.allowed?.policies?.[0]?.policyName ?? result?.denied?.explicitDeny?.policies?.[0]?.policyName,
    ];
  };
  assert.deepEqual(await decide("PUBLISH", `${arn}:topic/a`), ["ALLOWED", "all"]);
  assert.deepEqual(await decide("PUBLISH", `${arn}:topic/secret`), ["EXPLICIT_DENY", "deny"]);
  const skip = { policyNamesToSkip: ["deny"] };
  assert.deepEqual(await decide("PUBLISH", `${arn}:topic/secret`, skip), ["ALLOWED", "all"]);
  assert.deepEqual(await decide("CONNECT", `${arn}:client/d`), ["IMPLICIT_DENY", undefined]);
  const add = { policyNamesToAdd: ["extra"] };
  assert.deepEqual(await decide("CONNECT", `${arn}:client/d`, add), ["ALLOWED", "extra"]);
  assert.deepEqual(await decide("SUBSCRIBE", `${arn}:topicfilter/d/x`), ["ALLOWED", "thing"]);
  assert.deepEqual(await decide("SUBSCRIBE", `${arn}:topicfilter/e/x`), ["IMPLICIT_DENY", undefined]);
  await assert.rejects(decide("CONNECT", "x", { policyNamesToAdd: ["none"] }), { wire: 400 });
  await assert.rejects(decide("CONNECT", "x", { cognitoIdentityPoolId: "p" }), { wire: 501 });
});
