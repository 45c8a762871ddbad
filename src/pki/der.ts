import { DecodeError, Reader } from "../codec/index.ts";

/** One DER element, checked as a whole with all that it contains. Its parts share memory with the input. */
export type DerElement = {
  /** The identifier octet: class, constructed bit and tag number. */
  readonly tag: number;
  /** Offset of the identifier octet in the outermost input. */
  readonly at: number;
  /** The element as received, header included. */
  readonly raw: Uint8Array;
  readonly content: Uint8Array;
  /** The elements inside a constructed one; empty for a primitive one. */
  readonly children: readonly DerElement[];
};

/** An element of which only the header was checked. */
export type DerPart = Omit<DerElement, "children">;

/** Offset of an element's contents in the outermost input. */
export function contentOffset(element: DerPart): number {
  return element.at + element.raw.length - element.content.length;
}

/** What input may cost at most before it is refused. */
export type DerLimits = { readonly maxBytes: number; readonly maxDepth: number; readonly maxElements: number };

/** Enough for any certificate or request in use; a chain of small elements cannot make us hold millions of objects. */
export const DER_LIMITS: DerLimits = { maxBytes: 128 * 1024, maxDepth: 16, maxElements: 20_000 };

/** Universal tags as identifier octets. X.690, section 8.1.2 */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The identifier octet of context-specific tag `number`. X.690, section 8.1.2.2 */
export function contextTag(number: number, form: "primitive" | "constructed"): number {
  return (form === "constructed" ? 0xa0 : 0x80) | number;
}

/**
 * The one element that the bytes hold, in strict DER: definite and minimal lengths, no constructed strings, canonical
 * booleans, integers, bit strings and object identifiers, ordered SETs, nothing behind the end.
 *
 * Everything that came from outside goes through here before anybody interprets it: two parsers that read the same
 * bytes differently are how forged certificates pass. Throws `DecodeError` with the offset. X.690, section 10 and 11
 */
export function parseDer(bytes: Uint8Array, limits: DerLimits = DER_LIMITS, origin = 0): DerElement {
  if (bytes.length > limits.maxBytes) {
    throw new DecodeError("length", `${bytes.length} bytes where at most ${limits.maxBytes} are accepted`, origin);
  }
  const reader = new Reader(bytes, origin);
  const budget = { left: limits.maxElements };
  const element = readElement(reader, bytes, origin, limits.maxDepth, budget);
  reader.end();
  return element;
}

/**
 * The elements that stand one after another in the bytes, with nothing inside them checked: for a list too long to be
 * held as a tree. Whoever takes a part gives its `raw` to `parseDer`. Throws `DecodeError`. X.690, section 10.1
 */
export function* derParts(bytes: Uint8Array, origin = 0): Generator<DerPart> {
  const reader = new Reader(bytes, origin);
  while (reader.remaining > 0) {
    const at = reader.at;
    const tag = reader.u8();
    if ((tag & 0x1f) === 0x1f) throw new DecodeError("value", "a tag number above 30", at);
    const content = reader.bytes(readLength(reader));
    yield { tag, at, raw: bytes.subarray(at - origin, reader.at - origin), content };
  }
}

function readElement(
  reader: Reader,
  input: Uint8Array,
  origin: number,
  depth: number,
  budget: { left: number },
): DerElement {
  const at = reader.at;
  if (depth === 0) throw new DecodeError("depth", "elements are nested too deep", at);
  if (budget.left-- === 0) throw new DecodeError("length", "too many elements", at);
  const tag = reader.u8();
  if ((tag & 0x1f) === 0x1f) throw new DecodeError("value", "a tag number above 30", at);
  const inner = reader.sub(readLength(reader));
  const from = inner.at - origin;
  const content = input.subarray(from, from + inner.remaining);
  const raw = input.subarray(at - origin, from + content.length);
  const children: DerElement[] = [];
  if (tag & 0x20) {
    checkConstructed(tag, at);
    while (inner.remaining > 0) children.push(readElement(inner, input, origin, depth - 1, budget));
    if (tag === TAG.set) checkOrder(children);
  } else {
    checkPrimitive(tag, content, inner.at);
  }
  return { tag, at, raw, content, children };
}

/** X.690, section 10.1: the definite form, in the fewest octets. */
function readLength(reader: Reader): number {
  const at = reader.at;
  const first = reader.u8();
  if (first < 0x80) return first;
  if (first === 0x80) throw new DecodeError("value", "indefinite length", at);
  if (first > 0x84) throw new DecodeError("length", "a length of more than four octets", at);
  let length = 0;
  for (let i = first & 0x7f; i > 0; i--) length = length * 256 + reader.u8();
  if (length < 0x80 || length < 2 ** (8 * ((first & 0x7f) - 1))) {
    throw new DecodeError("value", "length is not minimal", at);
  }
  return length;
}

function checkConstructed(tag: number, at: number): void {
  const isUniversal = (tag & 0xc0) === 0;
  // X.690, section 10.2: strings are never constructed in DER.
  if (isUniversal && tag !== TAG.sequence && tag !== TAG.set) {
    throw new DecodeError("value", `constructed form of tag 0x${tag.toString(16)}`, at);
  }
}

/** X.690, section 11.6: the elements of a SET OF ascend, as octet strings. */
function checkOrder(children: readonly DerElement[]): void {
  for (const [i, child] of children.entries()) {
    const before = children[i - 1];
    if (before && compareBytes(before.raw, child.raw) > 0) {
      throw new DecodeError("value", "the elements of a SET are not in ascending order", child.at);
    }
  }
}

/** The order of octet strings, the shorter first where one begins with the other. X.690, section 11.6 */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const CONTENT_RULES: ReadonlyMap<number, (content: Uint8Array) => string | undefined> = new Map([
  [TAG.boolean, (c) => (c.length === 1 && (c[0] === 0x00 || c[0] === 0xff) ? undefined : "not a DER boolean")],
  [TAG.integer, integerFault],
  [TAG.enumerated, integerFault],
  [TAG.bitString, bitStringFault],
  [TAG.null, (c) => (c.length === 0 ? undefined : "NULL with contents")],
  [TAG.oid, oidFault],
  [TAG.utf8String, utf8Fault],
  [TAG.numericString, characters(/^[0-9 ]*$/, "NumericString")],
  [TAG.printableString, characters(/^[A-Za-z0-9 '()+,\-./:=?]*$/, "PrintableString")],
  [TAG.ia5String, characters(/^[\0-\x7f]*$/, "IA5String")],
  [TAG.visibleString, characters(/^[\x20-\x7e]*$/, "VisibleString")],
  [TAG.utcTime, characters(/^\d{12}Z$/, "UTCTime")],
  [TAG.generalizedTime, characters(/^\d{14}Z$/, "GeneralizedTime")],
  [TAG.bmpString, (c) => (c.length % 2 === 0 ? undefined : "BMPString of odd length")],
  [TAG.universalString, (c) => (c.length % 4 === 0 ? undefined : "UniversalString of broken length")],
]);

function checkPrimitive(tag: number, content: Uint8Array, at: number): void {
  if (tag === 0x00) throw new DecodeError("value", "end-of-contents octets", at);
  if (tag === 0x10 || tag === 0x11) throw new DecodeError("value", "a SEQUENCE or SET in primitive form", at);
  const fault = CONTENT_RULES.get(tag)?.(content);
  if (fault !== undefined) throw new DecodeError("value", fault, at);
}

function integerFault(content: Uint8Array): string | undefined {
  const [first, second = 0] = content;
  if (first === undefined) return "an INTEGER without contents";
  if (content.length === 1) return undefined;
  const isPadded = (first === 0x00 && second < 0x80) || (first === 0xff && second >= 0x80);
  return isPadded ? "INTEGER is not minimal" : undefined;
}

function bitStringFault(content: Uint8Array): string | undefined {
  const [unused] = content;
  if (unused === undefined) return "a BIT STRING without contents";
  if (unused > 7 || (unused > 0 && content.length === 1)) return "BIT STRING counts impossible unused bits";
  const last = content.at(-1) ?? 0;
  return unused > 0 && (last & ((1 << unused) - 1)) !== 0 ? "unused bits of a BIT STRING are set" : undefined;
}

function oidFault(content: Uint8Array): string | undefined {
  if (content.length === 0 || (content.at(-1) ?? 0) >= 0x80) return "OBJECT IDENTIFIER is cut off";
  let before = 0;
  for (const byte of content) {
    if (byte === 0x80 && before < 0x80) return "OBJECT IDENTIFIER is not minimal";
    before = byte;
  }
  return undefined;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function utf8Fault(content: Uint8Array): string | undefined {
  try {
    utf8.decode(content);
    return undefined;
  } catch {
    return "UTF8String is not UTF-8";
  }
}

function characters(allowed: RegExp, name: string): (content: Uint8Array) => string | undefined {
  return (content) => (allowed.test(latin1(content)) ? undefined : `a character that ${name} does not allow`);
}

/** Each byte as the character of the same number. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
