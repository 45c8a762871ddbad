import { Conflict } from "../../codec/index.ts";
import { invalidRequest, notFound, ResourceExists, type CloudErrorCode } from "../errors.ts";
import { columns, Statement, type Queries, type ThingRow } from "../store/index.ts";
import { iotArn } from "./account.ts";
import { billingGroupNamed } from "./billing-groups.ts";
import { pageOf, planPage, type Page, type PageRequest } from "./pages.ts";
import type { ThingChange } from "./changes.ts";
import { limitNamed, type AccountLimits } from "./limits.ts";
import type { Registry } from "./registry.ts";
import type { Attributes, Thing } from "./thing-records.ts";
import { thingTypeInUse } from "./thing-types.ts";
import { afterOthers } from "./turns.ts";
import { uuid } from "./uuid.ts";

/** What a thing belongs to from its beginning. */
export type ThingKind = { readonly type?: string | undefined; readonly billingGroup?: string | undefined };

const THING_NAMED = new Statement<{ name: string }, ThingRow>((queries, of) =>
  queries.selectFrom("things").selectAll().where("name", "=", of.name),
);

const INSERT_THING = new Statement<ThingRow>((queries, of) =>
  queries
    .insertInto("things")
    .values(columns(of, ["name", "id", "version", "type", "billing_group", "created_at", "attributes"])),
);

/**
 * Makes a thing; the same again is the same thing, another one throws `Conflict` `resource-exists`, a type or billing group
 * that does not exist `NotFound`. AWS IoT API, CreateThing
 */
export async function createThing(
  registry: Registry,
  name: string,
  given: Attributes = {},
  kind: ThingKind = {},
): Promise<Thing> {
  const { store } = registry;
  const { thing } = await store.write(
    (queries) => insertThing(registry, queries, { name, attributes: given, ...kind }),
    (result) => thingInserted(registry, result),
  );
  return thing;
}

/** A thing as its transaction made it, or found it. */
export type InsertedThing = { readonly thing: Thing; readonly isNew: boolean };

/** The same inside a transaction of the caller's, who calls `thingInserted` after it. */
export async function insertThing(
  { clock, entropy, account, limits }: Registry,
  queries: Queries,
  draft: ThingKind & { readonly name: string; readonly attributes: Attributes },
): Promise<InsertedThing> {
  const { name, type = null, billingGroup = null } = draft;
  const attributes = withoutEmpty(draft.attributes);
  const known = await findThing(queries, name);
  if (known) {
    const isSame = known.type === type && known.billingGroup === billingGroup;
    if (isSame && sameAttributes(known.attributes, attributes)) return { thing: known, isNew: false };
    const resource = { resourceId: known.id, resourceArn: iotArn(account, "thing", name) };
    throw new ResourceExists(`Thing ${name} already exists in account with different attributes`, resource);
  }
  if (type !== null) await thingTypeInUse(queries, type);
  if (billingGroup !== null) await billingGroupNamed(queries, billingGroup);
  checkAttributes(limits, attributes, type);
  const thing: Thing = { name, id: uuid(entropy), attributes, version: 1, type, billingGroup };
  await INSERT_THING.change(queries, {
    name,
    id: thing.id,
    version: 1,
    type,
    billing_group: billingGroup,
    created_at: Math.floor(clock.now()),
    attributes: JSON.stringify(attributes),
  });
  return { thing, isNew: true };
}

/** Tells of a thing that a transaction made. */
export function thingInserted({ directory, trace }: Registry, { thing, isNew }: InsertedThing): void {
  if (!isNew) return;
  directory.setThing({ before: undefined, after: thing });
  const event = { kind: "onboarding" as const, step: "thing-created" as const, clientId: "", caCertificate: "" };
  trace.emit("cloud", { ...event, detail: thing.name }, { device: thing.name });
}

/** A thing. Throws `NotFound`. */
export async function describeThing({ store }: Registry, name: string): Promise<Thing> {
  return thingNamed(store.read, name);
}

export type ThingUpdate = {
  /** An empty value deletes its attribute. */
  readonly attributes?: Attributes | undefined;
  /** Whether attributes that are not named stay. */
  readonly merge?: boolean | undefined;
  readonly expectedVersion?: number | undefined;
  readonly type?: string | undefined;
  readonly removeType?: boolean | undefined;
};

/**
 * Changes a thing's attributes or type. Throws `NotFound`, `Conflict` `version-conflict`, `UsageError` `invalid-request`
 * for a deprecated type. AWS IoT API, UpdateThing
 */
export async function updateThing(registry: Registry, name: string, update: ThingUpdate): Promise<void> {
  const { store, directory } = registry;
  await store.write(
    (queries) => changeThing(registry, queries, name, update),
    (change) => directory.setThing(change),
  );
}

/** The same inside a transaction of the caller's, who gives the change to the directory after it. */
export async function changeThing(
  { limits }: Pick<Registry, "limits">,
  queries: Queries,
  name: string,
  update: ThingUpdate,
): Promise<ThingChange> {
  if (update.removeType === true && update.type !== undefined) {
    throw invalidRequest("removeThingType and thingTypeName exclude each other");
  }
  const thing = await thingNamed(queries, name);
  checkVersion(thing, update.expectedVersion);
  if (update.type !== undefined) await thingTypeInUse(queries, update.type);
  const kept = update.merge || update.attributes === undefined ? thing.attributes : {};
  const attributes = withoutEmpty({ ...kept, ...update.attributes });
  const type = update.removeType === true ? null : (update.type ?? thing.type);
  if (update.attributes !== undefined || update.removeType === true) checkAttributes(limits, attributes, type);
  const changes = { attributes: JSON.stringify(attributes), type, version: thing.version + 1 };
  await queries.updateTable("things").set(changes).where("name", "=", name).execute();
  return { before: thing, after: { ...thing, attributes, type, version: changes.version } };
}

/**
 * Deletes a thing that no principal is attached to; one that does not exist is as good as deleted. Throws `UsageError`
 * `invalid-request` where something is attached, `Conflict` `version-conflict`. AWS IoT API, DeleteThing
 */
export async function deleteThing(
  { store, directory }: Registry,
  name: string,
  expectedVersion?: number,
): Promise<void> {
  await store.write(
    async (queries) => {
      const thing = await findThing(queries, name);
      if (!thing) return undefined;
      checkVersion(thing, expectedVersion);
      const attached = await queries
        .selectFrom("thing_principals")
        .select("principal")
        .where("thing", "=", name)
        .executeTakeFirst();
      if (attached) throw invalidRequest(`Cannot delete. Thing ${name} is still attached to one or more principals`);
      await queries.deleteFrom("thing_group_members").where("thing", "=", name).execute();
      await queries.deleteFrom("things").where("name", "=", name).execute();
      return thing;
    },
    (before) => before && directory.setThing({ before, after: undefined }),
  );
}

/** Which things; an attribute is looked for among all things, the rest has an index. */
export type ThingFilter = {
  readonly type?: string | undefined;
  readonly billingGroup?: string | undefined;
  readonly attribute?: { readonly name: string; readonly value: string; readonly isPrefix: boolean } | undefined;
};

/** How many things a page looks at for some that match, at a time. */
const SCAN = 1000;

/** Things by name. */
export async function listThings(
  { store, clock }: Registry,
  request: PageRequest,
  { type, billingGroup, attribute }: ThingFilter = {},
): Promise<Page<Thing>> {
  const tag = type === undefined && billingGroup === undefined ? "" : ` of ${type ?? ""}:${billingGroup ?? ""}`;
  const plan = planPage(`things${tag}`, { ...request, ascending: true });
  const found: Thing[] = [];
  for (let after = plan.after?.text ?? ""; found.length <= plan.limit;) {
    let query = store.read.selectFrom("things").selectAll().where("name", ">", after);
    if (type !== undefined) query = query.where("type", "=", type);
    if (billingGroup !== undefined) query = query.where("billing_group", "=", billingGroup);
    const limit = attribute ? SCAN : plan.limit + 1;
    const rows = (await query.orderBy("name").limit(limit).execute()).map(thingOf);
    found.push(...rows.filter((thing) => !attribute || hasAttribute(thing, attribute)));
    const last = rows.at(-1);
    if (!last || rows.length < limit) break;
    after = last.name;
    if (found.length <= plan.limit) await afterOthers(clock);
  }
  const rows = found.slice(0, plan.limit + 1);
  return pageOf(`things${tag}`, plan, { rows, keyOf: ({ name }) => ({ number: 0, text: name }) });
}

function hasAttribute(
  { attributes }: Thing,
  { name, value, isPrefix }: NonNullable<ThingFilter["attribute"]>,
): boolean {
  const found = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  return found !== undefined && (isPrefix ? found.startsWith(value) : found === value);
}

/** The thing, or undefined. */
export async function findThing(queries: Queries, name: string): Promise<Thing | undefined> {
  const row = await THING_NAMED.first(queries, { name });
  return row && thingOf(row);
}

/** The thing. Throws `NotFound`. */
export async function thingNamed(queries: Queries, name: string): Promise<Thing> {
  const thing = await findThing(queries, name);
  if (!thing) throw notFound(`Thing ${name}`);
  return thing;
}

/** A thing of its row. */
export function thingOf({ name, id, attributes, version, type, billing_group: billingGroup }: ThingRow): Thing {
  return { name, id, version, attributes: JSON.parse(attributes) as Attributes, type, billingGroup };
}

function checkVersion({ name, version }: Thing, expected: number | undefined): void {
  if (expected === undefined || expected === version) return;
  const message = `The version for thing ${name} does not match the expected version.`;
  throw new Conflict<CloudErrorCode>("version-conflict", message);
}

function withoutEmpty(attributes: Attributes): Attributes {
  const entries = Object.entries(attributes).filter(([, value]) => value !== "");
  return Object.fromEntries(entries);
}

function checkAttributes(limits: AccountLimits, attributes: Attributes, type: string | null): void {
  const count = Object.keys(attributes).length;
  const [name, kind] =
    type === null
      ? (["untypedThingAttributes", "a thing without a type"] as const)
      : (["typedThingAttributes", "a thing with a type"] as const);
  if (count <= limits[name]) return;
  throw invalidRequest(`${kind} has at most ${limits[name]} attributes, not ${count} (${limitNamed(limits, name)})`);
}

/** Whether two things have the same attributes. */
export function sameAttributes(a: Attributes, b: Attributes): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name] === b[name]);
}
