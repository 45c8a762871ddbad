import assert from "node:assert/strict";
import { test } from "node:test";

import { utf8Bytes } from "../../../codec/index.ts";
import { certificateToPem, createCsr, csrToPem, nameFromAttributes } from "../../../pki/index.ts";
import { newLeaf, newSigner, POLICY, registeredCa } from "../../registry/fixtures.test.ts";
import { carryOut, planOf, parseTemplate } from "../../templates/index.ts";
import { newApi } from "../fixtures.test.ts";

const ROLE = "arn:aws:iam::123456789012:role/provisioning";
const CERTIFICATE = {
  Type: "AWS::IoT::Certificate",
  Properties: { CertificateId: { Ref: "AWS::IoT::Certificate::Id" } },
};
const FLEET = JSON.stringify({
  Parameters: { SerialNumber: { Type: "String" }, "AWS::IoT::Certificate::Id": { Type: "String" } },
  Resources: {
    thing: {
      Type: "AWS::IoT::Thing",
      Properties: { ThingName: { "Fn::Join": ["-", ["dev", { Ref: "SerialNumber" }]] } },
    },
    certificate: CERTIFICATE,
    policy: { Type: "AWS::IoT::Policy", Properties: { PolicyDocument: POLICY } },
  },
});

test("provisioning templates: made, versioned five times, switched, and deleted when one version is left", async (t) => {
  const api = await newApi(t);
  const templateName = "fleet";
  const hook = { targetArn: "arn:aws:lambda:eu-central-1:123456789012:function:hook" };
  const input = { templateName, templateBody: FLEET, provisioningRoleArn: ROLE, preProvisioningHook: hook };
  const made = await api.call("CreateProvisioningTemplate", { ...input, tags: [{ Key: "a" }] });
  assert.deepEqual(made, {
    templateArn: `arn:aws:iot:eu-central-1:${api.registry.account.id}:provisioningtemplate/fleet`,
    templateName,
    defaultVersionId: 1,
  });
  await assert.rejects(api.call("CreateProvisioningTemplate", input), { type: "ResourceAlreadyExistsException" });
  await assert.rejects(api.call("CreateProvisioningTemplate", { ...input, templateName: "x", type: "JITP" }), {
    wire: 400,
  });
  await assert.rejects(api.call("CreateProvisioningTemplate", { ...input, templateName: "x", templateBody: "{}" }), {
    wire: 400,
    message: /at least one resource/,
  });
  const version = (setAsDefault: boolean) =>
    api.call("CreateProvisioningTemplateVersion", { templateName, templateBody: FLEET, setAsDefault });
  assert.deepEqual([(await version(true)).versionId, (await version(false)).isDefaultVersion], [2, false]);
  await version(false);
  await version(false);
  await assert.rejects(version(false), { wire: 409, type: "VersionsLimitExceededException" });
  const { versions } = await api.call("ListProvisioningTemplateVersions", { templateName });
  assert.deepEqual(
    versions?.map((each) => [each.versionId, each.isDefaultVersion]),
    [
      [5, false],
      [4, false],
      [3, false],
      [2, true],
      [1, false],
    ],
  );
  await api.call("UpdateProvisioningTemplate", {
    templateName,
    enabled: true,
    defaultVersionId: 1,
    description: "d",
    removePreProvisioningHook: true,
  });
  await assert.rejects(api.call("UpdateProvisioningTemplate", { templateName, defaultVersionId: 9 }), { wire: 400 });
  const described = await api.call("DescribeProvisioningTemplate", { templateName });
  assert.deepEqual(
    [described.enabled, described.defaultVersionId, described.description, described.preProvisioningHook],
    [true, 1, "d", undefined],
  );
  assert.equal((await api.call("ListProvisioningTemplates", {})).templates?.[0]?.type, "FLEET_PROVISIONING");
  await assert.rejects(api.call("DeleteProvisioningTemplateVersion", { templateName, versionId: 1 }), { wire: 409 });
  await assert.rejects(api.call("DeleteProvisioningTemplate", { templateName }), { type: "DeleteConflictException" });
  for (const versionId of [2, 3, 4, 5])
    await api.call("DeleteProvisioningTemplateVersion", { templateName, versionId });
  await assert.rejects(api.call("DescribeProvisioningTemplateVersion", { templateName, versionId: 2 }), { wire: 404 });
  await api.call("DeleteProvisioningTemplate", { templateName });
  await assert.rejects(api.call("DescribeProvisioningTemplate", { templateName }), { wire: 404 });
});

test("RegisterThing makes thing, certificate from a CSR and policy, tied together, or nothing at all", async (t) => {
  const api = await newApi(t);
  const csr = csrToPem(await createCsr({ subject: nameFromAttributes([["CN", "chip"]]), signer: newSigner() }));
  const body = (thing: object) =>
    JSON.stringify({
      Parameters: { Name: { Type: "String" }, Csr: { Type: "String" }, Site: { Type: "String", Default: "A" } },
      Resources: {
        thing: {
          Type: "AWS::IoT::Thing",
          Properties: { ThingName: { Ref: "Name" }, AttributePayload: { site: { Ref: "Site" } } },
          ...thing,
        },
        certificate: { Type: "AWS::IoT::Certificate", Properties: { CertificateSigningRequest: { Ref: "Csr" } } },
        policy: { Type: "AWS::IoT::Policy", Properties: { PolicyDocument: POLICY } },
      },
    });
  const parameters = { Name: "d1", Csr: csr };
  const made = await api.call("RegisterThing", { templateBody: body({}), parameters });
  assert.match(made.certificatePem ?? "", /^-----BEGIN CERTIFICATE-----/);
  const arns = made.resourceArns ?? {};
  assert.deepEqual(Object.keys(arns).toSorted(), ["certificate", "policy", "thing"]);
  assert.deepEqual((await api.call("ListThingPrincipals", { thingName: "d1" })).principals, [arns["certificate"]]);
  const { policies } = await api.call("ListAttachedPolicies", { target: arns["certificate"] ?? "" });
  assert.deepEqual(
    policies.map((each) => each.policyArn),
    [arns["policy"]],
  );
  assert.deepEqual((await api.call("DescribeThing", { thingName: "d1" })).attributes, { site: "A" });
  const before = await api.call("ListCertificates", {});
  const failing = body({ OverrideSettings: { AttributePayload: "FAIL" } });
  const again = { templateBody: failing, parameters: { ...parameters, Site: "B" } };
  await assert.rejects(api.call("RegisterThing", again), { wire: 409, type: "ConflictingResourceUpdateException" });
  await assert.rejects(api.call("RegisterThing", { templateBody: failing, parameters: { Name: "x" } }), {
    wire: 400,
    type: "ResourceRegistrationFailureException",
    message: /parameter Csr has no value and no default$/,
  });
  assert.deepEqual(await api.call("ListCertificates", {}), before);
  const plan = planOf(parseTemplate(failing), again.parameters);
  await assert.rejects(carryOut(api.shop, plan), { name: "Conflict", code: "conflicting-resource" });
  const merging = body({ OverrideSettings: { AttributePayload: "MERGE" } });
  const other = csrToPem(await createCsr({ subject: nameFromAttributes([["CN", "chip2"]]), signer: newSigner() }));
  await api.call("RegisterThing", { templateBody: merging, parameters: { ...parameters, Csr: other, Site: "B" } });
  assert.deepEqual((await api.call("DescribeThing", { thingName: "d1" })).attributes, { site: "B" });
  assert.equal((await api.call("ListPolicies", {})).policies.length, 1);
});

test("RegisterThing activates an existing certificate, and obeys what its template says of groups and status", async (t) => {
  const api = await newApi(t);
  const issuer = await registeredCa(api.registry);
  const pem = certificateToPem(await newLeaf({ issuer }));
  const { certificateId } = await api.call("RegisterCertificate", { certificatePem: pem });
  for (const thingGroupName of ["g1", "g2"]) await api.call("CreateThingGroup", { thingGroupName });
  const body = (groups: string[], overrides: object, status?: object) =>
    JSON.stringify({
      Resources: {
        t: {
          Type: "AWS::IoT::Thing",
          Properties: { ThingName: "d", ThingGroups: groups },
          OverrideSettings: overrides,
        },
        c: { Type: "AWS::IoT::Certificate", Properties: { CertificateId: certificateId }, ...status },
      },
    });
  const status = async () => (await api.call("DescribeCertificate", { certificateId })).certificateDescription.status;
  const groups = async () =>
    (await api.call("ListThingGroupsForThing", { thingName: "d" })).thingGroups?.map((each) => each.groupName);
  await api.call("RegisterThing", { templateBody: body(["g1"], {}) });
  assert.deepEqual([await status(), await groups()], ["INACTIVE", ["g1"]]);
  const fails = { OverrideSettings: { Status: "FAIL" } };
  await assert.rejects(api.call("RegisterThing", { templateBody: body([], {}, fails) }), { wire: 409 });
  await assert.rejects(api.call("RegisterThing", { templateBody: body(["g2"], { ThingGroups: "FAIL" }) }), {
    wire: 409,
  });
  await api.call("RegisterThing", { templateBody: body(["g2"], {}) });
  assert.deepEqual(await groups(), ["g1"]);
  const replace = { OverrideSettings: { Status: "REPLACE" } };
  await api.call("RegisterThing", { templateBody: body(["g2"], { ThingGroups: "MERGE" }, replace) });
  assert.deepEqual([await status(), await groups()], ["ACTIVE", ["g1", "g2"]]);
  await api.call("RegisterThing", { templateBody: body(["g1"], { ThingGroups: "REPLACE" }) });
  assert.deepEqual(await groups(), ["g1"]);
});

test("a template's functions join, split, select, look up and substitute, and name the place of what is wrong", () => {
  const plan = (value: unknown, parameters = {}) =>
    planOf(
      parseTemplate(
        JSON.stringify({
          Parameters: { S: { Type: "String", Default: "a-b" } },
          Mappings: { M: { eu: { port: "8883" } } },
          Resources: { t: { Type: "AWS::IoT::Thing", Properties: { ThingName: "t" } } },
          DeviceConfiguration: { v: value },
        }),
      ),
      parameters,
    ).deviceConfiguration["v"];
  assert.equal(plan({ Ref: "S" }), "a-b");
  assert.equal(plan({ "Fn::Join": ["+", ["x", { Ref: "S" }]] }), "x+a-b");
  assert.equal(plan({ "Fn::Select": ["1", { "Fn::Split": ["-", { Ref: "S" }] }] }), "b");
  assert.equal(plan({ "Fn::FindInMap": ["M", "eu", "port"] }), "8883");
  assert.equal(plan({ "Fn::Sub": ["${S}/${x}/${!y}", { x: "1" }] }, { S: "s" }), "s/1/${y}");
  assert.equal(plan({ "Fn::Sub": "${iot:ClientId} ${S}" }), "${iot:ClientId} a-b");
  assert.equal(plan(7), "7");
  for (const wrong of [
    { Ref: "none" },
    { "Fn::Select": [5, ["a"]] },
    { "Fn::FindInMap": ["M", "us", "port"] },
    { "Fn::GetAtt": ["a"] },
    { "Fn::Join": ["a"] },
    { "Fn::Split": ["", "a"] },
    { "Fn::Sub": "${none}" },
    { "Fn::Split": ["-", "a-b"] },
  ]) {
    assert.throws(() => plan(wrong), { code: "registration-failure", message: /DeviceConfiguration\.v/ });
  }
  for (const wrong of [
    "[",
    "[]",
    '{"Resources":{"x":{"Type":"AWS::S3::Bucket"}}}',
    '{"Resources":{"x":{"Type":"AWS::IoT::Policy","Properties":{}}}}',
    '{"Resources":{"x":{"Type":"AWS::IoT::Thing","Properties":{}}}}',
    '{"Resources":{"x":{"Type":"AWS::IoT::Certificate","Properties":{"CertificateId":"a","CertificatePem":"b"}}}}',
    '{"Resources":{"x":{"Type":"AWS::IoT::Thing","Properties":{"ThingName":"a"},"OverrideSettings":{"Status":"MERGE"}}}}',
    `{"Parameters":{"x":{"Type":"Number"}},"Resources":{"x":{"Type":"AWS::IoT::Thing","Properties":{"ThingName":"a"}}}}`,
    `{"Resources":{"x":{"Type":"AWS::IoT::Thing","Properties":{"ThingName":"a"}}},"DeviceConfiguration":{"a":{"b":"c"}}}`,
    `{"Resources":${'{"a":'.repeat(30)}1${"}".repeat(30)}}`,
  ]) {
    assert.throws(() => parseTemplate(wrong), { code: "invalid-request" }, wrong);
  }
});

test("bulk registration works through its list, and its reports say what became of each line", async (t) => {
  const api = await newApi(t);
  const templateBody = JSON.stringify({
    Parameters: { Name: { Type: "String" } },
    Resources: { t: { Type: "AWS::IoT::Thing", Properties: { ThingName: { Ref: "Name" } } } },
  });
  const lines = ['{"Name":"b1"}', "nonsense", '{"Other":"x"}', "", '{"Name":"b2"}', '{"Name":1}'];
  api.objects.set("bulk/list.json", utf8Bytes(lines.join("\n")));
  const order = { templateBody, inputFileBucket: "bulk", inputFileKey: "list.json", roleArn: ROLE };
  await assert.rejects(api.call("StartThingRegistrationTask", { ...order, inputFileKey: "none" }), { wire: 400 });
  const { taskId = "" } = await api.call("StartThingRegistrationTask", order);
  await api.tasks.settled();
  const { status, successCount, failureCount, percentageProgress } = await api.call("DescribeThingRegistrationTask", {
    taskId,
  });
  assert.deepEqual([status, successCount, failureCount, percentageProgress], ["Completed", 2, 3, 100]);
  const read = async (reportType: "RESULTS" | "ERRORS") => {
    const { resourceLinks } = await api.call("ListThingRegistrationTaskReports", { taskId, reportType });
    const bytes = api.objects.get((resourceLinks?.[0] ?? "").replace("memory:", ""));
    const text = new TextDecoder().decode(bytes).trim().split("\n");
    return text.map((line) => (JSON.parse(line) as { lineNumber: number }).lineNumber);
  };
  assert.deepEqual(
    [await read("RESULTS"), await read("ERRORS")],
    [
      [1, 4],
      [2, 3, 5],
    ],
  );
  assert.deepEqual((await api.call("ListThingRegistrationTasks", { status: "Completed" })).taskIds, [taskId]);
  assert.deepEqual((await api.call("ListThingRegistrationTasks", { status: "Failed" })).taskIds, []);
  await assert.rejects(api.call("StopThingRegistrationTask", { taskId }), { wire: 400, message: /is Completed$/ });
  await assert.rejects(api.call("StopThingRegistrationTask", { taskId: "x" }), { wire: 404 });
});

test("CreateProvisioningClaim gives a certificate for five minutes that may provision by its template only", async (t) => {
  const api = await newApi(t);
  await assert.rejects(api.call("CreateProvisioningClaim", { templateName: "fleet" }), { wire: 404 });
  await api.call("CreateProvisioningTemplate", {
    templateName: "fleet",
    templateBody: FLEET,
    provisioningRoleArn: ROLE,
  });
  const claim = await api.call("CreateProvisioningClaim", { templateName: "fleet" });
  const { certificateId = "" } = claim;
  assert.equal(claim.expiration, api.clock.now() / 1000 + 300);
  const { certificateDescription } = await api.call("DescribeCertificate", { certificateId });
  assert.deepEqual(
    [certificateDescription.status, certificateDescription.validity?.notAfter],
    ["ACTIVE", claim.expiration],
  );
  assert.deepEqual(
    api.registry.directory.policiesOf(certificateId).map(({ name }) => name),
    ["ProvisioningClaim-fleet"],
  );
  api.clock.advance(300_000);
  await api.call("CreateProvisioningClaim", { templateName: "fleet" });
  await assert.rejects(api.call("DescribeCertificate", { certificateId }), { wire: 404 });
});

test("a CA's registrationConfig is checked, described, listed by template and removed", async (t) => {
  const api = await newApi(t);
  const { certificate } = await registeredCa(api.registry);
  const certificateId = certificate.id;
  const update = (input: object) => api.call("UpdateCACertificate", { certificateId, ...input });
  const templateBody = JSON.stringify({ Resources: { c: CERTIFICATE } });
  for (const wrong of [
    {},
    { templateBody },
    { roleArn: ROLE, templateBody: "{}" },
    { templateName: "j", roleArn: ROLE },
  ]) {
    await assert.rejects(update({ registrationConfig: wrong }), { wire: 400 });
  }
  await assert.rejects(update({ registrationConfig: { templateName: "j" } }), { wire: 404 });
  const template = { templateName: "j", templateBody, provisioningRoleArn: ROLE };
  await api.call("CreateProvisioningTemplate", { ...template, type: "JITP" });
  await api.call("CreateProvisioningTemplate", { ...template, templateName: "f" });
  await assert.rejects(update({ registrationConfig: { templateName: "f" } }), { wire: 400 });
  await update({ registrationConfig: { templateName: "j" } });
  const described = () => api.call("DescribeCACertificate", { certificateId });
  assert.deepEqual((await described()).registrationConfig, { templateName: "j" });
  const listed = async (templateName: string) =>
    (await api.call("ListCACertificates", { templateName })).certificates.map((each) => each.certificateId);
  assert.deepEqual([await listed("j"), await listed("f")], [[certificateId], []]);
  await update({ removeAutoRegistration: true });
  const after = await described();
  assert.deepEqual(
    [after.registrationConfig, after.certificateDescription.autoRegistrationStatus],
    [undefined, "DISABLE"],
  );
});
