import assert from "node:assert/strict";
import { test } from "node:test";

import { POLICY } from "../../registry/fixtures.test.ts";
import { newApi } from "../fixtures.test.ts";

test("a certificate is offered, accepted, rejected and taken back, and is of no use meanwhile", async (t) => {
  const api = await newApi(t);
  const own = api.registry.account.id;
  const { certificateId, certificateArn } = await api.call("CreateKeysAndCertificate", { setAsActive: true });
  const offer = (targetAwsAccount = own) =>
    api.call("TransferCertificate", { certificateId, targetAwsAccount, transferMessage: "m" });
  const status = async () => (await api.call("DescribeCertificate", { certificateId })).certificateDescription.status;
  await assert.rejects(offer(), { wire: 406, type: "CertificateStateException" });
  await api.call("UpdateCertificate", { certificateId, newStatus: "INACTIVE" });
  await api.call("CreatePolicy", { policyName: "p", policyDocument: POLICY });
  await api.call("AttachPolicy", { policyName: "p", target: certificateArn });
  await assert.rejects(offer(), { wire: 409, type: "TransferConflictException" });
  await api.call("DetachPolicy", { policyName: "p", target: certificateArn });
  const { transferredCertificateArn } = await offer("111122223333");
  assert.equal(transferredCertificateArn, certificateArn.replace(own, "111122223333"));
  assert.equal(await status(), "PENDING_TRANSFER");
  await assert.rejects(api.call("UpdateCertificate", { certificateId, newStatus: "ACTIVE" }), { wire: 406 });
  const outgoing = (await api.call("ListOutgoingCertificates", {})).outgoingCertificates;
  assert.deepEqual([outgoing?.[0]?.transferredTo, outgoing?.[0]?.transferMessage], ["111122223333", "m"]);
  await assert.rejects(api.call("AcceptCertificateTransfer", { certificateId }), { wire: 404 });
  await api.call("CancelCertificateTransfer", { certificateId });
  assert.deepEqual(
    [await status(), (await api.call("ListOutgoingCertificates", {})).outgoingCertificates],
    ["INACTIVE", []],
  );
  await assert.rejects(api.call("CancelCertificateTransfer", { certificateId }), {
    wire: 410,
    type: "TransferAlreadyCompletedException",
  });
  await offer();
  await api.call("RejectCertificateTransfer", { certificateId, rejectReason: "not ours" });
  const { transferData } = (await api.call("DescribeCertificate", { certificateId })).certificateDescription;
  assert.equal(transferData?.rejectReason, "not ours");
  await offer();
  await api.call("AcceptCertificateTransfer", { certificateId, setAsActive: true });
  assert.equal(await status(), "ACTIVE");
  await assert.rejects(api.call("RejectCertificateTransfer", { certificateId }), { wire: 410 });
});

test("transfers that cannot be have codes of their own: transfer-conflict and transfer-completed", async (t) => {
  const api = await newApi(t);
  const { registry } = api;
  const { certificateId, certificateArn } = await api.call("CreateKeysAndCertificate", {});
  const { cancelTransfer, transferCertificate } = await import("../../registry/index.ts");
  await assert.rejects(cancelTransfer(registry, certificateId), { code: "transfer-completed" });
  await api.call("CreateThing", { thingName: "d" });
  await api.call("AttachThingPrincipal", { thingName: "d", principal: certificateArn });
  await assert.rejects(transferCertificate(registry, certificateId, { to: "111122223333" }), {
    code: "transfer-conflict",
  });
});

test("role aliases: made, described, changed, listed and deleted", async (t) => {
  const api = await newApi(t);
  const roleArn = "arn:aws:iam::123456789012:role/device";
  const made = await api.call("CreateRoleAlias", { roleAlias: "r", roleArn });
  await assert.rejects(api.call("CreateRoleAlias", { roleAlias: "r", roleArn }), { wire: 409 });
  await api.call("UpdateRoleAlias", { roleAlias: "r", credentialDurationSeconds: 900 });
  const { roleAliasDescription } = await api.call("DescribeRoleAlias", { roleAlias: "r" });
  assert.deepEqual(
    [
      roleAliasDescription?.roleAliasArn,
      roleAliasDescription?.roleArn,
      roleAliasDescription?.credentialDurationSeconds,
    ],
    [made.roleAliasArn, roleArn, 900],
  );
  assert.deepEqual((await api.call("ListRoleAliases", {})).roleAliases, ["r"]);
  await api.call("DeleteRoleAlias", { roleAlias: "r" });
  await assert.rejects(api.call("DeleteRoleAlias", { roleAlias: "r" }), { wire: 404 });
});
