import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import {
  addThingToBillingGroup,
  changeThingGroups,
  createBillingGroup,
  createThing,
  createThingGroup,
  createThingType,
  deleteThing,
  deleteThingGroup,
  deprecateThingType,
  updateThing,
  updateThingGroup,
} from "../registry/index.ts";
import { newWorld, temporary } from "../registry/fixtures.test.ts";
import { EVENT_TYPES, EventSwitches, publishRegistryEvents } from "./index.ts";

type Said = { readonly topic: string } & Readonly<Record<string, unknown>>;

async function listening(t: TestContext, on: readonly (typeof EVENT_TYPES)[number][]) {
  const world = await newWorld(t);
  const switches = await EventSwitches.open(world.registry);
  await switches.set(Object.fromEntries(on.map((type) => [type, true])));
  const said: Said[] = [];
  const events = publishRegistryEvents(world.registry, switches, ({ topic, payload }) => {
    said.push({ topic, ...(JSON.parse(new TextDecoder().decode(payload)) as object) });
  });
  t.after(() => events.end());
  return { ...world, switches, said, settled: () => events.settled() };
}

const ALL = [
  "THING",
  "THING_GROUP",
  "THING_TYPE",
  "THING_GROUP_MEMBERSHIP",
  "THING_GROUP_HIERARCHY",
  "THING_TYPE_ASSOCIATION",
] as const;

test("registry events: each change is told on its topics, in the order of the commits", async (t) => {
  const { registry, said, settled, clock } = await listening(t, ALL);
  await createThingType(registry, "meter", { properties: { thingTypeDescription: "counts" } });
  await createThingGroup(registry, "site", {});
  await createThingGroup(registry, "hall", { parent: "site", attributes: { a: "1" } });
  await createBillingGroup(registry, "bill", {});
  await createThing(registry, "t", { k: "v" }, { type: "meter" });
  await createThing(registry, "t", { k: "v" }, { type: "meter" });
  await updateThing(registry, "t", { attributes: { k: "w" } });
  await addThingToBillingGroup(registry, "t", "bill");
  await changeThingGroups(registry, "t", { add: ["hall"] });
  await updateThingGroup(registry, "hall", { description: "big" });
  await updateThing(registry, "t", { removeType: true });
  await deprecateThingType(registry, "meter", {});
  await deleteThing(registry, "t");
  await deleteThing(registry, "t");
  await deleteThingGroup(registry, "hall", { isDynamic: false });
  await settled();
  assert.deepEqual(
    said.map(({ topic }) => topic.replace("$aws/events/", "")),
    [
      "thingType/meter/created",
      "thingGroup/site/created",
      "thingGroup/hall/created",
      "thingGroupHierarchy/thingGroup/site/childThingGroup/hall/added",
      "thing/t/created",
      "thingTypeAssociation/thing/t/thingType/meter/added",
      "thing/t/updated",
      "thing/t/updated",
      "thingGroupMembership/thingGroup/hall/thing/t/added",
      "thingGroupMembership/thing/t/thingGroup/hall/added",
      "thingGroup/hall/updated",
      "thing/t/updated",
      "thingTypeAssociation/thing/t/thingType/meter/removed",
      "thingType/meter/updated",
      "thing/t/deleted",
      "thingGroupMembership/thingGroup/hall/thing/t/removed",
      "thingGroupMembership/thing/t/thingGroup/hall/removed",
      "thingGroup/hall/deleted",
      "thingGroupHierarchy/thingGroup/site/childThingGroup/hall/removed",
    ],
  );
  const { eventId, thingId, ...made } = said[4] ?? assert.fail();
  assert.match(`${String(eventId)} ${String(thingId)}`, /^[0-9a-f-]{36} [0-9a-f-]{36}$/);
  assert.deepEqual(made, {
    topic: "$aws/events/thing/t/created",
    eventType: "THING_EVENT",
    timestamp: clock.now(),
    operation: "CREATED",
    accountId: registry.account.id,
    thingName: "t",
    versionNumber: 1,
    thingTypeName: "meter",
    billingGroupName: null,
    attributes: { k: "v" },
  });
  assert.equal(said[7]?.["billingGroupName"], "bill");
  const joined = said[8] ?? assert.fail();
  assert.deepEqual([joined["operation"], joined["thingId"]], ["ADDED", thingId]);
  assert.equal(said[2]?.["parentGroupName"], "site");
});

test("registry events are published only while they are switched on, and the switches outlive the process", async (t) => {
  const { registry, switches, said, settled } = await listening(t, ["THING_GROUP"]);
  await createThing(registry, "t");
  await settled();
  await switches.set({ THING: true });
  await createThing(registry, "u");
  await settled();
  await switches.set({ THING: false, THING_GROUP: false });
  await createThing(registry, "v");
  await createThingGroup(registry, "g", {});
  await settled();
  assert.deepEqual(
    said.map(({ topic }) => topic),
    ["$aws/events/thing/u/created"],
  );
  await switches.set({ THING_TYPE: true });
  const again = await EventSwitches.open(registry);
  assert.deepEqual(
    EVENT_TYPES.filter((type) => again.isOn(type)),
    ["THING_TYPE"],
  );
  const { registry: fresh } = await newWorld(t, temporary(t));
  assert.equal((await EventSwitches.open(fresh)).times, undefined);
});
