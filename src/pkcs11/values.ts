import { DecodeError, type Codec, type Reader, type Writer } from "../codec/index.ts";

/** Bytes of an `ay`, or only how many there would be: a NULL pointer with a length. */
export type Bytes = Uint8Array | Needed;

/** Numbers of an `au`, or only how many there would be. */
export type Numbers = readonly bigint[] | Needed;

/** The length of what was not sent. */
export type Needed = { readonly needed: number };

/** How much room a caller has for a result; undefined where it asks for the length alone. */
export type Room = number | undefined;

/** CK_VERSION. */
export type Version = { readonly major: number; readonly minor: number };

/** Bounds on what one message may count; each is far above what a legitimate program sends. */
export const VALUE_LIMITS = { numbers: 4096, attributes: 256, depth: 8 } as const;

const NULL_ARRAY = 0xffff_ffff;

/** `y`: CK_BYTE and CK_BBOOL. */
export const byte: Codec<number> = { write: (w, v) => void w.u8(v), read: (r) => r.u8() };

/** `u`: CK_ULONG in 64 bits. */
export const ulong: Codec<bigint> = { write: (w, v) => void w.u64(v), read: (r) => r.u64() };

/** `v`: CK_VERSION. */
export const version: Codec<Version> = {
  write: (w, v) => void w.u8(v.major).u8(v.minor),
  read: (r) => ({ major: r.u8(), minor: r.u8() }),
};

/** Bytes behind their length, undefined where the length says NULL. */
export const byteArray: Codec<Uint8Array | undefined> = {
  write(w, v) {
    if (v) w.prefixed(4, (inner) => void inner.bytes(v));
    else w.u32(NULL_ARRAY);
  },
  read(r) {
    const length = r.u32();
    return length === NULL_ARRAY ? undefined : r.bytes(length);
  },
};

/** `z`: text whose NUL does not cross the wire, undefined for a NULL pointer. */
export const zeroString: Codec<string | undefined> = {
  write(w, v) {
    if (v === undefined) w.u32(NULL_ARRAY);
    else w.prefixed(4, (inner) => void inner.utf8(v));
  },
  read(r) {
    const length = r.u32();
    return length === NULL_ARRAY ? undefined : r.utf8(length);
  },
};

/** `s`: text in a field of fixed size, padded with spaces; longer text is cut between characters. */
export function spaceString(width: number): Codec<string> {
  return {
    write(w, v) {
      const field = new Uint8Array(width).fill(0x20);
      new TextEncoder().encodeInto(v, field);
      w.u32(width).bytes(field);
    },
    read(r) {
      const at = r.at;
      const length = r.u32();
      if (length !== width) throw new DecodeError("length", `text of ${length} bytes where ${width} belong`, at);
      return r.utf8(width).trimEnd();
    },
  };
}

/** `ay`: one byte that says whether bytes follow, or only their length. */
export const bytes: Codec<Bytes> = {
  write(w, v) {
    if ("needed" in v) w.u8(0).u32(v.needed);
    else w.u8(1).prefixed(4, (inner) => void inner.bytes(v));
  },
  read(r) {
    if (!validity(r)) return { needed: r.u32() };
    // A NULL pointer with no length, as programs give for no data: so says p11-kit from 0.25 on.
    return byteArray.read(r) ?? { needed: 0 };
  },
};

/** `au`: one byte that says whether numbers follow, then how many. */
export const numbers: Codec<Numbers> = {
  write(w, v) {
    if ("needed" in v) w.u8(0).u32(v.needed);
    else {
      w.u8(1).u32(v.length);
      for (const each of v) w.u64(each);
    }
  },
  read(r) {
    const isValid = validity(r);
    if (!isValid) return { needed: r.u32() };
    return readCounted(r, VALUE_LIMITS.numbers, 8, (each) => each.u64());
  },
};

/** `fy`: room for bytes. 0 asks for the length; FFFFFFFF is a buffer of no length, as p11-kit 0.25 sends it. */
export const byteRoom: Codec<Room> = {
  write: (w, v) => void w.u32(v === undefined ? 0 : v === 0 ? NULL_ARRAY : v),
  read(r) {
    const room = r.u32();
    if (room === 0) return undefined;
    return room === NULL_ARRAY ? 0 : room;
  },
};

/** `fu`: room for numbers, by count; read as `fy` is. */
export const numberRoom: Codec<Room> = byteRoom;

/** `P`: a mechanism parameter that the token changed; only vendor mechanisms have any. */
export const parameterUpdate: Codec<"none" | "unchanged"> = {
  write: (w, v) => void w.u8(v === "none" ? 0 : 1),
  read: (r) => (validity(r) ? "unchanged" : "none"),
};

/** Reads a count within `max` and so many items of at least `itemBytes` bytes each. */
export function readCounted<T>(reader: Reader, max: number, itemBytes: number, item: (reader: Reader) => T): T[] {
  const at = reader.at;
  const count = reader.u32();
  if (count > max) throw new DecodeError("length", `${count} items, over ${max}`, at);
  if (count * itemBytes > reader.remaining) throw new DecodeError("truncated", `${count} items do not fit`, at);
  return Array.from({ length: count }, () => item(reader));
}

/** Writes a count and the items. */
export function writeCounted<T>(writer: Writer, items: readonly T[], item: (writer: Writer, value: T) => void): void {
  writer.u32(items.length);
  for (const each of items) item(writer, each);
}

/** A byte that must be 0 or 1. */
export function validity(reader: Reader): boolean {
  const at = reader.at;
  const value = reader.u8();
  if (value > 1) throw new DecodeError("value", `0x${value.toString(16)} where 0 or 1 belongs`, at);
  return value === 1;
}
