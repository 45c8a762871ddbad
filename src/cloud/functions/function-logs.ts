import type { Clock } from "../../crypto/index.ts";
import type { FunctionLogRow, Queries, Store } from "../store/index.ts";
import type { FunctionLogPage } from "../operations/index.ts";
import type { RunResult } from "./runtime.ts";

export type FunctionLogLimits = {
  /** Runs and bytes that are kept of one function; the oldest go first. */
  readonly runs: number;
  readonly bytes: number;
  /** How long logs gather before they are written together: nobody waits for them. */
  readonly gatherMs: number;
  /** What may wait for the disk; beyond it, logs of further runs are not kept. */
  readonly waitingBytes: number;
};

export const FUNCTION_LOG_LIMITS: FunctionLogLimits = {
  runs: 1000,
  bytes: 4 * 1024 * 1024,
  gatherMs: 500,
  waitingBytes: 8 * 1024 * 1024,
};

export type FunctionLogOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly limits?: Partial<FunctionLogLimits>;
};

/** What is counted of a row besides its text. */
const ROW_BYTES = 128;
/** Rows of one insert: SQLite takes 32,766 values. */
const BATCH = 500;

/** The logs of the last runs of every function, in the store. */
export class FunctionLogs {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #limits: FunctionLogLimits;
  #nextId: number;
  #waiting: FunctionLogRow[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #stopGathering: (() => void) | undefined;
  /** What part of its bound each function has written since it was last cut. */
  readonly #sinceCut = new Map<string, number>();

  private constructor({ store, clock, limits }: FunctionLogOptions, nextId: number) {
    this.#store = store;
    this.#clock = clock;
    this.#limits = { ...FUNCTION_LOG_LIMITS, ...limits };
    this.#nextId = nextId;
  }

  static async open(options: FunctionLogOptions): Promise<FunctionLogs> {
    const last = await options.store.read
      .selectFrom("function_logs")
      .select(({ fn }) => fn.max("id").as("id"))
      .executeTakeFirst();
    return new FunctionLogs(options, (last?.id ?? 0) + 1);
  }

  /** Keeps the log of a run that has ended. */
  add(name: string, requestId: string, { outcome, log }: RunResult): void {
    const size = log.length + ROW_BYTES;
    if (this.#waitingBytes + size > this.#limits.waitingBytes) return;
    const time = Math.floor(this.#clock.now());
    this.#waiting.push({ id: this.#nextId++, function: name, request: requestId, time, outcome, log, size });
    this.#waitingBytes += size;
    this.#stopGathering ??= this.#clock.after(this.#limits.gatherMs, () => this.#begin());
  }

  /** The runs after the one numbered `after`, else the newest ones; oldest first, at most `limit`. */
  async runs(
    name: string,
    { after, limit }: { after?: number | undefined; limit: number },
  ): Promise<FunctionLogPage["entries"]> {
    await this.#flushed();
    let query = this.#store.read.selectFrom("function_logs").selectAll().where("function", "=", name).limit(limit);
    query = after === undefined ? query.orderBy("id", "desc") : query.where("id", ">", after).orderBy("id");
    const rows = await query.execute();
    const decoder = new TextDecoder();
    return rows
      .map(({ id, time, request, outcome, log }) => ({
        id,
        time,
        requestId: request,
        outcome: outcome as RunResult["outcome"],
        log: decoder.decode(log),
      }))
      .toSorted((a, b) => a.id - b.id);
  }

  /** Deletes all logs of a function. */
  async forget(name: string): Promise<void> {
    await this.#flushed();
    await this.#store.write((queries) => queries.deleteFrom("function_logs").where("function", "=", name).execute());
  }

  /** Writes what still waits. */
  close(): Promise<void> {
    return this.#flushed();
  }

  async #flushed(): Promise<void> {
    this.#begin();
    while (this.#writing) await this.#writing;
  }

  #begin(): void {
    this.#stopGathering?.();
    this.#stopGathering = undefined;
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const rows = this.#waiting.splice(0, BATCH);
      try {
        await this.#store.write((queries) => this.#insert(queries, rows));
      } catch {
        // A full disk must not stop functions; the store tells its callers.
      }
      for (const { size } of rows) this.#waitingBytes -= size;
    }
  }

  async #insert(queries: Queries, rows: readonly FunctionLogRow[]): Promise<void> {
    await queries.insertInto("function_logs").values(rows).execute();
    for (const [name, group] of Map.groupBy(rows, (row) => row.function)) {
      const share = ({ size }: FunctionLogRow) => Math.max(size / this.#limits.bytes, 1 / this.#limits.runs);
      // A function not seen yet may be full.
      const written = group.reduce((sum, row) => sum + share(row), this.#sinceCut.get(name) ?? 1);
      const isDue = written > 0.1;
      this.#sinceCut.set(name, isDue ? 0 : written);
      if (isDue) await this.#cut(queries, name);
    }
  }

  async #cut(queries: Queries, name: string): Promise<void> {
    const newest = await queries
      .selectFrom("function_logs")
      .select(["id", "size"])
      .where("function", "=", name)
      .orderBy("id", "desc")
      .limit(this.#limits.runs + 1)
      .execute();
    let bytes = 0;
    const edge = newest.find(({ size }, i) => (bytes += size) > this.#limits.bytes || i >= this.#limits.runs);
    if (!edge) return;
    await queries.deleteFrom("function_logs").where("function", "=", name).where("id", "<=", edge.id).execute();
  }
}
