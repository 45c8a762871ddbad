import type { Codec, Reader, Writer } from "../codec/index.ts";
import { refuse } from "./errors.ts";
import { NO_PARAMETER_MECHANISMS } from "./no-parameter-mechanisms.ts";
import { byteArray, validity } from "./values.ts";

/** The parameter of a mechanism, as far as p11-kit can send it. */
export type MechanismParameter =
  | { readonly kind: "none" }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "pss"; readonly hash: bigint; readonly mgf: bigint; readonly saltLength: bigint }
  | {
      readonly kind: "oaep";
      readonly hash: bigint;
      readonly mgf: bigint;
      readonly source: bigint;
      readonly data: Uint8Array | undefined;
    }
  | {
      readonly kind: "ecdh1";
      readonly kdf: bigint;
      readonly shared: Uint8Array | undefined;
      readonly publicData: Uint8Array | undefined;
    };

/** CK_MECHANISM, or the NULL that cancels an operation. */
export type Mechanism = { readonly type: number; readonly parameter: MechanismParameter } | "null";

/** The highest protocol version that is spoken here; p11-kit 0.24 speaks 0, 0.25 speaks 1, 0.25.6 and later 2. */
export const PROTOCOL_VERSION = 2;

/** Encodings by the version that the client announced. Each has met its client, p11-kit 0.24.1, 0.25.5 and 0.26.5: `captures.test.ts`. */
const MECHANISM_ENCODINGS = [
  { since: 0, codec: { write: writeAlways, read: readAlways } },
  { since: 2, codec: { write: writeMarked, read: readMarked } },
] as const satisfies readonly { since: number; codec: Codec<Mechanism> }[];

/**
 * `M` as a client writes it that announced this version; what the server answered then does not matter. Reading throws
 * `CryptokiError` `mechanism-invalid` for a type whose parameter has no known form: nothing behind it can be read.
 */
export function mechanismCodec(clientVersion: number): Codec<Mechanism> {
  const encoding = MECHANISM_ENCODINGS.findLast(({ since }) => since <= clientVersion) ?? MECHANISM_ENCODINGS[0];
  return encoding.codec;
}

/** The type that stands for a NULL mechanism, since p11-kit 0.25.3. */
const NULL_MECHANISM = 0xffff_ffff;
const NONE = { kind: "none" } as const;

/** Structured parameters by mechanism type; what is not here is a byte array. PKCS #11 mechanisms v2.40 */
const FORMS: Readonly<Record<Exclude<MechanismParameter["kind"], "none" | "bytes">, readonly number[]>> = {
  pss: [0x0d, 0x0e, 0x43, 0x44, 0x45, 0x47],
  oaep: [0x09],
  ecdh1: [0x1050],
};

/** Types with a byte array: initialisation vectors and MAC lengths are none of ours, but are refused by name later. */
const BYTE_ARRAY_TYPES: readonly number[] = [0x122, 0x125, 0x133, 0x136, 0x1082, 0x1085, 0x1089];

/** Versions 0 and 1: a parameter always follows, NULL where there is none. */
function writeAlways(w: Writer, mechanism: Mechanism): void {
  if (mechanism === "null") w.u32(NULL_MECHANISM);
  else writeParameter(w.u32(mechanism.type), mechanism.parameter);
}

function readAlways(r: Reader): Mechanism {
  const type = r.u32();
  if (type === NULL_MECHANISM) return "null";
  return { type, parameter: readParameter(r, type) };
}

/** Version 2: nothing follows a type of the list, and one byte says for the others whether a parameter does. */
function writeMarked(w: Writer, mechanism: Mechanism): void {
  if (mechanism === "null") return void w.u32(NULL_MECHANISM);
  w.u32(mechanism.type);
  if (NO_PARAMETER_MECHANISMS.has(mechanism.type)) return;
  const { parameter } = mechanism;
  if (parameter.kind === "none") w.u8(0);
  else writeParameter(w.u8(1), parameter);
}

function readMarked(r: Reader): Mechanism {
  const type = r.u32();
  if (type === NULL_MECHANISM) return "null";
  if (NO_PARAMETER_MECHANISMS.has(type) || !validity(r)) return { type, parameter: NONE };
  return { type, parameter: readParameter(r, type) };
}

function writeParameter(w: Writer, parameter: MechanismParameter): void {
  switch (parameter.kind) {
    case "none":
      return byteArray.write(w, undefined);
    case "bytes":
      return byteArray.write(w, parameter.bytes);
    case "pss":
      return void w.u64(parameter.hash).u64(parameter.mgf).u64(parameter.saltLength);
    case "oaep":
      return byteArray.write(w.u64(parameter.hash).u64(parameter.mgf).u64(parameter.source), parameter.data);
    case "ecdh1":
      byteArray.write(w.u64(parameter.kdf), parameter.shared);
      return byteArray.write(w, parameter.publicData);
  }
}

function readParameter(r: Reader, type: number): MechanismParameter {
  if (FORMS.pss.includes(type)) return { kind: "pss", hash: r.u64(), mgf: r.u64(), saltLength: r.u64() };
  if (FORMS.oaep.includes(type)) {
    return { kind: "oaep", hash: r.u64(), mgf: r.u64(), source: r.u64(), data: byteArray.read(r) };
  }
  if (FORMS.ecdh1.includes(type)) {
    return { kind: "ecdh1", kdf: r.u64(), shared: byteArray.read(r), publicData: byteArray.read(r) };
  }
  if (!NO_PARAMETER_MECHANISMS.has(type) && !BYTE_ARRAY_TYPES.includes(type)) {
    throw refuse("mechanism-invalid", `mechanism 0x${type.toString(16)} has a parameter of unknown form`);
  }
  const bytes = byteArray.read(r);
  return bytes ? { kind: "bytes", bytes } : NONE;
}
