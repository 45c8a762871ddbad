import type { Duplex } from "node:stream";

import { HawserError, ProtocolError, Refused, toHex } from "../codec/index.ts";
import type { Clock, Entropy } from "../crypto/index.ts";
import { correlated, type Trace } from "../trace/index.ts";
import type { AgentErrorCode } from "./errors.ts";
import { openMqtt, type MessageListener, type MqttOptions, type MqttSession } from "./node-mqtt.ts";
import { FIRST_ATTEMPT, reconnectStep, type ReconnectPolicy, type ReconnectState } from "./reconnect.ts";

/**
 * What a device tells whoever watches it connect. `attempt` counts from 1 since the device started; `connection` is the
 * name of the attempt in trace events.
 */
export type DeviceProgress =
  | { readonly step: "connecting"; readonly attempt: number; readonly connection: string }
  | { readonly step: "refused"; readonly attempt: number; readonly error: unknown; readonly dropped: boolean }
  | { readonly step: "waiting"; readonly delayMs: number }
  | { readonly step: "connected"; readonly attempt: number; readonly connection: string }
  | { readonly step: "lost"; readonly error: unknown };

export type DeviceOptions = {
  /** Makes the secured stream of one attempt, TLS finished; what it does belongs into `trace`. */
  readonly open: (attempt: { readonly signal: AbortSignal; readonly trace: Trace }) => Promise<Duplex>;
  readonly mqtt: MqttOptions;
  readonly policy: ReconnectPolicy;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly onProgress: (progress: DeviceProgress) => void;
  /** Aborting it ends connecting, waiting and publishing; what was pending rejects with its reason. */
  readonly signal: AbortSignal;
};

/**
 * A device that the cloud accepted at least once. It comes back by itself, with back-off, when a connection is lost,
 * subscribes again, and publishes again what was not acknowledged: every message arrives at least once. AN12131, section 7.4
 */
export class ConnectedDevice {
  readonly #options: DeviceOptions;
  readonly #subscriptions: { readonly filter: string; readonly listener: MessageListener }[] = [];
  #session: MqttSession | undefined;
  #connecting: Promise<MqttSession> | undefined;
  #state: ReconnectState = FIRST_ATTEMPT;
  #since = 0;
  #attempts = 0;
  #ended = false;

  private constructor(options: DeviceOptions) {
    this.#options = options;
  }

  /** Connects, however often it takes within the policy. Throws `Refused` `gave-up` with the last failure as its cause. */
  static async connect(options: DeviceOptions): Promise<ConnectedDevice> {
    const device = new ConnectedDevice(options);
    await device.#connected();
    return device;
  }

  /** Publishes at QoS 1 and settles once the cloud has acknowledged it, over as many connections as that takes. */
  async publish(topic: string, payload: Uint8Array): Promise<void> {
    await this.#untilDone((session) => session.publish(topic, payload));
  }

  /** Subscribes at QoS 1, now and after every reconnection. */
  async subscribe(filter: string, listener: MessageListener): Promise<void> {
    await this.#untilDone((session) => session.subscribe(filter, listener));
    this.#subscriptions.push({ filter, listener });
    this.#comeBack();
  }

  /** Says goodbye and closes; a broker then does not send the device's will. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#session?.end();
  }

  async #untilDone(work: (session: MqttSession) => Promise<void>): Promise<void> {
    const { policy, clock } = this.#options;
    for (let losses = 1; ; losses++) {
      const session = await this.#connected();
      try {
        await work(session);
        return;
      } catch (error) {
        if (!(error instanceof ProtocolError) || error.code !== "connection-lost") throw error;
        if (clock.now() - this.#since >= policy.stableMs) losses = 1;
        if (losses >= policy.maxLosses) {
          const message = `the cloud accepts the device, and ended ${losses} connections in a row at the same request`;
          throw new Refused<AgentErrorCode>("dropped-at-request", message, losses, { cause: error });
        }
        await this.#afterLoss(session, error);
      }
    }
  }

  /** The live session, or the one that comes of the attempt that is under way. */
  async #connected(): Promise<MqttSession> {
    if (this.#session) return this.#session;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #connect(): Promise<MqttSession> {
    const { signal, onProgress, entropy } = this.#options;
    for (;;) {
      signal.throwIfAborted();
      const attempt = ++this.#attempts;
      const connection = `${toHex(entropy.bytes(4))}-${attempt}`;
      onProgress({ step: "connecting", attempt, connection });
      try {
        const session = await this.#attempt(connection);
        onProgress({ step: "connected", attempt, connection });
        return session;
      } catch (error) {
        signal.throwIfAborted();
        const failure =
          error instanceof Error ? error : new ProtocolError("connection-dropped", String(error), undefined);
        onProgress({ step: "refused", attempt, error: failure, dropped: isDrop(failure) });
        await this.#wait({ on: "failed", final: isFinal(failure) }, failure);
      }
    }
  }

  async #attempt(connection: string): Promise<MqttSession> {
    const { open, mqtt, signal, clock } = this.#options;
    const trace = correlated(mqtt.trace, { connection });
    const stream = await open({ signal, trace });
    const abort = () => stream.destroy();
    signal.addEventListener("abort", abort, { once: true });
    try {
      const session = await openMqtt(stream, { ...mqtt, trace });
      for (const { filter, listener } of this.#subscriptions) await session.subscribe(filter, listener);
      this.#session = session;
      this.#since = clock.now();
      void session.closed.then(() => {
        signal.removeEventListener("abort", abort);
        if (this.#session === session) this.#session = undefined;
      });
      return session;
    } catch (error) {
      signal.removeEventListener("abort", abort);
      stream.destroy();
      throw error;
    }
  }

  async #afterLoss(session: MqttSession, error: unknown): Promise<void> {
    this.#options.signal.throwIfAborted();
    if (this.#session === session) this.#session = undefined;
    if (this.#connecting || this.#session) return;
    this.#options.onProgress({ step: "lost", error });
    await this.#wait({ on: "lost", livedMs: this.#options.clock.now() - this.#since }, error);
  }

  /** A subscriber must not wait for its next publish to notice that its connection is gone. */
  #comeBack(): void {
    const session = this.#session;
    void session?.closed.then(async () => {
      if (this.#ended || this.#options.signal.aborted) return;
      const lost = new ProtocolError<AgentErrorCode>("connection-lost", "connection ended", undefined);
      try {
        await this.#afterLoss(session, lost);
        await this.#connected();
        this.#comeBack();
      } catch {
        // Aborted, or given up: whoever publishes next is told; a pure subscriber saw `refused` in its progress.
      }
    });
  }

  async #wait(input: Parameters<typeof reconnectStep>[1], cause: unknown): Promise<void> {
    const { policy, entropy, clock, signal, onProgress } = this.#options;
    const [state, output] = reconnectStep(this.#state, input, { policy, entropy });
    this.#state = state;
    if (output.do === "give-up") {
      const message = `not accepted after ${output.failures} ${output.failures === 1 ? "attempt" : "attempts"}`;
      // What cannot be cured by waiting has a name and a cure of its own.
      throw input.on === "failed" && input.final
        ? cause
        : new Refused<AgentErrorCode>("gave-up", message, output.failures, { cause });
    }
    onProgress({ step: "waiting", delayMs: output.delayMs });
    await pause(clock, output.delayMs, signal);
  }
}

function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(delayMs, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** Whether the cloud closed the connection, rather than something on the way to it failing. */
function isDrop(error: unknown): boolean {
  return error instanceof HawserError && (error.code === "connection-dropped" || error.code === "connack-refused");
}

/** Failures of the way to the cloud, or of the cloud, that may be over the next time. */
const CURED_BY_WAITING: readonly string[] = [
  "connection-dropped",
  "connection-lost",
  "connack-refused",
  "connect-failed",
  "transport-failed",
  "handshake-timeout",
  "closed-in-handshake",
  "truncated",
];

/**
 * Whether trying again is pointless: our own configuration, the chip or the server's identity is wrong. A cloud that is
 * not there, or that says no, may change its mind; that is how just-in-time registration works.
 */
function isFinal(error: unknown): boolean {
  return !(error instanceof HawserError && CURED_BY_WAITING.includes(error.code));
}
