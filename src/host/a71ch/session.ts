import {
  A71CH_COMMAND_SET,
  type A71chCommandName,
  type A71chRequest,
  type A71chResponse,
} from "../../apdu/a71ch/index.ts";
import {
  decodeCommand,
  decodeResponse,
  describeExchange,
  describeStatusWord,
  encodeCommand,
  encodeResponse,
  type ResponseApdu,
  type Scp03Session,
  SW_OK,
} from "../../apdu/index.ts";
import { DecodeError, ProtocolError, Refused } from "../../codec/index.ts";
import type { Clock } from "../../crypto/index.ts";
import type { Correlation, Trace } from "../../trace/index.ts";
import type { HostErrorCode } from "../errors.ts";
import type { Transport } from "../transport.ts";

/** Commands to an A71CH, one behind the other; every exchange is told to the trace, key material redacted. */
export class A71chSession {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #trace: Trace;
  #ids: Correlation = {};
  #channel: Scp03Session | undefined;
  /** A channel broke or could not be opened, and nobody has decided yet how to go on. */
  #isChannelLost = false;

  constructor(transport: Transport, clock: Clock, trace: Trace) {
    this.#transport = transport;
    this.#clock = clock;
    this.#trace = trace;
  }

  /** Adds the chip's unique id to all events from now on. */
  identified(device: string): void {
    this.#ids = { device };
  }

  /**
   * From now on commands travel in this secure channel, until it breaks or an application is selected; without one, in
   * the clear.
   */
  secure(channel: Scp03Session | undefined): void {
    this.#channel = channel;
    this.#isChannelLost = false;
  }

  /** Ends a channel because another one is about to be opened; until it is, nothing else goes out. */
  beforeChannel(): void {
    this.#channel = undefined;
    this.#isChannelLost = true;
  }

  /**
   * Sends command bytes, in the secure channel where one is open, and gives the answer's bytes. Throws `ProtocolError`
   * `secure-channel` where the channel breaks, and from then on: nothing goes out in the clear until a new channel is
   * open, or `secure` is called without one.
   */
  async transmit(command: Uint8Array): Promise<Uint8Array> {
    const started = this.#trace.isSilent ? 0 : this.#clock.now();
    const { response, sentBytes, receivedBytes } = await this.#exchange(command);
    if (this.#trace.isSilent) return response;
    const { name, statusWord, ...shown } = describeExchange(A71CH_COMMAND_SET, command, response);
    const event = {
      kind: "bus.exchange" as const,
      name,
      statusWord,
      durationMs: this.#clock.now() - started,
      sentBytes,
      receivedBytes,
      command: shown.command,
      response: shown.response,
    };
    this.#trace.emit("host", event, this.#ids);
    return response;
  }

  /**
   * Sends a command of the table and gives its answer's fields. Throws `Refused` `status-word` for any status word
   * but 9000, and `ProtocolError` `malformed-answer`.
   */
  async send<Key extends A71chCommandName>(key: Key, request: A71chRequest<Key>): Promise<A71chResponse<Key>> {
    const command = encodeCommand(A71CH_COMMAND_SET.build(key, request));
    const bytes = await this.transmit(command);
    try {
      const { data, sw } = decodeResponse(bytes);
      if (sw !== SW_OK) throw refusal(key, request, sw);
      // The chip has forgotten the channel's keys, and wants none any more.
      if (key === "debugReset") this.secure(undefined);
      return A71CH_COMMAND_SET.readResponse(key, data);
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause;
      const message = `the answer to ${A71CH_COMMAND_SET.table[key].name} has another form`;
      throw new ProtocolError<HostErrorCode>("malformed-answer", message, undefined, { cause });
    }
  }

  /** The answer, and how many bytes went over the bus in each direction. */
  async #exchange(command: Uint8Array) {
    const channel = this.#channel;
    if (this.#isChannelLost && isSecurable(command) && command[1] !== INITIALIZE_UPDATE) {
      throw channelBroken("the secure channel was lost, open a new one");
    }
    const secured = channel && isSecurable(command) ? channel.protectCommand(decodeCommand(command)) : undefined;
    // Whatever goes wrong from here on puts the ends out of step: the channel is open again when all went well.
    this.#channel = undefined;
    if (secured) this.#isChannelLost = true;
    const sent = secured ? encodeCommand(secured) : command;
    const received = await this.#transport.exchange(sent);
    const response = channel && secured ? encodeResponse(opened(channel, received)) : received;
    if (secured) this.secure(channel);
    return { response, sentBytes: sent.length, receivedBytes: received.length };
  }
}

/** Opens a channel, and so cannot travel in one. A71CH APDU table */
const INITIALIZE_UPDATE = 0x50;

/** An error that ends a secure channel. */
export function channelBroken(message: string, cause?: unknown): ProtocolError<HostErrorCode> {
  return new ProtocolError<HostErrorCode>("secure-channel", message, undefined, { cause });
}

/** Whether an error is a chip's refusal with this status word. */
export function isRefusal(error: unknown, statusWord: number): boolean {
  return error instanceof Refused && error.code === "status-word" && error.wire === statusWord;
}

/** Selecting an application ends the channel; all other commands of the table go into it. */
function isSecurable(command: Uint8Array): boolean {
  return command[0] === 0x80;
}

function opened(channel: Scp03Session, received: Uint8Array): ResponseApdu {
  try {
    const answer = decodeResponse(received);
    // With these two, bare, the chip says that it has closed the channel.
    if (answer.sw === 0x6982 || answer.sw === 0x6882) throw channelBroken("the chip has closed the secure channel");
    return channel.openResponse(answer);
  } catch (cause) {
    if (cause instanceof ProtocolError && cause.code === "secure-channel") throw cause;
    throw channelBroken("an answer does not belong to the secure channel", cause);
  }
}

function refusal(key: A71chCommandName, request: object, sw: number): Refused<HostErrorCode> {
  const { meaning, cure } = describeStatusWord(sw);
  const where = "slot" in request ? ` of slot ${String(request.slot)}` : "";
  const word = sw.toString(16).padStart(4, "0").toUpperCase();
  const message = `${A71CH_COMMAND_SET.table[key].name}${where} refused with ${word}: ${meaning}; ${cure}`;
  return new Refused<HostErrorCode>("status-word", message, sw);
}
