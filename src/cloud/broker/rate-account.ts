import type { Clock } from "../../crypto/index.ts";
import type { BrokerLimits } from "./settings.ts";

/** A rate for which a client is read more slowly, by its setting's name. */
export type InboundLimit = keyof BrokerLimits &
  ("publishesPerSecond" | "bytesPerSecond" | "accountPublishesPerSecond" | "accountRetainsPerSecond");

/** The rate that a message would go over, by its setting's name. */
export type OutboundLimit = keyof BrokerLimits &
  ("deliveriesPerSecond" | "deliveredBytesPerSecond" | "accountDeliveriesPerSecond");

/** What is spent, and paid for at `perSecond`: one second's worth may be spent at once. */
export class RateAccount {
  readonly #perSecond: number;
  readonly #clock: Clock;
  #debt = 0;
  #settledAt: number;

  /** An account, or undefined where the rate is `Infinity`: then nothing is counted. */
  static of(perSecond: number, clock: Clock): RateAccount | undefined {
    return Number.isFinite(perSecond) ? new RateAccount(perSecond, clock) : undefined;
  }

  private constructor(perSecond: number, clock: Clock) {
    this.#perSecond = perSecond;
    this.#clock = clock;
    this.#settledAt = clock.now();
  }

  /** How long until no more is owed than may be spent at once; 0 where that is so. */
  get waitMs(): number {
    return this.waitFor(0);
  }

  /** How long until `amount` may be spent, in whole milliseconds; 0 where it may be now. */
  waitFor(amount: number): number {
    this.#settle();
    // What is over by the rounding of fractions is not over.
    return Math.max(0, Math.ceil(((this.#debt + amount) / this.#perSecond - 1) * 1000 - 1e-6));
  }

  /** Whether `amount` may be spent now. */
  has(amount: number): boolean {
    return this.waitFor(amount) === 0;
  }

  spend(amount: number): void {
    this.#settle();
    this.#debt += amount;
  }

  #settle(): void {
    const now = this.#clock.now();
    this.#debt = Math.max(0, this.#debt - ((now - this.#settledAt) / 1000) * this.#perSecond);
    this.#settledAt = now;
  }
}
