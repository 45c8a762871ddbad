import { Refused, UsageError } from "../../codec/index.ts";
import type { CloudErrorCode } from "../errors.ts";
import type { Queries } from "./port.ts";
import { SQLITE, sqliteCode } from "./sqlite-failures.ts";
import { SqliteQueries, type SqliteDatabase, type SqliteStatement } from "./sqlite-dialect.ts";
import type { Tables } from "./tables.ts";

/** How many works share one commit at most: bounds how long the loop is held by one batch. */
const BATCH = 512;

/** What every commit says, prepared once: parsed anew each time it costs as much as the writes of a small commit. */
const STEPS = {
  begin: "begin immediate",
  mark: "savepoint work",
  keep: "release work",
  undo: "rollback to work",
  commit: "commit",
  rollBack: "rollback",
} as const;

/** What the queue needs of its surroundings. */
export type CommitPorts = {
  /** Runs a task after the inputs that are waiting now have been read: what gathers a batch. */
  readonly soon: (task: () => void) => void;
  /** Resolves once everything committed so far is on the disk, without holding the loop meanwhile. */
  readonly sync: () => Promise<void>;
};

type Job = {
  readonly run: (queries: Queries) => Promise<void>;
  readonly settle: () => void;
  readonly fail: (error: unknown) => void;
};

/**
 * The one writer of a database. Works wait in a queue; whatever is in it when a commit starts shares that commit, and
 * a failure undoes only itself.
 *
 * A commit is answered in two steps: SQLite writes it to its log, which is quick, and the log is then brought to the
 * disk, which is slow and happens beside the loop. What comes in meanwhile gathers for the next commit, so that the
 * disk's slowness makes larger batches and not longer queues.
 */
export class GroupCommit {
  readonly #database: SqliteDatabase;
  readonly #queries: Queries;
  readonly #changes: () => number;
  readonly #step: Readonly<Record<keyof typeof STEPS, SqliteStatement>>;
  readonly #ports: CommitPorts;
  #queue: Job[] = [];
  #draining: Promise<void> | undefined;
  #closed = false;
  #failure: Error | undefined;

  constructor(database: SqliteDatabase, ports: CommitPorts) {
    this.#database = database;
    this.#queries = new SqliteQueries<Tables>(database);
    const count = database.prepare("select total_changes() as n");
    this.#changes = () => Number(count.all()[0]?.["n"]);
    const steps = Object.entries(STEPS).map(([step, sql]) => [step, database.prepare(sql)] as const);
    this.#step = Object.fromEntries(steps) as Record<keyof typeof STEPS, SqliteStatement>;
    this.#ports = ports;
  }

  write<T>(work: (queries: Queries) => Promise<T>, committed?: (result: T) => void): Promise<T> {
    if (this.#closed) {
      return Promise.reject(new UsageError<CloudErrorCode>("store-closed", "the store is closed"));
    }
    if (this.#failure) return Promise.reject(this.#failure);
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
    this.#draining ??= new Promise((done) => this.#ports.soon(() => void this.#drain().then(done)));
    return promise;
  }

  /** Waits until the queue is empty, then closes the database, right after `before`. */
  async close(before?: () => void): Promise<void> {
    this.#closed = true;
    await this.#draining;
    before?.();
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
    const before = this.#changes();
    try {
      if (this.#failure) throw this.#failure;
      this.#step.begin.run();
      for (const job of batch) {
        const attempt = done.length === 0 ? this.#attemptFirst(job) : this.#attempt(job);
        if (await attempt) done.push(job);
      }
      this.#step.commit.run();
    } catch (error) {
      // A full or failing disk: nothing of this batch was acknowledged, and nothing of it may stay.
      this.#rollBack();
      const told = diskFull(error) ?? error;
      for (const job of batch) job.fail(told);
      return;
    }
    try {
      // What changed nothing rests on earlier commits, all of which are on the disk.
      if (this.#changes() !== before) await this.#ports.sync();
    } catch (error) {
      this.#failure = diskFailed(error);
      for (const job of done) job.fail(this.#failure);
      return;
    }
    for (const job of done) job.settle();
  }

  /**
   * Where nothing stands in the transaction yet, a failure undoes all of it: there is no savepoint, for which SQLite would
   * copy each page before it changes, and into a file where they are many.
   */
  async #attemptFirst(job: Job): Promise<boolean> {
    try {
      await job.run(this.#queries);
      return true;
    } catch (error) {
      const full = diskFull(error);
      if (full) throw full;
      this.#rollBack();
      this.#step.begin.run();
      job.fail(error);
      return false;
    }
  }

  async #attempt(job: Job): Promise<boolean> {
    this.#step.mark.run();
    try {
      await job.run(this.#queries);
      this.#step.keep.run();
      return true;
    } catch (error) {
      const full = diskFull(error);
      // SQLite has undone the whole transaction by then, and with it what the others of this batch had written.
      if (full) throw full;
      this.#step.undo.run();
      this.#step.keep.run();
      job.fail(error);
      return false;
    }
  }

  #rollBack(): void {
    try {
      this.#step.rollBack.run();
    } catch {
      // SQLite has rolled back by itself, as it does when the disk is full.
    }
  }
}

/** SQLite undoes what the disk has no room for, and goes on: the next write may find room again. */
function diskFull(cause: unknown): Error | undefined {
  if (sqliteCode(cause) !== SQLITE.full) return undefined;
  return new Refused<CloudErrorCode, string>("disk-full", "the disk is full; nothing was changed", "ENOSPC", { cause });
}

/**
 * After a failed flush nobody can say what the disk holds: the kernel may drop the pages and report success the next
 * time. So there is no next time; a new process reads what there really is.
 */
function diskFailed(cause: unknown): Error {
  const { code = "unknown", message } = cause as { code?: string; message: string };
  const text = `the disk did not take what was written: ${message}; nothing is written any more until a restart`;
  return new Refused<CloudErrorCode, string>("disk-failed", text, code, { cause });
}
