import { DecodeError, type Codec } from "../codec/index.ts";

/** Named fields of a command or an answer. */
export type Fields = Readonly<Record<string, unknown>>;

/** No fields at all. */
// oxlint-disable-next-line typescript/no-generated-empty-object-type -- it is the neutral element of joining fields
export type NoFields = Readonly<Record<never, never>>;

/** A region without bytes. */
export const noFields: Codec<NoFields> = { write: () => undefined, read: () => ({}) };

/** A byte whose value means nothing: written as 0, ignored when read. */
export const unusedByte: Codec<NoFields> = { write: (w) => void w.u8(0), read: (r) => (r.u8(), {}) };

/** Groups of fields one behind the other, as one flat record. */
export function joined<A extends Fields, B extends Fields>(a: Codec<A>, b: Codec<B>): Codec<A & B>;
export function joined<A extends Fields, B extends Fields, C extends Fields>(
  a: Codec<A>,
  b: Codec<B>,
  c: Codec<C>,
): Codec<A & B & C>;
export function joined<A extends Fields, B extends Fields, C extends Fields, D extends Fields>(
  a: Codec<A>,
  b: Codec<B>,
  c: Codec<C>,
  d: Codec<D>,
): Codec<A & B & C & D>;
export function joined(...groups: readonly Codec<Fields>[]): Codec<Fields> {
  return {
    write: (w, value) => groups.forEach((group) => group.write(w, value)),
    read: (r) => Object.assign({}, ...groups.map((group) => group.read(r))) as Fields,
  };
}

/** Two numbers of four bits in one byte, the high one first. */
export function nibbles<High extends string, Low extends string>(
  high: High,
  low: Low,
): Codec<Readonly<Record<High | Low, number>>> {
  return {
    write(w, value) {
      for (const name of [high, low]) {
        if (value[name] > 0x0f) throw new DecodeError("length", `${name} ${value[name]} needs over 4 bits`, w.length);
      }
      w.u8((value[high] << 4) | value[low]);
    },
    read(r) {
      const byte = r.u8();
      return { [high]: byte >> 4, [low]: byte & 0x0f } as Readonly<Record<High | Low, number>>;
    },
  };
}

/** Everything but the last `count` bytes of the region. */
export function allButLast(count: number): Codec<Uint8Array> {
  return {
    write: (w, value) => void w.bytes(value),
    read: (r) => r.bytes(Math.max(0, r.remaining - count)),
  };
}

/** Everything up to the end of the region, within bounds. */
export function bounded({ min = 0, max }: { readonly min?: number; readonly max: number }): Codec<Uint8Array> {
  const check = (length: number, at: number) => {
    if (length < min || length > max) throw new DecodeError("length", `${length} bytes, not within ${min}..${max}`, at);
  };
  return {
    write: (w, value) => (check(value.length, w.length), void w.bytes(value)),
    read: (r) => (check(r.remaining, r.at), r.rest()),
  };
}
