import type { Clock } from "../../crypto/index.ts";
import { RateAccount } from "./rate-account.ts";
import type { BrokerLimits } from "./settings.ts";

/** Client ids that are remembered at once; more than come in a second. */
const REMEMBERED = 100_000;

/** The rates of all clients together, and of each client id, whose connections come and go. */
export class AccountRates {
  /** What all clients together publish. */
  readonly publishes: RateAccount | undefined;
  /** What all clients together are sent. */
  readonly deliveries: RateAccount | undefined;
  /** What all clients together ask to be retained. */
  readonly retains: RateAccount | undefined;
  readonly #connects: RateAccount | undefined;
  readonly #queues: RateAccount | undefined;
  readonly #perSecondOfOne: number;
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #byClientId = new Map<string, RateAccount>();

  constructor(limits: BrokerLimits, clock: Clock) {
    this.publishes = RateAccount.of(limits.accountPublishesPerSecond, clock);
    this.deliveries = RateAccount.of(limits.accountDeliveriesPerSecond, clock);
    this.retains = RateAccount.of(limits.accountRetainsPerSecond, clock);
    this.#queues = RateAccount.of(limits.accountQueuesPerSecond, clock);
    this.#connects = RateAccount.of(limits.accountConnectsPerSecond, clock);
    this.#perSecondOfOne = limits.connectsPerSecond;
    this.#clock = clock;
  }

  /** Counts a CONNECT; gives the limit that it goes beyond, if there is one. What is refused does not count. */
  connect(clientId: string): "accountConnectsPerSecond" | "connectsPerSecond" | undefined {
    if (this.#connects && !this.#connects.has(1)) return "accountConnectsPerSecond";
    const own = this.#accountOf(clientId);
    if (own && !own.has(1)) return "connectsPerSecond";
    this.#connects?.spend(1);
    own?.spend(1);
    return undefined;
  }

  /** Counts a message that is stored for a client who is away; false where that would go beyond the rate. */
  queue(): boolean {
    if (!this.#queues) return true;
    if (!this.#queues.has(1)) return false;
    this.#queues.spend(1);
    return true;
  }

  #accountOf(clientId: string): RateAccount | undefined {
    const account = this.#byClientId.get(clientId) ?? RateAccount.of(this.#perSecondOfOne, this.#clock);
    if (!account || clientId === "") return undefined;
    this.#byClientId.delete(clientId);
    this.#byClientId.set(clientId, account);
    if (this.#byClientId.size > REMEMBERED) this.#byClientId.delete(this.#byClientId.keys().next().value ?? "");
    return account;
  }
}
