import { utf8Bytes } from "../../codec/index.ts";
import type { SystemMessage } from "../broker/index.ts";
import {
  ancestorsOf,
  findThing,
  findThingGroup,
  findThingType,
  iotArn,
  uuid,
  type Registry,
  type RegistryEvent,
  type Thing,
  type ThingGroup,
  type ThingType,
} from "../registry/index.ts";
import type { EventSwitches, EventType } from "./switches.ts";

/** A message to be: which switch it hangs on, its topic below `$aws/events/`, and what it says besides what all say. */
type Told = {
  readonly type: EventType;
  readonly topic: string;
  readonly operation: "CREATED" | "UPDATED" | "DELETED" | "ADDED" | "REMOVED";
  readonly facts: Readonly<Record<string, unknown>>;
};

/**
 * Publishes what happens to things, types and groups, in the order of the commits, while its kind is switched on. What the
 * registry does not hold any more (the id of a group that was deleted since) is null. Returns what ends it.
 * AWS IoT Core, "Registry events"
 */
export function publishRegistryEvents(
  registry: Registry,
  switches: EventSwitches,
  publish: (message: SystemMessage) => void,
): { end(): void; settled(): Promise<void> } {
  const { directory, clock, trace } = registry;
  let tail = Promise.resolve();
  const tell = async (event: RegistryEvent, time: number): Promise<void> => {
    try {
      for (const told of await toldBy(registry, switches, event)) {
        if (switches.isOn(told.type)) publish(messageOf(registry, told, time));
      }
    } catch (error) {
      const detail = `a registry event could not be published: ${String(error)}`;
      trace.emit("cloud", { kind: "process", what: "warning", detail });
    }
  };
  const end = directory.events.add((event) => {
    const time = Math.floor(clock.now());
    tail = tail.then(() => tell(event, time));
  });
  return { end, settled: () => tail };
}

function messageOf(
  { account, entropy }: Registry,
  { type, topic, operation, facts }: Told,
  time: number,
): SystemMessage {
  const common = { eventType: `${type}_EVENT`, eventId: uuid(entropy), timestamp: time, operation };
  const payload = utf8Bytes(JSON.stringify({ ...common, accountId: account.id, ...facts }));
  return { topic: `$aws/events/${topic}`, payload, qos: 1 };
}

async function toldBy(registry: Registry, switches: EventSwitches, event: RegistryEvent): Promise<Told[]> {
  switch (event.kind) {
    case "thing":
      return [...thingTold(event), ...(await associationTold(registry, switches, event))];
    case "thing-type":
      return [typeTold(event.happened, event.type)];
    case "thing-group":
      return groupTold(registry, event.happened, event.group);
    default:
      return switches.isOn("THING_GROUP_MEMBERSHIP") ? membershipTold(registry, event) : [];
  }
}

function thingTold({
  before,
  after,
}: {
  readonly before: Thing | undefined;
  readonly after: Thing | undefined;
}): Told[] {
  const thing = after ?? before;
  if (!thing) return [];
  const operation = !before ? "CREATED" : after ? "UPDATED" : "DELETED";
  const { name, id, version, type, billingGroup, attributes } = thing;
  const facts = {
    thingId: id,
    thingName: name,
    versionNumber: version,
    thingTypeName: type,
    billingGroupName: billingGroup,
    attributes,
  };
  return [{ type: "THING", topic: `thing/${name}/${operation.toLowerCase()}`, operation, facts }];
}

async function associationTold(
  { store }: Registry,
  switches: EventSwitches,
  { before, after }: { readonly before: Thing | undefined; readonly after: Thing | undefined },
): Promise<Told[]> {
  const [was, is] = [before?.type ?? null, after?.type ?? null];
  const thing = after ?? before;
  if (!thing || was === is || !switches.isOn("THING_TYPE_ASSOCIATION")) return [];
  const told: Told[] = [];
  for (const [typeName, operation] of [
    [was, "REMOVED"],
    [is, "ADDED"],
  ] as const) {
    if (typeName === null) continue;
    const id = (await findThingType(store.read, typeName))?.body.id ?? null;
    const facts = { thingId: thing.id, thingName: thing.name, thingTypeName: typeName, thingTypeId: id };
    const topic = `thingTypeAssociation/thing/${thing.name}/thingType/${typeName}/${operation.toLowerCase()}`;
    told.push({ type: "THING_TYPE_ASSOCIATION", topic, operation, facts });
  }
  return told;
}

function typeTold(happened: "created" | "updated" | "deleted", { name, body }: ThingType): Told {
  const { id, properties, deprecatedAt } = body;
  const facts = {
    thingTypeId: id,
    thingTypeName: name,
    isDeprecated: deprecatedAt !== null,
    deprecationDate: deprecatedAt === null ? null : new Date(deprecatedAt).toISOString(),
    searchableAttributes: properties.searchableAttributes ?? [],
    description: properties.thingTypeDescription ?? "",
  };
  return { type: "THING_TYPE", topic: `thingType/${name}/${happened}`, operation: upper(happened), facts };
}

async function groupTold(
  { store, account }: Registry,
  happened: "created" | "updated" | "deleted",
  group: ThingGroup,
): Promise<Told[]> {
  const { name, body } = group;
  const idOf = async (each: string) => (await findThingGroup(store.read, each))?.body.id ?? null;
  const above = await ancestorsOf(store.read, group).catch(() => (body.parent === null ? [] : [body.parent]));
  const chain = await Promise.all(
    above.map(async (each) => ({ groupArn: iotArn(account, "thinggroup", each), groupId: await idOf(each) })),
  );
  const operation = upper(happened);
  const facts = {
    thingGroupId: body.id,
    thingGroupName: name,
    versionNumber: body.version,
    parentGroupName: body.parent,
    parentGroupId: chain.at(-1)?.groupId ?? null,
    description: body.description ?? "",
    rootToParentThingGroups: chain,
    attributes: body.attributes,
    dynamicGroupMappingId: null,
  };
  const told: Told[] = [{ type: "THING_GROUP", topic: `thingGroup/${name}/${happened}`, operation, facts }];
  if (body.parent === null || happened === "updated") return told;
  const moved = happened === "created" ? "ADDED" : "REMOVED";
  const topic = `thingGroupHierarchy/thingGroup/${body.parent}/childThingGroup/${name}/${moved.toLowerCase()}`;
  const link = {
    thingGroupId: chain.at(-1)?.groupId ?? null,
    thingGroupName: body.parent,
    childGroupId: body.id,
    childGroupName: name,
  };
  return [...told, { type: "THING_GROUP_HIERARCHY", topic, operation: moved, facts: link }];
}

async function membershipTold(
  { store, account, entropy }: Registry,
  { thing, added, removed }: Extract<RegistryEvent, { kind: "membership" }>,
): Promise<Told[]> {
  const told: Told[] = [];
  const thingId = (await findThing(store.read, thing))?.id ?? null;
  const moves = [
    ...removed.map((group) => ({ group, operation: "REMOVED" as const })),
    ...added.map((group) => ({ group, operation: "ADDED" as const })),
  ];
  for (const { group, operation } of moves) {
    const facts = {
      groupArn: iotArn(account, "thinggroup", group),
      groupId: (await findThingGroup(store.read, group))?.body.id ?? null,
      thingArn: iotArn(account, "thing", thing),
      thingId,
      membershipId: uuid(entropy),
    };
    const end = operation.toLowerCase();
    for (const topic of [`thingGroup/${group}/thing/${thing}`, `thing/${thing}/thingGroup/${group}`]) {
      told.push({
        type: "THING_GROUP_MEMBERSHIP",
        topic: `thingGroupMembership/${topic}/${end}`,
        operation,
        facts,
      });
    }
  }
  return told;
}

function upper<Word extends string>(word: Word): Uppercase<Word> {
  return word.toUpperCase() as Uppercase<Word>;
}
