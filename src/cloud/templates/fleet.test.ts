import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { type Json, utf8Bytes } from "../../codec/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { createCsr, csrToPem, nameFromAttributes } from "../../pki/index.ts";
import { iotArn } from "../registry/index.ts";
import { newIssuing, newSigner, newWorld, POLICY, registeredCa, newLeaf } from "../registry/fixtures.test.ts";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { FleetProvisioning, type AskFunction } from "./fleet.ts";
import { createTemplate, provisionJustInTime, setRegistrationConfig, updateTemplate } from "./index.ts";

const TEMPLATE = JSON.stringify({
  Parameters: {
    SerialNumber: { Type: "String" },
    Site: { Type: "String", Default: "unknown" },
    "AWS::IoT::Certificate::Id": { Type: "String" },
  },
  Resources: {
    thing: {
      Type: "AWS::IoT::Thing",
      Properties: { ThingName: { Ref: "SerialNumber" }, AttributePayload: { site: { Ref: "Site" } } },
    },
    certificate: {
      Type: "AWS::IoT::Certificate",
      Properties: { CertificateId: { Ref: "AWS::IoT::Certificate::Id" }, Status: "Active" },
    },
    policy: { Type: "AWS::IoT::Policy", Properties: { PolicyDocument: POLICY } },
  },
  DeviceConfiguration: { Site: { Ref: "Site" } },
});

async function open(t: TestContext, ask: AskFunction = async () => assert.fail("nobody is to be asked")) {
  const world = await newWorld(t);
  const shop = { registry: world.registry, issuing: await newIssuing(), hash: nodeHash };
  const answers: { clientId: string; topic: string; payload: Uint8Array }[] = [];
  const answer = (clientId: string, { topic, payload }: { topic: string; payload: Uint8Array }) =>
    void answers.push({ clientId, topic, payload });
  const fleet = new FleetProvisioning({ ...shop, ask, answer });
  const send = async (topic: string, payload: Uint8Array): Promise<{ topic: string; payload: Uint8Array }> => {
    const who = { origin: "client", clientId: "claim-1", principalId: "f".repeat(64) };
    await fleet.handle({ topic, payload, qos: 1, retain: false, properties: {}, ...who });
    const last = answers.pop() ?? assert.fail(`no answer to ${topic}`);
    assert.equal(last.clientId, "claim-1");
    return last;
  };
  const asks = async (topic: string, body: Json) => {
    const last = await send(topic, utf8Bytes(JSON.stringify(body)));
    assert.ok(last.topic.startsWith(`${topic}/`));
    const json = JSON.parse(new TextDecoder().decode(last.payload)) as Record<string, string>;
    return { end: last.topic.slice(topic.length + 1), ...json } as Record<string, string> & { end: string };
  };
  await createTemplate(world.registry, "fleet", { text: TEMPLATE, roleArn: "r", isEnabled: true });
  return { ...world, shop, fleet, send, asks, answers };
}

const newCsr = async () =>
  csrToPem(await createCsr({ subject: nameFromAttributes([["CN", "chip"]]), signer: newSigner() }));
const PROVISION = "$aws/provisioning-templates/fleet/provision/json";

test("a device with a chip's key asks for a certificate by its CSR, registers by template, and is ACTIVE", async (t) => {
  const { registry, asks } = await open(t);
  const created = await asks("$aws/certificates/create-from-csr/json", { certificateSigningRequest: await newCsr() });
  assert.equal(created.end, "accepted");
  const { certificateId = "", certificateOwnershipToken = "", certificatePem = "" } = created;
  assert.match(certificatePem, /^-----BEGIN CERTIFICATE/);
  assert.equal(registry.directory.certificate(certificateId)?.status, "PENDING_ACTIVATION");
  const parameters = { SerialNumber: "SN1", Site: "north" };
  const done = await asks(PROVISION, { certificateOwnershipToken, parameters });
  assert.deepEqual(done, { end: "accepted", deviceConfiguration: { Site: "north" }, thingName: "SN1" });
  const entry = registry.directory.certificate(certificateId);
  assert.deepEqual([entry?.status, entry?.things, entry?.policies.length], ["ACTIVE", ["SN1"], 1]);
  const again = await asks(PROVISION, { certificateOwnershipToken, parameters });
  assert.deepEqual([again.end, again["errorCode"]], ["rejected", "InvalidCertificateOwnershipToken"]);
});

test("a device without a chip gets key and certificate, in CBOR where it asks in CBOR", async (t) => {
  const { send } = await open(t);
  const first = await send("$aws/certificates/create/cbor", new Uint8Array(0));
  assert.equal(first.topic, "$aws/certificates/create/cbor/accepted");
  const { privateKey, certificateOwnershipToken } = decodeCbor(first.payload) as Record<string, string>;
  assert.match(privateKey ?? "", /PRIVATE KEY/);
  const parameters = { SerialNumber: "SN2" };
  const topic = "$aws/provisioning-templates/fleet/provision/cbor";
  const done = await send(
    topic,
    encodeCbor({ certificateOwnershipToken: certificateOwnershipToken ?? "", parameters }),
  );
  assert.deepEqual(decodeCbor(done.payload), { deviceConfiguration: { Site: "unknown" }, thingName: "SN2" });
  const wrong = await send(topic, Uint8Array.of(0xa1));
  assert.equal((decodeCbor(wrong.payload) as Record<string, Json>)["errorCode"], "InvalidPayload");
});

test("what cannot be provisioned is rejected with the reason, and told in the ledger", async (t) => {
  const { registry, asks, clock, ledger, fleet, answers } = await open(t);
  const csr = "$aws/certificates/create-from-csr/json";
  const codes = async (topic: string, body: Json) => {
    const { end, statusCode, errorCode } = await asks(topic, body);
    assert.equal(end, "rejected");
    return [statusCode, errorCode];
  };
  assert.deepEqual(await codes(csr, {}), [400, "InvalidRequest"]);
  assert.deepEqual(await codes(csr, { certificateSigningRequest: "no" }), [400, "InvalidRequest"]);
  const { certificateOwnershipToken = "", certificateId = "" } = await asks(csr, {
    certificateSigningRequest: await newCsr(),
  });
  const provision = (over: object) =>
    codes(PROVISION, { certificateOwnershipToken, parameters: { SerialNumber: "S" }, ...over });
  assert.deepEqual(await provision({ parameters: {} }), [400, "InvalidRequest"]);
  assert.deepEqual(await provision({ parameters: { SerialNumber: 7 } }), [400, "InvalidRequest"]);
  assert.deepEqual(await provision({ certificateOwnershipToken: `${certificateId}.x` }), [
    400,
    "InvalidCertificateOwnershipToken",
  ]);
  assert.deepEqual(await codes(PROVISION.replace("fleet", "none"), { certificateOwnershipToken }), [
    404,
    "ResourceNotFound",
  ]);
  await updateTemplate(registry, "fleet", { isEnabled: false });
  assert.deepEqual(await provision({}), [403, "AccessDenied"]);
  await updateTemplate(registry, "fleet", { isEnabled: true });
  clock.advance(3_600_000);
  assert.deepEqual(await provision({}), [400, "InvalidCertificateOwnershipToken"]);
  await asks(csr, { certificateSigningRequest: await newCsr() });
  assert.equal(registry.directory.certificate(certificateId), undefined);
  const told = ledger
    .events({ kinds: ["onboarding"] })
    .flatMap((event) => ("step" in event && event.step === "provisioning-failed" ? [event.detail.split(": ")[1]] : []));
  assert.deepEqual(
    [...new Set(told)],
    ["invalid-request", "registration-failure", "ownership-token", "resource-not-found", "provisioning-refused"],
  );
  const others = [
    "$aws/certificates/create/xml",
    "$aws/certificates/create/json/accepted",
    "a/b",
    "$aws/provisioning-templates/x/y/json",
  ];
  for (const topic of others) {
    const who = { origin: "client", clientId: "c", principalId: "p" };
    await fleet.handle({ topic, payload: new Uint8Array(0), qos: 0, retain: false, properties: {}, ...who });
  }
  assert.deepEqual(answers, []);
});

test("a pre-provisioning hook sees the device, and may refuse it or say what its parameters are", async (t) => {
  let verdict: unknown = { allowProvisioning: false };
  const seen: unknown[] = [];
  const { registry, asks } = await open(t, async (caller, name, { event, limitMs }) => {
    seen.push({ caller, name, limitMs, event });
    return verdict;
  });
  await updateTemplate(registry, "fleet", { hook: { targetArn: "hook" } });
  const {
    certificateOwnershipToken = "",
    certificateId = "",
    certificatePem = "",
  } = await asks("$aws/certificates/create-from-csr/json", { certificateSigningRequest: await newCsr() });
  const request = { certificateOwnershipToken, parameters: { SerialNumber: "S" } };
  assert.equal((await asks(PROVISION, request))["errorCode"], "AccessDenied");
  const templateArn = iotArn(registry.account, "provisioningtemplate", "fleet");
  assert.deepEqual(seen, [
    {
      caller: { service: "iot.amazonaws.com", sourceArn: templateArn, sourceAccount: registry.account.id },
      name: "hook",
      limitMs: 5000,
      event: {
        claimCertificateId: "f".repeat(64),
        certificateId,
        certificatePem,
        templateArn,
        clientId: "claim-1",
        parameters: { SerialNumber: "S" },
      },
    },
  ]);
  verdict = { allowProvisioning: true, parameterOverrides: { Site: "south" } };
  const done = await asks(PROVISION, request);
  assert.deepEqual(done["deviceConfiguration"], { Site: "south" });
});

test("a CA's template provisions its device just in time; a missing parameter leaves it waiting, and says so", async (t) => {
  const { registry, shop, ledger } = await open(t);
  const issuer = await registeredCa(registry);
  const caId = issuer.certificate.id;
  const leaf = await newLeaf({ issuer, name: "jitp-1" });
  const body = (parameter: string) =>
    JSON.stringify({
      Parameters: {
        [`AWS::IoT::Certificate::${parameter}`]: { Type: "String" },
        "AWS::IoT::Certificate::Id": { Type: "String" },
      },
      Resources: {
        thing: { Type: "AWS::IoT::Thing", Properties: { ThingName: { Ref: `AWS::IoT::Certificate::${parameter}` } } },
        certificate: {
          Type: "AWS::IoT::Certificate",
          Properties: { CertificateId: { Ref: "AWS::IoT::Certificate::Id" } },
        },
      },
    });
  const { registerPending } = await import("../registry/index.ts");
  const ca = registry.directory.ca(caId) ?? assert.fail();
  await registerPending(registry, leaf, ca);
  await provisionJustInTime(shop, leaf, caId);
  assert.equal(registry.directory.certificate(leaf.id)?.status, "PENDING_ACTIVATION");
  await setRegistrationConfig(registry, caId, { templateBody: body("Country"), roleArn: "r" });
  await provisionJustInTime(shop, leaf, caId);
  assert.equal(registry.directory.certificate(leaf.id)?.status, "PENDING_ACTIVATION");
  const details = ledger
    .events({ kinds: ["onboarding"] })
    .flatMap((event) => ("step" in event && event.step === "provisioning-failed" ? [event.detail] : []));
  assert.deepEqual(details, ["parameter AWS::IoT::Certificate::Country has no value and no default"]);
  await setRegistrationConfig(registry, caId, { templateBody: body("CommonName"), roleArn: "r" });
  await provisionJustInTime(shop, leaf, caId);
  const entry = registry.directory.certificate(leaf.id);
  assert.deepEqual([entry?.status, entry?.things], ["ACTIVE", ["jitp-1"]]);
});
