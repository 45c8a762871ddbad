import { DecodeError, toHex } from "../codec/index.ts";
import { TAG, latin1, type DerElement } from "./der.ts";

/** Reads the fields of a constructed element in order; what the structure does not name throws `DecodeError`. */
export class DerFields {
  readonly #owner: DerElement;
  #next = 0;

  constructor(owner: DerElement, tag: number, what: string) {
    expectTag(owner, tag, what);
    this.#owner = owner;
  }

  /** The next field, which must have this tag (or any, where none is given). */
  take(what: string, tag?: number): DerElement {
    const element = this.#owner.children[this.#next];
    if (!element) throw new DecodeError("truncated", `${what} is missing`, this.#end());
    if (tag !== undefined) expectTag(element, tag, what);
    this.#next++;
    return element;
  }

  /** The next field if it has this tag. */
  optional(tag: number): DerElement | undefined {
    const element = this.#owner.children[this.#next];
    if (element?.tag !== tag) return undefined;
    this.#next++;
    return element;
  }

  /** Whether the next field has one of these tags. */
  startsWith(...tags: readonly number[]): boolean {
    const element = this.#owner.children[this.#next];
    return element !== undefined && tags.includes(element.tag);
  }

  /** Throws `trailing` unless every field was read. */
  end(): void {
    const extra = this.#owner.children[this.#next];
    if (extra) throw new DecodeError("trailing", `unexpected element 0x${extra.tag.toString(16)}`, extra.at);
  }

  #end(): number {
    return this.#owner.at + this.#owner.raw.length;
  }
}

/** Throws `DecodeError` `value` unless the element has this tag. */
export function expectTag(element: DerElement, tag: number, what: string): void {
  if (element.tag === tag) return;
  throw new DecodeError(
    "value",
    `tag 0x${element.tag.toString(16)} where ${what} (0x${tag.toString(16)}) belongs`,
    element.at,
  );
}

/** The one element inside an explicit tag. X.690, section 8.14.2 */
export function onlyChild(element: DerElement, what: string): DerElement {
  const [child, extra] = element.children;
  if (!child) throw new DecodeError("truncated", `${what} is missing`, element.at + element.raw.length);
  if (extra) throw new DecodeError("trailing", `more than ${what}`, extra.at);
  return child;
}

/** All children, each with this tag; `SIZE (1..MAX)` wherever X.509 has a SEQUENCE OF. */
export function nonEmptyList(element: DerElement, tag: number, what: string): readonly DerElement[] {
  expectTag(element, tag, what);
  if (element.children.length === 0) throw new DecodeError("length", `${what} is empty`, element.at);
  return element.children;
}

/** A BOOLEAN's value. */
export function booleanOf(element: DerElement): boolean {
  expectTag(element, TAG.boolean, "BOOLEAN");
  return element.content[0] === 0xff;
}

/** Value of a small non-negative INTEGER, at most `max`. */
export function smallIntegerOf(element: DerElement, max: number): number {
  expectTag(element, TAG.integer, "INTEGER");
  const value = (element.content[0] ?? 0) >= 0x80 ? -1n : BigInt(`0x${toHex(element.content)}`);
  if (value < 0n || value > BigInt(max)) {
    throw new DecodeError("value", `INTEGER is not within 0..${max}`, element.at);
  }
  return Number(value);
}

/** Bytes of a BIT STRING without unused bits, as keys and signatures are. */
export function octetsOfBitString(element: DerElement, what: string): Uint8Array {
  expectTag(element, TAG.bitString, what);
  if (element.content[0] !== 0) throw new DecodeError("value", `${what} does not end at an octet`, element.at);
  return element.content.subarray(1);
}

/**
 * Numbers of the set bits of a named-bit list. It should end at its last set bit (X.690, section 11.2.2), but roots in
 * every system's store do not keep to that, and zeros behind it mean nothing else.
 */
export function namedBitsOf(element: DerElement, what: string): readonly number[] {
  expectTag(element, TAG.bitString, what);
  const unused = element.content[0] ?? 0;
  const octets = element.content.subarray(1);
  const bits: number[] = [];
  for (let bit = 0; bit < octets.length * 8 - unused; bit++) {
    if (((octets[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) bits.push(bit);
  }
  return bits;
}

/** Dotted decimal text of an OBJECT IDENTIFIER. X.690, section 8.19 */
export function oidOf(element: DerElement): string {
  expectTag(element, TAG.oid, "OBJECT IDENTIFIER");
  // An arc of seven octets has 49 bits, which a number holds.
  const { content } = element;
  let text = "";
  let arc = 0;
  let octets = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    octets++;
    if (byte >= 0x80) continue;
    if (octets > 7) return longOidOf(content);
    if (text === "") text = arc < 40 ? `0.${arc}` : arc < 80 ? `1.${arc - 40}` : `2.${arc - 80}`;
    else text += `.${arc}`;
    arc = octets = 0;
  }
  return text;
}

function longOidOf(content: Uint8Array): string {
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const byte of content) {
    arc = (arc << 7n) | BigInt(byte & 0x7f);
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0n;
    }
  }
  const [first = 0n, ...rest] = arcs;
  const root = first < 40n ? 0n : first < 80n ? 1n : 2n;
  return [root, first - root * 40n, ...rest].join(".");
}

/** Milliseconds since the epoch of a UTCTime or GeneralizedTime, both with seconds and `Z`. RFC 5280, section 4.1.2.5 */
export function timeOf(element: DerElement): number {
  if (element.tag !== TAG.utcTime && element.tag !== TAG.generalizedTime) {
    throw new DecodeError("value", `tag 0x${element.tag.toString(16)} where a time belongs`, element.at);
  }
  const digits = latin1(element.content).slice(0, -1);
  const isShort = element.tag === TAG.utcTime;
  const year = isShort ? centuryOf(Number(digits.slice(0, 2))) : Number(digits.slice(0, 4));
  const fields = (digits.slice(isShort ? 2 : 4).match(/../g) ?? []).map(Number);
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = fields;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const back = [date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes()];
  // Date carries February 30 over into March; such a time names no instant.
  if (second > 59 || back.some((field, i) => field !== fields[i])) {
    throw new DecodeError("value", `${digits} is not a time`, element.at);
  }
  return date.getTime();
}

function centuryOf(twoDigits: number): number {
  return twoDigits >= 50 ? 1900 + twoDigits : 2000 + twoDigits;
}
