import { connect, type Socket } from "node:net";

import { encodeJrcp1, JRCP1_RESET_REQUEST, JRCP1_TYPE, Jrcp1Parser, type Jrcp1Frame } from "../apdu/index.ts";
import { ProtocolError, Refused, UsageError } from "../codec/index.ts";
import type { Clock } from "../crypto/index.ts";
import { nodeClock } from "../crypto/node.ts";
import type { HostErrorCode } from "./errors.ts";
import type { Transport } from "./transport.ts";

export type ConnectChipOptions = {
  readonly clock?: Clock;
  /** How long connecting, and each command, may take. Key generation in a real chip takes about a second. */
  readonly timeoutMs?: number;
};

/** A TCP connection to a chip, and the answer to reset that it gave. */
export type ChipConnection = Transport & { readonly answerToReset: Uint8Array };

/**
 * Connects to a chip behind a JRCP v1 server at HOST:PORT and resets it.
 *
 * Throws `UsageError` `bad-address`, `Refused` `connection-refused` (its `wire` is the system's reason), and
 * `ProtocolError` `timeout`, `connection-lost` or `malformed-frame`; the last three also end the connection for good.
 */
export async function connectChip(address: string, options: ConnectChipOptions = {}): Promise<ChipConnection> {
  const { clock = nodeClock, timeoutMs = 10_000 } = options;
  const target = parseAddress(address);
  const channel = new Channel(connect({ ...target, noDelay: true }), address, clock, timeoutMs);
  const { payload } = await channel.request(JRCP1_RESET_REQUEST);
  return {
    answerToReset: payload,
    exchange: async (command) => (await channel.request({ type: JRCP1_TYPE.apdu, node: 0, payload: command })).payload,
    close: () => channel.close(),
  };
}

function parseAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+)):(\d{1,5})$/.exec(address);
  const [host, port] = [match?.[1] ?? match?.[2], Number(match?.[3])];
  if (!host || port < 1 || port > 65_535) {
    throw new UsageError<HostErrorCode>("bad-address", `${JSON.stringify(address)} is not HOST:PORT`);
  }
  return { host, port };
}

type Waiting = { readonly type: number; resolve(frame: Jrcp1Frame): void; reject(error: Error): void };

/** One request at a time over a socket. After any failure the channel is dead: the stream's place is not known. */
class Channel {
  readonly #socket: Socket;
  readonly #address: string;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #parser = new Jrcp1Parser({ maxPayload: 0xffff });
  #waiting: Waiting | undefined;
  #failure: Error | undefined;
  #connected = false;

  constructor(socket: Socket, address: string, clock: Clock, timeoutMs: number) {
    this.#socket = socket;
    this.#address = address;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    socket.on("connect", () => (this.#connected = true));
    socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    socket.on("error", (cause) => this.#fail(this.#socketError(cause)));
    socket.on("close", () => this.#fail(this.#lost(`the chip at ${address} closed the connection`)));
  }

  async request(frame: Jrcp1Frame): Promise<Jrcp1Frame> {
    if (this.#failure) {
      const message = `the connection to ${this.#address} has ended`;
      throw new UsageError<HostErrorCode>("closed", message, { cause: this.#failure });
    }
    if (this.#waiting) throw new UsageError<HostErrorCode>("busy", "a command is under way");
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(this.#timeoutMs, () => this.#fail(this.#timeout()));
      const settle = () => {
        this.#waiting = undefined;
        cancel();
      };
      this.#waiting = {
        type: frame.type,
        resolve: (answer) => (settle(), resolve(answer)),
        reject: (error) => (settle(), reject(error)),
      };
      this.#socket.write(encodeJrcp1(frame));
    });
  }

  async close(): Promise<void> {
    if (this.#socket.closed) return;
    await new Promise<void>((resolve) => {
      this.#socket.once("close", () => resolve());
      this.#socket.destroy();
    });
  }

  #receive(chunk: Uint8Array): void {
    this.#parser.push(chunk);
    for (let frame = this.#parser.next(); frame; frame = this.#parser.next()) {
      const waiting = this.#waiting;
      if (!waiting || frame.type !== waiting.type) {
        const message = `an unexpected frame of type 0x${frame.type.toString(16)} from ${this.#address}`;
        return this.#fail(new ProtocolError<HostErrorCode>("malformed-frame", message, undefined));
      }
      waiting.resolve(frame);
    }
  }

  #fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#socket.destroy();
    this.#waiting?.reject(error);
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
