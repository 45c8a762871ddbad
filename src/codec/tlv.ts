import { DecodeError } from "./errors.ts";
import type { Reader } from "./reader.ts";
import type { Codec } from "./struct.ts";

/** One tagged field: its one-byte tag, the form of its value, and how its length is written. */
export type TlvField<T, Optional extends boolean = boolean> = {
  readonly tag: number;
  readonly value: Codec<T>;
  readonly optional: Optional;
  readonly lengthForm: "shortest" | "two-byte";
};

type Shape = Readonly<Record<string, TlvField<unknown>>>;
type Content<Field> = Field extends TlvField<infer T> ? T : never;
type Flat<T> = { readonly [K in keyof T]: T[K] };

/** The record that the fields of a `tlvStruct` make; optional fields may be absent. */
export type TlvRecord<Fields extends Shape> = Flat<
  { [K in keyof Fields as Fields[K] extends TlvField<unknown, true> ? never : K]: Content<Fields[K]> } & {
    [K in keyof Fields as Fields[K] extends TlvField<unknown, true> ? K : never]?: Content<Fields[K]> | undefined;
  }
>;

/** A field that must be there. Its length is written in the shortest form. */
export function tagged<T>(tag: number, value: Codec<T>): TlvField<T, false> {
  return { tag, value, optional: false, lengthForm: "shortest" };
}

/** A field that may be absent. */
export function optionalTag<T>(tag: number, value: Codec<T>): TlvField<T, true> {
  return { tag, value, optional: true, lengthForm: "shortest" };
}

/** The same field with its length always written as `82 hh ll`, as some silicon does. */
export function longLength<T, Optional extends boolean>(field: TlvField<T, Optional>): TlvField<T, Optional> {
  return { ...field, lengthForm: "two-byte" };
}

/**
 * Tag-length-value fields with one-byte tags, as one record. Written in the order of the keys; read in any order, each
 * tag at most once. Lengths of up to 65535 in any of the forms `ll`, `81 ll` and `82 hh ll`, minimal or not, since
 * chips write short values with long forms. Throws `DecodeError` for unknown, repeated and missing tags.
 * ISO/IEC 7816-4, section 5.2.2
 */
export function tlvStruct<Fields extends Shape>(fields: Fields): Codec<TlvRecord<Fields>> {
  const entries = Object.entries(fields);
  const byTag = new Map(entries.map(([name, field]) => [field.tag, { name, field }]));
  return {
    write(w, record) {
      const values = record as Readonly<Record<string, unknown>>;
      for (const [name, field] of entries) {
        const value = values[name];
        if (value === undefined && field.optional) continue;
        w.u8(field.tag);
        w.headed((body) => field.value.write(body, value), LENGTH_HEADS[field.lengthForm]);
      }
    },
    read(r) {
      const record: Record<string, unknown> = {};
      while (r.remaining > 0) {
        const at = r.at;
        const tag = r.u8();
        const known = byTag.get(tag);
        if (!known || known.name in record) {
          throw new DecodeError("value", `tag 0x${tag.toString(16)} ${known ? "twice" : "is not known here"}`, at);
        }
        record[known.name] = valueOf(known.field, r.sub(readTlvLength(r)));
      }
      for (const [name, { tag, optional }] of entries) {
        if (!optional && !(name in record)) {
          throw new DecodeError("truncated", `tag 0x${tag.toString(16)} is missing`, r.at);
        }
      }
      return record as TlvRecord<Fields>;
    },
  };
}

/** A length in one of the forms `ll`, `81 ll` and `82 hh ll`. Throws `DecodeError` `length` for any other. */
export function readTlvLength(reader: Reader): number {
  const at = reader.at;
  const first = reader.u8();
  if (first < 0x80) return first;
  if (first === 0x81) return reader.u8();
  if (first === 0x82) return reader.u16();
  throw new DecodeError("length", `length form 0x${first.toString(16)}`, at);
}

/** Lengths as one number each: `82 hh ll` is 0x82hhll. */
const LENGTH_HEADS: Readonly<Record<TlvField<unknown>["lengthForm"], (length: number) => number>> = {
  shortest: (length) => (length <= 0x7f ? length : length <= 0xff ? 0x8100 | length : twoByteHead(length)),
  "two-byte": (length) => twoByteHead(length),
};

function twoByteHead(length: number): number {
  if (length > 0xffff) throw new DecodeError("length", `${length} bytes in a field of at most 65535`, 0);
  return 0x820000 | length;
}

function valueOf(field: TlvField<unknown>, region: Reader): unknown {
  try {
    const value = field.value.read(region);
    region.end();
    return value;
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new DecodeError(cause.code, `in tag 0x${field.tag.toString(16)}: ${cause.message}`, cause.at, { cause });
  }
}
