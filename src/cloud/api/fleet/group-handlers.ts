import {
  changeThingGroups,
  createThingGroup,
  deleteThingGroup,
  describeThing,
  describeThingGroup,
  dynamicGroups,
  groupsOfThing,
  iotArn,
  listGroupMembers,
  listThingGroups,
  nameFrom,
  thingGroupNamed,
  updateThingGroup,
  type Registry,
  type ThingGroup,
  pageAmong,
} from "../../registry/index.ts";
import type { FleetIndex } from "../../search/index.ts";
import {
  type DescribeThingGroupResponse,
  type FLEET_OPERATIONS,
  type HandlersOf,
  pageRequestOf,
  tokenPage,
} from "../../operations/index.ts";

/** The operations of static groups, and those that read any group. */
export type GroupOperation = Extract<
  keyof typeof FLEET_OPERATIONS,
  `${string}ThingGroup` | "ListThingGroups" | "UpdateThingGroupsForThing" | "ListThingGroupsForThing"
>;

/** Thing groups in AWS's words. */
export function groupHandlers(registry: Registry, index: FleetIndex): HandlersOf<GroupOperation> {
  const { account } = registry;
  const arnOf = (name: string) => iotArn(account, "thinggroup", name);
  const named = (name: string) => ({ groupName: name, groupArn: arnOf(name) });
  return {
    async CreateThingGroup({ thingGroupName, parentGroupName: parent, thingGroupProperties, tags }) {
      const { description, attributes } = propertiesOf(thingGroupProperties);
      const group = await createThingGroup(registry, thingGroupName, { parent, description, attributes, tags });
      return { thingGroupName, thingGroupArn: arnOf(thingGroupName), thingGroupId: group.body.id };
    },
    async DescribeThingGroup({ thingGroupName }) {
      const { group, ancestors } = await describeThingGroup(registry, thingGroupName);
      return described(group, { arn: arnOf(thingGroupName), ancestors: ancestors.map(named) });
    },
    async UpdateThingGroup({ thingGroupName, thingGroupProperties, expectedVersion }) {
      const update = { ...propertiesOf(thingGroupProperties), expectedVersion };
      return { version: await updateThingGroup(registry, thingGroupName, update) };
    },
    DeleteThingGroup: ({ thingGroupName, expectedVersion }) =>
      deleteThingGroup(registry, thingGroupName, { expectedVersion, isDynamic: false }),
    async ListThingGroups({ parentGroup: parent, namePrefixFilter: prefix, recursive: isRecursive, ...input }) {
      const page = await listThingGroups(registry, { ...pageRequestOf(input), parent, prefix, isRecursive });
      return tokenPage("thingGroups", page, ({ name }) => named(name));
    },
    async ListThingsInThingGroup({ thingGroupName, recursive: isRecursive, ...input }) {
      const { query } = (await thingGroupNamed(registry.store.read, thingGroupName)).body;
      const request = pageRequestOf(input);
      const page = query
        ? await index.membersOf(query.queryString, request)
        : await listGroupMembers(registry, thingGroupName, { ...request, isRecursive });
      return tokenPage("things", page, (name) => name);
    },
    async ListThingGroupsForThing({ thingName, ...request }) {
      await describeThing(registry, thingName);
      const { read } = registry.store;
      const names = await groupsOfThing(read, thingName);
      for (const { name, body } of await dynamicGroups(read)) {
        if (await index.finds(body.query?.queryString ?? "", thingName)) names.push(name);
      }
      const all = { rows: names, keyOf: (name: string) => name };
      return tokenPage("thingGroups", pageAmong(`groups of ${thingName}`, pageRequestOf(request), all), named);
    },
    async AddThingToThingGroup(input) {
      const { thing, group } = membershipOf(registry, input);
      await changeThingGroups(registry, thing, { add: [group] });
    },
    async RemoveThingFromThingGroup(input) {
      const { thing, group } = membershipOf(registry, input);
      await changeThingGroups(registry, thing, { remove: [group] });
    },
    async UpdateThingGroupsForThing({ thingName, thingGroupsToAdd: add, thingGroupsToRemove: remove }) {
      const thing = nameFrom(account, "thing", { name: thingName, at: "thing" });
      await changeThingGroups(registry, thing, { add, remove });
    },
  };
}

/** A group's properties as the service model nests them. */
export type GivenProperties = {
  readonly thingGroupDescription?: string;
  readonly attributePayload?: { readonly attributes?: Readonly<Record<string, string>>; readonly merge?: boolean };
};

/** The same flat, as the registry takes them. */
export function propertiesOf({ thingGroupDescription, attributePayload }: GivenProperties = {}) {
  const { attributes, merge } = attributePayload ?? {};
  return { description: thingGroupDescription, attributes, merge };
}

function membershipOf(
  { account }: Registry,
  given: {
    readonly thingGroupName?: string;
    readonly thingGroupArn?: string;
    readonly thingName?: string;
    readonly thingArn?: string;
  },
): { readonly thing: string; readonly group: string } {
  const { thingGroupName, thingGroupArn, thingName, thingArn } = given;
  return {
    group: nameFrom(account, "thinggroup", { name: thingGroupName, arn: thingGroupArn, at: "thingGroup" }),
    thing: nameFrom(account, "thing", { name: thingName, arn: thingArn, at: "thing" }),
  };
}

function described(
  { name, body, createdAt }: ThingGroup,
  { arn, ancestors }: { readonly arn: string; readonly ancestors: readonly { groupName: string; groupArn: string }[] },
): DescribeThingGroupResponse {
  const { id, version, description, attributes, parent, query } = body;
  const hasAttributes = Object.keys(attributes).length > 0;
  return {
    thingGroupName: name,
    thingGroupId: id,
    thingGroupArn: arn,
    version,
    thingGroupProperties: {
      ...(description !== undefined && { thingGroupDescription: description }),
      ...(hasAttributes && { attributePayload: { attributes } }),
    },
    thingGroupMetadata: {
      ...(parent !== null && { parentGroupName: parent, rootToParentThingGroups: ancestors }),
      creationDate: createdAt / 1000,
    },
    // Members of a dynamic group are found when they are asked for: it is never behind.
    ...(query && { ...query, status: "ACTIVE" as const }),
  };
}
