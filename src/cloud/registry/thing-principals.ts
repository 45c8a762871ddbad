import { NotFound } from "../../codec/index.ts";
import { invalidRequest, notFound, type CloudErrorCode } from "../errors.ts";
import { columns, Statement, type Queries, type ThingPrincipalRow } from "../store/index.ts";
import { certificateIdOfArn } from "./account.ts";
import { beyond, pageOf, planPage, type Page, type PageRequest } from "./pages.ts";
import type { Registry } from "./registry.ts";
import { findThing, thingNamed } from "./things.ts";

export type ThingPrincipalType = "EXCLUSIVE_THING" | "NON_EXCLUSIVE_THING";

const PUT = new Statement<ThingPrincipalRow>((queries, of) =>
  queries
    .insertInto("thing_principals")
    .values(columns(of, ["thing", "principal", "type", "attached_at"]))
    .onConflict((conflict) => conflict.columns(["thing", "principal"]).doUpdateSet({ type: of.type })),
);

const CERTIFICATE_ID = new Statement<{ id: string }>((queries, of) =>
  queries.selectFrom("certificates").select("id").where("id", "=", of.id),
);

const OTHER_THINGS = new Statement<{ id: string; thing: string }, Pick<ThingPrincipalRow, "thing" | "type">>(
  (queries, of) =>
    queries
      .selectFrom("thing_principals")
      .select(["thing", "type"])
      .where("principal", "=", of.id)
      .where("thing", "!=", of.thing),
);

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
  await registry.store.write(
    (queries) => putThingPrincipal(registry, queries, { thing, id, type }),
    () => thingPrincipalPut(registry, thing, id),
  );
}

/** The same inside a transaction of the caller's, who calls `thingPrincipalPut` after it. */
export async function putThingPrincipal(
  { clock }: Pick<Registry, "clock">,
  queries: Queries,
  { thing, id, type }: { readonly thing: string; readonly id: string; readonly type: ThingPrincipalType },
): Promise<void> {
  await thingNamed(queries, thing);
  await certificateExists(queries, id);
  await checkExclusive(queries, { thing, id, type });
  await PUT.change(queries, { thing, principal: id, type, attached_at: Math.floor(clock.now()) });
}

/** Tells the index of an attachment that a transaction made. */
export function thingPrincipalPut({ directory }: Registry, thing: string, id: string): void {
  const entry = directory.certificate(id);
  if (!entry || entry.things.includes(thing)) return;
  directory.setCertificate(id, { ...entry, things: [...entry.things, thing] });
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
  if (!(await findThing(store.read, thing))) {
    const message = `Failed to list principals for thing ${thing} because the thing does not exist in your account`;
    throw new NotFound<CloudErrorCode>("resource-not-found", message);
  }
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
  if (!(await CERTIFICATE_ID.first(queries, { id }))) throw notFound(`Certificate ${id}`);
}

async function checkExclusive(
  queries: Queries,
  { thing, id, type }: { readonly thing: string; readonly id: string; readonly type: ThingPrincipalType },
): Promise<void> {
  const others = await OTHER_THINGS.all(queries, { id, thing });
  const owner = others.find((each) => each.type === "EXCLUSIVE_THING");
  if (owner) throw invalidRequest(`Certificate ${id} is exclusively attached to thing ${owner.thing}`);
  const [other] = others;
  if (type !== "EXCLUSIVE_THING" || !other) return;
  throw invalidRequest(`Certificate ${id} is attached to thing ${other.thing} and cannot be ${thing}'s exclusively`);
}
