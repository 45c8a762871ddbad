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
