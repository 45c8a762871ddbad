import { DecodeError, type Json, concat, utf8Bytes } from "../../codec/index.ts";

/** How deep values may nest. */
const MAX_DEPTH = 16;

const UNSIGNED = 0;
const NEGATIVE = 1;
const TEXT = 3;
const LIST = 4;
const MAP = 5;
const SIMPLE = { false: 20, true: 21, null: 22, half: 25, float: 26, double: 27 } as const;

/** A JSON value in CBOR, lengths definite and shortest. RFC 8949, section 4.2.1 */
export function encodeCbor(value: Json): Uint8Array {
  if (value === null) return Uint8Array.of(0xe0 | SIMPLE.null);
  if (typeof value === "boolean") return Uint8Array.of(0xe0 | (value ? SIMPLE.true : SIMPLE.false));
  if (typeof value === "string") {
    const bytes = utf8Bytes(value);
    return concat(head(TEXT, bytes.length), bytes);
  }
  if (typeof value === "number") return number(value);
  if (Array.isArray(value)) return concat(head(LIST, value.length), ...value.map((each) => encodeCbor(each as Json)));
  const entries = Object.entries(value);
  return concat(head(MAP, entries.length), ...entries.flatMap(([key, each]) => [encodeCbor(key), encodeCbor(each)]));
}

/**
 * The JSON value of a CBOR item: texts, numbers, truth values, null, lists, and maps with texts as keys. Throws
 * `DecodeError` for anything else, what is left over included. RFC 8949, section 3
 */
export function decodeCbor(bytes: Uint8Array): Json {
  const reader = new ItemReader(bytes);
  const value = reader.item(0);
  reader.end();
  return value;
}

class ItemReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  item(depth: number): Json {
    if (depth > MAX_DEPTH) throw new DecodeError("value", `CBOR nests deeper than ${MAX_DEPTH}`, this.#at);
    const at = this.#at;
    const initial = this.#byte();
    const [type, info] = [initial >> 5, initial & 31];
    if (type === 7) return this.#simple(info, at);
    const argument = this.#argument(info, at);
    if (type === UNSIGNED) return argument;
    if (type === NEGATIVE) return -1 - argument;
    if (type === TEXT) return this.#text(argument);
    if (type === LIST) return Array.from({ length: this.#count(argument) }, () => this.item(depth + 1));
    if (type === MAP) return this.#map(this.#count(argument), depth);
    throw new DecodeError("value", `CBOR type ${type} has no JSON value`, at);
  }

  end(): void {
    if (this.#at < this.#bytes.length) throw new DecodeError("trailing", "bytes after the CBOR item", this.#at);
  }

  #map(count: number, depth: number): Json {
    const entries = new Map<string, Json>();
    for (let i = 0; i < count; i++) {
      const at = this.#at;
      const key = this.item(depth + 1);
      if (typeof key !== "string" || entries.has(key)) throw new DecodeError("value", "CBOR map key", at);
      entries.set(key, this.item(depth + 1));
    }
    return Object.fromEntries(entries);
  }

  #simple(info: number, at: number): Json {
    if (info === SIMPLE.false || info === SIMPLE.true) return info === SIMPLE.true;
    if (info === SIMPLE.null) return null;
    const size = { [SIMPLE.float]: 4, [SIMPLE.double]: 8 }[info];
    if (size === undefined) throw new DecodeError("value", `CBOR simple value ${info} has no JSON value`, at);
    const from = this.#take(size);
    const value = size === 4 ? this.#view.getFloat32(from) : this.#view.getFloat64(from);
    if (!Number.isFinite(value)) throw new DecodeError("value", "CBOR number is not finite", at);
    return value;
  }

  #argument(info: number, at: number): number {
    if (info < 24) return info;
    const size = { 24: 1, 25: 2, 26: 4, 27: 8 }[info];
    if (size === undefined) throw new DecodeError("value", "CBOR length is indefinite or reserved", at);
    const from = this.#take(size);
    if (size === 1) return this.#view.getUint8(from);
    if (size === 2) return this.#view.getUint16(from);
    if (size === 4) return this.#view.getUint32(from);
    const value = Number(this.#view.getBigUint64(from));
    if (!Number.isSafeInteger(value)) throw new DecodeError("value", "CBOR number is too large", at);
    return value;
  }

  #text(length: number): string {
    const from = this.#take(length);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
        this.#bytes.subarray(from, from + length),
      );
    } catch {
      throw new DecodeError("value", "CBOR text is not UTF-8", from);
    }
  }

  /** Every element has a byte at least. */
  #count(count: number): number {
    const left = this.#bytes.length - this.#at;
    if (count > left) throw new DecodeError("truncated", `CBOR announces ${count} elements in ${left} bytes`, this.#at);
    return count;
  }

  #byte(): number {
    return this.#view.getUint8(this.#take(1));
  }

  #take(count: number): number {
    const from = this.#at;
    const left = this.#bytes.length - from;
    if (count > left) throw new DecodeError("truncated", `need ${count} bytes, have ${left}`, from);
    this.#at += count;
    return from;
  }
}

function head(type: number, argument: number): Uint8Array {
  const first = type << 5;
  if (argument < 24) return Uint8Array.of(first | argument);
  if (argument < 0x100) return Uint8Array.of(first | 24, argument);
  if (argument < 0x1_0000) return Uint8Array.of(first | 25, argument >> 8, argument & 0xff);
  const bytes = new Uint8Array(argument < 0x1_0000_0000 ? 5 : 9);
  const view = new DataView(bytes.buffer);
  bytes[0] = first | (bytes.length === 5 ? 26 : 27);
  if (bytes.length === 5) view.setUint32(1, argument);
  else view.setBigUint64(1, BigInt(argument));
  return bytes;
}

function number(value: number): Uint8Array {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
    return value < 0 ? head(NEGATIVE, -1 - value) : head(UNSIGNED, value);
  }
  const bytes = new Uint8Array(9);
  bytes[0] = 0xe0 | SIMPLE.double;
  new DataView(bytes.buffer).setFloat64(1, value);
  return bytes;
}
