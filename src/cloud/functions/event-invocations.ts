import { HawserError, Refused } from "../../codec/index.ts";
import type { Clock } from "../../crypto/index.ts";
import type { FunctionErrorCode } from "./errors.ts";
import type { RunResult } from "./runtime.ts";

export type EventLimits = {
  /** How long to wait before each further attempt; as many attempts as entries, and one. */
  readonly retryDelaysMs: readonly number[];
  /** Events that run or wait. */
  readonly pending: number;
};

/** AWS waits one and two minutes; a device that waits to be activated should not. */
export const EVENT_LIMITS: EventLimits = { retryDelaysMs: [1000, 2000], pending: 10_000 };

/** Runs one attempt. Rejects only where the runtime refuses it. */
export type Attempt = () => Promise<RunResult>;

/** How often a failed event is tried again at most, and for how long. */
export type EventTerms = { readonly retries?: number | undefined; readonly maxAgeS?: number | undefined };

/** Asynchronous invocations: accepted at once, attempted until one succeeds or the attempts are used up. */
export class EventInvocations {
  readonly #clock: Clock;
  readonly #limits: EventLimits;
  readonly #waits = new Set<() => void>();
  #pending = 0;
  #isClosed = false;

  constructor(clock: Clock, limits: Partial<EventLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...EVENT_LIMITS, ...limits };
  }

  /**
   * Accepts an event. `gaveUp` is told of the last failure, once. `terms` may ask for fewer attempts, or an end of them.
   * Throws `Refused` `too-many-requests` where too many are pending.
   */
  accept(attempt: Attempt, gaveUp: (why: string) => void, terms: EventTerms = {}): void {
    if (this.#pending >= this.#limits.pending) {
      throw new Refused<FunctionErrorCode>("too-many-requests", `${this.#pending} events are pending already`, 429);
    }
    this.#pending++;
    void this.#run(attempt, gaveUp, terms).finally(() => this.#pending--);
  }

  /** Forgets what waits for another attempt: events are not kept over a restart. */
  close(): void {
    this.#isClosed = true;
    for (const end of this.#waits) end();
  }

  async #run(attempt: Attempt, gaveUp: (why: string) => void, { retries, maxAgeS }: EventTerms): Promise<void> {
    const delays = [...this.#limits.retryDelaysMs.slice(0, retries), undefined];
    const end = maxAgeS === undefined ? Infinity : this.#clock.now() + maxAgeS * 1000;
    let why = "";
    for (const delay of delays) {
      try {
        const result = await attempt();
        if (result.outcome === "succeeded") return;
        why = `${result.error.errorType}: ${result.error.errorMessage}`;
      } catch (error) {
        why = error instanceof HawserError ? `${error.code}: ${error.message}` : String(error);
      }
      if (delay === undefined || this.#isClosed || this.#clock.now() + delay > end) break;
      await this.#wait(delay);
      if (this.#isClosed) break;
    }
    gaveUp(why);
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#waits.delete(end);
        resolve();
      };
      const cancel = this.#clock.after(delayMs, end);
      this.#waits.add(end);
    });
  }
}
