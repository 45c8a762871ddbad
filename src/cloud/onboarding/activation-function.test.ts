import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { unzipSync } from "fflate";

import { toHex } from "../../codec/index.ts";
import { nodeClock } from "../../crypto/node.ts";
import { certificateToPem, type Certificate } from "../../pki/index.ts";
import { silentTrace } from "../../trace/index.ts";
import { unzipCode, type ApiCaller, type Deployment } from "../functions/index.ts";
import { openFunctionRuntime } from "../functions/node.ts";
import { parseTemplate, planOf } from "../templates/index.ts";
import { BoundPolicies, parsePolicyDocument, policyContext } from "../policy/index.ts";
import {
  ACTIVATION_FUNCTION,
  activationFunctionSource,
  activationFunctionZip,
  DEVICE_POLICIES,
} from "./node-activation-function.ts";
import { ARN, newCa, newLeaf } from "./world.test.ts";

type Call = [operation: string, input: Record<string, unknown>];
type Handler = (event: unknown) => Promise<Record<string, unknown>>;

const ca = await newCa("CN=Maker CA");
const leaf = await newLeaf(ca, "CN=dev1");
const module = (await import(`data:text/javascript,${encodeURIComponent(activationFunctionSource())}`)) as {
  handler: Handler;
};

/** Runs the shipped program against an API that answers as told, and gives its calls. */
async function run(
  event: unknown,
  more: { status?: string; certificate?: Certificate; fails?: Record<string, readonly string[]> } = {},
) {
  const { status = "PENDING_ACTIVATION", certificate = leaf, fails = {} } = more;
  const calls: Call[] = [];
  const call = async (operation: string, input: Record<string, unknown>): Promise<unknown> => {
    calls.push([operation, input]);
    const name = fails[operation]?.[calls.filter(([each]) => each === operation).length - 1];
    if (name !== undefined) throw Object.assign(new Error(name), { name });
    const certificateDescription = {
      certificateArn: `${ARN}:cert/x`,
      certificatePem: certificateToPem(certificate),
      status,
    };
    return operation === "DescribeCertificate" ? { certificateDescription } : {};
  };
  Object.assign(globalThis, { hawser: { call } });
  try {
    return { result: await module.handler(event), calls };
  } catch (error) {
    return { error: error as Error, calls };
  }
}

const event = { certificateId: leaf.id, caCertificateId: "c".repeat(64), certificateStatus: "PENDING_ACTIVATION" };

/** What the function asks of RegisterThing, filled in. */
const planned = ([operation, { templateBody, parameters }]: Call) => {
  assert.equal(operation, "RegisterThing");
  return planOf(parseTemplate(templateBody as string), parameters as Record<string, string>);
};

const NOT_FOUND = "ResourceNotFoundException";
const EXISTS = "ResourceAlreadyExistsException";

test("AW-43 the shipped function makes thing, attaches it and the policy, and activates the certificate, all at once", async () => {
  const { result, calls } = await run(event);
  assert.deepEqual(calls[0], ["DescribeCertificate", { certificateId: leaf.id }]);
  assert.equal(calls.length, 2);
  const { thing, certificate, policies } = planned(calls[1] as Call);
  assert.equal(thing?.name, "dev1");
  assert.deepEqual([certificate?.source, certificate?.status], [{ id: leaf.id }, "ACTIVE"]);
  assert.deepEqual(certificate?.overrides, { Status: "FAIL" }, "who was revoked meanwhile stays so");
  assert.deepEqual(
    policies.map(({ name }) => name),
    ["hawser-device"],
  );
  assert.deepEqual(result?.["status"], "ACTIVE");
});

test("AW-43 the shipped function makes the policy where there is none, and goes on where another device was quicker", async () => {
  for (const fails of [{ RegisterThing: [NOT_FOUND] }, { RegisterThing: [NOT_FOUND], CreatePolicy: [EXISTS] }]) {
    const { result, calls } = await run(event, { fails });
    assert.deepEqual(
      calls.map(([operation]) => operation),
      ["DescribeCertificate", "RegisterThing", "CreatePolicy", "RegisterThing"],
    );
    assert.deepEqual(calls[2]?.[1], { policyName: "hawser-device", policyDocument: DEVICE_POLICIES["own-name"] });
    assert.deepEqual(calls[3], calls[1]);
    assert.deepEqual(result?.["status"], "ACTIVE");
    assert.deepEqual(new Set(calls.map(([operation]) => operation)), new Set(ACTIVATION_FUNCTION.operations));
  }
});

test("the shipped function fails where anything else does", async () => {
  const internal = "InternalFailureException";
  const cases: Record<string, readonly string[]>[] = [
    { DescribeCertificate: [internal] },
    { RegisterThing: [internal] },
    { RegisterThing: ["ConflictingResourceUpdateException"] },
    { RegisterThing: [NOT_FOUND], CreatePolicy: [internal] },
    { RegisterThing: [NOT_FOUND, NOT_FOUND] },
  ];
  for (const fails of cases) {
    const { error, calls } = await run(event, { fails });
    assert.equal(error?.name, Object.values(fails).at(-1)?.at(-1), JSON.stringify(fails));
    assert.equal(calls.at(-1)?.[0], Object.keys(fails).at(-1));
  }
});

test("the shipped function leaves a certificate alone that no longer waits for activation", async () => {
  for (const status of ["ACTIVE", "INACTIVE", "REVOKED"]) {
    const { result, calls } = await run(event, { status });
    assert.deepEqual(result, { certificateId: leaf.id, status, changed: false });
    assert.equal(calls.length, 1);
  }
});

test("the shipped function refuses an event without a certificate id", async () => {
  for (const wrong of [
    undefined,
    null,
    {},
    { certificateId: 7 },
    { certificateId: "x/../y" },
    { certificateId: leaf.id.toUpperCase() },
  ]) {
    const { error, calls } = await run(wrong);
    assert.equal(error?.name, "InvalidEvent");
    assert.deepEqual(calls, []);
  }
});

test("the shipped function names a thing by the certificate's id where its common name cannot be a thing's", async () => {
  for (const subject of ["CN=IoT device", "O=Maker,serialNumber=7", "CN=a/b"]) {
    const certificate = await newLeaf(ca, subject);
    const { calls } = await run({ certificateId: certificate.id }, { certificate });
    assert.equal(planned(calls[1] as Call).thing?.name, certificate.id, subject);
  }
});

test("the shipped function takes name and document of the policy from its environment", async () => {
  process.env["POLICY_NAME"] = "mine";
  process.env["POLICY_DOCUMENT"] = DEVICE_POLICIES["any-name"];
  try {
    const { calls } = await run(event, { fails: { RegisterThing: [NOT_FOUND] } });
    assert.deepEqual(calls[2], ["CreatePolicy", { policyName: "mine", policyDocument: DEVICE_POLICIES["any-name"] }]);
    assert.equal(planned(calls[1] as Call).policies[0]?.name, "mine");
  } finally {
    delete process.env["POLICY_NAME"];
    delete process.env["POLICY_DOCUMENT"];
  }
});

test("the policy own-name ties a device to the common name of its certificate, any-name does not", () => {
  const rights = (name: keyof typeof DEVICE_POLICIES, clientId: string) => {
    const document = parsePolicyDocument(DEVICE_POLICIES[name]);
    const bound = new BoundPolicies([{ name, document }], policyContext({ clientId, certificate: leaf }));
    return (action: string, resource: string) => bound.decide(action, `${ARN}:${resource}`).allowed;
  };
  const own = rights("own-name", "dev1");
  const rows: [action: string, resource: string, allowed: boolean][] = [
    ["iot:Connect", "client/dev1", true],
    ["iot:Connect", "client/dev2", false],
    ["iot:Connect", "client/dev11", false],
    ["iot:Publish", "topic/dev1/readings", true],
    ["iot:Publish", "topic/telemetry/dev1", true],
    ["iot:Publish", "topic/telemetry/dev1/a", true],
    ["iot:Publish", "topic/telemetry/dev11", false],
    ["iot:Publish", "topic/dev2/readings", false],
    ["iot:Subscribe", "topicfilter/dev1/#", true],
    ["iot:Subscribe", "topicfilter/#", false],
    ["iot:Receive", "topic/dev2/x", false],
  ];
  for (const [action, resource, allowed] of rows) assert.equal(own(action, resource), allowed, `${action} ${resource}`);
  const any = rights("any-name", "anyclientID");
  assert.ok(any("iot:Connect", "client/anyclientID") && any("iot:Publish", "topic/foo/bar"));
});

test("activationFunctionZip holds one file, with the same bytes each time", () => {
  const digest = (bytes: Uint8Array) => toHex(createHash("sha256").update(bytes).digest());
  assert.equal(digest(activationFunctionZip()), digest(activationFunctionZip()));
  const files = unzipSync(activationFunctionZip());
  assert.deepEqual(Object.keys(files), ["index.mjs"]);
  assert.equal(new TextDecoder().decode(files["index.mjs"]), activationFunctionSource());
});

test("AW-43 AW-56 the shipped function runs in the closed process of the function runtime", async (t) => {
  const calls: string[] = [];
  const certificateDescription = {
    certificateArn: `${ARN}:cert/x`,
    certificatePem: certificateToPem(leaf),
    status: "PENDING_ACTIVATION",
  };
  const api: ApiCaller = async (operation) => {
    calls.push(operation);
    return operation === "DescribeCertificate" ? { certificateDescription } : {};
  };
  const runtime = await openFunctionRuntime({ clock: nodeClock, trace: silentTrace, api });
  t.after(() => runtime.close());
  const deployment: Deployment = {
    functionName: ACTIVATION_FUNCTION.name,
    functionArn: "arn:aws:lambda:eu-west-1:123456789012:function:hawser-activate",
    version: "$LATEST",
    revision: "1",
    handler: ACTIVATION_FUNCTION.handler,
    memoryMb: 128,
    tmpMb: 512,
    timeoutMs: 10_000,
    environment: { POLICY_NAME: "mine" },
    files: async () => unzipCode(activationFunctionZip()),
  };
  const result = await runtime.run(deployment, { requestId: "r1", event: JSON.stringify(event) });
  assert.equal(result.outcome, "succeeded", JSON.stringify(result));
  assert.deepEqual(JSON.parse(result.payload), {
    certificateId: leaf.id,
    status: "ACTIVE",
    changed: true,
    thingName: "dev1",
    policyName: "mine",
  });
  assert.deepEqual(calls, ["DescribeCertificate", "RegisterThing"]);
});
