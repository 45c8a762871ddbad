import type { Clock } from "../../crypto/index.ts";
import type { BrokerLimits } from "./settings.ts";

/** What is spent, and when that is paid for at `perSecond`: one second's worth may be spent at once. */
type Account = { readonly perSecond: number; debt: number; settledAt: number };

/**
 * Holds one client to its rates by not reading it for a while, so that nothing is lost and TCP slows the client down.
 * Does nothing where the rates are `Infinity`.
 */
export class InboundRate {
  readonly #clock: Clock;
  readonly #reader: { readonly pause: () => void; readonly resume: () => void };
  readonly #bytes: Account | undefined;
  readonly #publishes: Account | undefined;
  #cancel: (() => void) | undefined;

  constructor(limits: BrokerLimits, clock: Clock, reader: { readonly pause: () => void; readonly resume: () => void }) {
    this.#clock = clock;
    this.#reader = reader;
    this.#bytes = account(limits.bytesPerSecond, clock);
    this.#publishes = account(limits.publishesPerSecond, clock);
  }

  /** Whether the client waits for our sake: its silence is not its fault. */
  get isWaiting(): boolean {
    return this.#cancel !== undefined;
  }

  received(bytes: number): void {
    if (this.#bytes) this.#spend(this.#bytes, bytes);
  }

  published(): void {
    if (this.#publishes) this.#spend(this.#publishes, 1);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #spend(account: Account, amount: number): void {
    const now = this.#clock.now();
    account.debt = Math.max(0, account.debt - ((now - account.settledAt) / 1000) * account.perSecond) + amount;
    account.settledAt = now;
    if (account.debt > account.perSecond && !this.#cancel) this.#wait();
  }

  #wait(): void {
    this.#reader.pause();
    const delays = [this.#bytes, this.#publishes].map((each) => (each ? (each.debt / each.perSecond - 1) * 1000 : 0));
    // Debts grow while the bytes that were already received are worked through: looked at again when this is over.
    this.#cancel = this.#clock.after(Math.max(1, ...delays), () => {
      this.#cancel = undefined;
      const now = this.#clock.now();
      const isOver = [this.#bytes, this.#publishes].every((each) => !each || owed(each, now) <= each.perSecond);
      if (isOver) this.#reader.resume();
      else this.#wait();
    });
  }
}

function account(perSecond: number, clock: Clock): Account | undefined {
  return Number.isFinite(perSecond) ? { perSecond, debt: 0, settledAt: clock.now() } : undefined;
}

function owed({ debt, settledAt, perSecond }: Account, now: number): number {
  return debt - ((now - settledAt) / 1000) * perSecond;
}
