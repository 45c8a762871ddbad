import assert from "node:assert/strict";
import { test } from "node:test";

import { newApi } from "./fixtures.test.ts";

test("role aliases, authorizers and certificate providers are listed by name, last first unless ascending", async (t) => {
  const api = await newApi(t);
  const roleArn = "arn:aws:iam::123456789012:role/r";
  const authorizerFunctionArn = "arn:aws:lambda:eu-central-1:123456789012:function:f";
  for (const name of ["b", "c", "a"]) {
    await api.call("CreateRoleAlias", { roleAlias: name, roleArn });
    await api.call("CreateAuthorizer", { authorizerName: name, authorizerFunctionArn, signingDisabled: true });
  }
  assert.deepEqual(await api.call("ListRoleAliases", {}), { roleAliases: ["c", "b", "a"] });
  const first = await api.call("ListRoleAliases", { ascendingOrder: true, pageSize: 2 });
  assert.deepEqual(first.roleAliases, ["a", "b"]);
  const rest = { ascendingOrder: true, marker: first.nextMarker ?? "" };
  assert.deepEqual(await api.call("ListRoleAliases", rest), { roleAliases: ["c"] });
  const { authorizers = [] } = await api.call("ListAuthorizers", {});
  assert.deepEqual(
    authorizers.map(({ authorizerName }) => authorizerName),
    ["c", "b", "a"],
  );
});

test("principals of a thing that does not exist are refused as AWS words it", async (t) => {
  const api = await newApi(t);
  const message = "Failed to list principals for thing t because the thing does not exist in your account";
  await assert.rejects(api.call("ListThingPrincipals", { thingName: "t" }), {
    type: "ResourceNotFoundException",
    message: new RegExp(message),
  });
});

test("CreateTopicRule takes tags from its header; deleting the rule forgets them", async (t) => {
  const rules = { createTopicRule: async () => undefined, deleteTopicRule: async () => undefined };
  const api = await newApi(t, { rules });
  const rule = { ruleName: "r", topicRulePayload: { sql: "SELECT * FROM 'a'", actions: [] } };
  const tags = [
    { Key: "site", Value: "Halle 1 & 2" },
    { Key: "empty", Value: "" },
  ];
  await api.call("CreateTopicRule", { ...rule, tags });
  const kept = async () => {
    const rows = await api.registry.store.read.selectFrom("tags").selectAll().orderBy("key").execute();
    return rows.map(({ arn, key, value }) => [arn.replace(/^.*:/, ""), key, value]);
  };
  assert.deepEqual(await kept(), [
    ["rule/r", "empty", ""],
    ["rule/r", "site", "Halle 1 & 2"],
  ]);
  await api.call("DeleteTopicRule", { ruleName: "r" });
  assert.deepEqual(await kept(), []);
  const refused = { type: "InvalidRequestException" };
  await assert.rejects(api.call("CreateTopicRule", { ...rule, tags: [{ Key: "aws:x", Value: "" }] }), refused);
  await assert.rejects(api.call("CreateTopicRule", { ...rule, tags: [{ Key: "", Value: "v" }] }), refused);
  const many = Array.from({ length: 51 }, (_, i) => ({ Key: `k${i}`, Value: "" }));
  await assert.rejects(api.call("CreateTopicRule", { ...rule, tags: many }), refused);
});
