import type { Queries, Store } from "../store/index.ts";
import { LATEST, type FunctionRef } from "./function-name.ts";
import type { AliasRecord, FunctionEntry, FunctionRecord, VersionRecord } from "./function-record.ts";
import type { PermissionStatement } from "./resource-policy.ts";

/** Whoever has a resource policy: the function itself, a version or an alias, with the record to keep of it. */
export type PolicyOwner = FunctionRef & { readonly owner: FunctionRecord | VersionRecord | AliasRecord };

/** Keeps functions. Every write is on disk when it resolves. */
export interface FunctionStore {
  load(): Promise<FunctionEntry[]>;
  /** The zip of a function, or of a version of it, that exists. */
  code(ref: FunctionRef): Promise<Uint8Array>;
  /** Makes a function, or replaces its record and, where given, its code; and keeps it as a version where one is given. */
  save(record: FunctionRecord, parts?: { readonly code?: Uint8Array; readonly version?: VersionRecord }): Promise<void>;
  /** Removes a function with all that is its own. */
  remove(name: string): Promise<void>;
  /** Removes a version or an alias, with its policy. */
  removeQualified(ref: FunctionRef): Promise<void>;
  saveAlias(name: string, alias: AliasRecord): Promise<void>;
  addStatement(owner: PolicyOwner, statement: PermissionStatement): Promise<void>;
  removeStatement(owner: PolicyOwner, statementId: string): Promise<void>;
}

/** Functions in the tables of the cloud's store. */
export function functionStore(store: Store): FunctionStore {
  return {
    load: () => load(store),
    async code({ name, qualifier }) {
      const rows =
        qualifier === LATEST
          ? store.read.selectFrom("functions").select("code").where("name", "=", name)
          : store.read
              .selectFrom("function_versions")
              .select("code")
              .where("function", "=", name)
              .where("version", "=", Number(qualifier));
      return (await rows.executeTakeFirstOrThrow()).code;
    },
    save: (record, parts = {}) => store.write((queries) => save(queries, record, parts)),
    remove: (name) =>
      store.write(async (queries) => {
        const permissions = queries.deleteFrom("function_permissions");
        await permissions.where("function", "=", name).execute();
        // Those of its versions and aliases: names hold no colon, and nothing but the colon sorts before a semicolon.
        await permissions.where("function", ">=", `${name}:`).where("function", "<", `${name};`).execute();
        for (const table of ["function_versions", "function_aliases"] as const) {
          await queries.deleteFrom(table).where("function", "=", name).execute();
        }
        await queries.deleteFrom("functions").where("name", "=", name).execute();
      }),
    removeQualified: (ref) => store.write((queries) => removeQualified(queries, ref)),
    saveAlias: (name, alias) =>
      store.write(async (queries) => {
        const configuration = JSON.stringify(alias);
        await queries
          .insertInto("function_aliases")
          .values({ function: name, name: alias.name, configuration })
          .onConflict((at) => at.columns(["function", "name"]).doUpdateSet({ configuration }))
          .execute();
      }),
    addStatement: (owner, statement) =>
      store.write(async (queries) => {
        const values = {
          function: keyOf(owner),
          statement_id: statement.Sid,
          statement: JSON.stringify(statement),
          created_at: await nextPlace(queries, keyOf(owner)),
        };
        await queries.insertInto("function_permissions").values(values).execute();
        await saveOwner(queries, owner);
      }),
    removeStatement: (owner, statementId) =>
      store.write(async (queries) => {
        await queries
          .deleteFrom("function_permissions")
          .where("function", "=", keyOf(owner))
          .where("statement_id", "=", statementId)
          .execute();
        await saveOwner(queries, owner);
      }),
  };
}

type Parts = { readonly code?: Uint8Array; readonly version?: VersionRecord };

async function save(queries: Queries, record: FunctionRecord, { code, version }: Parts): Promise<void> {
  const { name } = record;
  const { numUpdatedRows } = await queries
    .updateTable("functions")
    .set({ ...rowOf(record), ...(code && { code }) })
    .where("name", "=", name)
    .executeTakeFirst();
  if (numUpdatedRows === 0n && code) {
    const created_at = Math.trunc(record.createdAt);
    await queries
      .insertInto("functions")
      .values({ name, ...rowOf(record), code, created_at })
      .execute();
  }
  if (!version) return;
  await queries
    .insertInto("function_versions")
    .columns(["function", "version", "configuration", "code"])
    .expression((from) =>
      from
        .selectFrom("functions")
        .select((row) => [
          row.ref("name").as("function"),
          row.val(Number(version.version)).as("version"),
          row.val(JSON.stringify(version)).as("configuration"),
          row.ref("code").as("code"),
        ])
        .where("name", "=", name),
    )
    .execute();
}

async function removeQualified(queries: Queries, ref: FunctionRef): Promise<void> {
  await queries.deleteFrom("function_permissions").where("function", "=", keyOf(ref)).execute();
  if (isNumber(ref.qualifier)) {
    await queries
      .deleteFrom("function_versions")
      .where("function", "=", ref.name)
      .where("version", "=", Number(ref.qualifier))
      .execute();
  } else {
    await queries
      .deleteFrom("function_aliases")
      .where("function", "=", ref.name)
      .where("name", "=", ref.qualifier)
      .execute();
  }
}

/** Writes the record of a policy's owner, whose revision of the policy has changed. */
async function saveOwner(queries: Queries, { name, qualifier, owner }: PolicyOwner): Promise<void> {
  const configuration = JSON.stringify(owner);
  if (qualifier === LATEST) {
    await queries.updateTable("functions").set({ configuration }).where("name", "=", name).execute();
  } else if (isNumber(qualifier)) {
    const version = Number(qualifier);
    const rows = queries.updateTable("function_versions").set({ configuration });
    await rows.where("function", "=", name).where("version", "=", version).execute();
  } else {
    const rows = queries.updateTable("function_aliases").set({ configuration });
    await rows.where("function", "=", name).where("name", "=", qualifier).execute();
  }
}

function rowOf(record: FunctionRecord): { configuration: string; modified_at: number } {
  return { configuration: JSON.stringify(record), modified_at: Math.trunc(record.modifiedAt) };
}

/** Whose permissions they are, as the table says it: `NAME`, or `NAME:QUALIFIER`. */
function keyOf({ name, qualifier }: FunctionRef): string {
  return qualifier === LATEST ? name : `${name}:${qualifier}`;
}

function isNumber(qualifier: string): boolean {
  return /^\d+$/.test(qualifier);
}

/** Statements keep their order over a restart, even those of one millisecond. */
async function nextPlace(queries: Queries, key: string): Promise<number> {
  const last = await queries
    .selectFrom("function_permissions")
    .select(({ fn }) => fn.max("created_at").as("place"))
    .where("function", "=", key)
    .executeTakeFirst();
  return (last?.place ?? 0) + 1;
}

async function load({ read }: Store): Promise<FunctionEntry[]> {
  const functions = await read.selectFrom("functions").select(["name", "configuration"]).orderBy("name").execute();
  const versions = await read
    .selectFrom("function_versions")
    .select(["function", "configuration"])
    .orderBy("function")
    .orderBy("version")
    .execute();
  const aliases = await read.selectFrom("function_aliases").select(["function", "configuration"]).execute();
  const permissions = await read
    .selectFrom("function_permissions")
    .select(["function", "statement"])
    .orderBy("created_at")
    .orderBy("statement_id")
    .execute();
  const versionsOf = Map.groupBy(versions, (row) => row.function);
  const aliasesOf = Map.groupBy(aliases, (row) => row.function);
  const policies = Map.groupBy(permissions, (row) => row.function.split(":")[0] ?? "");
  return functions.map(({ name, configuration }) => ({
    record: JSON.parse(configuration) as FunctionRecord,
    versions: byKey(versionsOf.get(name), (version: VersionRecord) => version.version),
    aliases: byKey(aliasesOf.get(name), (alias: AliasRecord) => alias.name),
    policies: policiesOf(policies.get(name) ?? []),
  }));
}

function policiesOf(rows: readonly { function: string; statement: string }[]): Map<string, PermissionStatement[]> {
  const byQualifier = Map.groupBy(rows, (row) => row.function.split(":")[1] ?? LATEST);
  return new Map(
    [...byQualifier].map(([qualifier, group]) => [
      qualifier,
      group.map(({ statement }) => JSON.parse(statement) as PermissionStatement),
    ]),
  );
}

function byKey<T>(rows: readonly { configuration: string }[] = [], key: (record: T) => string): Map<string, T> {
  const records = rows.map(({ configuration }) => JSON.parse(configuration) as T);
  return new Map(records.map((record) => [key(record), record]));
}
