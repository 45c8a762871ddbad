import { concat, DecodeError, ProtocolError, sameBytes, Writer } from "../codec/index.ts";
import { BLOCK, type BlockCipher, cbcDecrypt, cbcEncrypt, cmac, padded, unpadded } from "./aes.ts";
import type { CommandApdu, ResponseApdu } from "./apdu.ts";
import type { ApduErrorCode } from "./errors.ts";
import { SW_OK } from "./status-word.ts";

/** The static keys of a secure channel, 16 bytes each. */
export type Scp03Keys = { readonly enc: Uint8Array; readonly mac: Uint8Array; readonly dek: Uint8Array };

/** The two challenges of 8 bytes that make a session's keys its own. */
export type Scp03Challenges = { readonly host: Uint8Array; readonly card: Uint8Array };

/** The class byte of commands inside the channel. */
export const SECURE_CLASS = 0x84;

/** Security level 33: commands and answers are encrypted and authenticated. GPC SCP03, section 7.1.2 */
export const SECURITY_LEVEL = 0x33;

/** What a security level turns on, bit by bit. GPC SCP03, section 7.1.2 */
const LEVEL = { commandMac: 0x01, commandEncryption: 0x02, answerMac: 0x10, answerEncryption: 0x20 } as const;

/** The security levels that a channel can have; every one authenticates commands. GPC SCP03, section 7.1.2 */
export const SECURITY_LEVELS: readonly number[] = [0x01, 0x03, 0x11, 0x13, SECURITY_LEVEL];

/** How a chip's channel differs from the plainest one. */
export type Scp03Options = {
  /** Commands of any length, with extended lengths where they need them. */
  readonly extendedLengths?: boolean;
  /** Whether commands without data move the counter on as others do; true where absent, as the specification has it. */
  readonly countsEmptyCommands?: boolean;
};

/** How a command's lengths were written, since the MAC covers them as they were. */
export type LengthForm = "short" | "extended";

const MAC_LENGTH = 8;

/** What still fits 255 bytes with its padding, up to a block, and the MAC. */
const MAX_PROTECTED = 239;
/** The same for extended lengths: 65535 bytes less padding and MAC. */
const MAX_PROTECTED_EXTENDED = 0xffff - 24;

/** What is derived, by its derivation constant. GPC SCP03, table 4-1 */
const CONSTANT = { cardCryptogram: 0x00, hostCryptogram: 0x01, enc: 0x04, mac: 0x06, rmac: 0x07, chain: 0x08 } as const;

/** The first three bytes of a block of ones under the key: enough to see that a key arrived. GPC SCP03, section 7.2 */
export function keyCheckValue(aes: BlockCipher, key: Uint8Array): Uint8Array {
  return aes.encrypt(key, new Uint8Array(BLOCK).fill(0x01)).slice(0, 3);
}

/**
 * One session of a secure channel, at either end: the same keys, the same counter and the same chain of MACs.
 *
 * The ends stay in step command by command; a command that is lost puts them out of step for good, which the next MAC
 * shows, and a new session is needed. GPC SCP03
 */
export class Scp03Session {
  readonly #aes: BlockCipher;
  readonly #enc: Uint8Array;
  readonly #mac: Uint8Array;
  readonly #rmac: Uint8Array;
  readonly #options: Scp03Options;
  readonly cardCryptogram: Uint8Array;
  readonly hostCryptogram: Uint8Array;
  #chain: Uint8Array = new Uint8Array(BLOCK);
  #counter = 0;
  #level = SECURITY_LEVEL;

  constructor(
    aes: BlockCipher,
    keys: Pick<Scp03Keys, "enc" | "mac">,
    challenges: Scp03Challenges,
    options: Scp03Options = {},
  ) {
    const derive = (key: Uint8Array, constant: number, bits: 64 | 128) =>
      derived(aes, key, challenges, { constant, bits });
    this.#aes = aes;
    this.#options = options;
    this.#enc = derive(keys.enc, CONSTANT.enc, 128);
    this.#mac = derive(keys.mac, CONSTANT.mac, 128);
    this.#rmac = derive(keys.mac, CONSTANT.rmac, 128);
    this.cardCryptogram = derive(this.#mac, CONSTANT.cardCryptogram, 64);
    this.hostCryptogram = derive(this.#mac, CONSTANT.hostCryptogram, 64);
  }

  /**
   * A session whose keys all come from one secret of 16 bytes that the ends have agreed on: nothing is left to prove, and
   * the chain of MACs begins with a value of its own. SE05x command table, tier e
   */
  static agreed(aes: BlockCipher, secret: Uint8Array, options: Scp03Options = {}): Scp03Session {
    const none = { host: new Uint8Array(0), card: new Uint8Array(0) };
    const session = new Scp03Session(aes, { enc: secret, mac: secret }, none, options);
    session.#chain = derived(aes, secret, none, { constant: CONSTANT.chain, bits: 128 });
    return session;
  }

  /** The MAC of bytes under the session's own MAC key, outside the chain. */
  receiptOver(...parts: readonly Uint8Array[]): Uint8Array {
    return cmac(this.#aes, this.#mac, ...parts);
  }

  /** What is protected from now on, one of `SECURITY_LEVELS`; everything where it was never set. */
  useLevel(level: number): void {
    this.#level = level;
  }

  /** Whether commands and answers are encrypted and authenticated, all of them. */
  get isFull(): boolean {
    return this.#level === SECURITY_LEVEL;
  }

  /** The MAC that EXTERNAL AUTHENTICATE carries behind the host's cryptogram; the first of the chain. */
  authenticationMac(cryptogram: Uint8Array, level: number = SECURITY_LEVEL): Uint8Array {
    return this.#nextMac({ cla: SECURE_CLASS, ins: 0x82, p1: level, p2: 0x00 }, cryptogram, "short");
  }

  /**
   * A command as it travels in the channel, to be encoded with the lengths that its data and `le` ask for. Throws
   * `DecodeError` `length` for data over 239 bytes where the channel has no extended lengths.
   */
  protectCommand({ ins, p1, p2, data, le }: CommandApdu): CommandApdu {
    // Before anything is counted: a command that is never sent must not put the ends out of step.
    if (data.length > (this.#options.extendedLengths ? MAX_PROTECTED_EXTENDED : MAX_PROTECTED)) {
      throw new DecodeError("length", `${data.length} bytes in a secure channel`, 4);
    }
    this.#count(data.length > 0);
    const encrypts = data.length > 0 && this.#has("commandEncryption");
    const body = encrypts ? cbcEncrypt(this.#aes, this.#enc, this.#iv(0x00), padded(data)) : data;
    const header = { cla: SECURE_CLASS, ins, p1, p2 };
    const isLong = body.length + MAC_LENGTH > 0xff || (le ?? 0) > 0x100;
    const secured = { ...header, data: concat(body, this.#nextMac(header, body, isLong ? "extended" : "short")) };
    return le === undefined ? secured : { ...secured, le };
  }

  /** The command behind a protected one. Throws `ProtocolError` `out-of-step`, whose reply is 6982. */
  openCommand(secured: CommandApdu, form: LengthForm = "short"): CommandApdu {
    const body = secured.data.subarray(0, Math.max(0, secured.data.length - MAC_LENGTH));
    const mac = secured.data.subarray(body.length);
    this.#count(body.length > 0);
    if (!sameBytes(mac, this.#nextMac(secured, body, form))) throw outOfStep("a command's MAC is wrong");
    const data = this.#has("commandEncryption") ? this.#decrypted(body, 0x00) : body;
    return { ...secured, cla: secured.cla & ~0x04, data };
  }

  /** An answer as it travels: refusals travel bare. */
  protectResponse({ data, sw }: ResponseApdu): ResponseApdu {
    if (sw !== SW_OK) return { data: new Uint8Array(0), sw };
    const encrypts = data.length > 0 && this.#has("answerEncryption");
    const body = encrypts ? cbcEncrypt(this.#aes, this.#enc, this.#iv(0x80), padded(data)) : data;
    return { data: this.#has("answerMac") ? concat(body, this.#responseMac(body, sw)) : body, sw };
  }

  /** The answer behind a protected one. Throws `ProtocolError` `out-of-step`. */
  openResponse({ data, sw }: ResponseApdu): ResponseApdu {
    if (sw !== SW_OK && data.length === 0) return { data, sw };
    if (!this.#has("answerMac")) return { data, sw };
    const body = data.subarray(0, Math.max(0, data.length - MAC_LENGTH));
    if (!sameBytes(data.subarray(body.length), this.#responseMac(body, sw)))
      throw outOfStep("an answer's MAC is wrong");
    return { data: this.#has("answerEncryption") ? this.#decrypted(body, 0x80) : body, sw };
  }

  #has(protection: keyof typeof LEVEL): boolean {
    return (this.#level & LEVEL[protection]) !== 0;
  }

  #count(hasData: boolean): void {
    if (hasData || (this.#options.countsEmptyCommands ?? true)) this.#counter++;
  }

  #nextMac({ cla, ins, p1, p2 }: Omit<CommandApdu, "data">, body: Uint8Array, form: LengthForm): Uint8Array {
    const writer = new Writer(7).u8(cla).u8(ins).u8(p1).u8(p2);
    const length = body.length + MAC_LENGTH;
    const header = (form === "extended" ? writer.u8(0x00).u16(length) : writer.u8(length)).finish();
    this.#chain = cmac(this.#aes, this.#mac, this.#chain, header, body);
    return this.#chain.slice(0, MAC_LENGTH);
  }

  #responseMac(body: Uint8Array, sw: number): Uint8Array {
    const word = new Writer(2).u16(sw).finish();
    return cmac(this.#aes, this.#rmac, this.#chain, body, word).slice(0, MAC_LENGTH);
  }

  #decrypted(body: Uint8Array, direction: number): Uint8Array {
    if (body.length === 0) return body;
    if (body.length % BLOCK !== 0) throw outOfStep("an encrypted body has no whole blocks");
    try {
      return unpadded(cbcDecrypt(this.#aes, this.#enc, this.#iv(direction), body));
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause;
      throw new ProtocolError<ApduErrorCode, number>("out-of-step", "an encrypted body has no padding", 0x6982, {
        cause,
      });
    }
  }

  /** The counter, its top bit telling answers from commands, encrypted. GPC SCP03, section 6.2.6 and 6.2.7 */
  #iv(direction: number): Uint8Array {
    const block = new Uint8Array(BLOCK);
    block[0] = direction;
    new DataView(block.buffer).setUint32(BLOCK - 4, this.#counter);
    return this.#aes.encrypt(this.#enc, block);
  }
}

/** Key derivation in counter mode with CMAC; one block is always enough here. SP 800-108, section 4.1 */
function derived(
  aes: BlockCipher,
  key: Uint8Array,
  { host, card }: Scp03Challenges,
  { constant, bits }: { readonly constant: number; readonly bits: 64 | 128 },
): Uint8Array {
  const label = new Writer(BLOCK).bytes(new Uint8Array(11)).u8(constant).u8(0x00).u16(bits).u8(0x01).finish();
  return cmac(aes, key, label, host, card).slice(0, bits / 8);
}

function outOfStep(message: string): ProtocolError<ApduErrorCode, number> {
  return new ProtocolError<ApduErrorCode, number>("out-of-step", message, 0x6982);
}
