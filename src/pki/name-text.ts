import { AttributeTypeAndValue, AttributeValue, Name, RelativeDistinguishedName } from "@peculiar/asn1-x509";

import { UsageError } from "../codec/index.ts";
import { compareBytes, parseDer } from "./der.ts";
import { derOf } from "./der-write.ts";
import type { PkiErrorCode } from "./errors.ts";
import { nameOf, type DistinguishedName } from "./name.ts";
import { NAME_ATTRIBUTES } from "./oids.ts";

type Attribute = { readonly oid: string; readonly value: string };

/**
 * A name from text: `CN=device-1,O=Example` with the last relative name first, or `/O=Example/CN=device-1` as OpenSSL
 * writes its `-subj`. Throws `UsageError` `invalid-name`. RFC 4514, section 3
 */
export function nameFromText(text: string): DistinguishedName {
  const rdns = text.startsWith("/")
    ? slashed(text)
    : split(text, ",")
        .map((part) => relative(part))
        .reverse();
  return encodeName(rdns);
}

/** A name from pairs of attribute type and value, one relative name each, in the order of the DER. */
export function nameFromAttributes(attributes: readonly (readonly [type: string, value: string])[]): DistinguishedName {
  return encodeName(attributes.map(([type, value]) => [{ oid: oidOfType(type), value }]));
}

function encodeName(rdns: readonly (readonly Attribute[])[]): DistinguishedName {
  const name = new Name(
    rdns.map(
      (rdn) =>
        new RelativeDistinguishedName(rdn.map(attributeStructure).sort((a, b) => compareBytes(derOf(a), derOf(b)))),
    ),
  );
  try {
    return nameOf(parseDer(derOf(name)));
  } catch (cause) {
    throw new UsageError<PkiErrorCode>("invalid-name", "name cannot be encoded", { cause });
  }
}

function attributeStructure({ oid, value }: Attribute): AttributeTypeAndValue {
  return new AttributeTypeAndValue({ type: oid, value: valueFor(oid, value) });
}

/** RFC 5280, appendix A.1: country, serialNumber and dnQualifier are PrintableString; DC and emailAddress IA5String. */
function valueFor(oid: string, value: string): AttributeValue {
  const type = NAME_ATTRIBUTES.find((each) => each.oid === oid);
  switch (type?.short) {
    case "C":
    case "serialNumber":
    case "dnQualifier":
      return new AttributeValue({ printableString: value });
    case "DC":
    case "emailAddress":
      return new AttributeValue({ ia5String: value });
    default:
      return new AttributeValue({ utf8String: value });
  }
}

function oidOfType(type: string): string {
  const wanted = type.trim().toLowerCase();
  const known = NAME_ATTRIBUTES.find(
    (each) => each.short.toLowerCase() === wanted || each.long.toLowerCase() === wanted,
  );
  if (known) return known.oid;
  if (/^[0-2](\.\d+)+$/.test(wanted)) return wanted;
  throw new UsageError<PkiErrorCode>("invalid-name", `unknown attribute type ${JSON.stringify(type)}`);
}

function relative(part: string): Attribute[] {
  return split(part, "+").map((pair) => {
    const equals = pair.indexOf("=");
    if (equals < 0) throw new UsageError<PkiErrorCode>("invalid-name", `no = in ${JSON.stringify(pair)}`);
    return { oid: oidOfType(pair.slice(0, equals)), value: unescaped(pair.slice(equals + 1)) };
  });
}

function slashed(text: string): Attribute[][] {
  // A slash that no TYPE= follows belongs to the value, as in CN=a/b.
  return text
    .slice(1)
    .split(/\/(?=[\w.]+=)/)
    .map((pair) => {
      const equals = pair.indexOf("=");
      if (equals < 0) throw new UsageError<PkiErrorCode>("invalid-name", `no = in ${JSON.stringify(pair)}`);
      return [{ oid: oidOfType(pair.slice(0, equals)), value: pair.slice(equals + 1).replace(/\\(.)/g, "$1") }];
    });
}

/** Splits at a separator that no backslash precedes. */
function split(text: string, separator: string): string[] {
  const parts = [""];
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === separator) parts.push("");
    else if (character === "\\") parts[parts.length - 1] += character + text.charAt(++i);
    else parts[parts.length - 1] += character;
  }
  return text === "" ? [] : parts;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function unescaped(value: string): string {
  if (/^ *#/.test(value)) throw new UsageError<PkiErrorCode>("invalid-name", "values in hex are not accepted");
  const tokens = value.match(/(?:\\[0-9a-fA-F]{2})+|\\.|[^\\]|\\$/gsu) ?? [];
  // Only spaces that are not escaped may surround a value.
  const from = tokens.findIndex((token) => token !== " ");
  const to = tokens.findLastIndex((token) => token !== " ");
  return from < 0
    ? ""
    : tokens
        .slice(from, to + 1)
        .map(unescapedToken)
        .join("");
}

function unescapedToken(token: string): string {
  if (!token.startsWith("\\")) return token;
  if (token === "\\") throw new UsageError<PkiErrorCode>("invalid-name", "a backslash escapes nothing");
  if (!/^\\[0-9a-fA-F]{2}/.test(token)) return token.slice(1);
  const bytes = Uint8Array.from(token.split("\\").slice(1), (digits) => Number.parseInt(digits, 16));
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new UsageError<PkiErrorCode>("invalid-name", `${token} is not UTF-8`, { cause });
  }
}
