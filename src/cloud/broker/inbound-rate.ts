import type { Clock } from "../../crypto/index.ts";
import type { AccountRates } from "./account-rates.ts";
import { PAUSE, type Outbound } from "./outbound.ts";
import { type InboundLimit, RateAccount } from "./rate-account.ts";
import type { BrokerSettings } from "./settings.ts";

type Reader = Pick<Outbound, "pause" | "resume">;

type Ports = {
  readonly settings: BrokerSettings;
  readonly clock: Clock;
  readonly rates: AccountRates;
  readonly reader: Reader;
};

/** Holds one client to its rates by not reading it for a while, so that nothing is lost and TCP slows the client down. */
export class InboundRate {
  readonly #clock: Clock;
  readonly #reader: Reader;
  readonly #bytes: RateAccount | undefined;
  readonly #publishes: RateAccount | undefined;
  readonly #publishesOfAll: RateAccount | undefined;
  readonly #retainsOfAll: RateAccount | undefined;
  #cancel: (() => void) | undefined;

  /** Undefined where there are no rates. */
  static of(ports: Ports): InboundRate | undefined {
    const { bytesPerSecond, publishesPerSecond } = ports.settings.limits;
    const isBound = Number.isFinite(bytesPerSecond) || Number.isFinite(publishesPerSecond);
    const { publishes, retains } = ports.rates;
    return isBound || publishes || retains ? new InboundRate(ports) : undefined;
  }

  private constructor({ settings: { limits }, clock, rates, reader }: Ports) {
    this.#clock = clock;
    this.#reader = reader;
    this.#bytes = RateAccount.of(limits.bytesPerSecond, clock);
    this.#publishes = RateAccount.of(limits.publishesPerSecond, clock);
    this.#publishesOfAll = rates.publishes;
    this.#retainsOfAll = rates.retains;
  }

  /** Whether the client waits for our sake: its silence is not its fault. */
  get isWaiting(): boolean {
    return this.#cancel !== undefined;
  }

  /** The rate for which the client waits longest, while it waits. */
  get waitsFor(): InboundLimit | undefined {
    if (!this.#cancel) return undefined;
    const longest = this.#waitMs();
    return this.#accounts.find(({ account }) => account?.waitMs === longest)?.limit;
  }

  received(bytes: number): void {
    this.#bytes?.spend(bytes);
    this.#waitIfOver();
  }

  published({ retain }: { readonly retain: boolean }): void {
    this.#publishes?.spend(1);
    this.#publishesOfAll?.spend(1);
    if (retain) this.#retainsOfAll?.spend(1);
    this.#waitIfOver();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #waitIfOver(): void {
    if (!this.#cancel && this.#waitMs() > 0) this.#wait();
  }

  get #accounts(): readonly { readonly limit: InboundLimit; readonly account: RateAccount | undefined }[] {
    return [
      { limit: "publishesPerSecond", account: this.#publishes },
      { limit: "bytesPerSecond", account: this.#bytes },
      { limit: "accountPublishesPerSecond", account: this.#publishesOfAll },
      { limit: "accountRetainsPerSecond", account: this.#retainsOfAll },
    ];
  }

  #waitMs(): number {
    return Math.max(...this.#accounts.map(({ account }) => account?.waitMs ?? 0));
  }

  #wait(): void {
    this.#reader.pause(PAUSE.rate);
    // Debts grow while the bytes that were already received are worked through: looked at again when this is over.
    this.#cancel = this.#clock.after(Math.max(1, this.#waitMs()), () => {
      this.#cancel = undefined;
      if (this.#waitMs() === 0) this.#reader.resume(PAUSE.rate);
      else this.#wait();
    });
  }
}
