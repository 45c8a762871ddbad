import { DecodeError } from "./errors.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** A value's form on the wire: `read(write(value))` gives the value back. */
export type Codec<T> = {
  write(writer: Writer, value: T): void;
  read(reader: Reader): T;
};

/** The value type of a codec. */
export type ValueOf<C> = C extends Codec<infer T> ? T : never;

/** Decodes exactly one value: bytes left over throw `trailing`. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const reader = new Reader(bytes);
  const value = codec.read(reader);
  reader.end();
  return value;
}

/** Encodes one value. */
export function encode<T>(codec: Codec<T> | Pick<Codec<T>, "write">, value: T): Uint8Array {
  // One that failed half-way is not used again.
  const writer = SPARE.pop() ?? new Writer(SPARE_BYTES);
  codec.write(writer, value);
  const bytes = writer.take();
  if (writer.capacity <= MAX_SPARE_BYTES) SPARE.push(writer);
  return bytes;
}

/** Writers at rest, as many as values were ever written inside each other: room for one costs more than most values. */
const SPARE: Writer[] = [];
const SPARE_BYTES = 512;
const MAX_SPARE_BYTES = 16_384;

export const u8: Codec<number> = { write: (w, v) => void w.u8(v), read: (r) => r.u8() };
export const u16: Codec<number> = { write: (w, v) => void w.u16(v), read: (r) => r.u16() };
export const u24: Codec<number> = { write: (w, v) => void w.u24(v), read: (r) => r.u24() };
export const u32: Codec<number> = { write: (w, v) => void w.u32(v), read: (r) => r.u32() };
export const u64: Codec<bigint> = { write: (w, v) => void w.u64(v), read: (r) => r.u64() };

/** Everything up to the end of the region. */
export const rest: Codec<Uint8Array> = { write: (w, v) => void w.bytes(v), read: (r) => r.rest() };

/** Nothing at all. */
export const empty: Codec<undefined> = { write: () => undefined, read: () => undefined };

/** Exactly `length` bytes. */
export function fixed(length: number): Codec<Uint8Array> {
  return {
    write(w, v) {
      if (v.length !== length) throw new DecodeError("length", `${v.length} bytes where ${length} belong`, w.length);
      w.bytes(v);
    },
    read: (r) => r.bytes(length),
  };
}

/** Bytes behind their length, as `opaque<min..max>` of RFC 8446, section 3.4. */
export function opaque(size: 1 | 2 | 3, limits: { min?: number; max?: number } = {}): Codec<Uint8Array> {
  const { min = 0, max = 2 ** (8 * size) - 1 } = limits;
  return {
    write(w, v) {
      if (v.length < min || v.length > max) {
        throw new DecodeError("length", `${v.length} bytes are not within ${min}..${max}`, w.length);
      }
      w.prefixed(size, (inner) => inner.bytes(v));
    },
    read: (r) => r.prefixed(size, (inner) => inner.rest(), { min, max }),
  };
}

/** Items behind their total length in bytes, as `T list<min..max>` of RFC 8446, section 3.4. */
export function vector<T>(
  size: 1 | 2 | 3,
  item: Codec<T>,
  limits: { min?: number; max?: number } = {},
): Codec<readonly T[]> {
  return {
    write: (w, v) => void w.prefixed(size, (inner) => v.forEach((each) => item.write(inner, each))),
    read: (r) =>
      r.prefixed(
        size,
        (inner) => {
          const items: T[] = [];
          while (inner.remaining > 0) items.push(item.read(inner));
          return items;
        },
        limits,
      ),
  };
}

/** A field that must hold exactly this value. */
export function literal<const N extends number>(inner: Codec<number>, expected: N): Codec<N> {
  return {
    write: (w) => inner.write(w, expected),
    read(r) {
      const at = r.at;
      const value = inner.read(r);
      if (value !== expected)
        throw new DecodeError("value", `0x${value.toString(16)} where 0x${expected.toString(16)} belongs`, at);
      return expected;
    },
  };
}

/** Fields one behind the other, in the order of the keys. */
export function struct<Fields extends Record<string, unknown>>(fields: {
  readonly [K in keyof Fields]: Codec<Fields[K]>;
}): Codec<Fields> {
  const entries = Object.entries(fields) as [keyof Fields & string, Codec<unknown>][];
  return {
    write(w, v) {
      for (const [name, codec] of entries) codec.write(w, v[name]);
    },
    read(r) {
      const value: Partial<Record<keyof Fields & string, unknown>> = {};
      for (const [name, codec] of entries) value[name] = codec.read(r);
      return value as Fields;
    },
  };
}
