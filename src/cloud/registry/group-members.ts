import { invalidRequest } from "../errors.ts";
import type { Queries } from "../store/index.ts";
import { nameOfArn, type Account, type IotResource } from "./account.ts";
import { limitNamed, type AccountLimits } from "./limits.ts";
import { beyond, pageOf, planPage, type Page, type PageRequest } from "./pages.ts";
import type { Registry } from "./registry.ts";
import { allThingGroups, ancestorsOf, thingGroupNamed } from "./thing-groups.ts";
import { thingNamed } from "./things.ts";

/** The name that a caller gives as name, as ARN, or as both. Throws `UsageError` `invalid-request`. */
export function nameFrom(
  account: Account,
  kind: IotResource,
  { name, arn, at }: { readonly name?: string | undefined; readonly arn?: string | undefined; readonly at: string },
): string {
  const named = arn === undefined ? undefined : nameOfArn(account, kind, arn);
  if (arn !== undefined && named === undefined) throw invalidRequest(`${at}Arn is no ARN of a ${kind} of this account`);
  if (name !== undefined && named !== undefined && name !== named) {
    throw invalidRequest(`${at}Name is ${name}, ${at}Arn names ${named}`);
  }
  const found = name ?? named;
  if (found === undefined) throw invalidRequest(`${at}Name or ${at}Arn is required`);
  return found;
}

export type GroupChange = {
  readonly add?: readonly string[] | undefined;
  readonly remove?: readonly string[] | undefined;
};

/**
 * Puts a thing into static groups and takes it out of others, all or none. What is so already stays so. Throws `NotFound`,
 * and `UsageError` `invalid-request` for dynamic groups, two groups of one hierarchy, or too many. AWS IoT API,
 * UpdateThingGroupsForThing
 */
export async function changeThingGroups(registry: Registry, thing: string, change: GroupChange): Promise<void> {
  await registry.store.write(
    (queries) => putThingGroups(registry, queries, thing, change),
    (groups) => registry.directory.setGroupsOf(thing, groups),
  );
}

/** The same inside a transaction of the caller's; gives the groups that the thing is in then. */
export async function putThingGroups(
  { clock, limits }: Pick<Registry, "clock" | "limits">,
  queries: Queries,
  thing: string,
  { add = [], remove = [] }: GroupChange,
): Promise<string[]> {
  await thingNamed(queries, thing);
  for (const name of [...add, ...remove]) {
    const { body } = await thingGroupNamed(queries, name);
    if (body.query) throw invalidRequest(`thing group ${name} is dynamic: its query says which things are in it`);
  }
  for (const name of remove) await memberships(queries, thing, name);
  const known = await groupsOfThing(queries, thing);
  const added = [...new Set(add)].filter((name) => !known.includes(name));
  const after = [...known, ...added].toSorted();
  if (added.length > 0) await checkPlaces(limits, queries, { thing, groups: after });
  const added_at = Math.floor(clock.now());
  for (const name of added) {
    await queries.insertInto("thing_group_members").values({ thing_group: name, thing, added_at }).execute();
  }
  return after;
}

/** Names of the static groups that a thing is in, by name. */
export async function groupsOfThing(queries: Queries, thing: string): Promise<string[]> {
  const rows = await queries
    .selectFrom("thing_group_members")
    .select("thing_group")
    .where("thing", "=", thing)
    .orderBy("thing_group")
    .execute();
  return rows.map((row) => row.thing_group);
}

/** Things of static groups in order of joining; of the group's descendants too where `isRecursive`. Throws `NotFound`. */
export async function listGroupMembers(
  { store }: Registry,
  group: string,
  { isRecursive = false, ...request }: PageRequest & { readonly isRecursive?: boolean | undefined },
): Promise<Page<string>> {
  await thingGroupNamed(store.read, group);
  const groups = isRecursive ? await withDescendants(store.read, group) : [group];
  const name = `members of ${group}${isRecursive ? " and below" : ""}`;
  const plan = planPage(name, { ...request, ascending: true });
  const rows = await store.read
    .selectFrom("thing_group_members")
    .select(["thing", "added_at"])
    .where("thing_group", "in", groups)
    .where((eb) => beyond(eb, plan, ["added_at", "thing"]))
    .orderBy("added_at")
    .orderBy("thing")
    .limit(plan.limit + 1)
    .execute();
  const page = pageOf(name, plan, { rows, keyOf: (row) => ({ number: row.added_at, text: row.thing }) });
  return { ...page, rows: page.rows.map(({ thing }) => thing) };
}

async function withDescendants(queries: Queries, root: string): Promise<string[]> {
  const all = await allThingGroups(queries);
  const found = [root];
  for (const name of found) found.push(...all.filter(({ body }) => body.parent === name).map((group) => group.name));
  return found;
}

async function memberships(queries: Queries, thing: string, group: string): Promise<void> {
  await queries.deleteFrom("thing_group_members").where("thing", "=", thing).where("thing_group", "=", group).execute();
}

/** In one hierarchy a thing has one place. AWS IoT, "Static thing groups" */
async function checkPlaces(
  limits: AccountLimits,
  queries: Queries,
  { thing, groups }: { readonly thing: string; readonly groups: readonly string[] },
): Promise<void> {
  const { groupsPerThing: most } = limits;
  if (groups.length > most) {
    const limit = limitNamed(limits, "groupsPerThing");
    throw invalidRequest(`thing ${thing} may be in ${most} groups at most, this would be ${groups.length} (${limit})`);
  }
  const roots = new Map<string, string>();
  for (const name of groups) {
    const [root = name] = await ancestorsOf(queries, await thingGroupNamed(queries, name));
    const other = roots.get(root);
    if (other !== undefined) throw invalidRequest(`thing ${thing} is in ${other}, of one hierarchy with ${name}`);
    roots.set(root, name);
  }
}
