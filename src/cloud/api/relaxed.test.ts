import assert from "node:assert/strict";
import { test } from "node:test";

import { certificateId } from "../../pki/index.ts";
import { utf8Bytes } from "../../codec/index.ts";
import { newWorld, temporary } from "../registry/fixtures.test.ts";
import { registerCa } from "../registry/index.ts";
import { newApi } from "./fixtures.test.ts";

const CA = { caCertificate: "ca_certificate", verificationCertificate: "verification_certificate" };

test("with relaxed certificates texts stand for certificates: registered, listed, attached, deleted", async (t) => {
  const api = await newApi(t, { opened: { relaxedCertificates: true, accountId: "123456789012" } });
  const ca = await api.call("RegisterCACertificate", { ...CA, setAsActive: true, tags: [{ Key: "k", Value: "v" }] });
  const caId = certificateId(utf8Bytes("ca_certificate"));
  assert.deepEqual(ca, {
    certificateId: caId,
    certificateArn: `arn:aws:iot:eu-central-1:123456789012:cacert/${caId}`,
  });
  await assert.rejects(api.call("RegisterCACertificate", CA), { type: "ResourceAlreadyExistsException" });
  const { certificateDescription } = await api.call("DescribeCACertificate", { certificateId: caId });
  assert.deepEqual(
    [certificateDescription.certificatePem, certificateDescription.status],
    ["ca_certificate", "ACTIVE"],
  );
  assert.equal(certificateDescription.validity, undefined);
  const leaf = { certificatePem: "pem".repeat(20), caCertificatePem: "ca_certificate" };
  const { certificateId: id, certificateArn } = await api.call("RegisterCertificate", { ...leaf, status: "ACTIVE" });
  assert.equal(id, certificateId(utf8Bytes(leaf.certificatePem)));
  assert.equal((await api.call("ListCertificatesByCA", { caCertificateId: caId })).certificates.length, 1);
  await api.call("CreateThing", { thingName: "t" });
  await api.call("AttachThingPrincipal", { thingName: "t", principal: certificateArn });
  assert.deepEqual(await api.call("ListPrincipalThings", { principal: certificateArn }), { things: ["t"] });
  const without = await api.call("RegisterCertificateWithoutCA", { certificatePem: "another text" });
  const described = await api.call("DescribeCertificate", { certificateId: without.certificateId });
  assert.equal(described.certificateDescription.certificateMode, "SNI_ONLY");
  await api.call("UpdateCACertificate", { certificateId: caId, newStatus: "INACTIVE" });
  await api.call("DeleteCACertificate", { certificateId: caId });
  // What is PEM is looked at as ever.
  const pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  await assert.rejects(api.call("RegisterCertificateWithoutCA", { certificatePem: pem }), {
    type: "CertificateValidationException",
  });
});

test("without relaxed certificates no text stands for one, and those of an earlier run sign nothing", async (t) => {
  const api = await newApi(t);
  const refused = { type: "CertificateValidationException" };
  await assert.rejects(api.call("RegisterCACertificate", CA), refused);
  await assert.rejects(api.call("RegisterCertificate", { certificatePem: "a text" }), refused);
  await assert.rejects(api.call("RegisterCertificateWithoutCA", { certificatePem: "a text" }), refused);

  const directory = temporary(t);
  const relaxed = await newWorld(t, directory, { relaxedCertificates: true });
  const id = await registerCa(relaxed.registry, { ...CA, setAsActive: true });
  await relaxed.registry.store.close();
  const { registry } = await newWorld(t, directory);
  assert.equal(registry.directory.ca(id), undefined);
});

test("a certificate that the cloud issued is told as registered, not as one of no known CA", async (t) => {
  const api = await newApi(t);
  const { certificatePem } = await api.call("CreateKeysAndCertificate", {});
  await assert.rejects(api.call("RegisterCertificate", { certificatePem }), {
    type: "ResourceAlreadyExistsException",
    message: /The certificate is already provisioned or registered/,
  });
});

test("with relaxed certificates empty texts stand for policies, templates and documents, and grant nothing", async (t) => {
  const api = await newApi(t, { opened: { relaxedCertificates: true } });
  await api.call("CreatePolicy", { policyName: "p", policyDocument: "{}" });
  await api.call("CreatePolicyVersion", { policyName: "p", policyDocument: "doc", setAsDefault: true });
  assert.deepEqual(api.registry.directory.policy("p")?.document.statements, []);
  await assert.rejects(api.call("CreatePolicy", { policyName: "q", policyDocument: '{"Statement":[]}' }), {
    type: "MalformedPolicyException",
  });
  const registrationConfig = { templateBody: "a_template", roleArn: "arn:aws:iam::1:role/r" };
  await api.call("RegisterCACertificate", { ...CA, registrationConfig });
  const { certificatePem, certificateId: id } = await api.call("CreateKeysAndCertificate", {});
  await api.call("DeleteCertificate", { certificateId: id });
  assert.equal((await api.call("RegisterCertificate", { certificatePem })).certificateId, id);
  const { thingArn } = await api.call("CreateThing", { thingName: "t" });
  const documentSource = "https://s3.amazonaws.com/bucket/nothing.json";
  await api.call("CreateJob", { jobId: "j", targets: [thingArn], documentSource });
  assert.deepEqual(await api.call("GetJobDocument", { jobId: "j" }), { document: "" });
  const { execution } = await api.call("StartNextPendingJobExecution", { thingName: "t" });
  assert.deepEqual([execution?.jobId, execution?.jobDocument], ["j", undefined]);
});

test("without relaxed certificates an empty policy, a template that is none and a lost document are refused", async (t) => {
  const api = await newApi(t);
  for (const policyDocument of ["{}", "doc"]) {
    const policy = { policyName: "p", policyDocument };
    await assert.rejects(api.call("CreatePolicy", policy), { type: "MalformedPolicyException" });
  }
  const { thingArn } = await api.call("CreateThing", { thingName: "t" });
  const job = { jobId: "j", targets: [thingArn], documentSource: "https://s3.amazonaws.com/bucket/nothing.json" };
  await assert.rejects(api.call("CreateJob", job), { type: "InvalidRequestException" });
});
