import assert from "node:assert/strict";
import { test } from "node:test";

import { BASIC, failed, open, refused, ZIP } from "./service-fixtures.test.ts";

const F = { FunctionName: "f" } as const;
const settle = () => new Promise<void>((resolve) => void setImmediate(resolve));

test("tags are given with a function or later, listed, shown by GetFunction, and no part of a version", async (t) => {
  const { functions, registry, directory } = await open(t);
  const { settings } = functions;
  const { FunctionArn: Resource } = await functions.createFunction({ ...BASIC, Tags: { team: "a", old: "x" } });
  const one = await functions.versions.publishVersion(F);
  await settings.tag({ Resource, Tags: { team: "b", __proto__x: "y" } });
  await settings.untag({ Resource, TagKeys: ["old", "nothing"] });
  const Tags = { team: "b", __proto__x: "y" };
  assert.deepEqual(await settings.listTags({ Resource }), { Tags });
  assert.deepEqual((await functions.getFunction(F)).Tags, Tags);
  assert.deepEqual(await functions.versions.publishVersion(F), one, "tags make no new version");
  const many = Object.fromEntries(Array.from({ length: 49 }, (_, i) => [`k${i}`, ""]));
  await refused(settings.tag({ Resource, Tags: many }), "function-parameter", /51 tags, at most 50/);
  await refused(settings.listTags({ Resource: `${Resource}-2` }), "function-not-found");
  await refused(settings.tag({ Resource: `${Resource}:1`, Tags: {} }), "function-parameter");
  await registry.store.close();
  const again = await open(t, directory);
  assert.deepEqual(await again.functions.settings.listTags({ Resource }), { Tags });
});

test("PutFunctionEventInvokeConfig decides how often and how long an event of a qualifier is tried", async (t) => {
  const { functions, runtime, clock } = await open(t);
  const { settings, versions } = functions;
  await functions.createFunction({ ...BASIC, Publish: true });
  await versions.createAlias({ ...F, Name: "constructor", FunctionVersion: "1" });
  runtime.answer = () => failed();
  const tries = async (FunctionName: string) => {
    const before = runtime.runs.length;
    await functions.invoke({ FunctionName, InvocationType: "Event" });
    for (const ms of [0, 1000, 2000, 60_000]) {
      clock.advance(ms);
      await settle();
    }
    return runtime.runs.length - before;
  };
  assert.deepEqual([await tries("f"), await tries("f:constructor")], [3, 3]);
  await refused(settings.getEventInvokeConfig({ ...F, Qualifier: "constructor" }), "event-config-not-found");
  await refused(settings.updateEventInvokeConfig({ ...F, MaximumRetryAttempts: 1 }), "event-config-not-found");
  await refused(settings.putEventInvokeConfig(F), "function-parameter", /at least one/);
  await refused(settings.putEventInvokeConfig({ ...F, Qualifier: "9", MaximumRetryAttempts: 1 }), "function-not-found");
  const none = await settings.putEventInvokeConfig({ ...F, MaximumRetryAttempts: 0 });
  assert.equal(none.MaximumRetryAttempts, 0);
  assert.match(none.FunctionArn, /:function:f:\$LATEST$/);
  assert.deepEqual([await tries("f"), await tries("f:constructor")], [1, 3]);
  const both = await settings.updateEventInvokeConfig({ ...F, MaximumEventAgeInSeconds: 60 });
  assert.deepEqual([both.MaximumRetryAttempts, both.MaximumEventAgeInSeconds], [0, 60]);
  const only = await settings.putEventInvokeConfig({ FunctionName: "f:constructor", MaximumRetryAttempts: 1 });
  assert.deepEqual(await settings.getEventInvokeConfig({ ...F, Qualifier: "constructor" }), only);
  assert.equal(await tries("f:constructor"), 2);
  const listed = await settings.listEventInvokeConfigs({ ...F, MaxItems: 1 });
  const rest = await settings.listEventInvokeConfigs({ ...F, Marker: listed.NextMarker ?? "" });
  assert.deepEqual(
    [...listed.FunctionEventInvokeConfigs, ...rest.FunctionEventInvokeConfigs].map((each) => each.FunctionArn),
    [none.FunctionArn, only.FunctionArn],
  );
  await settings.deleteEventInvokeConfig(F);
  assert.equal(await tries("f"), 3);
  await versions.deleteAlias({ ...F, Name: "constructor" });
  await versions.createAlias({ ...F, Name: "constructor", FunctionVersion: "1" });
  assert.equal(await tries("f:constructor"), 3, "another alias of the same name begins anew");
});

test("an event that is too old for another attempt is given up", async (t) => {
  const { functions, runtime, clock, ledger } = await open(t);
  await functions.createFunction(BASIC);
  await functions.settings.putEventInvokeConfig({ ...F, MaximumEventAgeInSeconds: 60 });
  runtime.answer = () => {
    // A run that takes most of the time that the event has.
    clock.advance(59_500);
    return failed();
  };
  await functions.invoke({ ...F, InvocationType: "Event" });
  for (const ms of [0, 1000, 2000]) {
    clock.advance(ms);
    await settle();
  }
  assert.equal(runtime.runs.length, 1);
  assert.match(JSON.stringify(ledger.events({ kinds: ["function.run"] })), /gave up on the event/);
});

test("GetAccountSettings tells what may be stored, and what is", async (t) => {
  const { functions } = await open(t);
  await functions.createFunction({ ...BASIC, Publish: true });
  const { AccountLimit, AccountUsage } = await functions.settings.accountSettings();
  assert.deepEqual(AccountUsage, { TotalCodeSize: 2 * ZIP.length, FunctionCount: 1 });
  assert.equal(AccountLimit.TotalCodeSize, 2 * 1024 ** 3);
  assert.ok(AccountLimit.ConcurrentExecutions > 0);
});
