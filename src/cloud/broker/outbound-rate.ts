import type { BrokerCore } from "./core.ts";
import { type OutboundLimit, RateAccount } from "./rate-account.ts";

type Account = { readonly limit: OutboundLimit; readonly account: RateAccount };

/**
 * How much one client is sent a second, and all clients together. Over a rate QoS 0 is dropped, and QoS 1 and 2 wait in
 * the session's queue until there is room. AWS IoT Core quotas, "Outbound publish requests per second"
 */
export class OutboundRate {
  readonly #accounts: readonly Account[];
  readonly #clock: BrokerCore["clock"];
  readonly #sendMore: () => void;
  #cancel: (() => void) | undefined;

  /** Undefined where there are no rates. `sendMore` is called when there is room for what waited. */
  static of(core: BrokerCore, sendMore: () => void): OutboundRate | undefined {
    const { limits } = core.settings;
    const accounts = [
      { limit: "deliveriesPerSecond", account: RateAccount.of(limits.deliveriesPerSecond, core.clock) },
      { limit: "deliveredBytesPerSecond", account: RateAccount.of(limits.deliveredBytesPerSecond, core.clock) },
      { limit: "accountDeliveriesPerSecond", account: core.rates.deliveries },
    ] as const;
    const bound = accounts.flatMap(({ limit, account }) => (account ? [{ limit, account }] : []));
    return bound.length > 0 ? new OutboundRate(bound, core.clock, sendMore) : undefined;
  }

  private constructor(accounts: readonly Account[], clock: BrokerCore["clock"], sendMore: () => void) {
    this.#accounts = accounts;
    this.#clock = clock;
    this.#sendMore = sendMore;
  }

  /** The rate that one more message would go over now, if there is one; whoever asks is told when there is room. */
  over(): OutboundLimit | undefined {
    const waitMs = Math.max(...this.#accounts.map(({ account }) => account.waitFor(1)));
    if (waitMs === 0) return undefined;
    this.#cancel ??= this.#clock.after(waitMs, () => {
      this.#cancel = undefined;
      this.#sendMore();
    });
    return this.#accounts.find(({ account }) => !account.has(1))?.limit;
  }

  sent(bytes: number): void {
    for (const { limit, account } of this.#accounts) account.spend(limit === "deliveredBytesPerSecond" ? bytes : 1);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
