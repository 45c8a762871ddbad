import { DecodeError, type Reader, type Writer } from "../../codec/index.ts";
import type { Entropy } from "../../crypto/index.ts";
import type { RsaArithmetic, RsaNumbers } from "./arithmetic.ts";
import { refuse } from "./refuse.ts";

/** The numbers of a key in the order of their identifiers on the wire. SE05x command table, section 4.5 */
export const RSA_COMPONENTS = ["n", "e", "d", "p", "q", "dp", "dq", "qInv"] as const;

export type RsaComponent = (typeof RSA_COMPONENTS)[number];

/** What a key is to be: its size in bits, which halves, and in which form its private half comes. */
export type RsaForm = {
  readonly bits: number;
  readonly half: "pair" | "private" | "public";
  readonly crt: boolean;
};

/** Sizes in bits. SE05x command table, section 4.5 */
export const RSA_SIZES: readonly number[] = [512, 1024, 1152, 2048, 3072, 4096];

const CRT_PARTS = ["p", "q", "dp", "dq", "qInv"] as const;

/** An RSA key inside the chip, which hosts write number by number: of use once all that its form needs are there. */
export class RsaKey {
  readonly form: RsaForm;
  readonly #arithmetic: RsaArithmetic;
  readonly #given: Partial<Record<RsaComponent, Uint8Array>>;
  /** What follows from the given numbers, and the work that it does: made when first used. */
  #numbers: RsaNumbers | undefined;
  #private: ((input: Uint8Array) => Uint8Array) | undefined;
  #public: ((input: Uint8Array) => Uint8Array) | undefined;

  constructor(arithmetic: RsaArithmetic, form: RsaForm, given: Partial<Record<RsaComponent, Uint8Array>> = {}) {
    this.#arithmetic = arithmetic;
    this.form = form;
    this.#given = given;
  }

  /** A whole key, made with the exponent 65537. */
  static generate(arithmetic: RsaArithmetic, form: RsaForm, entropy: Entropy): RsaKey {
    const { n, e, d, p, q, dp, dq, qInv } = arithmetic.generate(form.bits, entropy);
    return new RsaKey(arithmetic, form, form.crt ? { n, e, p, q, dp, dq, qInv } : { n, e, d });
  }

  /** The key with one more number, or another. Refused with 6A80 where what is then whole is no key of its size. */
  with(component: RsaComponent, bytes: Uint8Array): RsaKey {
    if (!this.#wanted.includes(component)) throw refuse(0x6a80, `${component} is no part of such a key`);
    const { bits } = this.form;
    if (bytes.length === 0 || bytes.length > bits / 8) throw refuse(0x6a80, `${component} of ${bytes.length} bytes`);
    const given = { ...this.#given, [component]: bytes.slice() };
    const key = new RsaKey(this.#arithmetic, this.form, given);
    if (key.isWhole) key.#check();
    return key;
  }

  /** Whether every number is there that the form needs. */
  get isWhole(): boolean {
    return this.#wanted.every((component) => this.#given[component] !== undefined);
  }

  get hasPrivate(): boolean {
    return this.form.half !== "public";
  }

  /** Bytes of the modulus. */
  get length(): number {
    return this.form.bits / 8;
  }

  /** A public number, padded to its usual length. Refused with 6985 where the key has none to tell. */
  told(component: "n" | "e"): Uint8Array {
    this.demandWhole();
    if (this.form.half === "private") throw refuse(0x6986, "this key does not tell its public half");
    const bytes = this.#given[component];
    if (!bytes) throw refuse(0x6985, `this key has no ${component}`);
    return bytes;
  }

  /** Both public numbers, for the chip's own work. */
  publicOperation(input: Uint8Array): Uint8Array {
    this.demandWhole();
    this.#public ??= this.#arithmetic.publicOperation(
      this.form.half === "public" ? this.#publicNumbers() : this.#all(),
    );
    return this.#public(input);
  }

  privateOperation(input: Uint8Array): Uint8Array {
    this.demandWhole();
    if (!this.hasPrivate) throw refuse(0x6985, "no private key in this object");
    this.#private ??= this.#arithmetic.privateOperation(this.#all());
    return this.#private(input);
  }

  /** Refuses with 6985 while numbers are missing. */
  demandWhole(): void {
    if (!this.isWhole) throw refuse(0x6985, "the key is not whole yet");
  }

  /** Bytes of user memory. */
  get footprint(): number {
    return rsaFootprint(this.form);
  }

  save(image: Writer): void {
    writeRsaForm(image, this.form);
    for (const component of RSA_COMPONENTS) {
      image.prefixed(2, (body) => body.bytes(this.#given[component] ?? new Uint8Array(0)));
    }
  }

  static load(arithmetic: RsaArithmetic, image: Reader): RsaKey {
    const form = readRsaForm(image);
    const given: Partial<Record<RsaComponent, Uint8Array>> = {};
    for (const component of RSA_COMPONENTS) {
      const bytes = image.prefixed(2, (body) => body.rest().slice());
      if (bytes.length > 0) given[component] = bytes;
    }
    return new RsaKey(arithmetic, form, given);
  }

  get #wanted(): readonly RsaComponent[] {
    const { half, crt } = this.form;
    if (half === "public") return ["n", "e"];
    if (crt) return half === "pair" ? ["n", "e", ...CRT_PARTS] : CRT_PARTS;
    return half === "pair" ? ["n", "e", "d"] : ["n", "d"];
  }

  #check(): void {
    const modulus = this.form.half === "public" ? this.#publicNumbers().n : this.#all().n;
    const significant = modulus.length - modulus.findIndex((byte) => byte !== 0);
    const isOdd = ((modulus.at(-1) ?? 0) & 1) === 1;
    if (significant !== this.length || !isOdd) throw refuse(0x6a80, "the modulus is not of the key's size");
  }

  #publicNumbers(): Pick<RsaNumbers, "n" | "e"> {
    const { n, e } = this.#given;
    if (!n || !e) throw refuse(0x6985, "the key is not whole yet");
    return { n, e };
  }

  #all(): RsaNumbers {
    const { d, ...others } = this.#given;
    this.#numbers ??= this.#arithmetic.completed(d ? { ...others, d } : others);
    if (!this.#numbers) throw refuse(0x6a80, "these numbers are of no key");
    return this.#numbers;
  }
}

/** Bytes of user memory that a key takes: all that its form will hold. */
export function rsaFootprint({ bits, half, crt }: RsaForm): number {
  const length = bits / 8;
  const secret = crt ? (5 * length) / 2 : length;
  return (half === "public" ? 0 : secret) + (half === "private" ? 0 : length + 4);
}

/** Appends what a key is to the chip's own state image. */
export function writeRsaForm(image: Writer, { bits, half, crt }: RsaForm): void {
  image
    .u16(bits)
    .u8(HALVES.indexOf(half))
    .u8(crt ? 1 : 0);
}

/** What `writeRsaForm` wrote. */
export function readRsaForm(image: Reader): RsaForm {
  const bits = image.u16();
  const at = image.at;
  const half = HALVES[image.u8()];
  if (!half) throw new DecodeError("value", "halves of a key", at);
  return { bits, half, crt: image.u8() === 1 };
}

const HALVES = ["pair", "private", "public"] as const;
