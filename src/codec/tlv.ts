import { DecodeError } from "./errors.ts";
import type { Reader } from "./reader.ts";
import { decode, encode, type Codec } from "./struct.ts";
import type { Writer } from "./writer.ts";

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
        const bytes = encode(field.value, value);
        w.u8(field.tag);
        writeLength(w, bytes.length, field.lengthForm);
        w.bytes(bytes);
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

function writeLength(writer: Writer, length: number, form: TlvField<unknown>["lengthForm"]): void {
  if (form === "two-byte" || length > 0xff) writer.u8(0x82).u16(length);
  else if (length > 0x7f) writer.u8(0x81).u8(length);
  else writer.u8(length);
}

function valueOf(field: TlvField<unknown>, region: Reader): unknown {
  const at = region.at;
  try {
    return decode(field.value, region.rest());
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    // The value was read from a region of its own: the offset is counted from there.
    throw new DecodeError(cause.code, `in tag 0x${field.tag.toString(16)}: ${cause.message}`, at + cause.at, { cause });
  }
}
