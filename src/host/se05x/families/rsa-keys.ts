import { type PolicyEntry, SE05X_PART, SE05X_RSA, SE05X_RSA_COMPONENT } from "../../../apdu/se05x/index.ts";
import type { Se05xSender } from "./sender.ts";

/** How RSA encryption fills a message. */
export type Se05xRsaPadding = keyof typeof SE05X_RSA;

/** The numbers of a private key in its CRT form, big-endian. RFC 8017, section 3.2 */
export type RsaNumbers = {
  readonly n: Uint8Array;
  readonly e: Uint8Array;
  readonly p: Uint8Array;
  readonly q: Uint8Array;
  readonly dp: Uint8Array;
  readonly dq: Uint8Array;
  readonly qInv: Uint8Array;
};

const CRT = 0x00;
const DIRECTION = { encrypt: 0x37, decrypt: 0x38 } as const;
/** The order in which NXP's host library gives them. */
const NUMBERS = ["p", "q", "dp", "dq", "qInv", "e", "n"] as const;

/** RSA keys in the chip; an A5000 has none, and answers 6D00. SE05x command table, tier b */
export class Se05xRsaKeys {
  readonly #sender: Se05xSender;

  constructor(sender: Se05xSender) {
    this.#sender = sender;
  }

  /** Has the chip make a pair of 1024, 1152, 2048, 3072 or 4096 bits with the exponent 65537: this takes it a while. */
  async generate(objectId: number, bits: number, policy?: readonly PolicyEntry[]): Promise<void> {
    await this.#sender.send("writeRsaKey", {
      part: SE05X_PART.pair,
      form: CRT,
      objectId,
      bits,
      ...(policy ? { policy } : {}),
    });
  }

  /** Puts a pair into the chip, number by number; it is of use once the last has arrived. */
  async inject(objectId: number, numbers: RsaNumbers, policy?: readonly PolicyEntry[]): Promise<void> {
    const bits = numbers.n.length * 8;
    const { pair: part } = SE05X_PART;
    for (const [i, name] of NUMBERS.entries()) {
      const beginning = i === 0 ? { bits, ...(policy ? { policy } : {}) } : {};
      const number = { [name]: numbers[name] };
      await this.#sender.send("writeRsaKey", { part, form: CRT, objectId, ...beginning, ...number });
    }
  }

  /** Modulus and public exponent. */
  async publicNumbers(objectId: number): Promise<Pick<RsaNumbers, "n" | "e">> {
    const read = async (component: number) => (await this.#sender.send("readObject", { objectId, component })).bytes;
    return { n: await read(SE05X_RSA_COMPONENT.modulus), e: await read(SE05X_RSA_COMPONENT.exponent) };
  }

  /** RFC 8017, section 7 */
  encrypt(objectId: number, padding: Se05xRsaPadding, message: Uint8Array): Promise<Uint8Array> {
    return this.#cipher(DIRECTION.encrypt, { objectId, padding, message });
  }

  /** Throws `Refused` where the padding is not whole: who may ask often and sees that can decrypt by PKCS#1 v1.5 himself. */
  decrypt(objectId: number, padding: Se05xRsaPadding, message: Uint8Array): Promise<Uint8Array> {
    return this.#cipher(DIRECTION.decrypt, { objectId, padding, message });
  }

  async #cipher(
    direction: number,
    of: { readonly objectId: number; readonly padding: Se05xRsaPadding; readonly message: Uint8Array },
  ): Promise<Uint8Array> {
    const { objectId, padding, message: input } = of;
    const request = { direction, objectId, algorithm: SE05X_RSA[padding], input };
    return (await this.#sender.send("rsaCipher", request)).output;
  }
}
