/** @table Derivation of keys. SE05x command table, tier b */
import { optionalTag, rest, tagged, tlvStruct, u16, u8 } from "../../codec/index.ts";
import { command } from "../command.ts";
import { BYTES_ANSWER, EXTENDED, OBJECT_ID } from "./fields.ts";

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
    }),
    response: tlvStruct({ derived: BYTES_ANSWER }),
    secretResponse: ["derived"],
    ...EXTENDED,
  }),
} as const;
