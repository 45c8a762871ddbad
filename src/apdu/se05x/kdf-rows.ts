/** @table Derivation of keys. SE05x command table, tier b */
import { longLength, optionalTag, rest, tagged, tlvStruct, u16, u32, u8 } from "../../codec/index.ts";
import { command } from "../command.ts";
import { BYTES_ANSWER, EXTENDED, NO_LE, OBJECT_ID } from "./fields.ts";

/** Derivation of keys. SE05x command table, tier b */
export const KDF_ROWS = {
  hkdf: command({
    name: "HKDF",
    ins: 0x03,
    p1: 0x00,
    p2: 0x2d,
    request: tlvStruct({
      objectId: OBJECT_ID,
      algorithm: tagged(0x42, u8),
      salt: optionalTag(0x43, rest),
      info: optionalTag(0x44, rest),
      length: tagged(0x45, u16),
      saltId: optionalTag(0x46, u32),
    }),
    response: tlvStruct({ derived: BYTES_ANSWER }),
    secretResponse: ["derived"],
    ...EXTENDED,
  }),
  /** Into an HMAC or AES key instead of to the host. */
  hkdfInto: command({
    name: "HKDFInObject",
    ins: 0x03,
    p1: 0x00,
    p2: 0x2d,
    request: tlvStruct({
      objectId: OBJECT_ID,
      algorithm: tagged(0x42, u8),
      salt: optionalTag(0x43, rest),
      info: optionalTag(0x44, rest),
      length: tagged(0x45, u16),
      saltId: optionalTag(0x46, u32),
      targetId: tagged(0x47, u32),
    }),
    ...EXTENDED,
  }),
  /** The second half alone: the object holds a pseudo-random key. RFC 5869, section 2.3 */
  hkdfExpand: command({
    name: "HKDFExpandOnly",
    ins: 0x03,
    p1: 0x00,
    p2: 0x2f,
    request: tlvStruct({
      objectId: OBJECT_ID,
      algorithm: tagged(0x42, u8),
      info: optionalTag(0x44, rest),
      length: tagged(0x45, u16),
      targetId: optionalTag(0x47, u32),
    }),
    response: tlvStruct({ derived: longLength(optionalTag(0x41, rest)) }),
    secretResponse: ["derived"],
    ...EXTENDED,
  }),
  pbkdf2: command({
    name: "PBKDF2",
    ins: 0x03,
    p1: 0x00,
    p2: 0x2e,
    request: tlvStruct({
      objectId: OBJECT_ID,
      salt: optionalTag(0x42, rest),
      iterations: tagged(0x43, u16),
      length: tagged(0x44, u16),
      algorithm: optionalTag(0x45, u8),
      saltId: optionalTag(0x46, u32),
      targetId: optionalTag(0x47, u32),
    }),
    response: tlvStruct({ derived: longLength(optionalTag(0x41, rest)) }),
    secretResponse: ["derived"],
    ...NO_LE,
  }),
} as const;
