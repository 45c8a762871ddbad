import { Kysely } from "kysely";

import { UsageError } from "../../codec/index.ts";
import type { CloudErrorCode } from "../errors.ts";
import type { Queries } from "./port.ts";
import { sqliteDialect, type SqliteDatabase } from "./sqlite-dialect.ts";
import type { Tables } from "./tables.ts";

/** How many works share one commit at most: bounds how long one fsync can hold back the first of them. */
const BATCH = 512;

type Job = {
  readonly run: (queries: Queries) => Promise<void>;
  readonly settle: () => void;
  readonly fail: (error: unknown) => void;
};

/**
 * The one writer of a database. Works wait in a queue; whatever is in it when a commit starts shares that commit, each
 * behind a savepoint of its own so that one failure undoes only itself.
 */
export class GroupCommit {
  readonly #database: SqliteDatabase;
  readonly #queries: Kysely<Tables>;
  readonly #soon: (task: () => void) => void;
  #queue: Job[] = [];
  #draining: Promise<void> | undefined;
  #closed = false;

  /** `soon` runs a task after the inputs that are waiting now have been read: what gathers a batch. */
  constructor(database: SqliteDatabase, soon: (task: () => void) => void) {
    this.#database = database;
    this.#queries = new Kysely<Tables>({ dialect: sqliteDialect(database) });
    this.#soon = soon;
  }

  write<T>(work: (queries: Queries) => Promise<T>, committed?: (result: T) => void): Promise<T> {
    if (this.#closed) {
      return Promise.reject(new UsageError<CloudErrorCode>("store-closed", "the store is closed"));
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let result: T;
    this.#queue.push({
      run: async (queries) => void (result = await work(queries)),
      settle() {
        try {
          committed?.(result);
          resolve(result);
        } catch (error) {
          reject(error);
        }
      },
      fail: reject,
    });
    this.#draining ??= new Promise((done) => this.#soon(() => void this.#drain().then(done)));
    return promise;
  }

  /** Waits until the queue is empty, then closes the database. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#draining;
    this.#database.close();
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.slice(0, BATCH);
      this.#queue = this.#queue.slice(BATCH);
      await this.#commit(batch);
    }
    this.#draining = undefined;
  }

  async #commit(batch: readonly Job[]): Promise<void> {
    const done: Job[] = [];
    try {
      this.#database.exec("begin immediate");
      for (const job of batch) if (await this.#attempt(job)) done.push(job);
      this.#database.exec("commit");
    } catch (error) {
      // A full or failing disk: nothing of this batch was acknowledged, and nothing of it may stay.
      this.#rollBack();
      for (const job of batch) job.fail(error);
      return;
    }
    for (const job of done) job.settle();
  }

  async #attempt(job: Job): Promise<boolean> {
    this.#database.exec("savepoint work");
    try {
      await job.run(this.#queries);
      this.#database.exec("release work");
      return true;
    } catch (error) {
      this.#database.exec("rollback to work");
      this.#database.exec("release work");
      job.fail(error);
      return false;
    }
  }

  #rollBack(): void {
    try {
      this.#database.exec("rollback");
    } catch {
      // SQLite has rolled back by itself, as it does when the disk is full.
    }
  }
}
