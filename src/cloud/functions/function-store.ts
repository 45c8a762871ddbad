import type { Store } from "../store/index.ts";
import type { FunctionEntry, FunctionRecord } from "./function-record.ts";
import type { PermissionStatement } from "./resource-policy.ts";

/** Keeps functions. Every write is on disk when it resolves. */
export interface FunctionStore {
  load(): Promise<FunctionEntry[]>;
  /** The zip of a function that exists. */
  code(name: string): Promise<Uint8Array>;
  /** Makes a function, or replaces its record and, where given, its code. */
  save(record: FunctionRecord, code?: Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
  addStatement(record: FunctionRecord, statement: PermissionStatement): Promise<void>;
  removeStatement(record: FunctionRecord, statementId: string): Promise<void>;
}

/** Functions in the tables of the cloud's store. */
export function functionStore(store: Store): FunctionStore {
  const row = (record: FunctionRecord) => ({
    configuration: JSON.stringify(record),
    modified_at: Math.trunc(record.modifiedAt),
  });
  return {
    load: () => load(store),
    async code(name) {
      const found = await store.read
        .selectFrom("functions")
        .select("code")
        .where("name", "=", name)
        .executeTakeFirstOrThrow();
      return found.code;
    },
    save: (record, code) =>
      store.write(async (queries) => {
        const { name } = record;
        const changed = { ...row(record), ...(code && { code }) };
        const { numUpdatedRows } = await queries
          .updateTable("functions")
          .set(changed)
          .where("name", "=", name)
          .executeTakeFirst();
        if (numUpdatedRows > 0n || !code) return;
        const created_at = Math.trunc(record.createdAt);
        await queries
          .insertInto("functions")
          .values({ name, ...row(record), code, created_at })
          .execute();
      }),
    remove: (name) =>
      store.write(async (queries) => {
        await queries.deleteFrom("function_permissions").where("function", "=", name).execute();
        await queries.deleteFrom("functions").where("name", "=", name).execute();
      }),
    addStatement: (record, statement) =>
      store.write(async (queries) => {
        const { name } = record;
        const statement_id = statement.Sid;
        const values = { function: name, statement_id, statement: JSON.stringify(statement) };
        await queries
          .insertInto("function_permissions")
          .values({ ...values, created_at: Math.trunc(record.modifiedAt) })
          .execute();
        await queries.updateTable("functions").set(row(record)).where("name", "=", name).execute();
      }),
    removeStatement: (record, statementId) =>
      store.write(async (queries) => {
        const { name } = record;
        await queries
          .deleteFrom("function_permissions")
          .where("function", "=", name)
          .where("statement_id", "=", statementId)
          .execute();
        await queries.updateTable("functions").set(row(record)).where("name", "=", name).execute();
      }),
  };
}

async function load(store: Store): Promise<FunctionEntry[]> {
  const functions = await store.read
    .selectFrom("functions")
    .select(["name", "configuration"])
    .orderBy("name")
    .execute();
  const permissions = await store.read
    .selectFrom("function_permissions")
    .select(["function", "statement"])
    .orderBy("created_at")
    .orderBy("statement_id")
    .execute();
  return functions.map(({ name, configuration }) => ({
    record: JSON.parse(configuration) as FunctionRecord,
    statements: permissions
      .filter((each) => each.function === name)
      .map((each) => JSON.parse(each.statement) as PermissionStatement),
  }));
}
