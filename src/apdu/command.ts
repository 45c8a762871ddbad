import { literal, u8, type Codec } from "../codec/index.ts";
import { joined, noFields, type Fields, type NoFields } from "./fields.ts";

/** One row of a data sheet: how a command and its answer look on the wire, and what their fields are called. */
export type Command<Request extends Fields = Fields, Response extends Fields = Fields> = {
  readonly name: string;
  readonly cla: number;
  readonly ins: number;
  /** What may be added to `ins` bit by bit, as the field `insFlags` of the request. */
  readonly insFlags?: readonly number[];
  /** P1 and P2 together. */
  readonly parameters: Codec<Fields>;
  /** The data field. */
  readonly body: Codec<Fields>;
  readonly response: Codec<Response>;
  /** How many answer bytes the command asks for, 1..256, or undefined for no Le byte. */
  readonly le: number | undefined;
  /** The status word for data that does not fit this row. */
  readonly malformed: number;
  /** Fields that carry key material: a trace shows neither them nor the frame that carries them. */
  readonly secretRequest: readonly string[];
  readonly secretResponse: readonly string[];
  /** No bytes from outside this repository have confirmed this row yet. */
  readonly unverified: boolean;
  /** Never set; carries the type of parameters and body together. */
  readonly request?: Request;
};

/** The fields that a command is called with. */
export type RequestOf<C> = C extends Command<infer Request> ? Request : never;

/** The fields of a command's answer. */
export type ResponseOf<C> = C extends { readonly response: Codec<infer Response> } ? Response : never;

/** A data sheet: its commands, under the names that both ends of the bus use. */
export type CommandTable = Readonly<Record<string, Command>>;

/** Constants stand for bytes that must be so; codecs name what the bytes mean. `p1p2` is one value over both. */
type Parameters<P1 extends Fields, P2 extends Fields> =
  | { readonly p1: number | Codec<P1>; readonly p2: number | Codec<P2> }
  | { readonly p1p2: Codec<P1> };

type Row<P1 extends Fields, P2 extends Fields, Q extends Fields, R extends Fields> = Parameters<P1, P2> & {
  readonly name: string;
  /** 0x80 where absent. */
  readonly cla?: number;
  readonly ins: number;
  readonly request?: Codec<Q>;
  readonly response?: Codec<R>;
  /** 256 where absent. */
  readonly le?: number | "absent";
  /** 6700 where absent. */
  readonly malformed?: number;
  readonly secretRequest?: readonly (keyof (P1 & P2 & Q) & string)[];
  readonly secretResponse?: readonly (keyof R & string)[];
  readonly unverified?: true;
};

/**
 * Makes a row of a command table. The types of the chip's handler and of the host's method follow from its codecs,
 * and so do the field names of traces.
 */
export function command<
  P1 extends Fields = NoFields,
  P2 extends Fields = NoFields,
  Q extends Fields = NoFields,
  R extends Fields = NoFields,
>(row: Row<P1, P2, Q, R>): Command<P1 & P2 & Q, R> {
  return {
    name: row.name,
    cla: row.cla ?? 0x80,
    ins: row.ins,
    parameters: "p1p2" in row ? row.p1p2 : joined(parameter(row.p1), parameter(row.p2)),
    body: row.request ?? noFields,
    // Without a codec R is inferred as having no fields.
    response: row.response ?? (noFields as Codec<R>),
    le: row.le === "absent" ? undefined : (row.le ?? 0x100),
    malformed: row.malformed ?? 0x6700,
    secretRequest: row.secretRequest ?? [],
    secretResponse: row.secretResponse ?? [],
    unverified: row.unverified ?? false,
  };
}

/** The same row for every combination of flags in its instruction byte; the request's `insFlags` says which are set. */
export function flagged<Q extends Fields, R extends Fields>(
  row: Command<Q, R>,
  flags: readonly number[],
): Command<Q & { readonly insFlags?: number }, R> {
  const insFlags = flags.reduce((sums, flag) => [...sums, ...sums.map((sum) => sum | flag)], [0]);
  return { ...row, insFlags };
}

/** How many rows of a table bytes from outside have confirmed, and how many not. */
export function verificationCounts(table: CommandTable): { readonly verified: number; readonly unverified: number } {
  const rows = Object.values(table);
  const unverified = rows.filter((row) => row.unverified).length;
  return { verified: rows.length - unverified, unverified };
}

function parameter(value: number | Codec<Fields>): Codec<Fields> {
  if (typeof value !== "number") return value;
  const constant = literal(u8, value);
  return { write: (w) => constant.write(w, value), read: (r) => (constant.read(r), {}) };
}
