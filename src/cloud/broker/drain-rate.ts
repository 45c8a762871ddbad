import type { Clock } from "../../crypto/index.ts";
import type { Outgoing } from "./outbound-flow.ts";
import { RateAccount } from "./rate-account.ts";
import type { BrokerLimits } from "./settings.ts";

/**
 * How fast a session that was resumed is sent what was stored for it meanwhile: one message, then one after the other at
 * the rate. What came through a shared subscription has a rate of its own. AWS IoT Core quotas, "MQTT persistent session"
 */
export class DrainRate {
  readonly #own: RateAccount | undefined;
  readonly #shared: RateAccount | undefined;
  readonly #clock: Clock;
  readonly #pump: () => void;
  #cancel: (() => void) | undefined;

  /** Undefined where there are no rates. `pump` is called when the next message may go. */
  static of(limits: BrokerLimits, clock: Clock, pump: () => void): DrainRate | undefined {
    const { drainsPerSecond, sharedDrainsPerSecond } = limits;
    const isBound = Number.isFinite(drainsPerSecond) || Number.isFinite(sharedDrainsPerSecond);
    return isBound ? new DrainRate(limits, clock, pump) : undefined;
  }

  private constructor(limits: BrokerLimits, clock: Clock, pump: () => void) {
    this.#own = RateAccount.of(limits.drainsPerSecond, clock);
    this.#shared = RateAccount.of(limits.sharedDrainsPerSecond, clock);
    this.#clock = clock;
    this.#pump = pump;
    // A second's worth at once, and then the rate, would be twice the rate in the first second.
    this.#own?.spend(limits.drainsPerSecond - 1);
    this.#shared?.spend(limits.sharedDrainsPerSecond - 1);
  }

  /** Whether a message waits for the rate. */
  get isWaiting(): boolean {
    return this.#cancel !== undefined;
  }

  /** Takes one message's worth, or says that it has to wait; then `pump` is called in time. */
  take({ stored }: Pick<Outgoing, "stored">): boolean {
    const account = stored === "shared" ? this.#shared : stored === "own" ? this.#own : undefined;
    const waitMs = account?.waitFor(1) ?? 0;
    if (waitMs > 0) {
      this.#cancel ??= this.#clock.after(waitMs, () => {
        this.#cancel = undefined;
        this.#pump();
      });
      return false;
    }
    account?.spend(1);
    return true;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
