import { Conflict } from "../../codec/index.ts";
import type { Clock } from "../../crypto/index.ts";
import { RateAccount } from "../broker/index.ts";
import type { CloudErrorCode } from "../errors.ts";
import { OPERATIONS, type Operation, type OperationName } from "../operations/index.ts";
import { API_RATE, type AccountLimits } from "../registry/index.ts";

export type ApiRates = Pick<AccountLimits, "apiRequestsPerSecond" | "operationRates">;

/**
 * How often each operation may be asked in a second: the rate that was chosen for it, or else the one of all operations of
 * AWS IoT's control plane, each counted by itself. AWS IoT Core quotas, "API throttling limits"
 */
export class OperationRates {
  readonly #rates: ApiRates;
  readonly #clock: Clock;
  readonly #accounts = new Map<OperationName, RateAccount | undefined>();

  constructor(rates: ApiRates, clock: Clock) {
    this.#rates = rates;
    this.#clock = clock;
  }

  /** Counts a request; what is refused does not count. Throws `Conflict` `throttled`. */
  count(name: OperationName): void {
    const account = this.#accountOf(name);
    if (!account) return;
    if (account.has(1)) return account.spend(1);
    const { perSecond, limit } = this.#rateOf(name);
    const message = `Rate exceeded: ${name} at most ${perSecond} times a second (limit ${limit}=${perSecond})`;
    throw new Conflict<CloudErrorCode>("throttled", message);
  }

  #accountOf(name: OperationName): RateAccount | undefined {
    if (this.#accounts.has(name)) return this.#accounts.get(name);
    const account = RateAccount.of(this.#rateOf(name).perSecond, this.#clock);
    this.#accounts.set(name, account);
    return account;
  }

  #rateOf(name: OperationName): { readonly perSecond: number; readonly limit: string } {
    const own = this.#rates.operationRates[name];
    if (own !== undefined) return { perSecond: own, limit: `${API_RATE}.${name}` };
    const { service }: Operation = OPERATIONS[name];
    return { perSecond: service === "iot" ? this.#rates.apiRequestsPerSecond : Infinity, limit: API_RATE };
  }
}
