import { connect, type Socket } from "node:net";

import type { T1Form } from "../apdu/index.ts";
import { concat, DecodeError, ProtocolError, Refused, UsageError } from "../codec/index.ts";
import type { Clock } from "../crypto/index.ts";
import { nodeClock } from "../crypto/node.ts";
import type { HostErrorCode } from "./errors.ts";
import { apduRequest1, type JrcpQuestion, openJrcp2, resetRequest1 } from "./jrcp.ts";
import { type I2cAddress, openI2c, SE05X_I2C_DEVICE } from "./node-i2c.ts";
import { openT1, type T1Options } from "./t1-transport.ts";
import type { Transport } from "./transport.ts";

export type ConnectChipOptions = {
  readonly clock?: Clock;
  /** How long connecting, and each command, may take. Key generation in a real chip takes about a second. */
  readonly timeoutMs?: number;
};

/** A connection to a chip, and the answer to reset that it gave. */
export type ChipConnection = Transport & { readonly answerToReset: Uint8Array };

/**
 * Connects to a chip behind a JRCP v1 server at HOST:PORT, or a JRCP v2 server at jrcp2:HOST:PORT, or to a part on a
 * Linux I2C bus at i2c:BUS or i2c:BUS:ADDRESS (in hex), or i2c-gp:BUS where it speaks T=1', and resets it.
 *
 * Throws what `openI2c` and `openT1` do, and `UsageError` `bad-address`, `Refused` `connection-refused` (its `wire` is the system's reason), and
 * `ProtocolError` `timeout`, `connection-lost` or `malformed-frame`; the last three also end the connection for good.
 */
export async function connectChip(address: string, options: ConnectChipOptions = {}): Promise<ChipConnection> {
  const { clock = nodeClock, timeoutMs = 10_000 } = options;
  const i2c = i2cAddress(address);
  if (i2c) return openPart(i2c.address, { clock, form: i2c.form });
  const { isJrcp2, ...target } = parseAddress(address);
  const channel = new Channel(target, address, clock, timeoutMs);
  const ask = <T>(question: JrcpQuestion<T>) => channel.request(question);
  const { answerToReset, apduRequest } = isJrcp2
    ? await openJrcp2(ask)
    : { answerToReset: await ask(resetRequest1), apduRequest: apduRequest1 };
  return {
    answerToReset,
    exchange: (command) => ask(apduRequest(command)),
    close: () => channel.close(),
  };
}

/** Whether `connectChip` can make sense of an address, before anything is reached. Throws `UsageError` `bad-address`. */
export function checkChipAddress(address: string): void {
  if (!i2cAddress(address)) parseAddress(address);
}

async function openPart(address: I2cAddress, options: T1Options): Promise<ChipConnection> {
  const place = await openI2c(address);
  try {
    return await openT1(place, options);
  } catch (error) {
    await place.close();
    throw error;
  }
}

function i2cAddress(address: string): { readonly address: I2cAddress; readonly form: T1Form } | undefined {
  const match = /^i2c(-gp)?:(\d{1,3})(?::(?:0x)?([0-7]?[0-9a-fA-F]))?$/.exec(address);
  const [, gp, bus, device] = match ?? [];
  if (bus === undefined) return undefined;
  const place = { bus: Number(bus), device: device === undefined ? SE05X_I2C_DEVICE : Number.parseInt(device, 16) };
  return { address: place, form: gp === undefined ? "nxp" : "gp" };
}

function parseAddress(address: string): { host: string; port: number; isJrcp2: boolean } {
  const match = /^(jrcp2:)?(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+)):(\d{1,5})$/.exec(address);
  const [host, port] = [match?.[2] ?? match?.[3], Number(match?.[4])];
  if (!host || port < 1 || port > 65_535) {
    throw new UsageError<HostErrorCode>("bad-address", `${JSON.stringify(address)} is not HOST:PORT`);
  }
  return { host, port, isJrcp2: match?.[1] !== undefined };
}

/** More than the longest answer of a chip. */
const READ_BYTES = 4096;

const NOTHING = new Uint8Array(0);

/** Node sends its own Buffers as they are, and has them ready in a pool. */
const nodeRoom = (length: number) => Buffer.allocUnsafe(length);

/** Who waits for an answer, and until when. */
type Waiting = {
  readonly question: JrcpQuestion<unknown>;
  readonly deadline: number;
  resolve(value: unknown): void;
  reject(error: Error): void;
};

/** One request at a time over a socket. After any failure the channel is dead: the stream's place is not known. */
class Channel {
  readonly #socket: Socket;
  readonly #address: string;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #received: Uint8Array = NOTHING;
  #waiting: Waiting | undefined;
  /** One timer for many requests: it looks at their deadline when it fires. To set and cancel one each would cost more than the rest. */
  #cancelTimer: (() => void) | undefined;
  #failure: Error | undefined;
  #connected = false;

  constructor(
    target: { readonly host: string; readonly port: number },
    address: string,
    clock: Clock,
    timeoutMs: number,
  ) {
    // One buffer for all that comes: a stream of chunks costs a chip's host more than most of its own work.
    const onread = {
      buffer: new Uint8Array(READ_BYTES),
      callback: (count: number, bytes: Uint8Array) => this.#receive(bytes.subarray(0, count)),
    };
    this.#socket = connect({ ...target, noDelay: true, onread });
    this.#address = address;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#socket.on("connect", () => (this.#connected = true));
    this.#socket.on("error", (cause) => this.#fail(this.#socketError(cause)));
    this.#socket.on("close", () => this.#fail(this.#lost(`the chip at ${address} closed the connection`)));
  }

  request<T>(question: JrcpQuestion<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#failure) {
        const message = `the connection to ${this.#address} has ended`;
        throw new UsageError<HostErrorCode>("closed", message, { cause: this.#failure });
      }
      if (this.#waiting) throw new UsageError<HostErrorCode>("busy", "a command is under way");
      const bytes = question.bytes(nodeRoom);
      const deadline = this.#clock.now() + this.#timeoutMs;
      this.#waiting = { question, deadline, resolve, reject };
      if (!this.#cancelTimer) this.#setTimer(this.#timeoutMs);
      this.#socket.write(bytes);
    });
  }

  async close(): Promise<void> {
    if (this.#socket.closed) return;
    await new Promise<void>((resolve) => {
      this.#socket.once("close", () => resolve());
      this.#socket.destroy();
    });
  }

  /** Always has more read: what comes at the wrong time ends the connection. */
  #receive(chunk: Uint8Array): true {
    const received = this.#received.length === 0 ? chunk : concat(this.#received, chunk);
    try {
      const taken = this.#take(received);
      // A copy: the next bytes come into the same buffer.
      this.#received = taken === undefined ? received.slice() : NOTHING;
      if (taken !== undefined && taken < received.length) {
        throw new DecodeError("trailing", "bytes that nobody asked for", taken);
      }
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause;
      const message = `what came from ${this.#address} is no answer`;
      this.#fail(new ProtocolError<HostErrorCode>("malformed-frame", message, undefined, { cause }));
    }
    return true;
  }

  /** How many bytes the awaited answer takes, or undefined until more come. */
  #take(received: Uint8Array): number | undefined {
    const waiting = this.#waiting;
    if (!waiting) return 0;
    const answer = waiting.question.read(received);
    if (!answer) return undefined;
    this.#waiting = undefined;
    waiting.resolve(answer.value);
    return answer.length;
  }

  #setTimer(delayMs: number): void {
    this.#cancelTimer = this.#clock.after(delayMs, () => {
      this.#cancelTimer = undefined;
      if (!this.#waiting) return;
      const leftMs = this.#waiting.deadline - this.#clock.now();
      if (leftMs > 0) this.#setTimer(leftMs);
      else this.#fail(this.#timeout());
    });
  }

  #fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#cancelTimer?.();
    this.#socket.destroy();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
  }

  #socketError(cause: Error & { code?: string }): Error {
    if (this.#connected) return this.#lost(`the connection to ${this.#address} broke`, cause);
    const reason = cause.code ?? "unknown reason";
    const message = `no connection to ${this.#address}: ${reason}`;
    return new Refused<HostErrorCode, string>("connection-refused", message, reason, { cause });
  }

  #lost(message: string, cause?: Error): Error {
    return new ProtocolError<HostErrorCode>("connection-lost", message, undefined, cause ? { cause } : {});
  }

  #timeout(): Error {
    const message = `the chip at ${this.#address} did not answer within ${this.#timeoutMs} ms`;
    return new ProtocolError<HostErrorCode>("timeout", message, undefined);
  }
}
