import { DecodeError, toHex } from "../codec/index.ts";
import { TAG, latin1, type DerElement } from "./der.ts";
import { DerFields, expectTag, nonEmptyList, oidOf } from "./der-fields.ts";
import { NAME_ATTRIBUTES, type NameAttributeType } from "./oids.ts";

/** One attribute of a name. `value` is undefined where the encoding is not a string of characters. */
export type NameAttribute = {
  readonly oid: string;
  readonly value: string | undefined;
  /** Universal tag of the value as received. */
  readonly tag: number;
  /** The value's DER element. */
  readonly raw: Uint8Array;
};

/** A distinguished name. RFC 5280, section 4.1.2.4 */
export type DistinguishedName = {
  /** The name as received. */
  readonly der: Uint8Array;
  /** Relative names in the order of the DER, each of one or more attributes. */
  readonly rdns: readonly (readonly NameAttribute[])[];
  /** For people: the last relative name first. RFC 4514, section 2 */
  readonly text: string;
  /** Equal for two names exactly where RFC 5280, section 7.1 calls them the same. */
  readonly canonical: string;
};

/** A name from its checked DER. Throws `DecodeError`. */
export function nameOf(element: DerElement): DistinguishedName {
  expectTag(element, TAG.sequence, "Name");
  const rdns = element.children.map((set) =>
    nonEmptyList(set, TAG.set, "RelativeDistinguishedName").map((each) => attributeOf(each)),
  );
  return { der: element.raw, rdns, text: textOf(rdns), canonical: canonicalOf(rdns) };
}

/** Whether two names are the same name. RFC 5280, section 7.1 */
export function sameName(a: DistinguishedName, b: DistinguishedName): boolean {
  return a.canonical === b.canonical;
}

/** Whether a name begins with all relative names of another: that is, lies in the subtree below it. RFC 5280, section 7.1 */
export function isNameWithin(name: DistinguishedName, base: DistinguishedName): boolean {
  // The canonical text is a JSON array, so that equal beginnings are equal relative names.
  const beginning = base.canonical.slice(0, -1);
  return base.rdns.length === 0 || sameName(name, base) || name.canonical.startsWith(`${beginning},`);
}

/** All values of one attribute type, in the order of the DER; types by the long names of `NAME_ATTRIBUTES`. */
export function nameValues(name: DistinguishedName, type: NameAttributeType): readonly string[] {
  const oid = NAME_ATTRIBUTES.find((each) => each.long === type)?.oid;
  return name.rdns.flat().flatMap((each) => (each.oid === oid && each.value !== undefined ? [each.value] : []));
}

function attributeOf(element: DerElement): NameAttribute {
  const fields = new DerFields(element, TAG.sequence, "AttributeTypeAndValue");
  const oid = oidOf(fields.take("attribute type"));
  const value = fields.take("attribute value");
  fields.end();
  return { oid, value: characterString(value), tag: value.tag, raw: value.raw };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf16 = new TextDecoder("utf-16be", { fatal: true, ignoreBOM: true });

/** Text of a DirectoryString or IA5String, or undefined for a value of another type. */
function characterString(element: DerElement): string | undefined {
  const { tag, content, at } = element;
  switch (tag) {
    case TAG.utf8String:
      return utf8.decode(content);
    case TAG.printableString:
    case TAG.ia5String:
    case TAG.numericString:
    case TAG.visibleString:
      return latin1(content);
    // T.61 is in practice Latin-1; names in it are compared as bytes, so a wrong guess here grants nothing.
    case TAG.teletexString:
      return latin1(content);
    case TAG.bmpString:
      try {
        return utf16.decode(content);
      } catch (cause) {
        throw new DecodeError("value", "BMPString is not UTF-16", at, { cause });
      }
    default:
      return undefined;
  }
}

function textOf(rdns: DistinguishedName["rdns"]): string {
  return [...rdns]
    .reverse()
    .map((rdn) => rdn.map(attributeText).join("+"))
    .join(",");
}

function attributeText({ oid, value, raw }: NameAttribute): string {
  const type = NAME_ATTRIBUTES.find((each) => each.oid === oid);
  // RFC 4514, section 2.4: a type without a short name is followed by the value's BER in hex.
  return type && value !== undefined ? `${type.short}=${escaped(value)}` : `${oid}=#${toHex(raw)}`;
}

function escaped(value: string): string {
  return value
    .replace(/[\\"+,;<>]|^[ #]| $/g, (character) => `\\${character}`)
    .replace(/[\p{Cc}\p{Bidi_Control}]/gu, hexEscaped);
}

/** Control characters and those that reorder text would let a name lie in a terminal or a log. */
function hexEscaped(character: string): string {
  return [...new TextEncoder().encode(character)].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
}

function canonicalOf(rdns: DistinguishedName["rdns"]): string {
  return JSON.stringify(rdns.map((rdn) => rdn.map(canonicalAttribute).sort()));
}

function canonicalAttribute({ oid, value, tag, raw }: NameAttribute): string {
  const isFolded =
    tag === TAG.utf8String || tag === TAG.printableString || (tag === TAG.ia5String && IA5_TYPES.has(oid));
  if (!isFolded || value === undefined) return `${oid}=#${toHex(raw)}`;
  // The preparation of RFC 4518, section 2, as far as it decides equality: case, compatibility forms, inner space.
  return `${oid}=${value.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim()}`;
}

/** Types whose IA5String values compare without case. RFC 5280, section 7.3 and 7.5 */
const IA5_TYPES: ReadonlySet<string> = new Set(
  NAME_ATTRIBUTES.filter(({ short }) => short === "DC" || short === "emailAddress").map(({ oid }) => oid),
);
