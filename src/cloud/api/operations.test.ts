import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { certificateToPem } from "../../pki/index.ts";
import { newCa, newLeaf, POLICY, registeredCa, registrationOf } from "../registry/fixtures.test.ts";
import { newApi, type Api } from "./fixtures.test.ts";

async function deviceOf(t: TestContext): Promise<{ api: Api; id: string; arn: string }> {
  const api = await newApi(t);
  const issuer = await registeredCa(api.registry);
  const certificatePem = certificateToPem(await newLeaf({ issuer }));
  const { certificateId, certificateArn } = await api.call("RegisterCertificate", { certificatePem });
  return { api, id: certificateId, arn: certificateArn };
}

test("AW-22 a CA goes from code to enabled: the six steps over the API", async (t) => {
  const api = await newApi(t);
  const { registrationCode } = await api.call("GetRegistrationCode", {});
  const issuer = await newCa();
  const proof = await newLeaf({ issuer, name: registrationCode, profile: "verification" });
  const { certificateId, certificateArn } = await api.call("RegisterCACertificate", {
    caCertificate: certificateToPem(issuer.certificate),
    verificationCertificate: certificateToPem(proof),
  });
  assert.equal(certificateArn, `arn:aws:iot:eu-central-1:${api.registry.account.id}:cacert/${certificateId}`);
  const before = await api.call("DescribeCACertificate", { certificateId });
  assert.deepEqual(before.certificateDescription, {
    certificateArn,
    certificateId,
    certificatePem: certificateToPem(issuer.certificate),
    ownedBy: api.registry.account.id,
    creationDate: Date.UTC(2026, 0, 1) / 1000,
    lastModifiedDate: Date.UTC(2026, 0, 1) / 1000,
    customerVersion: 1,
    generationId: before.certificateDescription.generationId,
    validity: { notBefore: Date.UTC(2024, 0, 1) / 1000, notAfter: Date.UTC(2030, 0, 1) / 1000 },
    certificateMode: "DEFAULT",
    status: "INACTIVE",
    autoRegistrationStatus: "DISABLE",
  });
  api.clock.advance(1500);
  assert.equal(await api.call("UpdateCACertificate", { certificateId, newStatus: "ACTIVE" }), undefined);
  await api.call("UpdateCACertificate", { certificateId, newAutoRegistrationStatus: "ENABLE" });
  const { certificateDescription: after } = await api.call("DescribeCACertificate", { certificateId });
  assert.deepEqual(
    [after.status, after.autoRegistrationStatus, after.customerVersion, after.lastModifiedDate - after.creationDate],
    ["ACTIVE", "ENABLE", 3, 1.5],
  );
});

test("UpdateCACertificate names the legal values where it is given ENABLED", async (t) => {
  const api = await newApi(t);
  const issuer = await registeredCa(api.registry, { allowAutoRegistration: false });
  const certificateId = issuer.certificate.id;
  await assert.rejects(
    api.call("UpdateCACertificate", { certificateId, newAutoRegistrationStatus: "ENABLED" as "ENABLE" }),
    {
      wire: 400,
      type: "InvalidRequestException",
      message: /newAutoRegistrationStatus must be ENABLE or DISABLE, not "ENABLED"$/,
    },
  );
});

test("RegisterCACertificate's refusals have AWS's names, our cure and what exists already", async (t) => {
  const api = await newApi(t);
  const issuer = await newCa();
  const request = await registrationOf(api.registry, issuer);
  const foreign = await registrationOf(api.registry, await newCa("Other"));
  const verificationCertificate = foreign.verificationCertificate ?? "";
  await assert.rejects(
    api.call("RegisterCACertificate", { caCertificate: request.caCertificate, verificationCertificate }),
    { wire: 400, type: "CertificateValidationException", cure: /openssl x509 -noout -text/ },
  );
  const unnamed = certificateToPem(await newLeaf({ issuer, profile: "verification" }));
  const { caCertificate } = request;
  await assert.rejects(api.call("RegisterCACertificate", { caCertificate, verificationCertificate: unnamed }), {
    wire: 400,
    type: "RegistrationCodeValidationException",
  });
  await assert.rejects(api.call("RegisterCACertificate", { ...request, registrationConfig: {} }), { wire: 400 });
  await api.call("RegisterCACertificate", { ...request, setAsActive: true, allowAutoRegistration: true });
  await assert.rejects(api.call("RegisterCACertificate", request), {
    wire: 409,
    type: "ResourceAlreadyExistsException",
  });
  const id = issuer.certificate.id;
  await assert.rejects(api.call("DeleteCACertificate", { certificateId: id }), {
    wire: 406,
    type: "CertificateStateException",
  });
  await api.call("UpdateCACertificate", { certificateId: id, newStatus: "INACTIVE" });
  await api.call("DeleteCACertificate", { certificateId: id });
  await assert.rejects(api.call("DescribeCACertificate", { certificateId: id }), { wire: 404 });
  await api.call("DeleteRegistrationCode", {});
  await assert.rejects(api.call("DeleteRegistrationCode", {}), { wire: 404, type: "ResourceNotFoundException" });
});

test("certificates: described, listed, moved through their states and deleted, in AWS's words", async (t) => {
  const { api, id, arn } = await deviceOf(t);
  const { certificateDescription } = await api.call("DescribeCertificate", { certificateId: id });
  assert.deepEqual(
    [certificateDescription.status, certificateDescription.certificateArn, certificateDescription.customerVersion],
    ["INACTIVE", arn, 1],
  );
  const caCertificateId = certificateDescription.caCertificateId ?? assert.fail();
  const listing = {
    certificateArn: arn,
    certificateId: id,
    status: "INACTIVE",
    certificateMode: "DEFAULT",
    creationDate: Date.UTC(2026, 0, 1) / 1000,
  };
  assert.deepEqual(await api.call("ListCertificates", {}), { certificates: [listing] });
  assert.deepEqual(await api.call("ListCertificatesByCA", { caCertificateId }), { certificates: [listing] });
  assert.deepEqual(await api.call("ListCertificatesByCA", { caCertificateId: "0".repeat(64) }), { certificates: [] });
  await api.call("UpdateCertificate", { certificateId: id, newStatus: "ACTIVE" });
  await assert.rejects(api.call("DeleteCertificate", { certificateId: id }), {
    type: "CertificateStateException",
    wire: 406,
  });
  await assert.rejects(api.call("UpdateCertificate", { certificateId: id, newStatus: "PENDING_ACTIVATION" }), {
    type: "InvalidRequestException",
  });
  await api.call("UpdateCertificate", { certificateId: id, newStatus: "REVOKED" });
  await api.call("DeleteCertificate", { certificateId: id, forceDelete: true });
  await assert.rejects(api.call("DescribeCertificate", { certificateId: id }), { wire: 404 });
  await assert.rejects(api.call("DescribeCertificate", { certificateId: "abc" }), { wire: 400 });
});

test("RegisterCertificate takes setAsActive, and refuses PENDING_ACTIVATION with 406", async (t) => {
  const api = await newApi(t);
  const issuer = await registeredCa(api.registry);
  const pem = async () => certificateToPem(await newLeaf({ issuer }));
  const active = await api.call("RegisterCertificate", { certificatePem: await pem(), setAsActive: true });
  assert.equal(api.registry.directory.certificate(active.certificateId)?.status, "ACTIVE");
  const revoked = { certificatePem: await pem(), setAsActive: true, status: "REVOKED" } as const;
  const { certificateId } = await api.call("RegisterCertificate", revoked);
  await assert.rejects(api.call("UpdateCertificate", { certificateId, newStatus: "ACTIVE" }), { wire: 406 });
  await assert.rejects(api.call("RegisterCertificate", { certificatePem: await pem(), status: "PENDING_ACTIVATION" }), {
    wire: 406,
    type: "CertificateStateException",
    message: /Not allowed to register certificate with PENDING_ACTIVATION status$/,
  });
  const own = certificateToPem((await newCa("Own")).certificate);
  const without = await api.call("RegisterCertificateWithoutCA", { certificatePem: own, status: "ACTIVE" });
  const described = await api.call("DescribeCertificate", { certificateId: without.certificateId });
  assert.equal(described.certificateDescription.certificateMode, "SNI_ONLY");
  assert.ok(!("caCertificateId" in described.certificateDescription));
});

test("things: made, changed, attached both ways, listed and deleted, in AWS's words", async (t) => {
  const { api, arn } = await deviceOf(t);
  const thingName = "EXAMPLE_DEVICE";
  const made = await api.call("CreateThing", { thingName, attributePayload: { attributes: { site: "A" } } });
  assert.equal(made.thingArn, `arn:aws:iot:eu-central-1:${api.registry.account.id}:thing/EXAMPLE_DEVICE`);
  await assert.rejects(api.call("CreateThing", { thingName }), { wire: 409, type: "ResourceAlreadyExistsException" });
  await api.call("UpdateThing", { thingName, attributePayload: { attributes: { b: "2" }, merge: true } });
  assert.deepEqual(await api.call("DescribeThing", { thingName }), {
    ...made,
    defaultClientId: thingName,
    attributes: { site: "A", b: "2" },
    version: 2,
  });
  await assert.rejects(api.call("UpdateThing", { thingName, expectedVersion: 1 }), {
    type: "VersionConflictException",
  });
  await api.call("AttachThingPrincipal", { thingName, principal: arn, thingPrincipalType: "EXCLUSIVE_THING" });
  assert.deepEqual(await api.call("ListThingPrincipals", { thingName }), { principals: [arn] });
  assert.deepEqual(await api.call("ListPrincipalThings", { principal: arn }), { things: [thingName] });
  await assert.rejects(api.call("DeleteThing", { thingName }), {
    wire: 400,
    message: /still attached to one or more principals$/,
  });
  await api.call("DetachThingPrincipal", { thingName, principal: arn });
  await api.call("CreateThing", { thingName: "B" });
  const page = await api.call("ListThings", { maxResults: 1 });
  const { thingArn } = await api.call("DescribeThing", { thingName: "B" });
  assert.deepEqual(page.things, [{ thingName: "B", thingArn, attributes: {}, version: 1 }]);
  const next = await api.call("ListThings", { maxResults: 1, nextToken: page.nextToken ?? "" });
  assert.deepEqual([next.things[0]?.thingName, next.nextToken], [thingName, undefined]);
  await api.call("DeleteThing", { thingName });
  await api.call("DeleteThing", { thingName });
});

test("policies: made, versioned, attached by the new and the old operations, listed and deleted", async (t) => {
  const { api, arn } = await deviceOf(t);
  const policyName = "fleet";
  const policyArn = `arn:aws:iot:eu-central-1:${api.registry.account.id}:policy/fleet`;
  assert.deepEqual(await api.call("CreatePolicy", { policyName, policyDocument: POLICY }), {
    policyName,
    policyArn,
    policyDocument: POLICY,
    policyVersionId: "1",
  });
  await assert.rejects(api.call("CreatePolicy", { policyName, policyDocument: POLICY }), { wire: 409 });
  await assert.rejects(api.call("CreatePolicy", { policyName: "q", policyDocument: "{}" }), {
    wire: 400,
    type: "MalformedPolicyException",
    cure: /The message names the place and the rule/,
  });
  const version = await api.call("CreatePolicyVersion", { policyName, policyDocument: POLICY, setAsDefault: true });
  assert.deepEqual([version.policyVersionId, version.isDefaultVersion], ["2", true]);
  const described = await api.call("GetPolicy", { policyName });
  assert.deepEqual([described.defaultVersionId, described.policyDocument], ["2", POLICY]);
  const first = await api.call("GetPolicyVersion", { policyName, policyVersionId: "1" });
  assert.deepEqual([first.isDefaultVersion, first.policyArn], [false, policyArn]);
  const { policyVersions } = await api.call("ListPolicyVersions", { policyName });
  assert.deepEqual(
    policyVersions.map((each) => [each.versionId, each.isDefaultVersion]),
    [
      ["2", true],
      ["1", false],
    ],
  );
  await api.call("SetDefaultPolicyVersion", { policyName, policyVersionId: "1" });
  await assert.rejects(api.call("DeletePolicyVersion", { policyName, policyVersionId: "1" }), {
    type: "DeleteConflictException",
  });
  await api.call("DeletePolicyVersion", { policyName, policyVersionId: "2" });
  await api.call("AttachPolicy", { policyName, target: arn });
  const policies = [{ policyName, policyArn }];
  assert.deepEqual(await api.call("ListAttachedPolicies", { target: arn, recursive: true }), { policies });
  assert.deepEqual(await api.call("ListTargetsForPolicy", { policyName }), { targets: [arn] });
  assert.deepEqual(await api.call("ListPrincipalPolicies", { principal: arn }), { policies });
  assert.deepEqual(await api.call("ListPolicyPrincipals", { policyName }), { principals: [arn] });
  assert.deepEqual(await api.call("ListPolicies", {}), { policies });
  await assert.rejects(api.call("DeletePolicy", { policyName }), { wire: 409, type: "DeleteConflictException" });
  await api.call("DetachPrincipalPolicy", { policyName, principal: arn });
  await api.call("AttachPrincipalPolicy", { policyName, principal: arn });
  await api.call("DetachPolicy", { policyName, target: arn });
  assert.deepEqual(await api.call("ListAttachedPolicies", { target: arn }), { policies: [] });
  await api.call("DeletePolicy", { policyName });
  await assert.rejects(api.call("AttachPolicy", { policyName, target: arn }), { wire: 404 });
});

test("listings of every style page through all they have, and end without a token", async (t) => {
  const { api, arn } = await deviceOf(t);
  const names = Array.from({ length: 5 }, (_, i) => `p${i}`);
  for (const name of names) {
    api.clock.advance(1);
    await api.call("CreatePolicy", { policyName: name, policyDocument: POLICY });
    await api.call("AttachPolicy", { policyName: name, target: arn });
    await api.call("CreateThing", { thingName: name });
    await api.call("AttachThingPrincipal", { thingName: name, principal: arn });
  }
  const byMarker = async (
    read: (page: { pageSize: number; marker?: string }) => Promise<{ names: string[]; next?: string | undefined }>,
  ) => {
    const seen: string[][] = [];
    let next: string | undefined;
    do {
      const page = await read({ pageSize: 2, ...(next === undefined ? {} : { marker: next }) });
      seen.push(page.names);
      next = page.next;
    } while (next !== undefined);
    assert.deepEqual(
      seen.map((each) => each.length),
      [2, 2, 1],
    );
    return seen.flat();
  };
  const newestFirst = [...names].reverse();
  assert.deepEqual(
    await byMarker(async (page) => {
      const { policies, nextMarker } = await api.call("ListPolicies", page);
      return { names: policies.map((each) => each.policyName), next: nextMarker };
    }),
    newestFirst,
  );
  assert.deepEqual(
    await byMarker(async (page) => {
      const { policies, nextMarker } = await api.call("ListAttachedPolicies", { target: arn, ...page });
      return { names: policies.map((each) => each.policyName), next: nextMarker };
    }),
    names,
  );
  assert.deepEqual(
    await byMarker(async ({ pageSize, marker }) => {
      const token = marker === undefined ? {} : { nextToken: marker };
      const { things, nextToken } = await api.call("ListPrincipalThings", {
        principal: arn,
        maxResults: pageSize,
        ...token,
      });
      return { names: [...things], next: nextToken };
    }),
    names,
  );
  await assert.rejects(api.call("ListPolicies", { pageSize: 251 }), { wire: 400 });
  await assert.rejects(api.call("ListPolicies", { marker: "not a marker" }), { wire: 400 });
  await assert.rejects(api.call("ListThings", { nextToken: "bm9uZQ==" }), { wire: 400 });
});

test("ListThingPrincipalsV2 and ListPrincipalThingsV2 tell whose alone a certificate is, and filter by it", async (t) => {
  const { api, arn } = await deviceOf(t);
  const issuer = await registeredCa(api.registry);
  const shared = await api.call("RegisterCertificate", { certificatePem: certificateToPem(await newLeaf({ issuer })) });
  for (const thingName of ["a", "b"]) await api.call("CreateThing", { thingName });
  await api.call("AttachThingPrincipal", { thingName: "a", principal: arn, thingPrincipalType: "EXCLUSIVE_THING" });
  for (const thingName of ["a", "b"]) {
    await api.call("AttachThingPrincipal", { thingName, principal: shared.certificateArn });
  }
  const exclusive = { principal: arn, thingPrincipalType: "EXCLUSIVE_THING" };
  const other = { principal: shared.certificateArn, thingPrincipalType: "NON_EXCLUSIVE_THING" };
  const first = await api.call("ListThingPrincipalsV2", { thingName: "a", maxResults: 1 });
  const { nextToken } = first;
  const second = await api.call("ListThingPrincipalsV2", {
    thingName: "a",
    ...(nextToken !== undefined && { nextToken }),
  });
  const all = [...first.thingPrincipalObjects, ...second.thingPrincipalObjects];
  assert.deepEqual(
    all.toSorted((a, b) => (a.thingPrincipalType < b.thingPrincipalType ? -1 : 1)),
    [exclusive, other],
  );
  assert.deepEqual(await api.call("ListThingPrincipalsV2", { thingName: "a", thingPrincipalType: "EXCLUSIVE_THING" }), {
    thingPrincipalObjects: [exclusive],
  });
  const things = await api.call("ListPrincipalThingsV2", { principal: shared.certificateArn });
  assert.deepEqual(things.principalThingObjects, [
    { thingName: "a", thingPrincipalType: "NON_EXCLUSIVE_THING" },
    { thingName: "b", thingPrincipalType: "NON_EXCLUSIVE_THING" },
  ]);
  const none = { principal: shared.certificateArn, thingPrincipalType: "EXCLUSIVE_THING" } as const;
  assert.deepEqual(await api.call("ListPrincipalThingsV2", none), { principalThingObjects: [] });
});
