import { Socket } from "node:net";
import { Duplex } from "node:stream";

import { concat } from "../codec/index.ts";
import type { Endpoint } from "./endpoint.ts";
import type { ConnectionFacts } from "./effects.ts";
import { LocalFailure, misuse } from "./errors.ts";
import type { Session } from "./sessions.ts";
import { Driver, type DriverOptions } from "./node-driver.ts";

/** A session and when it was received, in milliseconds since the epoch. Keep it as a secret. */
export type KeptSession = { readonly session: Session; readonly receivedAt: number };

export type TlsDuplexOptions = DriverOptions & { readonly onSession?: (kept: KeptSession) => void };

type Callback = (error?: Error | null) => void;

/**
 * A TLS connection as the stream that an application reads and writes.
 *
 * What is written before the server is verified waits. `end()` says goodbye, and reading goes on until the server does.
 * An `end` event means that the server said goodbye; data cut short is an `error` with code `truncated`.
 */
export class TlsDuplex extends Duplex {
  /** Settles once the server is verified, or with the error that says why not. */
  readonly ready: Promise<ConnectionFacts>;
  /** Settles with the server's first data or goodbye: in TLS 1.3 the first sign that it accepts our certificate. */
  readonly heard: Promise<void>;
  readonly #socket: Duplex;
  readonly #connection: Endpoint;
  readonly #driver: Driver;
  readonly #reject: (error: Error) => void;
  #hasHeard = false;
  #facts: ConnectionFacts | undefined;
  #whenConnected: (() => void) | undefined;

  constructor(socket: Duplex, connection: Endpoint, options: TlsDuplexOptions) {
    // TLS 1.2 answers a goodbye at once, so nothing can be written after the server's. RFC 5246, section 7.2.1
    super({ allowHalfOpen: false });
    const { promise, resolve, reject } = Promise.withResolvers<ConnectionFacts>();
    // Who only listens for `error` must not be ended by an unhandled rejection as well.
    promise.catch(() => undefined);
    this.ready = promise;
    const heard = Promise.withResolvers<void>();
    heard.promise.catch(() => undefined);
    this.heard = heard.promise;
    this.#reject = (error) => {
      reject(error);
      heard.reject(error);
    };
    this.#socket = socket;
    this.#connection = connection;
    this.#driver = new Driver(socket, connection, options, {
      connected: (facts) => {
        this.#facts = facts;
        resolve(facts);
        this.emit("secureConnect");
        this.#whenConnected?.();
      },
      deliver: (data) => {
        this.#hasHeard = true;
        heard.resolve();
        return this.push(data);
      },
      session: (session) => options.onSession?.({ session, receivedAt: options.clock.now() }),
      end: () => {
        this.#hasHeard = true;
        heard.resolve();
        this.push(null);
      },
      fail: (error) => void this.destroy(error),
    });
    socket.on("timeout", () => this.emit("timeout"));
  }

  /** What the handshake agreed on; throws `not-connected` before. */
  get facts(): ConnectionFacts {
    if (!this.#facts) throw misuse("not-connected", "the handshake is not complete");
    return this.#facts;
  }

  /** True from the moment that the server is verified; there is no connection without that. */
  get authorized(): boolean {
    return this.#facts !== undefined;
  }

  get encrypted(): true {
    return true;
  }

  /** The protocol agreed by ALPN, or false, as node:tls has it. */
  get alpnProtocol(): string | false {
    return this.#facts?.alpn ?? false;
  }

  /** Keys for another protocol's use; the connection must have been made with `exportsKeys`. RFC 5705, section 4 */
  exportKeyingMaterial(length: number, label: string, context?: Uint8Array): Uint8Array {
    return this.#connection.exportKeys({ length, label, context });
  }

  /** New keys in both directions. TLS 1.3 only: throws `bad-option` in TLS 1.2. RFC 8446, section 4.6.3 */
  updateKeys(): void {
    this.#driver.step({ on: "update-keys" });
  }

  setNoDelay(noDelay = true): this {
    if (this.#socket instanceof Socket) this.#socket.setNoDelay(noDelay);
    return this;
  }

  setKeepAlive(enable = false, initialDelayMs = 0): this {
    if (this.#socket instanceof Socket) this.#socket.setKeepAlive(enable, initialDelayMs);
    return this;
  }

  /** Emits `timeout` after so long without traffic; ends nothing by itself. */
  setTimeout(timeoutMs: number, callback?: () => void): this {
    if (callback) this.once("timeout", callback);
    if (this.#socket instanceof Socket) this.#socket.setTimeout(timeoutMs);
    return this;
  }

  ref(): this {
    if (this.#socket instanceof Socket) this.#socket.ref();
    return this;
  }

  unref(): this {
    if (this.#socket instanceof Socket) this.#socket.unref();
    return this;
  }

  override _read(): void {
    this.#driver.resume();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, callback: Callback): void {
    this.#onceConnected(() => {
      try {
        this.#driver.step({ on: "send", data: chunk });
      } catch (error) {
        return callback(error as Error);
      }
      return this.#driver.whenWritable(callback);
    });
  }

  override _writev(chunks: { chunk: Uint8Array; encoding: BufferEncoding }[], callback: Callback): void {
    this._write(concat(...chunks.map(({ chunk }) => chunk)), "binary", callback);
  }

  override _final(callback: Callback): void {
    this.#onceConnected(() => {
      this.#driver.step({ on: "close" });
      callback();
    });
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.#whenConnected = undefined;
    // An error is not made for nobody: who waits for nothing more does not hear of it.
    if (error || !this.#hasHeard) this.#reject(error ?? new LocalFailure("aborted", "the stream was destroyed"));
    this.#driver.release(error !== null);
    callback(error);
  }

  #onceConnected(task: () => void): void {
    const { phase } = this.#connection;
    if (phase === "connected" || phase === "over") task();
    else this.#whenConnected = task;
  }
}
