import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { HawserError } from "../codec/index.ts";
import type { Clock } from "../crypto/index.ts";
import type { Trace } from "../trace/index.ts";
import type { Endpoint } from "./endpoint.ts";
import { actorOf, EffectPerformer, type Performers } from "./effect-performer.ts";
import type { ConnectionFacts, Effect, Input, Output } from "./effects.ts";
import type { Incoming } from "./node-tcp.ts";
import type { Session } from "./sessions.ts";
import { LocalFailure, type TlsErrorCode } from "./errors.ts";

/** How long a failed connection's socket stays open for the alert to reach the server. */
const ALERT_GRACE_MS = 1000;

export type DriverOptions = {
  readonly performers: Performers;
  readonly trace: Trace;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly keyLog?: (line: string) => void;
  /** Gives the transport's bytes where its `data` events do not. */
  readonly incoming?: Incoming;
};

/** Where a driver tells what happened. */
export type DriverEvents = {
  readonly connected: (facts: ConnectionFacts) => void;
  /** Gives false where no more data is wanted until `resume`. */
  readonly deliver: (data: Uint8Array) => boolean;
  readonly session: (session: Session) => void;
  readonly end: () => void;
  readonly fail: (error: HawserError) => void;
};

/** Moves bytes between a transport and a connection, and has the connection's effects carried out. */
export class Driver {
  readonly #socket: Duplex;
  readonly #connection: Endpoint;
  readonly #options: DriverOptions;
  readonly #events: DriverEvents;
  readonly #performer: EffectPerformer;
  readonly #queue: Output[] = [];
  readonly #stopWaiting: (() => void)[] = [];
  #isDraining = false;
  #wantsData = true;
  readonly #whenSealed: (() => void)[] = [];
  #isFlowing: boolean | undefined;

  constructor(socket: Duplex, connection: Endpoint, options: DriverOptions, events: DriverEvents) {
    this.#socket = socket;
    this.#connection = connection;
    this.#options = options;
    this.#events = events;
    this.#performer = new EffectPerformer(options.performers, options.trace, options.clock);
    const receive = (bytes: Uint8Array) => this.step({ on: "bytes", bytes: plain(bytes) });
    if (options.incoming) options.incoming.onBytes(receive);
    else socket.on("data", receive);
    socket.once("end", () => this.step({ on: "end" }));
    socket.once("close", () => this.step({ on: "end" }));
    socket.on("error", (cause: Error) => this.#onSocketError(cause));
    this.#limitTime();
    const start = () => this.step({ on: "start" });
    if (socket instanceof Socket && socket.connecting) socket.once("connect", start);
    else queueMicrotask(start);
  }

  /** One input and its outputs, in order; an output whose handling leads to another step has that step's behind it. */
  step(input: Input): void {
    this.#queue.push(...this.#connection.step(input));
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      for (let output = this.#queue.shift(); output; output = this.#queue.shift()) this.#handle(output);
    } finally {
      this.#isDraining = false;
    }
    this.#flow();
    if (this.#connection.isSealing) return;
    for (const callback of this.#whenSealed.splice(0)) callback();
  }

  /** Calls back once what was sent is sealed, and the transport takes more. */
  whenWritable(callback: () => void): void {
    if (this.#connection.isSealing) this.#whenSealed.push(() => this.whenWritable(callback));
    else if (this.#socket.writableNeedDrain) this.#socket.once("drain", callback);
    else callback();
  }

  /** More data is wanted. */
  resume(): void {
    this.#wantsData = true;
    this.#flow();
  }

  /** Lets go of the transport; after a failure only once the alert has had its chance to arrive. */
  release(failed: boolean): void {
    this.#waitNoMore();
    void this.#performer.release();
    const socket = this.#socket;
    if (!failed) {
      socket.destroy();
      return;
    }
    // Closing with unread bytes would reset the connection, and a reset can overtake the alert: read on, and drop.
    const cancel = this.#options.clock.after(ALERT_GRACE_MS, () => socket.destroy());
    socket.once("close", cancel);
    socket.end();
    socket.resume();
  }

  #handle(output: Output): void {
    switch (output.do) {
      case "write":
        this.#socket.write(output.bytes);
        return;
      case "deliver":
        this.#wantsData = this.#events.deliver(output.data);
        return;
      case "key-log":
        return this.#options.keyLog?.(output.line);
      case "session":
        return this.#events.session(output.session);
      case "trace":
        return this.#options.trace.emit(actorOf(this.#options.performers), output.event);
      case "connected":
        this.#waitNoMore();
        void this.#performer.handshakeOver();
        return this.#events.connected(output.facts);
      case "end":
        return this.#events.end();
      case "shutdown":
        this.#socket.end();
        return;
      case "fail":
        void this.#performer.release();
        return this.#events.fail(output.error);
      default:
        void this.#perform(output);
    }
  }

  async #perform(effect: Effect): Promise<void> {
    const answer = await this.#performer.perform(effect);
    // A connection that was given up meanwhile passes the answer over.
    this.step(answer);
  }

  /** Bytes are only taken from the transport when they would be looked at. */
  #flow(): void {
    if (this.#connection.phase === "over") return;
    const isFlowing = this.#connection.wantsBytes && this.#wantsData;
    if (isFlowing === this.#isFlowing) return;
    this.#isFlowing = isFlowing;
    if (isFlowing) this.#socket.resume();
    else this.#socket.pause();
  }

  #limitTime(): void {
    const { clock, timeoutMs, signal } = this.#options;
    const giveUp = (code: TlsErrorCode, message: string, cause?: unknown) =>
      this.step({ on: "abort", error: new LocalFailure(code, message, cause === undefined ? {} : { cause }) });
    this.#stopWaiting.push(
      clock.after(timeoutMs, () => giveUp("handshake-timeout", `no connection after ${timeoutMs} ms`)),
    );
    if (!signal) return;
    const onAbort = () => giveUp("aborted", "the caller's signal was aborted", signal.reason);
    if (signal.aborted) queueMicrotask(onAbort);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#stopWaiting.push(() => signal.removeEventListener("abort", onAbort));
  }

  #waitNoMore(): void {
    for (const stop of this.#stopWaiting.splice(0)) stop();
  }

  #onSocketError(cause: Error): void {
    const code = this.#connection.phase === "idle" ? "connect-failed" : "transport-failed";
    this.step({ on: "abort", error: new LocalFailure(code, cause.message, { cause }) });
  }
}

/** A Buffer's slice shares its memory, a Uint8Array's is a copy; the engine counts on the latter. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
