/** What policies ask of a thing besides its name: fetched at CONNECT, and followed while the device is connected. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { certificateToPem, type Certificate } from "../../pki/index.ts";
import { testAuthorization } from "../authorizers/index.ts";
import type { Authority } from "../broker/index.ts";
import { newLeaf, newWorld, registeredCa } from "../registry/fixtures.test.ts";
import {
  attachPolicy,
  attachThingPrincipal,
  createPolicy,
  createThing,
  createThingType,
  iotArn,
  registerCertificate,
  updateThing,
} from "../registry/index.ts";
import { gatekeeperOf } from "./index.ts";

const POLICY = (arn: string, ...more: object[]) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Action: "iot:Connect",
        Resource: `${arn}:client/\${iot:Connection.Thing.ThingName}`,
        Condition: { StringEquals: { "iot:Connection.Thing.ThingTypeName": "pump" } },
      },
      {
        Effect: "Allow",
        Action: "iot:Publish",
        Resource: `${arn}:topic/\${iot:Connection.Thing.Attributes[site]}/\${iot:Connection.Thing.ThingTypeName}/*`,
      },
      ...more,
    ],
  });

async function cloud(t: TestContext) {
  const { registry } = await newWorld(t);
  const { account } = registry;
  const arn = `arn:aws:iot:${account.region}:${account.id}`;
  const live = new Map<string, { clientId: string; principalId: string }>();
  const closed: string[] = [];
  const gatekeeper = gatekeeperOf(registry, {
    publish: () => undefined,
    liveSessions: () => live.values(),
    closeSessions: (matches, { cause }) => {
      for (const owner of live.values()) if (matches(owner)) closed.push(`${owner.clientId} ${cause}`);
    },
  });
  t.after(() => gatekeeper.close());
  const issuer = await registeredCa(registry);
  await createThingType(registry, "pump", {});
  await createThingType(registry, "valve", {});
  const device = async (name: string, attributes: Record<string, string>, type: string, policy: string) => {
    const certificate = await newLeaf({ issuer, name });
    await registerCertificate(registry, { certificatePem: certificateToPem(certificate), status: "ACTIVE" });
    const principal = iotArn(account, "cert", certificate.id);
    await createThing(registry, name, attributes, { type });
    await attachThingPrincipal(registry, name, { principal });
    await attachPolicy(registry, policy, principal);
    return { certificate, principal };
  };
  const connect = async (certificate: Certificate, clientId: string): Promise<Authority | string> => {
    const peer = { connection: clientId, address: "192.0.2.7", certificates: [certificate.der], servername: undefined };
    const request = { clientId, protocolVersion: 4, cleanStart: true, keepAliveS: 60, peer } as const;
    const admission = await gatekeeper.admit(request);
    if (!admission.admit) return admission.cause;
    live.set(clientId, { clientId, principalId: certificate.id });
    return admission.authority;
  };
  return { registry, arn, device, connect, closed };
}

test("a policy may ask for a thing's type and attributes, and changes of the thing reach its live session", async (t) => {
  const { registry, arn, device, connect, closed } = await cloud(t);
  await createPolicy(registry, "by-thing", POLICY(arn));
  const { certificate, principal } = await device("p1", { site: "north" }, "pump", "by-thing");
  const valve = await device("v1", { site: "north" }, "valve", "by-thing");
  assert.equal(await connect(valve.certificate, "v1"), "policy-condition");
  assert.equal(await connect(certificate, "other"), "thing-not-attached");
  const authority = await connect(certificate, "p1");
  assert.ok(typeof authority !== "string", "admitted");
  const may = (topic: string) => authority.may("iot:Publish", topic).allowed;
  assert.deepEqual([may("north/pump/x"), may("south/pump/x"), may("north/valve/x")], [true, false, false]);
  await updateThing(registry, "p1", { attributes: { site: "south" }, merge: true });
  assert.deepEqual([may("north/pump/x"), may("south/pump/x")], [false, true]);
  await updateThing(registry, "p1", { attributes: { site: "so*" }, merge: true });
  const unsafe = authority.may("iot:Publish", "south/pump/x");
  assert.equal(!unsafe.allowed && unsafe.cause, "policy-denies-publish", "a value cannot widen a pattern");
  await updateThing(registry, "p1", { attributes: {}, merge: false });
  const missing = authority.may("iot:Publish", "south/pump/x");
  assert.equal(!missing.allowed && missing.cause, "policy-variable");
  assert.equal(!missing.allowed && missing.evidence["variable"], "iot:Connection.Thing.Attributes[site]");
  assert.deepEqual(closed, []);
  await updateThing(registry, "p1", { type: "valve" });
  assert.deepEqual(closed, ["p1 policy-condition"]);
  const questions = [{ action: "CONNECT", resources: [`${arn}:client/p1`] }] as const;
  const ask = async () => (await testAuthorization(registry, { principal, clientId: "p1", questions }))[0]?.decision;
  assert.equal(await ask(), "IMPLICIT_DENY");
  await updateThing(registry, "p1", { type: "pump" });
  assert.equal(await ask(), "ALLOWED");
});

test("a policy that begins to ask for a thing's attributes is answered without another CONNECT", async (t) => {
  const { registry, arn, device, connect, closed } = await cloud(t);
  const open = { Effect: "Allow", Action: "*", Resource: "*" };
  await createPolicy(registry, "open", JSON.stringify({ Version: "2012-10-17", Statement: [open] }));
  const { certificate, principal } = await device("p1", { site: "north" }, "pump", "open");
  const authority = await connect(certificate, "p1");
  assert.ok(typeof authority !== "string", "admitted");
  const except = {
    Effect: "Deny",
    Action: "iot:Publish",
    NotResource: `${arn}:topic/\${iot:Connection.Thing.Attributes[site]}/*`,
  };
  await createPolicy(registry, "own-site", POLICY(arn, except));
  await attachPolicy(registry, "own-site", principal);
  for (let i = 0; i < 50 && !authority.may("iot:Publish", "north/x").allowed; i++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(
    [authority.may("iot:Publish", "north/x").allowed, authority.may("iot:Publish", "south/x").allowed],
    [true, false],
  );
  assert.deepEqual(closed, []);
});
