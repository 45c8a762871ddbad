import {
  decodeLongResponse,
  describeExchange,
  describeStatusWord,
  encodeExtendedCommand,
  SW_OK,
} from "../../apdu/index.ts";
import {
  SE05X_COMMAND_SET,
  type Se05xCommandName,
  type Se05xRequest,
  type Se05xResponse,
} from "../../apdu/se05x/index.ts";
import { DecodeError, ProtocolError, Refused } from "../../codec/index.ts";
import type { Clock } from "../../crypto/index.ts";
import type { Correlation, Trace } from "../../trace/index.ts";
import type { HostErrorCode } from "../errors.ts";
import type { Transport } from "../transport.ts";

/** Commands to a chip of the SE05x family, one behind the other; every exchange is told to the trace. */
export class Se05xSession {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #trace: Trace;
  #ids: Correlation = {};
  #sessionId: Uint8Array | undefined;

  constructor(transport: Transport, clock: Clock, trace: Trace) {
    this.#transport = transport;
    this.#clock = clock;
    this.#trace = trace;
  }

  /** Adds the chip's unique id to all events from now on. */
  identified(device: string): void {
    this.#ids = { device };
  }

  /** From now on commands travel in this session of the chip, or in none. */
  within(sessionId: Uint8Array | undefined): void {
    this.#sessionId = sessionId;
  }

  /** Sends command bytes as they are and gives the answer's bytes. */
  async transmit(command: Uint8Array): Promise<Uint8Array> {
    return this.#exchange(command, command);
  }

  /**
   * Sends a command of the table and gives its answer's fields. Throws `Refused` `status-word` for any status word but
   * 9000, and `ProtocolError` `malformed-answer`.
   */
  async send<Key extends Se05xCommandName>(key: Key, request: Se05xRequest<Key>): Promise<Se05xResponse<Key>> {
    const command = encodeExtendedCommand(SE05X_COMMAND_SET.build(key, request));
    const sessionId = this.#sessionId;
    const sent = sessionId
      ? encodeExtendedCommand(SE05X_COMMAND_SET.build("processSession", { sessionId, command }))
      : command;
    const bytes = await this.#exchange(sent, command);
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

  /** `seen` is the command without the session that carries it. */
  async #exchange(sent: Uint8Array, seen: Uint8Array): Promise<Uint8Array> {
    const started = this.#clock.now();
    const response = await this.#transport.exchange(sent);
    const { name, statusWord, command, response: shown } = describeExchange(SE05X_COMMAND_SET, seen, response);
    const durationMs = this.#clock.now() - started;
    const sizes = { sentBytes: sent.length, receivedBytes: response.length };
    const event = { kind: "bus.exchange", name, statusWord, durationMs, ...sizes, command, response: shown } as const;
    this.#trace.emit("host", event, this.#ids);
    return response;
  }
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
  0x6982: { meaning: "the session is not authenticated", cure: "give the right user identifier" },
  0x6985: {
    meaning: "there is no such object, it is of another type, or memory does not suffice",
    cure: "list the objects, and compare type and free memory",
  },
  0x6986: {
    meaning: "the object's policy does not allow this",
    cure: "authenticate with the object that the policy names; policies never change",
  },
};
