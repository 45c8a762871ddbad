/** The gatekeeper over the real registry, and the shipped function over the registry's own operations. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { NotFound } from "../../codec/index.ts";
import type { Certificate } from "../../pki/index.ts";
import type { ConnectRequest, SystemMessage } from "../broker/index.ts";
import { ResourceExists } from "../errors.ts";
import { registerThing } from "../functions/fixtures.test.ts";
import { newLeaf, newWorld, registeredCa } from "../registry/fixtures.test.ts";
import {
  createPolicy,
  describeCertificate,
  detachPolicy,
  iotArn,
  updateCa,
  updateCertificate,
  type Registry,
} from "../registry/index.ts";
import { why } from "../why/index.ts";
import { gatekeeperOf } from "./index.ts";
import { activationFunctionSource } from "./node-activation-function.ts";

const { handler } = (await import(`data:text/javascript,${encodeURIComponent(activationFunctionSource())}`)) as {
  handler: (event: unknown) => Promise<unknown>;
};

let connections = 0;
const request = (certificate: Certificate, clientId: string): ConnectRequest => ({
  clientId,
  protocolVersion: 4,
  cleanStart: true,
  keepAliveS: 60,
  peer: {
    connection: `c${++connections}`,
    address: "192.0.2.7",
    certificates: [certificate.der],
    servername: undefined,
  },
});

/** The operations of the shipped function, straight on the registry. */
function operations(registry: Registry) {
  type Input = Record<string, string>;
  const calls: Record<string, (input: Input) => Promise<unknown>> = {
    DescribeCertificate: async ({ certificateId = "" }) => {
      const { pem, status } = await describeCertificate(registry, certificateId);
      const certificateArn = iotArn(registry.account, "cert", certificateId);
      return { certificateDescription: { certificateArn, certificatePem: pem, status } };
    },
    CreatePolicy: ({ policyName = "", policyDocument = "" }) => createPolicy(registry, policyName, policyDocument),
    RegisterThing: (input) => registerThing(registry, input),
  };
  const call = async (operation: string, input: Input): Promise<unknown> => {
    try {
      return await calls[operation]?.(input);
    } catch (error) {
      // The names under which the API tells them.
      if (error instanceof ResourceExists) throw Object.assign(error, { name: "ResourceAlreadyExistsException" });
      if (error instanceof NotFound) throw Object.assign(error, { name: "ResourceNotFoundException" });
      throw error;
    }
  };
  return { call };
}

/** A cloud whose rule runs the shipped function on each event, once for all that come in until `settle` is asked. */
async function newCloud(t: TestContext) {
  const { registry, ledger } = await newWorld(t);
  const published: SystemMessage[] = [];
  const live = new Map<string, { clientId: string; principalId: string }>();
  const closed: string[] = [];
  const gatekeeper = gatekeeperOf(registry, {
    publish: (message) => void published.push(message),
    liveSessions: () => live.values(),
    closeSessions: (matches, { cause }) => {
      for (const owner of live.values()) if (matches(owner)) closed.push(`${owner.clientId} ${cause}`);
    },
  });
  t.after(() => gatekeeper.close());
  Object.assign(globalThis, { hawser: operations(registry) });
  const connect = async (certificate: Certificate, clientId: string) => {
    const admission = await gatekeeper.admit(request(certificate, clientId));
    if (admission.admit) live.set(clientId, { clientId, principalId: certificate.id });
    return admission.admit ? "admitted" : admission.cause;
  };
  /** Runs the function for every event so far, all at the same time. */
  const settle = () =>
    Promise.all(published.splice(0).map(({ payload }) => handler(JSON.parse(new TextDecoder().decode(payload)))));
  return { registry, ledger, connect, settle, closed };
}

test("AW-43 AW-63 devices register themselves, are activated by the shipped function and get in on their next connect", async (t) => {
  const { registry, ledger, connect, settle } = await newCloud(t);
  const issuer = await registeredCa(registry);
  const [one, two] = [await newLeaf({ issuer, name: "dev1" }), await newLeaf({ issuer, name: "dev2" })];
  const first = [connect(one, "dev1"), connect(one, "dev1"), connect(two, "dev2")];
  assert.deepEqual(await Promise.all(first), ["certificate-pending", "certificate-pending", "certificate-pending"]);
  assert.equal((await describeCertificate(registry, one.id)).status, "PENDING_ACTIVATION");
  // Impatience: the event again, and the function twice at once for one device.
  assert.equal(await connect(one, "dev1"), "certificate-pending");
  await settle();
  assert.equal((await describeCertificate(registry, one.id)).status, "ACTIVE");
  assert.equal(await connect(one, "dev1"), "admitted");
  assert.equal(await connect(two, "dev2"), "admitted");
  assert.equal(await connect(two, "dev1"), "policy-denies-connect");
  const answer = why(one.id, ledger.events());
  assert.equal(answer.verdict, "resolved");
  assert.deepEqual(
    answer.findings[0]?.story.map(({ text }) => text.split(":")[0]),
    [
      "certificate registered as PENDING_ACTIVATION",
      "registration event published",
      "connection dropped, as always before activation",
      "registration event published",
      "connection dropped, as always before activation",
      "policy attached",
      "certificate became ACTIVE",
      "connected",
    ],
  );
});

test("AW-42 AW-55 without an activation a device stays out for ever, and a CA that is deactivated keeps the ACTIVE ones in", async (t) => {
  const { registry, connect, settle } = await newCloud(t);
  const issuer = await registeredCa(registry);
  const [one, two] = [await newLeaf({ issuer, name: "dev1" }), await newLeaf({ issuer, name: "dev2" })];
  for (let i = 0; i < 3; i++) assert.equal(await connect(one, "dev1"), "certificate-pending");
  await settle();
  await updateCa(registry, issuer.certificate.id, { status: "INACTIVE" });
  assert.equal(await connect(one, "dev1"), "admitted");
  assert.equal(await connect(two, "dev2"), "ca-inactive");
});

test("sessions end with the acknowledgement of the change that takes their right away", async (t) => {
  const { registry, connect, settle, closed } = await newCloud(t);
  const issuer = await registeredCa(registry);
  const [one, two] = [await newLeaf({ issuer, name: "dev1" }), await newLeaf({ issuer, name: "dev2" })];
  for (const [certificate, name] of [
    [one, "dev1"],
    [two, "dev2"],
  ] as const) {
    await connect(certificate, name);
    await settle();
    assert.equal(await connect(certificate, name), "admitted");
  }
  await updateCertificate(registry, one.id, "INACTIVE");
  assert.deepEqual(closed, ["dev1 certificate-inactive"]);
  await detachPolicy(registry, "hawser-device", iotArn(registry.account, "cert", two.id));
  assert.deepEqual(closed, ["dev1 certificate-inactive", "dev2 no-policy"]);
});
