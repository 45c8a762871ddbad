import { concat, DecodeError, ProtocolError, Writer } from "../codec/index.ts";
import { BLOCK, type BlockCipher, cbcDecrypt, cbcEncrypt, cmac, padded, sameBytes, unpadded } from "./aes.ts";
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

const MAC_LENGTH = 8;

/** What still fits 255 bytes with its padding, up to a block, and the MAC. */
const MAX_PROTECTED = 239;

/** What is derived, by its derivation constant. GPC SCP03, table 4-1 */
const CONSTANT = { cardCryptogram: 0x00, hostCryptogram: 0x01, enc: 0x04, mac: 0x06, rmac: 0x07 } as const;

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
  readonly cardCryptogram: Uint8Array;
  readonly hostCryptogram: Uint8Array;
  #chain: Uint8Array = new Uint8Array(BLOCK);
  #counter = 0;

  constructor(aes: BlockCipher, keys: Pick<Scp03Keys, "enc" | "mac">, challenges: Scp03Challenges) {
    const derive = (key: Uint8Array, constant: number, bits: 64 | 128) =>
      derived(aes, key, challenges, { constant, bits });
    this.#aes = aes;
    this.#enc = derive(keys.enc, CONSTANT.enc, 128);
    this.#mac = derive(keys.mac, CONSTANT.mac, 128);
    this.#rmac = derive(keys.mac, CONSTANT.rmac, 128);
    this.cardCryptogram = derive(this.#mac, CONSTANT.cardCryptogram, 64);
    this.hostCryptogram = derive(this.#mac, CONSTANT.hostCryptogram, 64);
  }

  /** The MAC that EXTERNAL AUTHENTICATE carries behind the host's cryptogram; the first of the chain. */
  authenticationMac(cryptogram: Uint8Array): Uint8Array {
    return this.#nextMac({ cla: SECURE_CLASS, ins: 0x82, p1: SECURITY_LEVEL, p2: 0x00 }, cryptogram);
  }

  /** A command as it travels in the channel. Throws `DecodeError` `length` for data over 239 bytes. */
  protectCommand({ ins, p1, p2, data, le }: CommandApdu): CommandApdu {
    // Before anything is counted: a command that is never sent must not put the ends out of step.
    if (data.length > MAX_PROTECTED) throw new DecodeError("length", `${data.length} bytes in a secure channel`, 4);
    this.#counter++;
    const body = data.length === 0 ? data : cbcEncrypt(this.#aes, this.#enc, this.#iv(0x00), padded(data));
    const header = { cla: SECURE_CLASS, ins, p1, p2 };
    const secured = { ...header, data: concat(body, this.#nextMac(header, body)) };
    return le === undefined ? secured : { ...secured, le };
  }

  /** The command behind a protected one. Throws `ProtocolError` `out-of-step`, whose reply is 6982. */
  openCommand(secured: CommandApdu): CommandApdu {
    this.#counter++;
    const body = secured.data.subarray(0, Math.max(0, secured.data.length - MAC_LENGTH));
    const mac = secured.data.subarray(body.length);
    if (!sameBytes(mac, this.#nextMac(secured, body))) throw outOfStep("a command's MAC is wrong");
    return { ...secured, cla: 0x80, data: this.#decrypted(body, 0x00) };
  }

  /** An answer as it travels: refusals travel bare. */
  protectResponse({ data, sw }: ResponseApdu): ResponseApdu {
    if (sw !== SW_OK) return { data: new Uint8Array(0), sw };
    const body = data.length === 0 ? data : cbcEncrypt(this.#aes, this.#enc, this.#iv(0x80), padded(data));
    return { data: concat(body, this.#responseMac(body, sw)), sw };
  }

  /** The answer behind a protected one. Throws `ProtocolError` `out-of-step`. */
  openResponse({ data, sw }: ResponseApdu): ResponseApdu {
    if (sw !== SW_OK && data.length === 0) return { data, sw };
    const body = data.subarray(0, Math.max(0, data.length - MAC_LENGTH));
    if (!sameBytes(data.subarray(body.length), this.#responseMac(body, sw)))
      throw outOfStep("an answer's MAC is wrong");
    return { data: this.#decrypted(body, 0x80), sw };
  }

  #nextMac({ cla, ins, p1, p2 }: Omit<CommandApdu, "data">, body: Uint8Array): Uint8Array {
    const header = Uint8Array.of(cla, ins, p1, p2, body.length + MAC_LENGTH);
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
