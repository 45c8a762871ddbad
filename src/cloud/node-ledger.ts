import type { Clock } from "../crypto/index.ts";
import { Ledger, matches, type EventFilter, type TraceEvent } from "../trace/index.ts";
import { LedgerFolds, type FoldLimits } from "./ledger-folds.ts";
import { RowsStatement, type LedgerEventRow, type Queries, type Store } from "./store/index.ts";

export type DurableLedgerOptions = {
  readonly store: Store;
  readonly clock: Clock;
  /**
   * How many events of each kind, and of each cause of refusal, the store keeps; the oldest go first. Counted apart, so
   * that a flood of one, such as strangers at the API, drives out no other.
   */
  readonly keep?: number;
  /** How many events the ring in memory holds. */
  readonly capacity?: number;
  readonly folds?: Partial<FoldLimits>;
};

/**
 * The cloud's ledger: everything in a ring, and refusals and onboarding decisions in the store as well. What repeats is
 * one row there, whose count is written from time to time. Rows are written within a tenth of a second; a kill may cost
 * what came since, and counts what came since they were written.
 */
export type DurableLedger = {
  readonly trace: Ledger;
  /**
   * At most `limit` events that match, the newest ones, oldest first: from the store and from the ring, each once. An
   * event with `repeated` stands for those of its kind that the ring has forgotten.
   */
  events(filter: EventFilter, limit: number): Promise<TraceEvent[]>;
  /** Writes what still waits. */
  close(): Promise<void>;
};

const PUT_ROWS = new RowsStatement<LedgerEventRow>(
  ["seq", "time", "kind", "cause", "device", "connection", "certificate", "event"],
  (queries, rows) =>
    queries
      .insertInto("ledger_events")
      .values(rows)
      .onConflict((conflict) =>
        conflict.column("seq").doUpdateSet((eb) => ({
          time: eb.ref("excluded.time"),
          connection: eb.ref("excluded.connection"),
          event: eb.ref("excluded.event"),
        })),
      ),
);

const KEEP = 20_000;
/** Rows of one commit: bounds how long the loop is held by one. */
const BATCH = 1000;
/** Events that wait for the disk; under a flood of refusals the newer ones beyond are not kept. */
const MAX_WAITING = 50_000;
/**
 * How long events gather before they are written together: nobody waits for them, and each commit writes whole pages of
 * the table and of each index.
 */
const GATHER_MS = 100;
/** How often counts of what repeats are written. */
const COUNTS_MS = 10_000;

/** Opens the ledger of a store; numbering goes on behind the last event that a former process kept. */
export async function openLedger(options: DurableLedgerOptions): Promise<DurableLedger> {
  const { store, clock, keep = KEEP, capacity, folds } = options;
  const last = await store.read
    .selectFrom("ledger_events")
    .select(({ fn }) => fn.max("seq").as("seq"))
    .executeTakeFirst();
  const keeper = new Keeper({ store, clock, keep, folds: new LedgerFolds(folds) });
  const trace = new Ledger({
    clock,
    firstSeq: (last?.seq ?? 0) + 1,
    durable: (event) => keeper.add(event),
    ...(capacity === undefined ? {} : { capacity }),
  });
  return {
    trace,
    async events(filter, limit) {
      await keeper.flushed();
      const stored = await storedEvents(store.read, filter, limit);
      const older = stored.map((row) => keeper.withoutThose(row, trace.firstSeq));
      // Where the ring has the first of what repeated, it has all of it.
      const unique = new Map([...older, ...trace.events(filter)].map((event) => [event.seq, event]));
      return [...unique.values()].toSorted((a, b) => a.seq - b.seq).slice(-limit);
    },
    close: () => keeper.close(),
  };
}

type KeeperOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly keep: number;
  readonly folds: LedgerFolds;
};

/** Writes events in groups, one write at a time, and forgets the oldest. */
class Keeper {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #keep: number;
  readonly #folds: LedgerFolds;
  #waiting: TraceEvent[] = [];
  #writing: Promise<void> | undefined;
  #stopGathering: (() => void) | undefined;
  #stopCounting: (() => void) | undefined;
  /** How many events of each group were written since it was last cut; a group not seen yet may be full. */
  readonly #sinceCut = new Map<string, number>();

  constructor({ store, clock, keep, folds }: KeeperOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#keep = keep;
    this.#folds = folds;
  }

  add(event: TraceEvent): void {
    const row = this.#folds.add(event);
    if (row) this.#put([row]);
    else this.#stopCounting ??= this.#clock.after(COUNTS_MS, () => this.#putCounts());
  }

  /** A stored row without the events that the ring still holds, which begins at `firstSeq`. */
  withoutThose(row: TraceEvent, firstSeq: number): TraceEvent {
    if (!row.repeated) return row;
    const { times, since } = row.repeated;
    return { ...row, repeated: { times: Math.max(1, times - this.#folds.countedFrom(row.seq, firstSeq)), since } };
  }

  /** Resolves once everything that was added, and every count, is on disk. */
  async flushed(): Promise<void> {
    this.#putCounts();
    this.#begin();
    while (this.#writing) await this.#writing;
  }

  async close(): Promise<void> {
    await this.flushed();
    this.#stopCounting?.();
  }

  #putCounts(): void {
    this.#stopCounting?.();
    this.#stopCounting = undefined;
    this.#put(this.#folds.takeChanged());
  }

  #put(rows: readonly TraceEvent[]): void {
    if (rows.length === 0 || this.#waiting.length >= MAX_WAITING) return;
    this.#waiting.push(...rows);
    if (this.#waiting.length >= BATCH) this.#begin();
    else this.#stopGathering ??= this.#clock.after(GATHER_MS, () => this.#begin());
  }

  #begin(): void {
    this.#stopGathering?.();
    this.#stopGathering = undefined;
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      try {
        await this.#store.write((queries) => this.#insert(queries, batch));
      } catch {
        // A full disk must not stop devices from connecting: the events stay in the ring, and the store tells its callers.
        return;
      }
    }
  }

  async #insert(queries: Queries, batch: readonly TraceEvent[]): Promise<void> {
    // A row and its first count may wait together; one statement may name it once.
    const rows = [...new Map(batch.map((event) => [event.seq, rowOf(event)])).values()];
    await PUT_ROWS.run(queries, rows);
    for (const [group, members] of Map.groupBy(rows, ({ kind, cause }) => `${kind} ${cause ?? ""}`)) {
      const count = (this.#sinceCut.get(group) ?? this.#keep) + members.length;
      const isDue = count > this.#keep / 10;
      this.#sinceCut.set(group, isDue ? 0 : count);
      const [row] = members;
      if (isDue && row) await this.#cut(queries, row);
    }
  }

  /** Numbers have gaps where events were not kept, so the edge is found by counting rows. */
  async #cut(queries: Queries, { kind, cause }: Pick<LedgerEventRow, "kind" | "cause">): Promise<void> {
    const isCause = cause === null ? ("is" as const) : ("=" as const);
    const edge = await queries
      .selectFrom("ledger_events")
      .select("seq")
      .where("kind", "=", kind)
      .where("cause", isCause, cause)
      .orderBy("seq", "desc")
      .offset(this.#keep)
      .limit(1)
      .executeTakeFirst();
    if (!edge) return;
    await queries
      .deleteFrom("ledger_events")
      .where("kind", "=", kind)
      .where("cause", isCause, cause)
      .where("seq", "<=", edge.seq)
      .execute();
  }
}

async function storedEvents(read: Queries, filter: EventFilter, limit: number): Promise<TraceEvent[]> {
  let query = read.selectFrom("ledger_events").select("event").orderBy("seq", "desc").limit(limit);
  const { device, connection, certificate, kinds, sinceSeq } = filter;
  if (sinceSeq !== undefined) query = query.where("seq", ">=", sinceSeq);
  if (kinds) query = query.where("kind", "in", [...kinds]);
  if (device !== undefined) query = query.where("device", "=", device);
  if (connection !== undefined) query = query.where("connection", "=", connection);
  if (certificate !== undefined) query = query.where("certificate", "=", certificate);
  const rows = await query.execute();
  return rows.map(({ event }) => JSON.parse(event) as TraceEvent).filter((event) => matches(event, filter));
}

function rowOf(event: TraceEvent): LedgerEventRow {
  const { seq, time, kind, device = null, connection = null, certificate = null } = event;
  const cause = event.kind === "refusal" ? event.cause : null;
  return { seq, time: Math.floor(time), kind, cause, device, connection, certificate, event: JSON.stringify(event) };
}
