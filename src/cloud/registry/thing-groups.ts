import { Conflict } from "../../codec/index.ts";
import { invalidRequest, ResourceExists, type CloudErrorCode } from "../errors.ts";
import type { Queries } from "../store/index.ts";
import { iotArn } from "./account.ts";
import { limitNamed, type AccountLimits } from "./limits.ts";
import type { Page, PageRequest } from "./pages.ts";
import type { Registry } from "./registry.ts";
import { changedResource, newResource, resourceKind } from "./resources.ts";
import { putTags, removeTags, type Tag } from "./tags.ts";
import type { Attributes, GroupQuery, ThingGroup, ThingGroupBody, ThingGroupProperties } from "./thing-records.ts";
import { uuid } from "./uuid.ts";

const GROUPS = resourceKind<ThingGroupBody>("thing-group", "Thing group");

export type NewThingGroup = ThingGroupProperties & {
  readonly parent?: string | undefined;
  readonly query?: GroupQuery | undefined;
  readonly tags?: readonly Tag[] | undefined;
};

/**
 * Makes a thing group, static or (with a query) dynamic; the same again is the same. Throws `Conflict` `resource-exists`,
 * `UsageError` `invalid-request` for a parent that cannot be one. AWS IoT API, CreateThingGroup, CreateDynamicThingGroup
 */
export async function createThingGroup(registry: Registry, name: string, group: NewThingGroup): Promise<ThingGroup> {
  const { store, clock, entropy, account, directory, limits } = registry;
  const { parent = null, query = null, description, attributes = {}, tags } = group;
  const arn = iotArn(account, "thinggroup", name);
  const body: ThingGroupBody = {
    id: uuid(entropy),
    parent,
    description,
    attributes: kept(registry.limits, attributes),
    version: 1,
    query,
  };
  const { group: made } = await store.write(
    async (queries) => {
      const known = await GROUPS.find(queries, name);
      if (known) {
        if (known.body.version === 1 && sameBesidesId(known.body, body)) return { group: known, isNew: false };
        const message = `Thing Group ${name} already exists in current account with different properties`;
        throw new ResourceExists(message, { resourceId: known.body.id, resourceArn: arn });
      }
      if (parent !== null) await checkParent(limits, queries, parent);
      const fresh = newResource(name, body, clock.now());
      await GROUPS.insert(queries, fresh, arn);
      await putTags(queries, arn, tags);
      return { group: fresh, isNew: true };
    },
    ({ group: fresh, isNew }) => {
      if (!isNew) return;
      directory.groups.setGroup(name, { name, parent: parent ?? undefined, policies: [] });
      directory.events.tell({ kind: "thing-group", happened: "created", group: fresh });
    },
  );
  return made;
}

/** A group with its parents, the root first. Throws `NotFound`. */
export async function describeThingGroup(
  { store }: Registry,
  name: string,
): Promise<{ readonly group: ThingGroup; readonly ancestors: readonly string[] }> {
  const group = await GROUPS.named(store.read, name);
  return { group, ancestors: await ancestorsOf(store.read, group) };
}

export type ThingGroupUpdate = ThingGroupProperties & {
  readonly merge?: boolean | undefined;
  readonly expectedVersion?: number | undefined;
  readonly query?: Partial<GroupQuery> | undefined;
};

/**
 * Changes a group and gives its new version; `query` is for dynamic groups, and only for them. Throws `NotFound`, `Conflict`
 * `version-conflict`, `UsageError`. AWS IoT API, UpdateThingGroup, UpdateDynamicThingGroup
 */
export async function updateThingGroup(
  { store, clock, directory, limits }: Registry,
  name: string,
  update: ThingGroupUpdate,
): Promise<number> {
  const { description, attributes, merge = false, expectedVersion, query } = update;
  const { body: after } = await store.write(
    async (queries) => {
      const group = await GROUPS.named(queries, name);
      checkIsDynamic(group, query !== undefined);
      checkVersion(group, expectedVersion);
      const { body } = group;
      const changed: ThingGroupBody = {
        ...body,
        description: description ?? body.description,
        attributes: attributes ? kept(limits, { ...(merge ? body.attributes : {}), ...attributes }) : body.attributes,
        version: body.version + 1,
        query: body.query && { ...body.query, ...query },
      };
      const resource = changedResource(group, changed, clock.now());
      await GROUPS.replace(queries, resource);
      return resource;
    },
    (group) => directory.events.tell({ kind: "thing-group", happened: "updated", group }),
  );
  return after.version;
}

/**
 * Deletes a group that has no children, with its memberships and policy attachments; none is as good as deleted.
 * Throws `UsageError` `invalid-request`, `Conflict` `version-conflict`. AWS IoT API, DeleteThingGroup, DeleteDynamicThingGroup
 */
export async function deleteThingGroup(
  { store, account, directory }: Registry,
  name: string,
  { expectedVersion, isDynamic }: { readonly expectedVersion?: number | undefined; readonly isDynamic: boolean },
): Promise<void> {
  await store.write(
    async (queries) => {
      const group = await GROUPS.find(queries, name);
      if (!group) return undefined;
      checkIsDynamic(group, isDynamic);
      checkVersion(group, expectedVersion);
      const child = (await GROUPS.all(queries)).find(({ body }) => body.parent === name);
      if (child)
        throw invalidRequest(`Cannot delete thing group : ${name} when there are still child groups attached to it`);
      const members = queries.selectFrom("thing_group_members").select("thing").where("thing_group", "=", name);
      const things = (await members.execute()).map(({ thing }) => thing);
      await queries.deleteFrom("thing_group_members").where("thing_group", "=", name).execute();
      await queries.deleteFrom("policy_attachments").where("target", "=", `thinggroup/${name}`).execute();
      await GROUPS.remove(queries, name);
      await removeTags(queries, iotArn(account, "thinggroup", name));
      return { group, things };
    },
    (deleted) => {
      if (!deleted) return;
      directory.groups.setGroup(name, undefined);
      for (const thing of deleted.things) {
        const others = directory.groups.groupsOf(thing).filter((each) => each !== name);
        directory.setGroupsOf(thing, others);
      }
      directory.events.tell({ kind: "thing-group", happened: "deleted", group: deleted.group });
    },
  );
}

export type GroupListRequest = PageRequest & {
  readonly parent?: string | undefined;
  readonly prefix?: string | undefined;
  readonly isRecursive?: boolean | undefined;
};

/** Groups by creation date: below `parent`, or all; only the next level where not recursive. Throws `NotFound`. */
export async function listThingGroups({ store }: Registry, request: GroupListRequest): Promise<Page<ThingGroup>> {
  const { parent, prefix = "", isRecursive = true, ...page } = request;
  if (parent !== undefined) await GROUPS.named(store.read, parent);
  const all = new Map((await GROUPS.all(store.read)).map((group) => [group.name, group]));
  const isBelow = (group: ThingGroup): boolean => {
    if (!isRecursive) return group.body.parent === (parent ?? null);
    if (parent === undefined) return true;
    for (let at: string | null = group.body.parent; at !== null; at = all.get(at)?.body.parent ?? null) {
      if (at === parent) return true;
    }
    return false;
  };
  return GROUPS.page(store.read, {
    ...page,
    ascending: true,
    matches: (group) => group.name.startsWith(prefix) && isBelow(group),
  });
}

/** All groups whose members a query finds. */
export async function dynamicGroups(queries: Queries): Promise<ThingGroup[]> {
  return (await GROUPS.all(queries)).filter(({ body }) => body.query !== null);
}

/** Every group, in order of name. */
export function allThingGroups(queries: Queries): Promise<ThingGroup[]> {
  return GROUPS.all(queries);
}

/** The group. Throws `NotFound`. */
export function thingGroupNamed(queries: Queries, name: string): Promise<ThingGroup> {
  return GROUPS.named(queries, name);
}

/** The group, or undefined. */
export function findThingGroup(queries: Queries, name: string): Promise<ThingGroup | undefined> {
  return GROUPS.find(queries, name);
}

/** Names of the groups above one, the root first. */
export async function ancestorsOf(queries: Queries, group: ThingGroup): Promise<string[]> {
  const names: string[] = [];
  for (let at = group.body.parent; at !== null;) {
    names.unshift(at);
    at = (await GROUPS.named(queries, at)).body.parent;
  }
  return names;
}

/** Fills the index with groups, their policies and their members. */
export async function loadGroups({ store, directory }: Registry): Promise<void> {
  const { read } = store;
  const attached = await read
    .selectFrom("policy_attachments")
    .select(["target", "policy"])
    .where("target", ">", "thinggroup/")
    .where("target", "<", "thinggroup0")
    .orderBy("attached_at")
    .orderBy("policy")
    .execute();
  for (const { name, body } of await GROUPS.all(read)) {
    const policies = attached.filter(({ target }) => target === `thinggroup/${name}`).map(({ policy }) => policy);
    directory.groups.setGroup(name, { name, parent: body.parent ?? undefined, policies });
  }
  const members = await read
    .selectFrom("thing_group_members")
    .select(["thing", "thing_group"])
    .orderBy("thing")
    .execute();
  for (const { thing, thing_group: group } of members) {
    directory.groups.setGroupsOf(thing, [...directory.groups.groupsOf(thing), group]);
  }
}

async function checkParent(limits: AccountLimits, queries: Queries, parent: string): Promise<void> {
  const group = await GROUPS.find(queries, parent);
  if (!group) throw invalidRequest(`parentGroupName ${parent} does not exist`);
  if (group.body.query) throw invalidRequest(`parentGroupName ${parent} is a dynamic group, which has no children`);
  const depth = (await ancestorsOf(queries, group)).length + 2;
  const { groupDepth, groupChildren } = limits;
  if (depth > groupDepth) {
    const limit = limitNamed(limits, "groupDepth");
    throw invalidRequest(`thing groups nest ${groupDepth} deep at most, this would be level ${depth} (${limit})`);
  }
  const children = (await GROUPS.all(queries)).filter(({ body }) => body.parent === parent).length;
  if (children < groupChildren) return;
  const limit = limitNamed(limits, "groupChildren");
  throw invalidRequest(`thing group ${parent} has ${children} children, the most it may (${limit})`);
}

function checkIsDynamic({ name, body }: ThingGroup, asDynamic: boolean): void {
  if ((body.query !== null) === asDynamic) return;
  throw invalidRequest(`thing group ${name} is ${asDynamic ? "static" : "dynamic"}; use the operation for those`);
}

function checkVersion({ name, body }: ThingGroup, expected: number | undefined): void {
  if (expected === undefined || expected === body.version) return;
  const message = `The version for thing group ${name} does not match the expected version.`;
  throw new Conflict<CloudErrorCode>("version-conflict", message);
}

function kept(limits: AccountLimits, attributes: Attributes): Attributes {
  const entries = Object.entries(attributes).filter(([, value]) => value !== "");
  const { groupAttributes: most } = limits;
  if (entries.length > most) {
    throw invalidRequest(`a thing group has at most ${most} attributes (${limitNamed(limits, "groupAttributes")})`);
  }
  return Object.fromEntries(entries);
}

function sameBesidesId(a: ThingGroupBody, b: ThingGroupBody): boolean {
  return JSON.stringify({ ...a, id: "" }) === JSON.stringify({ ...b, id: "" });
}
