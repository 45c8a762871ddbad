import {
  type Codec,
  DecodeError,
  longLength,
  optionalTag,
  rest,
  struct,
  tagged,
  tlvStruct,
  u16,
  u24,
  u32,
  u8,
} from "../../codec/index.ts";
import { MAX_EXTENDED_LE } from "../extended-apdu.ts";
import { policyEntries } from "./policy.ts";

/** The identifier of the object that a command is about. */
export const OBJECT_ID = tagged(0x41, u32);

/** The policy of a new object. */
export const POLICY = optionalTag(0x11, policyEntries);

/** The policy that an object must have for it to be changed. */
export const POLICY_CHECK = optionalTag(0x15, policyEntries);

/** How often a proof may fail before an authentication object is blocked. */
export const MAX_ATTEMPTS = optionalTag(0x12, u16);

/** The version of a new key. */
export const VERSION = optionalTag(0x4b, u32);

/** Byte strings of answers come with lengths `82 hh ll`. */
export const BYTES_ANSWER = longLength(tagged(0x41, rest));

/** An answer of one byte. */
export const RESULT = tagged(0x41, u8);

/** Commands about an object that say nothing else. */
export const OBJECT_ONLY = tlvStruct({ objectId: OBJECT_ID });

/** What the application says about itself, field by field. */
export const VERSION_FIELDS = { appletVersion: u24, features: u16, secureBoxVersion: u16 } as const;

/** The same as one record, told when it is selected and when it is asked for its version. */
export const VERSION_INFO = struct(VERSION_FIELDS);

/** What may be added to an instruction that makes an object: transient, for authentication. */
export const OBJECT_FLAGS = [0x80, 0x40];

/** Commands whose answers may be long ask for them with extended lengths. */
export const EXTENDED = { le: MAX_EXTENDED_LE } as const;

/** Commands with data go out without Le, even where an answer is expected. */
export const NO_LE = { le: "absent" } as const;

/** P1 of a key: a type of credential, and in `part` which halves are meant. */
export function credential(type: number): Codec<{ readonly part: number }> {
  return {
    write: (w, { part }) => void w.u8(type | part),
    read(r) {
      const at = r.at;
      const byte = r.u8();
      const part = byte & ~0x1f;
      if ((byte & 0x1f) !== type || part > 0x60)
        throw new DecodeError("value", `credential 0x${byte.toString(16)}`, at);
      return { part };
    },
  };
}

/** A byte that must be one of these. */
export function oneOf<Name extends string>(
  name: Name,
  ...allowed: readonly number[]
): Codec<Readonly<Record<Name, number>>> {
  return {
    write: (w, value) => void w.u8(value[name]),
    read(r) {
      const at = r.at;
      const byte = r.u8();
      if (!allowed.includes(byte)) throw new DecodeError("value", `${name} 0x${byte.toString(16)}`, at);
      return { [name]: byte } as Readonly<Record<Name, number>>;
    },
  };
}
