import {
  type Compilable,
  type CompiledQuery,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type QueryResult,
} from "kysely";

/** What SQLite binds and gives back. */
export type SqliteValue = null | number | bigint | string | Uint8Array;

/** A prepared statement, as node:sqlite has it. */
export type SqliteStatement = {
  all(...parameters: SqliteValue[]): Record<string, unknown>[];
  run(...parameters: SqliteValue[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  /** Columns of the result; none for a statement that returns no rows. */
  columns(): unknown[];
};

/** An open database, as node:sqlite has it. */
export type SqliteDatabase = {
  prepare(sql: string): SqliteStatement;
  exec(sql: string): void;
  close(): void;
};

/** How many prepared statements one connection keeps. */
const STATEMENTS = 256;

/**
 * Kysely over a database. What is compiled already goes to SQLite as it is: Kysely's own way there, with its plugins and a
 * connection that is acquired and released, takes longer than SQLite needs for a row.
 */
export class SqliteQueries<Tables> extends Kysely<Tables> {
  readonly #connection: SqliteConnection;

  constructor(database: SqliteDatabase) {
    const connection = new SqliteConnection(database);
    super({ dialect: dialectOver(database, connection) });
    this.#connection = connection;
  }

  override executeQuery<R>(query: CompiledQuery<R> | Compilable<R>): Promise<QueryResult<R>> {
    return this.#connection.executeQuery<R>("compile" in query ? query.compile() : query);
  }
}

/** Kysely's SQLite grammar over a synchronous database of node:sqlite's shape; its own driver expects another library's. */
export function sqliteDialect(database: SqliteDatabase): Dialect {
  return dialectOver(database, new SqliteConnection(database));
}

function dialectOver(database: SqliteDatabase, connection: SqliteConnection): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createDriver: () => ({
      init: async () => undefined,
      acquireConnection: async () => connection,
      beginTransaction: async () => database.exec("begin immediate"),
      commitTransaction: async () => database.exec("commit"),
      rollbackTransaction: async () => database.exec("rollback"),
      releaseConnection: async () => undefined,
      destroy: async () => database.close(),
    }),
  };
}

/** A statement, and whether it gives rows: to ask SQLite makes an object for each column. */
type Prepared = { readonly statement: SqliteStatement; readonly returnsRows: boolean };

class SqliteConnection implements DatabaseConnection {
  readonly #database: SqliteDatabase;
  readonly #statements = new Map<string, Prepared>();

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { statement, returnsRows } = this.#prepared(sql);
    const values = parameters as SqliteValue[];
    if (returnsRows) return { rows: statement.all(...values) as R[] };
    const { changes, lastInsertRowid } = statement.run(...values);
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  /** One chunk: the statement is synchronous, and every scan of ours is paged by its query. */
  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(query);
  }

  #prepared(sql: string): Prepared {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    const prepared = { statement, returnsRows: statement.columns().length > 0 };
    if (this.#statements.size >= STATEMENTS) this.#statements.delete(this.#statements.keys().next().value ?? "");
    this.#statements.set(sql, prepared);
    return prepared;
  }
}
