/** @table Objects of any kind: reading, listing, deleting. SE05x command table, tiers a and b */
import { longLength, optionalTag, rest, tagged, tlvStruct, u16, u8 } from "../../codec/index.ts";
import { command } from "../command.ts";
import { BYTES_ANSWER, EXTENDED, NO_LE, OBJECT_ID, OBJECT_ONLY, RESULT } from "./fields.ts";

/** Objects of any kind: reading, listing, deleting. SE05x command table, tiers a and b */
export const OBJECT_ROWS = {
  /** Files in parts, RSA keys number by number: `component` 00 is the modulus, 01 the public exponent. */
  readObject: command({
    name: "ReadObject",
    ins: 0x02,
    p1: 0x00,
    p2: 0x00,
    request: tlvStruct({
      objectId: OBJECT_ID,
      offset: optionalTag(0x42, u16),
      length: optionalTag(0x43, u16),
      component: optionalTag(0x44, u8),
    }),
    response: tlvStruct({ bytes: BYTES_ANSWER }),
    ...EXTENDED,
  }),
  readType: command({
    name: "ReadType",
    ins: 0x02,
    p1: 0x00,
    p2: 0x26,
    request: OBJECT_ONLY,
    response: tlvStruct({ type: RESULT, memory: tagged(0x42, u8) }),
    ...NO_LE,
  }),
  readSize: command({
    name: "ReadSize",
    ins: 0x02,
    p1: 0x00,
    p2: 0x07,
    request: OBJECT_ONLY,
    response: tlvStruct({ size: tagged(0x41, u16) }),
    ...NO_LE,
  }),
  /** `more` 01 says that the list is complete, 02 that it goes on. */
  readIdList: command({
    name: "ReadIDList",
    ins: 0x02,
    p1: 0x00,
    p2: 0x25,
    request: tlvStruct({ offset: tagged(0x41, u16), filter: tagged(0x42, u8) }),
    response: tlvStruct({ more: RESULT, ids: longLength(tagged(0x42, rest)) }),
    ...EXTENDED,
  }),
  exists: command({
    name: "CheckObjectExists",
    ins: 0x04,
    p1: 0x00,
    p2: 0x27,
    request: OBJECT_ONLY,
    response: tlvStruct({ result: RESULT }),
    ...NO_LE,
  }),
  deleteObject: command({
    name: "DeleteSecureObject",
    ins: 0x04,
    p1: 0x00,
    p2: 0x28,
    request: OBJECT_ONLY,
    ...NO_LE,
  }),
  /** Attributes: `attributes` begins with identifier and type, policies and origin follow. */
  readAttributes: command({
    name: "ReadObjectAttributes",
    ins: 0x02,
    p1: 0x00,
    p2: 0x3b,
    request: OBJECT_ONLY,
    response: tlvStruct({ attributes: longLength(tagged(0x43, rest)) }),
    ...NO_LE,
  }),
} as const;
