import {
  decodeExtendedCommand,
  decodeLongResponse,
  describeExchange,
  describeStatusWord,
  encodeExtendedCommand,
  encodeResponse,
  type Scp03Session,
  SW_OK,
} from "../../apdu/index.ts";
import {
  SE05X_COMMAND_SET,
  type Se05xCommandName,
  type Se05xRequest,
  type Se05xResponse,
} from "../../apdu/se05x/index.ts";
import { DecodeError, equal, ProtocolError, Refused } from "../../codec/index.ts";
import type { Clock } from "../../crypto/index.ts";
import type { Correlation, Trace } from "../../trace/index.ts";
import type { HostErrorCode } from "../errors.ts";
import { channelBroken } from "./channel-broken.ts";
import { Se05xCommandFamilies } from "./command-families.ts";
import { CryptoObjectPool } from "./families/crypto-objects.ts";
import type { Transport } from "../transport.ts";

/** Commands to a chip of the SE05x family, one behind the other; every exchange is told to the trace. */
export class Se05xSession extends Se05xCommandFamilies {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #trace: Trace;
  #ids: Correlation = {};
  #platform: Scp03Session | undefined;
  #within: { readonly sessionId: Uint8Array; readonly channel: Scp03Session | undefined } | undefined;
  /** A channel broke, and nobody has decided yet how to go on. */
  #isChannelLost = false;

  constructor(transport: Transport, clock: Clock, trace: Trace) {
    super(new CryptoObjectPool());
    this.#transport = transport;
    this.#clock = clock;
    this.#trace = trace;
  }

  /** Adds the chip's unique id to all events from now on. */
  identified(device: string): void {
    this.#ids = { device };
  }

  /** From now on commands travel in this session of the chip, in its own channel where it has one, or in none. */
  within(sessionId: Uint8Array | undefined, channel?: Scp03Session): void {
    this.#within = sessionId && { sessionId, channel };
  }

  /** Whether commands travel in a session. */
  get isWithin(): boolean {
    return this.#within !== undefined;
  }

  /** From now on commands travel in this channel of the platform, inside which their session is, or in none. */
  inPlatform(channel: Scp03Session | undefined): void {
    this.#platform = channel;
    this.#isChannelLost = false;
  }

  /**
   * Sends command bytes, in session and channels where they are open, and gives the answer's bytes. Throws
   * `ProtocolError` `secure-channel` where a channel breaks, and from then on: nothing goes out in the clear by itself.
   */
  async transmit(command: Uint8Array): Promise<Uint8Array> {
    return this.#exchange(command);
  }

  /**
   * Sends a command of the table and gives its answer's fields. Throws `Refused` `status-word` for any status word but
   * 9000, and `ProtocolError` `malformed-answer`.
   */
  async send<Key extends Se05xCommandName>(key: Key, request: Se05xRequest<Key>): Promise<Se05xResponse<Key>> {
    const command = encodeExtendedCommand(SE05X_COMMAND_SET.build(key, request));
    const bytes = await this.#exchange(command);
    try {
      const { data, sw } = decodeLongResponse(bytes);
      if (sw !== SW_OK) throw refusal(key, request, sw);
      return SE05X_COMMAND_SET.readResponse(key, data);
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause;
      const message = `the answer to ${SE05X_COMMAND_SET.table[key].name} has another form`;
      throw new ProtocolError<HostErrorCode>("malformed-answer", message, undefined, { cause });
    }
  }

  /** What is traced is the command without what carries it. */
  async #exchange(plain: Uint8Array): Promise<Uint8Array> {
    const started = this.#trace.isSilent ? 0 : this.#clock.now();
    if (this.#isChannelLost) throw channelBroken("the secure channel was lost, connect again");
    const sent = this.#wrapped(plain);
    const isProtected = this.#platform !== undefined || this.#within?.channel !== undefined;
    const endsSession = equal(plain, DELETE_ALL);
    // Whatever goes wrong from here on puts the ends out of step: the channel counts as open when all went well.
    this.#isChannelLost = isProtected;
    const received = await this.#transport.exchange(sent);
    const response = isProtected ? this.#unwrapped(received, endsSession) : received;
    this.#isChannelLost = false;
    if (endsSession && equal(response, SUCCESS)) this.#within = undefined;
    if (this.#trace.isSilent) return response;
    const { name, statusWord, command, response: shown } = describeExchange(SE05X_COMMAND_SET, plain, response);
    const durationMs = this.#clock.now() - started;
    const sizes = { sentBytes: sent.length, receivedBytes: received.length };
    const event = { kind: "bus.exchange", name, statusWord, durationMs, ...sizes, command, response: shown } as const;
    this.#trace.emit("host", event, this.#ids);
    return response;
  }

  #wrapped(command: Uint8Array): Uint8Array {
    const within = this.#within;
    if (!within) return secured(this.#platform, command);
    const inner = { sessionId: within.sessionId, command: secured(within.channel, command) };
    return secured(this.#platform, encodeExtendedCommand(SE05X_COMMAND_SET.build("processSession", inner)));
  }

  #unwrapped(received: Uint8Array, endsSession: boolean): Uint8Array {
    try {
      let answer = decodeLongResponse(received);
      for (const channel of [this.#platform, endsSession ? undefined : this.#within?.channel]) {
        // Refusals travel bare.
        if (channel && answer.sw === SW_OK) answer = channel.openResponse(answer);
      }
      return encodeResponse(answer);
    } catch (cause) {
      throw channelBroken("an answer does not belong to the secure channel", cause);
    }
  }
}

/** What ends the session that gives it, so that its answer comes outside the session's channel. SE05x APDUs, section 4.5 */
const DELETE_ALL = encodeExtendedCommand(SE05X_COMMAND_SET.build("deleteAll", {}));
const SUCCESS = encodeResponse({ data: new Uint8Array(0), sw: SW_OK });

function secured(channel: Scp03Session | undefined, command: Uint8Array): Uint8Array {
  return channel ? encodeExtendedCommand(channel.protectCommand(decodeExtendedCommand(command))) : command;
}

function refusal(key: Se05xCommandName, request: object, sw: number): Refused<HostErrorCode> {
  const { meaning, cure } = SE05X_MEANING[sw] ?? describeStatusWord(sw);
  const where = "objectId" in request ? ` of object ${Number(request.objectId).toString(16).padStart(8, "0")}` : "";
  const word = sw.toString(16).padStart(4, "0").toUpperCase();
  const message = `${SE05X_COMMAND_SET.table[key].name}${where} refused with ${word}: ${meaning}; ${cure}`;
  return new Refused<HostErrorCode>("status-word", message, sw);
}

/** What status words mean in this family where it differs from others. SE05x coding rules */
const SE05X_MEANING: Readonly<Record<number, { readonly meaning: string; readonly cure: string }>> = {
  0x6982: {
    meaning: "the session is not authenticated, or the chip wants a secure channel",
    cure: "give the right proof, or open the platform's channel",
  },
  0x6985: {
    meaning: "there is no such object, it is of another type, or memory does not suffice",
    cure: "list the objects, and compare type and free memory",
  },
  0x6986: {
    meaning: "the object's policy does not allow this",
    cure: "authenticate with the object that the policy names; policies never change",
  },
};
