import { Conflict } from "../../codec/index.ts";
import { invalidRequest, notFound, ResourceExists, type CloudErrorCode } from "../errors.ts";
import type { Queries, ThingRow } from "../store/index.ts";
import { certificateIdOfArn, iotArn } from "./account.ts";
import { beyond, pageOf, planPage, type Page, type PageRequest } from "./pages.ts";
import type { Registry } from "./registry.ts";
import { uuid } from "./uuid.ts";

type Attributes = Readonly<Record<string, string>>;

/** A thing: a device's name in the registry, with attributes. */
export type Thing = {
  readonly name: string;
  readonly id: string;
  readonly attributes: Attributes;
  readonly version: number;
};

export type ThingPrincipalType = "EXCLUSIVE_THING" | "NON_EXCLUSIVE_THING";

/** How many attributes a thing may have. AWS IoT Core quotas */
const MAX_ATTRIBUTES = 50;

/** Makes a thing; the same again is the same thing, other attributes throw `Conflict` `resource-exists`. AWS IoT API, CreateThing */
export async function createThing(registry: Registry, name: string, given: Attributes = {}): Promise<Thing> {
  const { store, clock, entropy, account, directory } = registry;
  const attributes = withoutEmpty(given);
  const { thing } = await store.write(
    async (queries) => {
      const known = await findThing(queries, name);
      if (known) {
        if (sameAttributes(known.attributes, attributes)) return { thing: known, isNew: false };
        const resource = { resourceId: known.id, resourceArn: iotArn(account, "thing", name) };
        throw new ResourceExists(`Thing ${name} already exists in account with different attributes`, resource);
      }
      const made = { name, id: uuid(entropy), attributes, version: 1 };
      const row = { ...made, attributes: JSON.stringify(attributes), created_at: Math.floor(clock.now()) };
      await queries.insertInto("things").values(row).execute();
      return { thing: made, isNew: true };
    },
    (result) => {
      if (!result.isNew) return;
      directory.addThings(1);
      const event = { kind: "onboarding" as const, step: "thing-created" as const, clientId: "", caCertificate: "" };
      registry.trace.emit("cloud", { ...event, detail: name }, { device: name });
    },
  );
  return thing;
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
};

/** Changes a thing's attributes. Throws `NotFound`, `Conflict` `version-conflict`. AWS IoT API, UpdateThing */
export async function updateThing({ store }: Registry, name: string, update: ThingUpdate): Promise<void> {
  await store.write(async (queries) => {
    const thing = await thingNamed(queries, name);
    checkVersion(thing, update.expectedVersion);
    const kept = update.merge || update.attributes === undefined ? thing.attributes : {};
    const attributes = withoutEmpty({ ...kept, ...update.attributes });
    const changes = { attributes: JSON.stringify(attributes), version: thing.version + 1 };
    await queries.updateTable("things").set(changes).where("name", "=", name).execute();
  });
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
      if (!thing) return 0;
      checkVersion(thing, expectedVersion);
      const attached = await queries
        .selectFrom("thing_principals")
        .select("principal")
        .where("thing", "=", name)
        .executeTakeFirst();
      if (attached) throw invalidRequest(`Cannot delete. Thing ${name} is still attached to one or more principals`);
      await queries.deleteFrom("things").where("name", "=", name).execute();
      return 1;
    },
    (count) => directory.addThings(-count),
  );
}

/** Things by name. */
export async function listThings({ store }: Registry, request: PageRequest): Promise<Page<Thing>> {
  const plan = planPage("things", { ...request, ascending: true });
  const rows = await store.read
    .selectFrom("things")
    .selectAll()
    .where("name", ">", plan.after?.text ?? "")
    .orderBy("name")
    .limit(plan.limit + 1)
    .execute();
  return pageOf("things", plan, { rows: rows.map(thingOf), keyOf: ({ name }) => ({ number: 0, text: name }) });
}

/**
 * Attaches a certificate, given by ARN, to a thing; again is the same. Throws `NotFound`, and `UsageError`
 * `invalid-request` where exclusiveness forbids it. AWS IoT API, AttachThingPrincipal
 */
export async function attachThingPrincipal(
  registry: Registry,
  thing: string,
  {
    principal,
    type = "NON_EXCLUSIVE_THING",
  }: { readonly principal: string; readonly type?: ThingPrincipalType | undefined },
): Promise<void> {
  const id = certificateIdOfArn(registry.account, principal, "principal");
  const { store, directory, clock } = registry;
  await store.write(
    async (queries) => {
      await thingNamed(queries, thing);
      await certificateExists(queries, id);
      await checkExclusive(queries, { thing, id, type });
      const row = { thing, principal: id, type, attached_at: Math.floor(clock.now()) };
      await queries
        .insertInto("thing_principals")
        .values(row)
        .onConflict((conflict) => conflict.columns(["thing", "principal"]).doUpdateSet({ type }))
        .execute();
    },
    () => {
      const entry = directory.certificate(id);
      if (!entry || entry.things.includes(thing)) return;
      directory.setCertificate(id, { ...entry, things: [...entry.things, thing] });
    },
  );
}

/** Detaches a certificate from a thing; what is not attached stays so. Throws `NotFound` for an unknown thing. */
export async function detachThingPrincipal(registry: Registry, thing: string, principal: string): Promise<void> {
  const id = certificateIdOfArn(registry.account, principal, "principal");
  const { store, directory } = registry;
  await store.write(
    async (queries) => {
      await thingNamed(queries, thing);
      await queries.deleteFrom("thing_principals").where("thing", "=", thing).where("principal", "=", id).execute();
    },
    () => {
      const entry = directory.certificate(id);
      if (!entry?.things.includes(thing)) return;
      directory.setCertificate(id, { ...entry, things: entry.things.filter((each) => each !== thing) });
    },
  );
}

/** A certificate and a thing that are attached to each other. */
export type ThingAttachment = {
  readonly thing: string;
  /** A certificate id. */
  readonly principal: string;
  readonly type: ThingPrincipalType;
};

/** A page of attachments; only those of one type where `type` is given. */
export type AttachmentRequest = PageRequest & { readonly type?: ThingPrincipalType | undefined };

/** Certificates attached to a thing, in order of attachment. Throws `NotFound`. */
export async function listThingPrincipals(
  { store }: Registry,
  thing: string,
  request: AttachmentRequest,
): Promise<Page<ThingAttachment>> {
  await thingNamed(store.read, thing);
  return attachmentPage(store.read, { column: "thing", value: thing, other: "principal" }, request);
}

/** Things that a certificate, given by ARN, is attached to, in order of attachment. Throws `NotFound`. */
export async function listPrincipalThings(
  { store, account }: Registry,
  principal: string,
  request: AttachmentRequest,
): Promise<Page<ThingAttachment>> {
  const id = certificateIdOfArn(account, principal, "principal");
  await certificateExists(store.read, id);
  return attachmentPage(store.read, { column: "principal", value: id, other: "thing" }, request);
}

type Side = "thing" | "principal";

async function attachmentPage(
  queries: Queries,
  { column, value, other }: { readonly column: Side; readonly value: string; readonly other: Side },
  { type, ...request }: AttachmentRequest,
): Promise<Page<ThingAttachment>> {
  // A token goes on with what it was made for, the type included.
  const name = `${other}s of ${value}${type === undefined ? "" : ` as ${type}`}`;
  const plan = planPage(name, { ...request, ascending: true });
  let query = queries
    .selectFrom("thing_principals")
    .select(["thing", "principal", "type", "attached_at"])
    .where(column, "=", value);
  if (type !== undefined) query = query.where("type", "=", type);
  const rows = await query
    .where((eb) => beyond(eb, plan, ["attached_at", other]))
    .orderBy("attached_at")
    .orderBy(other)
    .limit(plan.limit + 1)
    .execute();
  const page = pageOf(name, plan, { rows, keyOf: (row) => ({ number: row.attached_at, text: row[other] }) });
  return { ...page, rows: page.rows.map((row) => ({ thing: row.thing, principal: row.principal, type: row.type })) };
}

/** Throws `NotFound` where no certificate has this id. */
export async function certificateExists(queries: Queries, id: string): Promise<void> {
  const row = await queries.selectFrom("certificates").select("id").where("id", "=", id).executeTakeFirst();
  if (!row) throw notFound(`Certificate ${id}`);
}

async function checkExclusive(
  queries: Queries,
  { thing, id, type }: { readonly thing: string; readonly id: string; readonly type: ThingPrincipalType },
): Promise<void> {
  const others = await queries
    .selectFrom("thing_principals")
    .select(["thing", "type"])
    .where("principal", "=", id)
    .where("thing", "!=", thing)
    .execute();
  const owner = others.find((each) => each.type === "EXCLUSIVE_THING");
  if (owner) throw invalidRequest(`Certificate ${id} is exclusively attached to thing ${owner.thing}`);
  const [other] = others;
  if (type !== "EXCLUSIVE_THING" || !other) return;
  throw invalidRequest(`Certificate ${id} is attached to thing ${other.thing} and cannot be ${thing}'s exclusively`);
}

async function findThing(queries: Queries, name: string): Promise<Thing | undefined> {
  const row = await queries.selectFrom("things").selectAll().where("name", "=", name).executeTakeFirst();
  return row && thingOf(row);
}

async function thingNamed(queries: Queries, name: string): Promise<Thing> {
  const thing = await findThing(queries, name);
  if (!thing) throw notFound(`Thing ${name}`);
  return thing;
}

function thingOf({ name, id, attributes, version }: ThingRow): Thing {
  return { name, id, version, attributes: JSON.parse(attributes) as Attributes };
}

function checkVersion({ name, version }: Thing, expected: number | undefined): void {
  if (expected === undefined || expected === version) return;
  const message = `The version for thing ${name} does not match the expected version.`;
  throw new Conflict<CloudErrorCode>("version-conflict", message);
}

function withoutEmpty(attributes: Attributes): Attributes {
  const entries = Object.entries(attributes).filter(([, value]) => value !== "");
  if (entries.length > MAX_ATTRIBUTES) {
    throw invalidRequest(`a thing has at most ${MAX_ATTRIBUTES} attributes, not ${entries.length}`);
  }
  return Object.fromEntries(entries);
}

function sameAttributes(a: Attributes, b: Attributes): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name] === b[name]);
}
