import {
  type Bit,
  decodeT1,
  decodeT1AnswerToReset,
  decodeT1Parameters,
  encodeT1,
  other,
  supervisory,
  T1_ADDRESS,
  T1_MAX_INFORMATION,
  T1_RECEIVE_ERROR,
  T1_SUPERVISION,
  type T1AnswerToReset,
  type T1Block,
  type T1Form,
  type T1ReceiveError,
} from "../apdu/index.ts";
import { concat, DecodeError, ProtocolError, UsageError } from "../codec/index.ts";
import type { HostErrorCode } from "./errors.ts";

/** What happens to the host's end of T=1: its user wants something, or the bus has given a block, or nothing in time. */
export type T1Input =
  | { readonly on: "reset" }
  | { readonly on: "exchange"; readonly command: Uint8Array }
  | { readonly on: "end" }
  | { readonly on: "block"; readonly bytes: Uint8Array }
  | { readonly on: "silence" };

/** What is to be done next: one block written and one awaited, or something told to the user. */
export type T1Output =
  | { readonly do: "write"; readonly bytes: Uint8Array; readonly waitMs: number }
  | { readonly do: "ready"; readonly bytes: Uint8Array; readonly facts: T1AnswerToReset }
  | { readonly do: "answer"; readonly bytes: Uint8Array }
  | { readonly do: "ended" }
  | { readonly do: "fail"; readonly error: Error };

/** A command on its way, or its answer. */
type Exchange = {
  readonly command: Uint8Array;
  /** The end of what was put into blocks. */
  sent: number;
  current: Extract<T1Block, { kind: "information" }> | undefined;
  readonly received: Uint8Array[];
  receivedBytes: number;
  restarts: number;
  waits: number;
};

type Purpose = "nothing" | "reset" | "parameters" | "exchange" | "resynchronise" | "end";

/** Errors in a row before the next harder cure. ISO/IEC 7816-3, section 11.6.3.2 */
const MAX_ERRORS = 3;
/** How often a chip may ask for more time in one command, as NXP's host library has it. */
const MAX_WAITS = 500;
/** The longest answer of extended lengths, with its status word. ISO/IEC 7816-4, section 5.1 */
const MAX_ANSWER = 65_538;
/** Until the chip has said its own. NXP UM11225, section 4.1 */
const FIRST_WAIT_MS = 1000;

/**
 * The host's end of T=1: one command at a time, in blocks and chains of blocks. A block that was lost or spoilt is asked
 * for again; then both ends are set back. A command goes out a second time only where the chip cannot have had it whole:
 * else its fate is not known, and that is the error. ISO/IEC 7816-3, section 11.6
 */
export class T1Machine {
  #purpose: Purpose = "nothing";
  #sendNumber: Bit = 0;
  #receiveNumber: Bit = 0;
  #waitMs = FIRST_WAIT_MS;
  #informationSize = T1_MAX_INFORMATION;
  #last: T1Block | undefined;
  #errors = 0;
  #exchange: Exchange | undefined;
  /** The ends may be out of step since something failed. */
  #isDoubtful = false;
  readonly #form: T1Form;

  /** NXP's own form where none is named. */
  constructor(form: T1Form = "nxp") {
    this.#form = form;
  }

  /** Throws `UsageError` `busy` where something is asked for while something else is under way. */
  step(input: T1Input): T1Output {
    if (input.on === "block" || input.on === "silence") return this.#heard(input);
    if (this.#purpose !== "nothing") throw new UsageError<HostErrorCode>("busy", "a command is under way");
    this.#errors = 0;
    switch (input.on) {
      case "reset":
        return this.#request("reset");
      case "end":
        return this.#request("end");
      default:
        this.#exchange = newExchange(input.command);
        if (this.#isDoubtful) return this.#request("resynchronise");
        this.#purpose = "exchange";
        return this.#sendNext(this.#exchange);
    }
  }

  #heard(input: Extract<T1Input, { on: "block" | "silence" }>): T1Output {
    if (this.#purpose === "nothing") throw new UsageError<HostErrorCode>("busy", "no block is awaited");
    if (input.on === "silence") return this.#spoilt(T1_RECEIVE_ERROR.other, "nothing came");
    try {
      const block = decodeT1(T1_ADDRESS.fromChip, input.bytes, this.#form);
      return this.#purpose === "exchange" ? this.#inExchange(block) : this.#inRequest(block);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const isChecksum = error.code === "encoding" || error.code === "truncated" || error.code === "trailing";
      return this.#spoilt(isChecksum ? T1_RECEIVE_ERROR.checksum : T1_RECEIVE_ERROR.other, error.message);
    }
  }

  /** A supervisory request of the host's own was answered, or not. */
  #inRequest(block: T1Block): T1Output {
    if (this.#last?.kind !== "supervisory" || block.kind !== "supervisory" || !block.isResponse) {
      return this.#spoilt(T1_RECEIVE_ERROR.other, "another block");
    }
    if (block.what !== this.#last.what) return this.#spoilt(T1_RECEIVE_ERROR.other, "another answer");
    const purpose = this.#purpose;
    if (purpose === "end") {
      this.#purpose = "nothing";
      return { do: "ended" };
    }
    const isTold = purpose === (this.#form === "gp" ? "parameters" : "reset");
    const decodeFacts = this.#form === "gp" ? decodeT1Parameters : decodeT1AnswerToReset;
    const facts = isTold ? decodeFacts(block.information) : undefined;
    this.#sendNumber = 0;
    this.#receiveNumber = 0;
    this.#errors = 0;
    this.#isDoubtful = false;
    // A reset of T=1' tells nothing: its parameters are asked for.
    if (purpose === "reset" && !facts) return this.#request("parameters");
    if (!facts) return this.#afterResynchronising();
    this.#purpose = "nothing";
    this.#waitMs = facts.waitingTimeMs;
    this.#informationSize = Math.min(facts.informationSize, T1_MAX_INFORMATION);
    return { do: "ready", bytes: block.information, facts };
  }

  /** A command that went out whole may have been carried out: it is never sent again. */
  #afterResynchronising(): T1Output {
    const exchange = this.#exchange;
    if (!exchange) return this.#fail("bus-silent", "nothing to go on with");
    if (exchange.current?.more === false) {
      return this.#fail("answer-lost", "the answer was lost, and with it whether the command was carried out", false);
    }
    if (exchange.restarts++ >= MAX_ERRORS) return this.#fail("bus-silent", "a command never got through");
    Object.assign(exchange, { sent: 0, current: undefined });
    this.#purpose = "exchange";
    return this.#sendNext(exchange);
  }

  #inExchange(block: T1Block): T1Output {
    const exchange = this.#exchange;
    const current = exchange?.current;
    if (!exchange || !current) return this.#spoilt(T1_RECEIVE_ERROR.other, "a block out of turn");
    switch (block.kind) {
      case "supervisory":
        return this.#supervised(exchange, block);
      case "receive-ready":
        return this.#asked(exchange, current, block.sequence);
      default:
        return this.#received(exchange, current, block);
    }
  }

  /** The chip asks for a block by its number. */
  #asked(exchange: Exchange, current: NonNullable<Exchange["current"]>, sequence: Bit): T1Output {
    const isReceiving = exchange.received.length > 0;
    if (!isReceiving && sequence !== current.sequence && current.more) {
      this.#sendNumber = sequence;
      this.#errors = 0;
      return this.#sendNext(exchange);
    }
    if (this.#errors++ >= MAX_ERRORS) return this.#request("resynchronise");
    if (!isReceiving && sequence === current.sequence) return this.#write(current);
    // It has all of ours, so what is missing is ours to ask for.
    return this.#write({ kind: "receive-ready", sequence: this.#receiveNumber, error: T1_RECEIVE_ERROR.none });
  }

  #received(
    exchange: Exchange,
    current: NonNullable<Exchange["current"]>,
    block: Extract<T1Block, { kind: "information" }>,
  ): T1Output {
    if (current.more || block.sequence !== this.#receiveNumber) {
      return this.#spoilt(T1_RECEIVE_ERROR.other, "a block out of turn");
    }
    exchange.receivedBytes += block.information.length;
    if (exchange.receivedBytes > MAX_ANSWER) return this.#fail("block-protocol", "an answer without end");
    // The first block of an answer also says that the command has arrived.
    if (exchange.received.length === 0) this.#sendNumber = other(current.sequence);
    exchange.received.push(block.information);
    this.#receiveNumber = other(this.#receiveNumber);
    this.#errors = 0;
    if (block.more) {
      return this.#write({ kind: "receive-ready", sequence: this.#receiveNumber, error: T1_RECEIVE_ERROR.none });
    }
    this.#purpose = "nothing";
    this.#exchange = undefined;
    return { do: "answer", bytes: concat(...exchange.received) };
  }

  #supervised(exchange: Exchange, block: Extract<T1Block, { kind: "supervisory" }>): T1Output {
    // T=1' may say a block's size in two bytes.
    const value = sizeIn(block.information);
    if (block.isResponse || (block.what !== T1_SUPERVISION.abort && value === undefined)) {
      return this.#spoilt(T1_RECEIVE_ERROR.other, "a block out of turn");
    }
    const response = supervisory(block.what, true, block.information);
    switch (block.what) {
      case T1_SUPERVISION.waitingTime:
        if (exchange.waits++ >= MAX_WAITS) return this.#fail("block-protocol", "a chip that asks for time for ever");
        return this.#write(response, this.#waitMs * Math.max(1, value ?? 1));
      case T1_SUPERVISION.informationSize:
        if (value === undefined || value < 1 || (this.#form === "nxp" && value > T1_MAX_INFORMATION)) {
          return this.#spoilt(T1_RECEIVE_ERROR.other, `blocks of ${value} bytes`);
        }
        this.#informationSize = Math.min(value, T1_MAX_INFORMATION);
        return this.#write(response);
      case T1_SUPERVISION.abort:
        return this.#fail("block-protocol", "the chip broke off the command");
      default:
        return this.#spoilt(T1_RECEIVE_ERROR.other, "a request that only hosts make");
    }
  }

  #sendNext(exchange: Exchange): T1Output {
    const from = exchange.sent;
    exchange.sent = Math.min(from + this.#informationSize, exchange.command.length);
    const information = exchange.command.subarray(from, exchange.sent);
    const more = exchange.sent < exchange.command.length;
    exchange.current = { kind: "information", sequence: this.#sendNumber, more, information };
    return this.#write(exchange.current);
  }

  /** Asks again: a request of our own is repeated, anything else is asked for by its number. */
  #spoilt(error: T1ReceiveError, why: string): T1Output {
    if (this.#errors++ < MAX_ERRORS) {
      const isRequest = this.#purpose !== "exchange" && this.#last !== undefined;
      return this.#write(isRequest ? this.#last : { kind: "receive-ready", sequence: this.#receiveNumber, error });
    }
    if (this.#purpose === "exchange") return this.#request("resynchronise");
    const isOut = this.#exchange?.current?.more === false;
    return this.#fail(isOut ? "answer-lost" : "bus-silent", `the chip does not answer over I2C: ${why}`);
  }

  #request(purpose: Exclude<Purpose, "nothing" | "exchange">): T1Output {
    this.#purpose = purpose;
    this.#errors = 0;
    return this.#write(supervisory(REQUESTS[this.#form][purpose], false));
  }

  #write(block: T1Block | undefined, waitMs = this.#waitMs): T1Output {
    this.#last = block;
    return { do: "write", bytes: block ? encodeT1(T1_ADDRESS.toChip, block, this.#form) : new Uint8Array(0), waitMs };
  }

  #fail(code: HostErrorCode, message: string, isDoubtful = true): T1Output {
    this.#purpose = "nothing";
    this.#exchange = undefined;
    this.#isDoubtful = isDoubtful;
    return { do: "fail", error: new ProtocolError<HostErrorCode>(code, message, undefined) };
  }
}

const COMMON = {
  reset: T1_SUPERVISION.interfaceReset,
  parameters: T1_SUPERVISION.interfaceParameters,
  resynchronise: T1_SUPERVISION.resynchronise,
} as const;
/** What is asked for in each form: to end, NXP's parts are told of the session's end, those of T=1' are released. */
const REQUESTS = {
  nxp: { ...COMMON, end: T1_SUPERVISION.endOfSession },
  gp: { ...COMMON, end: T1_SUPERVISION.chipReset },
} as const;

function sizeIn(information: Uint8Array): number | undefined {
  const [first, second] = information;
  return first === undefined || second === undefined ? first : (first << 8) | second;
}

function newExchange(command: Uint8Array): Exchange {
  return { command, sent: 0, current: undefined, received: [], receivedBytes: 0, restarts: 0, waits: 0 };
}
