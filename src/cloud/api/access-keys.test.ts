import assert from "node:assert/strict";
import { test } from "node:test";

import { newWorld, temporary } from "../registry/fixtures.test.ts";
import { callOperation } from "./client.ts";
import { newApi } from "./fixtures.test.ts";

test("keys rotate without a gap: make a second one, use it, deactivate the first, delete it", async (t) => {
  const api = await newApi(t);
  const old = api.client.credentials;
  const created = await api.call("CreateAccessKey", {});
  assert.match(created.accessKeyId, /^HWSR[A-Z2-7]{16}$/);
  const second = { ...api.client, credentials: created };
  await callOperation(second, "Status", {});
  await callOperation(second, "UpdateAccessKey", { accessKeyId: old.accessKeyId, status: "Inactive" });
  await assert.rejects(api.call("Status", {}), { type: "UnrecognizedClientException" });
  const { accessKeys } = await callOperation(second, "ListAccessKeys", {});
  assert.deepEqual(Object.fromEntries(accessKeys.map((key) => [key.accessKeyId, key.status])), {
    [old.accessKeyId]: "Inactive",
    [created.accessKeyId]: "Active",
  });
  assert.ok(!JSON.stringify(accessKeys).includes(created.secretAccessKey));
  await callOperation(second, "UpdateAccessKey", { accessKeyId: old.accessKeyId, status: "Active" });
  await api.call("Status", {});
  await callOperation(second, "DeleteAccessKey", { accessKeyId: old.accessKeyId });
  await assert.rejects(api.call("Status", {}), { type: "UnrecognizedClientException" });
});

test("the last active key can be neither deactivated nor deleted, and there are at most twenty", async (t) => {
  const api = await newApi(t);
  const { accessKeyId } = api.client.credentials;
  await assert.rejects(api.call("UpdateAccessKey", { accessKeyId, status: "Inactive" }), {
    type: "DeleteConflictException",
    message: /is the last active access key; make another one first$/,
  });
  await assert.rejects(api.call("DeleteAccessKey", { accessKeyId }), { type: "DeleteConflictException" });
  await assert.rejects(api.call("DeleteAccessKey", { accessKeyId: "HWSRAAAAAAAAAAAAAAAA" }), {
    type: "ResourceNotFoundException",
  });
  for (let i = 1; i < 20; i++) await api.call("CreateAccessKey", {});
  await assert.rejects(api.call("CreateAccessKey", {}), { type: "LimitExceededException" });
});

test("what was made, deactivated and deleted is so after a restart", async (t) => {
  const directory = temporary(t);
  const first = await newWorld(t, directory);
  const { accessKeys, store } = first.registry;
  const [second, third] = [await accessKeys.create(), await accessKeys.create()];
  await accessKeys.setStatus(second.accessKeyId, "Inactive");
  await accessKeys.delete(accessKeys.primary.accessKeyId);
  await store.close();
  const { registry } = await newWorld(t, directory);
  assert.deepEqual(registry.accessKeys.primary, third);
  assert.equal(registry.accessKeys.isNew, false);
  assert.equal(registry.accessKeys.secretOf(second.accessKeyId), undefined);
});
