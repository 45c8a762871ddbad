import type { ClientConnection } from "./client-connection.ts";
import { afterLong } from "./long-timer.ts";
import { REASON } from "./reason-codes.ts";

/** Closes a connection that was silent for one and a half times its keep alive. MQTT 5.0, section 3.1.2.10 */
export class KeepAlive {
  readonly #connection: ClientConnection;
  readonly #keepAliveS: number;
  #lastHeard: number;
  #cancel = (): void => undefined;

  /** `keepAliveS` is 0 for never. */
  constructor(connection: ClientConnection, keepAliveS: number) {
    this.#connection = connection;
    this.#keepAliveS = keepAliveS;
    this.#lastHeard = connection.core.clock.now();
    if (keepAliveS > 0) this.#arm();
  }

  /** Notes a packet. The timer looks when it falls due, instead of being set anew each time. */
  heard(time: number): void {
    this.#lastHeard = time;
  }

  stop(): void {
    this.#cancel();
  }

  #arm(): void {
    const { clock } = this.#connection.core;
    this.#cancel = afterLong(clock, this.#lastHeard + this.#keepAliveS * 1500 - clock.now(), () => this.#look());
  }

  #look(): void {
    const { core, rate, out } = this.#connection;
    // Who is not read for our sake cannot be heard.
    if (rate?.isWaiting || out.held > 0) this.#lastHeard = core.clock.now();
    const keepAliveS = this.#keepAliveS;
    const silentMs = core.clock.now() - this.#lastHeard;
    if (silentMs < keepAliveS * 1500) return this.#arm();
    this.#connection.close({
      reason: REASON.keepAliveTimeout,
      presence: "MQTT_KEEP_ALIVE_TIMEOUT",
      refusal: { cause: "keep-alive-expired", evidence: { keepAliveS, silentMs } },
    });
  }
}
