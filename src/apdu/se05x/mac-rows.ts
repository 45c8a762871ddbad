/** @table Message authentication codes. SE05x command table, tier b */
import { optionalTag, rest, tagged, tlvStruct, u8 } from "../../codec/index.ts";
import { command } from "../command.ts";
import { BYTES_ANSWER, NO_LE, OBJECT_ID, RESULT } from "./fields.ts";

/** Message authentication codes; hosts leave empty messages out. SE05x command table, tier b */
export const MAC_ROWS = {
  mac: command({
    name: "MACOneShotGenerate",
    ins: 0x03,
    p1: 0x0d,
    p2: 0x45,
    request: tlvStruct({ objectId: OBJECT_ID, algorithm: tagged(0x42, u8), input: optionalTag(0x43, rest) }),
    response: tlvStruct({ mac: BYTES_ANSWER }),
    ...NO_LE,
  }),
  verifyMac: command({
    name: "MACOneShotValidate",
    ins: 0x03,
    p1: 0x0d,
    p2: 0x46,
    request: tlvStruct({
      objectId: OBJECT_ID,
      algorithm: tagged(0x42, u8),
      input: optionalTag(0x43, rest),
      mac: optionalTag(0x45, rest),
    }),
    response: tlvStruct({ result: RESULT }),
    ...NO_LE,
  }),
} as const;
