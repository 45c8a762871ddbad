import type { Codec, Reader, Writer } from "../codec/index.ts";
import { type Attribute, attributeQueries, attributes, type AttributeQuery } from "./attributes.ts";
import { type Mechanism, mechanismCodec } from "./mechanisms.ts";
import {
  byte,
  byteRoom,
  bytes,
  type Bytes,
  numberRoom,
  numbers,
  type Numbers,
  parameterUpdate,
  type Room,
  spaceString,
  ulong,
  version,
  type Version,
  zeroString,
} from "./values.ts";

/** What stands behind each mark of a signature. p11-kit RPC, signatures */
type Marks = {
  ay: Bytes;
  au: Numbers;
  aA: readonly Attribute[];
  fy: Room;
  fu: Room;
  fA: readonly AttributeQuery[];
  y: number;
  u: bigint;
  v: Version;
  s: string;
  z: string | undefined;
  M: Mechanism;
  P: "none" | "unchanged";
};

/** The values of a signature, in order: `"uMu"` is `[bigint, Mechanism, bigint]`. */
export type ValuesOf<Signature extends string> = Signature extends ""
  ? readonly []
  : Signature extends `${infer Of extends "a" | "f"}${infer Item}${infer Rest}`
    ? readonly [Marks[`${Of}${Item}` & keyof Marks], ...ValuesOf<Rest>]
    : Signature extends `${infer Mark}${infer Rest}`
      ? readonly [Marks[Mark & keyof Marks], ...ValuesOf<Rest>]
      : never;

/** A signature's values for a client of this protocol version; `widths` are the sizes of its `s` fields. */
export function valuesCodec<Signature extends string>(
  signature: Signature,
  widths: readonly number[],
  clientVersion: number,
): Codec<ValuesOf<Signature>> {
  const codecs = marksOf(signature, widths, clientVersion);
  return {
    write(w: Writer, values) {
      codecs.forEach((codec, i) => codec.write(w, (values as readonly unknown[])[i]));
    },
    read: (r: Reader) => codecs.map((codec) => codec.read(r)) as unknown as ValuesOf<Signature>,
  };
}

const FIXED: { readonly [Mark in Exclude<keyof Marks, "s" | "M" | "fA">]: Codec<Marks[Mark]> } = {
  ay: bytes,
  au: numbers,
  aA: attributes,
  fy: byteRoom,
  fu: numberRoom,
  y: byte,
  u: ulong,
  v: version,
  z: zeroString,
  P: parameterUpdate,
};

function marksOf(signature: string, widths: readonly number[], clientVersion: number): Codec<unknown>[] {
  let strings = 0;
  return (signature.match(/[af]?[a-zA-Z]/g) ?? []).map((mark) => {
    if (mark === "s") return spaceString(widths[strings++] ?? 0);
    if (mark === "M") return mechanismCodec(clientVersion);
    if (mark === "fA") return attributeQueries(clientVersion);
    return FIXED[mark as keyof typeof FIXED];
  });
}
