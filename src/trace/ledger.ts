import type { Clock } from "../crypto/index.ts";
import { isDurable, type Actor, type Correlation, type EventBody, type TraceEvent } from "./events.ts";

/** Where rooms write what happens. */
export interface Trace {
  /** Nobody will ever see an event: what is costly to describe need not be described. */
  readonly isSilent?: boolean;
  emit(actor: Actor, body: EventBody, correlation?: Correlation): void;
}

/** A trace that keeps nothing. */
export const silentTrace: Trace = { isSilent: true, emit: () => undefined };

/** The same trace with ids added to every event; ids given with an event win. */
export function correlated(trace: Trace, ids: Correlation): Trace {
  if (trace.isSilent) return trace;
  return { emit: (actor, body, more) => trace.emit(actor, body, { ...ids, ...more }) };
}

/** Which events a reader wants; every given field must match. */
export type EventFilter = Correlation & { readonly kinds?: readonly EventBody["kind"][]; readonly sinceSeq?: number };

/** Where durable events go besides the ring. Called in order, once an event. */
export type DurableSink = (event: TraceEvent) => void;

export type LedgerOptions = {
  readonly clock: Clock;
  /** How many events the ring holds before it forgets the oldest. */
  readonly capacity?: number;
  /** The number of the first event: one more than the last that a former process stored. */
  readonly firstSeq?: number;
  readonly durable?: DurableSink;
};

/** The one ordered record of what happened in a process: a bounded ring in memory, and a sink for what must last. */
export class Ledger implements Trace {
  readonly #clock: Clock;
  readonly #ring: (TraceEvent | undefined)[];
  readonly #durable: DurableSink | undefined;
  readonly #listeners = new Set<(event: TraceEvent) => void>();
  #first: number;
  #next: number;

  constructor({ clock, capacity = 16_384, firstSeq = 1, durable }: LedgerOptions) {
    this.#clock = clock;
    this.#ring = Array.from({ length: capacity });
    this.#durable = durable;
    this.#first = firstSeq;
    this.#next = firstSeq;
  }

  /** The number of the oldest event that the ring still holds, or will hold. */
  get firstSeq(): number {
    return this.#first;
  }

  emit(actor: Actor, body: EventBody, correlation: Correlation = {}): void {
    const event: TraceEvent = { seq: this.#next++, time: this.#clock.now(), actor, ...correlation, ...body };
    this.#ring[event.seq % this.#ring.length] = event;
    this.#first = Math.max(this.#first, this.#next - this.#ring.length);
    if (isDurable(event)) this.#durable?.(event);
    for (const listener of this.#listeners) listener(event);
  }

  /** Events of the ring that match, oldest first. */
  events(filter: EventFilter = {}): TraceEvent[] {
    const found: TraceEvent[] = [];
    for (let seq = this.#first; seq < this.#next; seq++) {
      const event = this.#ring[seq % this.#ring.length];
      if (event && matches(event, filter)) found.push(event);
    }
    return found;
  }

  /** Calls `listener` with each event from now on; the returned function ends that. */
  subscribe(listener: (event: TraceEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The ring as JSON Lines. */
  jsonLines(filter: EventFilter = {}): string {
    return this.events(filter)
      .map((event) => `${JSON.stringify(event)}\n`)
      .join("");
  }
}

/** Whether an event is among those that a filter asks for. */
export function matches(event: TraceEvent, filter: EventFilter): boolean {
  if (filter.sinceSeq !== undefined && event.seq < filter.sinceSeq) return false;
  if (filter.kinds && !filter.kinds.includes(event.kind)) return false;
  if (filter.device !== undefined && event.device !== filter.device) return false;
  if (filter.connection !== undefined && event.connection !== filter.connection) return false;
  return filter.certificate === undefined || event.certificate === filter.certificate;
}
