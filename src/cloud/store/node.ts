import { chmodSync, closeSync, fdatasync, mkdirSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";

import { Kysely } from "kysely";

import { Conflict, Denied, UsageError } from "../../codec/index.ts";
import type { CloudErrorCode } from "../errors.ts";
import { GroupCommit } from "./group-commit.ts";
import { MIGRATIONS, type Migration } from "./migrations.ts";
import type { Store } from "./port.ts";
import { storeFailure } from "./node-failures.ts";
import { SQLITE, sqliteCode } from "./sqlite-failures.ts";
import { sqliteDialect, SqliteQueries } from "./sqlite-dialect.ts";
import type { Tables } from "./tables.ts";

export { storeFailure } from "./node-failures.ts";

const FILE = "registry.sqlite";
const LOCK = "lock.sqlite";

/** How far the write-ahead log may grow before it is folded back, in pages of 4 KiB: the loop waits while that happens. */
const CHECKPOINT_PAGES = 4000;

/**
 * How much of the file the writer keeps in memory at most, in KiB. Ids are random, so each registration goes to other
 * pages of half a dozen indexes, and with SQLite's 2 MB those of a larger registry are read again for each.
 */
const WRITER_CACHE_KIB = 32 * 1024;

/** What the writer keeps of the file, in KiB: certificates are found by their hashes, which lie all over their index. */
const CACHE_KIB = 16_384;

export type StoreOptions = {
  /** Made with mode 0700 where it does not exist; its files have 0600. */
  readonly directory: string;
  /** Only tests give another history. */
  readonly migrations?: readonly Migration[];
};

/**
 * Opens, and where needed creates or upgrades, the SQLite store of a directory.
 *
 * Throws `Denied` `data-directory-open` where others may read the directory, `Conflict` `data-directory-in-use` where
 * another process holds it, `UsageError` `schema-too-new` where a newer version wrote it, `data-directory-unusable` where
 * it cannot be made or written, and `store-damaged` where its files are not what was written.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  try {
    return await opened(options);
  } catch (error) {
    throw storeFailure(error, options.directory);
  }
}

async function opened({ directory, migrations = MIGRATIONS }: StoreOptions): Promise<Store> {
  makePrivateDirectory(directory);
  const lock = lockDirectory(directory);
  let writer: DatabaseSync | undefined;
  try {
    writer = openDatabase(join(directory, FILE));
    await migrate(writer, migrations);
    // From here on the group commit flushes the log itself, beside the loop.
    writer.exec("pragma synchronous = normal");
    writer.exec(`pragma cache_size = -${CACHE_KIB}`);
    return storeOver(writer, openReader(join(directory, FILE)), { lock, log: new Log(join(directory, `${FILE}-wal`)) });
  } catch (error) {
    writer?.close();
    lock.close();
    throw error;
  }
}

function storeOver(
  writer: DatabaseSync,
  reader: DatabaseSync,
  { lock, log }: { readonly lock: DatabaseSync; readonly log: Log },
): Store {
  const commits = new GroupCommit(writer, { soon: setImmediate, sync: () => log.flush() });
  const read = new SqliteQueries<Tables>(reader);
  const closeAll = async () => {
    // Whoever closes last folds the log back into the one file, and a reader cannot.
    await commits.close(() => reader.close());
    log.close();
    lock.close();
  };
  let closing: Promise<void> | undefined;
  return {
    read,
    write: (work, committed) => commits.write(work, committed),
    close: () => (closing ??= closeAll()),
  };
}

/**
 * SQLite's write-ahead log as a file to flush. With `synchronous = normal` SQLite appends a commit to it without waiting
 * for the disk, and flushes it only before it folds it back: so a commit lasts from our flush on. SQLite keeps no locks
 * on this file that closing a descriptor would lose, and makes no new one while the database is open.
 */
class Log {
  readonly #path: string;
  #descriptor: number | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Resolves once what was appended before is on the disk. */
  flush(): Promise<void> {
    // For writing, since some systems flush nothing through a descriptor that only reads.
    this.#descriptor ??= openSync(this.#path, "r+");
    return flushData(this.#descriptor);
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

const flushData = promisify(fdatasync);

function makePrivateDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const mode = statSync(directory).mode & 0o777;
  if ((mode & 0o077) === 0) return;
  const message = `${directory} has mode 0${mode.toString(8)}, need 0700`;
  throw new Denied<CloudErrorCode>("data-directory-open", message);
}

/** Two processes with an index each would disagree. The operating system ends this lock with the process. */
function lockDirectory(directory: string): DatabaseSync {
  const lock = privateDatabase(join(directory, LOCK), { timeout: 0 });
  try {
    lock.exec("begin exclusive");
    return lock;
  } catch (cause) {
    lock.close();
    if (sqliteCode(cause) !== SQLITE.busy) throw cause;
    throw new Conflict<CloudErrorCode>("data-directory-in-use", `${directory} is open in another process`, { cause });
  }
}

function openDatabase(path: string): DatabaseSync {
  const database = privateDatabase(path, { timeout: 5000, enableForeignKeyConstraints: true, defensive: true });
  database.exec("pragma journal_mode = wal");
  // FULL makes every commit of a migration wait for the disk.
  database.exec("pragma synchronous = full");
  database.exec(`pragma cache_size = -${WRITER_CACHE_KIB}`);
  database.exec(`pragma wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  return database;
}

function openReader(path: string): DatabaseSync {
  return new DatabaseSync(path, { readOnly: true, timeout: 5000 });
}

/** SQLite gives a new database the process's default mode; made beforehand, it and its log keep ours. */
function privateDatabase(path: string, options: ConstructorParameters<typeof DatabaseSync>[1]): DatabaseSync {
  closeSync(openSync(path, "a", 0o600));
  chmodSync(path, 0o600);
  return new DatabaseSync(path, options);
}

async function migrate(database: DatabaseSync, migrations: readonly Migration[]): Promise<void> {
  database.exec("create table if not exists schema_version (version integer not null)");
  const row = database.prepare("select version from schema_version").get();
  const version = Number(row?.["version"] ?? 0);
  if (version > migrations.length) {
    const message = `the store has schema ${version}, this version knows ${migrations.length}`;
    throw new UsageError<CloudErrorCode>("schema-too-new", message);
  }
  if (!row) database.exec("insert into schema_version (version) values (0)");
  const db = new Kysely<unknown>({ dialect: sqliteDialect(database) });
  for (const [index, migration] of migrations.entries()) {
    if (index < version) continue;
    database.exec("begin immediate");
    try {
      await migration.up(db);
      database.prepare("update schema_version set version = ?").run(index + 1);
      database.exec("commit");
    } catch (error) {
      database.exec("rollback");
      throw error;
    }
  }
}
