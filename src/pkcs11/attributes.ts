import { DecodeError, type Codec, Reader, type Writer } from "../codec/index.ts";
import { type AttributeKind, attributeKind } from "./attribute-kinds.ts";
import { byteArray, readCounted, type Room, validity, VALUE_LIMITS, writeCounted } from "./values.ts";

/** What an attribute holds, by the kind of its type: CK_BBOOL, CK_ULONG, bytes, mechanisms, or attributes. */
export type AttributeValue = number | bigint | Uint8Array | readonly bigint[] | readonly Attribute[];

/** An attribute with its value, with only its value's length, or without either: CK_UNAVAILABLE_INFORMATION. */
export type Attribute =
  | { readonly type: number; readonly state: "value"; readonly value: AttributeValue }
  | { readonly type: number; readonly state: "length"; readonly length: number }
  | { readonly type: number; readonly state: "absent" };

/** An attribute that a caller asks for, and the room that it has for the value. */
export type AttributeQuery = { readonly type: number; readonly room: Room };

/** sizeof(CK_ATTRIBUTE) on the 64-bit machines that p11-kit's lengths are counted for. */
const CK_ATTRIBUTE_BYTES = 24;

/**
 * `A`: type u32, one byte that says whether there is a value, the value's length as the caller's ulValueLen, the
 * value. The length is that of the value in memory, never that of its form on the wire. p11-kit RPC, attributes
 */
export const attribute: Codec<Attribute> = { write: writeAttribute, read: (r) => readAttribute(r, 0) };

/** `aA`: a template. */
export const attributes: Codec<readonly Attribute[]> = {
  write: (w, v) => writeCounted(w, v, writeAttribute),
  read: (r) => readAttributes(r, 0),
};

/** Whether the rooms of a template's own attributes follow it: never, always, or where the template has room. */
type Nesting = "never" | "always" | "with room";

/**
 * By protocol version, the likeliest first. Debian's 0.24.1 never nests, 0.25.5 always, and 0.26.5 where there is room;
 * 0.25.3 still announced version 1 and did not nest. The list ends its message, so a wrong guess leaves bytes over.
 */
const NESTINGS: readonly (readonly [Nesting, Nesting?])[] = [["never"], ["always", "never"]];
const NEWEST_NESTING: readonly [Nesting, Nesting?] = ["with room", "always"];

/**
 * `fA`: the attributes that a caller of this version asks for, up to the end of the message. Rooms within templates are
 * read over: no object here has one.
 */
export function attributeQueries(clientVersion: number): Codec<readonly AttributeQuery[]> {
  const [likeliest, other] = NESTINGS[clientVersion] ?? NEWEST_NESTING;
  return {
    write: (w, v) => writeCounted(w, v, (writer, query) => writeQuery(writer, query, likeliest === "always")),
    read(r) {
      const [at, list] = [r.at, r.rest()];
      const first = attempt(new Reader(list, at), likeliest);
      if (!(first instanceof DecodeError)) return first;
      const second = other === undefined ? first : attempt(new Reader(list, at), other);
      if (second instanceof DecodeError) throw first;
      return second;
    },
  };
}

/** The ulValueLen of a value. */
export function valueLength(value: AttributeValue): number {
  if (typeof value === "number") return 1;
  if (typeof value === "bigint") return 8;
  if (value instanceof Uint8Array) return value.length;
  return isNumbers(value) ? 8 * value.length : CK_ATTRIBUTE_BYTES * value.length;
}

function writeAttribute(w: Writer, attribute: Attribute): void {
  w.u32(attribute.type);
  if (attribute.state === "absent") w.u8(0);
  else if (attribute.state === "length") w.u8(1).u32(attribute.length).u32(0xffff_ffff);
  else {
    w.u8(1).u32(valueLength(attribute.value));
    writeValue(w, attributeKind(attribute.type), attribute.value);
  }
}

function writeValue(w: Writer, kind: AttributeKind, value: AttributeValue): void {
  if (kind === "byte" && typeof value === "number") w.u8(value);
  else if (kind === "ulong" && typeof value === "bigint") w.u64(value);
  else if (value instanceof Uint8Array && (kind === "bytes" || kind === "date")) byteArray.write(w, value);
  else if (kind === "mechanisms" && isNumbers(value)) writeCounted(w, value, (writer, each) => void writer.u64(each));
  else if (kind === "attributes" && Array.isArray(value)) {
    writeCounted(w, value as readonly Attribute[], writeAttribute);
  } else throw new DecodeError("value", `a value of the wrong kind for ${kind}`, w.length);
}

function readAttributes(r: Reader, depth: number): readonly Attribute[] {
  return readCounted(r, VALUE_LIMITS.attributes, 5, (each) => readAttribute(each, depth));
}

function readAttribute(r: Reader, depth: number): Attribute {
  const type = r.u32();
  if (!validity(r)) return { type, state: "absent" };
  const at = r.at;
  const length = r.u32();
  const value = readValue(r, attributeKind(type), depth);
  if (value === undefined) return { type, state: "length", length };
  if (valueLength(value) !== length) {
    throw new DecodeError("length", `a value of ${valueLength(value)} bytes whose length says ${length}`, at);
  }
  return { type, state: "value", value };
}

function readValue(r: Reader, kind: AttributeKind, depth: number): AttributeValue | undefined {
  if (kind === "byte") return r.u8();
  if (kind === "ulong") return r.u64();
  if (kind === "mechanisms") return readCounted(r, VALUE_LIMITS.numbers, 8, (each) => each.u64());
  if (kind === "attributes") {
    deeper(r, depth);
    return readAttributes(r, depth + 1);
  }
  const at = r.at;
  const value = byteArray.read(r);
  if (kind === "date" && value && value.length !== 0 && value.length !== 8) {
    throw new DecodeError("length", `a date of ${value.length} bytes`, at);
  }
  return value;
}

function writeQuery(w: Writer, { type, room = 0 }: AttributeQuery, nestsAlways: boolean): void {
  w.u32(type).u32(room);
  if (nestsAlways && attributeKind(type) === "attributes") w.u32(0);
}

function attempt(r: Reader, nesting: Nesting): AttributeQuery[] | DecodeError {
  try {
    const queries = readQueries(r, nesting, 0);
    r.end();
    return queries;
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
}

function readQueries(r: Reader, nesting: Nesting, depth: number): AttributeQuery[] {
  return readCounted(r, VALUE_LIMITS.attributes, 8, (each) => {
    const type = each.u32();
    const room = each.u32();
    const nests = nesting === "always" || (nesting === "with room" && room !== 0);
    if (nests && attributeKind(type) === "attributes") {
      deeper(each, depth);
      readQueries(each, nesting, depth + 1);
    }
    return { type, room: room === 0 ? undefined : room };
  });
}

function deeper(r: Reader, depth: number): void {
  if (depth >= VALUE_LIMITS.depth) throw new DecodeError("depth", `templates nested over ${VALUE_LIMITS.depth}`, r.at);
}

function isNumbers(value: AttributeValue): value is readonly bigint[] {
  return Array.isArray(value) && value.every((each) => typeof each === "bigint");
}
