import {
  type Bit,
  decodeT1,
  encodeT1,
  other,
  supervisory,
  T1_ADDRESS,
  T1_MAX_INFORMATION,
  T1_RECEIVE_ERROR,
  T1_SUPERVISION,
  type T1Block,
  type T1Form,
  type T1Supervision,
} from "../apdu/index.ts";
import { concat, DecodeError, fromHex } from "../codec/index.ts";
import type { Card } from "./ports.ts";

export type T1FrontOptions = {
  /** How often the chip asks for more time before it answers this command; never where absent. */
  readonly waits?: (command: Uint8Array) => number;
  /** What the chip says when its interface is reset; its own answer to reset where absent. */
  readonly answerToReset?: Uint8Array;
  /** NXP's own where absent. */
  readonly form?: T1Form;
};

type Information = Extract<T1Block, { kind: "information" }>;

/** The longest command of extended lengths. ISO/IEC 7816-4, section 5.1 */
const MAX_COMMAND = 65_544;

/**
 * The chip's end of T=1: each block that comes is answered with one block. A command is carried out once, when its last
 * block has come; a block that is asked for again is sent again as it was. ISO/IEC 7816-3, section 11.6
 */
export class T1Front {
  readonly #card: Card;
  readonly #options: T1FrontOptions;
  #answerToReset: Uint8Array;
  readonly #form: T1Form;
  #sendNumber: Bit = 0;
  #receiveNumber: Bit = 0;
  #informationSize = T1_MAX_INFORMATION;
  #command: Uint8Array[] = [];
  #commandBytes = 0;
  /** What is still to be said of an answer, behind `#sent`. */
  #rest: Uint8Array = new Uint8Array(0);
  /** The last block of an answer, until the host has shown that it has it. */
  #sent: Information | undefined;
  #waitsLeft = 0;

  constructor(card: Card, options: T1FrontOptions = {}) {
    this.#card = card;
    this.#options = options;
    this.#form = options.form ?? "nxp";
    this.#answerToReset = options.answerToReset ?? card.reset();
  }

  /** The block that answers one; undefined where what came is not for this chip. */
  receive(bytes: Uint8Array): Uint8Array | undefined {
    if (bytes.length === 0 || bytes[0] !== T1_ADDRESS.toChip) return undefined;
    return encodeT1(T1_ADDRESS.fromChip, this.#answer(bytes), this.#form);
  }

  #answer(bytes: Uint8Array): T1Block {
    let block: T1Block;
    try {
      block = decodeT1(T1_ADDRESS.toChip, bytes, this.#form);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return this.#ready(error.code === "value" ? T1_RECEIVE_ERROR.other : T1_RECEIVE_ERROR.checksum);
    }
    switch (block.kind) {
      case "information":
        return this.#received(block);
      case "receive-ready":
        return this.#asked(block.sequence);
      default:
        return block.isResponse ? this.#goOn(block) : this.#supervised(block);
    }
  }

  #received({ sequence, more, information }: Information): T1Block {
    if (sequence !== this.#receiveNumber || this.#waitsLeft > 0) return this.#ready(T1_RECEIVE_ERROR.other);
    this.#receiveNumber = other(sequence);
    this.#sent = undefined;
    this.#commandBytes += information.length;
    // Longer than any command is: it will be answered as such, without being kept.
    if (this.#commandBytes <= MAX_COMMAND) this.#command.push(information);
    if (more) return this.#ready();
    const command = this.#commandBytes <= MAX_COMMAND ? concat(...this.#command) : new Uint8Array(0);
    this.#forgetCommand();
    this.#rest = this.#card.exchange(command);
    this.#waitsLeft = this.#options.waits?.(command) ?? 0;
    return this.#goOnAnswering();
  }

  #asked(sequence: Bit): T1Block {
    if (this.#waitsLeft > 0) return MORE_TIME;
    const sent = this.#sent;
    if (!sent) return this.#ready();
    if (sequence === sent.sequence) return sent;
    return sent.more ? this.#nextOfAnswer() : this.#ready();
  }

  #supervised({ what, information }: Extract<T1Block, { kind: "supervisory" }>): T1Block {
    return this.#form === "gp" ? this.#supervisedByGp(what) : this.#supervisedByNxp(what, information);
  }

  /** Parameters are told when they are asked for; a chip that is released says so. GPC APDU Transport over SPI/I2C */
  #supervisedByGp(what: T1Supervision): T1Block {
    switch (what) {
      case T1_SUPERVISION.interfaceReset:
        this.#card.reset();
        this.#forget();
        return supervisory(what, true);
      case T1_SUPERVISION.interfaceParameters:
        return supervisory(what, true, this.#options.answerToReset ?? GP_PARAMETERS);
      case T1_SUPERVISION.resynchronise:
        this.#forget();
        return supervisory(what, true);
      case T1_SUPERVISION.chipReset:
        return supervisory(what, true);
      default:
        return this.#ready(T1_RECEIVE_ERROR.other);
    }
  }

  #supervisedByNxp(what: T1Supervision, information: Uint8Array): T1Block {
    switch (what) {
      case T1_SUPERVISION.informationSize: {
        const [size = 0] = information;
        if (size < 1 || size > T1_MAX_INFORMATION) return this.#ready(T1_RECEIVE_ERROR.other);
        this.#informationSize = size;
        return supervisory(what, true, information);
      }
      case T1_SUPERVISION.interfaceReset:
      case T1_SUPERVISION.chipReset:
        this.#forget();
        this.#informationSize = T1_MAX_INFORMATION;
        this.#answerToReset = this.#options.answerToReset ?? this.#card.reset();
        return what === T1_SUPERVISION.chipReset
          ? supervisory(what, true)
          : supervisory(what, true, this.#answerToReset);
      case T1_SUPERVISION.answerToReset:
        return supervisory(what, true, this.#answerToReset);
      case T1_SUPERVISION.resynchronise:
        this.#forget();
        return supervisory(what, true);
      case T1_SUPERVISION.abort:
        this.#forgetCommand();
        return supervisory(what, true);
      case T1_SUPERVISION.endOfSession:
        return supervisory(what, true);
      default:
        return this.#ready(T1_RECEIVE_ERROR.other);
    }
  }

  #goOn({ what }: Extract<T1Block, { kind: "supervisory" }>): T1Block {
    if (what !== T1_SUPERVISION.waitingTime || this.#waitsLeft === 0) return this.#ready(T1_RECEIVE_ERROR.other);
    this.#waitsLeft--;
    return this.#goOnAnswering();
  }

  #goOnAnswering(): T1Block {
    return this.#waitsLeft > 0 ? MORE_TIME : this.#nextOfAnswer();
  }

  #nextOfAnswer(): Information {
    const information = this.#rest.subarray(0, this.#informationSize);
    this.#rest = this.#rest.subarray(information.length);
    this.#sent = { kind: "information", sequence: this.#sendNumber, more: this.#rest.length > 0, information };
    this.#sendNumber = other(this.#sendNumber);
    return this.#sent;
  }

  #ready(error: Extract<T1Block, { kind: "receive-ready" }>["error"] = T1_RECEIVE_ERROR.none): T1Block {
    return { kind: "receive-ready", sequence: this.#receiveNumber, error };
  }

  #forget(): void {
    this.#forgetCommand();
    this.#sendNumber = 0;
    this.#receiveNumber = 0;
    this.#rest = new Uint8Array(0);
    this.#sent = undefined;
    this.#waitsLeft = 0;
  }

  #forgetCommand(): void {
    this.#command = [];
    this.#commandBytes = 0;
  }
}

/**
 * Version 1, no issuer, I2C (wake-up 5 ms, 1 MHz, polling 1 ms), waiting time 1 s, blocks of 254 bytes, as this simulator
 * has them: no real part's were at hand.
 */
const GP_PARAMETERS = fromHex("01000208000503e8000a00000403e800fe00");

/** Asks for the waiting time once more. ISO/IEC 7816-3, section 11.4.3 */
const MORE_TIME = supervisory(T1_SUPERVISION.waitingTime, false, Uint8Array.of(1));
