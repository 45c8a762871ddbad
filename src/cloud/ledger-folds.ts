import type { Repeated, TraceEvent } from "../trace/index.ts";

export type FoldLimits = {
  /** How long one row goes on to count; after that the same happening begins a new one. */
  readonly spanMs: number;
  /** New rows of one cause from one address within `windowMs`; what is beyond is counted in one row without ids. */
  readonly rowsPerWindow: number;
  readonly windowMs: number;
  /** Rows and addresses that are remembered; the longest unused are forgotten first. */
  readonly remembered: number;
  /** Counted events whose numbers are remembered: as many as the ring holds. */
  readonly counted: number;
};

const FOLD_LIMITS: FoldLimits = {
  spanMs: 3_600_000,
  rowsPerWindow: 600,
  windowMs: 60_000,
  remembered: 4096,
  counted: 16_384,
};

/** A row of the store that still counts: its number is that of the first event, the rest is the last one's. */
type Row = { readonly seq: number; readonly since: number; times: number; last: TraceEvent };

/** An event that is counted in a row: the numbers of both. */
type Counted = { readonly seq: number; readonly row: number };

type Window = { readonly since: number; rows: number };

/**
 * Makes one row of the store out of many events that say the same, so that a client which hammers at the door wears
 * neither disk nor memory, and drives out nothing that others want to know. What is the same: a refusal with the same
 * cause, client, certificate, address and evidence, and the steps that go with each attempt of a pending device.
 */
export class LedgerFolds {
  readonly #limits: FoldLimits;
  readonly #rows = new Map<string, Row>();
  readonly #windows = new Map<string, Window>();
  readonly #changed = new Set<Row>();
  /** In the order of their numbers. */
  #counted: Counted[] = [];

  constructor(limits: Partial<FoldLimits> = {}) {
    this.#limits = { ...FOLD_LIMITS, ...limits };
  }

  /** The row that an event begins, to be written now; undefined where it is counted in one that exists. */
  add(event: TraceEvent): TraceEvent | undefined {
    const same = sameness(event);
    if (same === undefined) return event;
    if (this.#count(same, event)) return undefined;
    const source = sourceOf(event);
    if (this.#mayBegin(source, event.time)) return this.#begin(same, event);
    const anybody = withoutIds(event);
    return this.#count(source, anybody) ? undefined : this.#begin(source, anybody);
  }

  /** How many events with this number or a later one are counted in a row. */
  countedFrom(row: number, seq: number): number {
    return this.#counted.filter((each) => each.row === row && each.seq >= seq).length;
  }

  /** The rows whose counts have grown since the last time, to be written over what is there. */
  takeChanged(): TraceEvent[] {
    const rows = Array.from(this.#changed, ({ seq, since, times, last }) => {
      const repeated: Repeated = { times, since };
      return { ...last, seq, repeated };
    });
    this.#changed.clear();
    return rows;
  }

  #count(key: string, event: TraceEvent): boolean {
    const row = this.#rows.get(key);
    if (!row || event.time - row.since >= this.#limits.spanMs) return false;
    row.times++;
    row.last = event;
    this.#counted.push({ seq: event.seq, row: row.seq });
    if (this.#counted.length > 2 * this.#limits.counted) this.#counted = this.#counted.slice(-this.#limits.counted);
    this.#changed.add(row);
    remember(this.#rows, key, row, this.#limits.remembered);
    return true;
  }

  #begin(key: string, event: TraceEvent): TraceEvent {
    const row = { seq: event.seq, since: event.time, times: 1, last: event };
    remember(this.#rows, key, row, this.#limits.remembered);
    return event;
  }

  #mayBegin(source: string, time: number): boolean {
    const known = this.#windows.get(source);
    const isOpen = known !== undefined && time - known.since < this.#limits.windowMs;
    const window = isOpen ? known : { since: time, rows: 0 };
    remember(this.#windows, source, window, this.#limits.remembered);
    return ++window.rows <= this.#limits.rowsPerWindow;
  }
}

/** Puts an entry behind all others, and lets the first go where there are too many. */
function remember<V>(map: Map<string, V>, key: string, value: V, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value ?? "");
}

/** What must be equal for two events to share a row; undefined for events that are kept each for itself. */
function sameness(event: TraceEvent): string | undefined {
  const { kind, device, certificate } = event;
  if (kind === "refusal") {
    const { cause, clientId, address, evidence } = event;
    return JSON.stringify([kind, cause, clientId, device, certificate, address, evidence]);
  }
  if (kind !== "onboarding" || (event.step !== "event-published" && event.step !== "connection-dropped"))
    return undefined;
  const { step, clientId, detail } = event;
  return JSON.stringify([kind, step, clientId, device, certificate, detail]);
}

function sourceOf(event: TraceEvent): string {
  if (event.kind === "refusal") return JSON.stringify([event.cause, event.address]);
  return JSON.stringify([event.kind, "step" in event ? event.step : ""]);
}

/** What many strangers from one address have in common. */
function withoutIds(event: TraceEvent): TraceEvent {
  const { device: _device, certificate: _certificate, connection: _connection, ...rest } = event;
  if (rest.kind === "refusal") return { ...rest, clientId: "", evidence: {} };
  return rest.kind === "onboarding" ? { ...rest, clientId: "", detail: "" } : rest;
}
