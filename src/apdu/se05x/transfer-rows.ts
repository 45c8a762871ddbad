/** @table Objects that leave the chip under its own keys and come back, or come under keys agreed once. SE05x command table, section 4.5 */
import { optionalTag, rest, tagged, tlvStruct, u32, u8 } from "../../codec/index.ts";
import { command } from "../command.ts";
import { bounded } from "../fields.ts";
import { BYTES_ANSWER, NO_LE, OBJECT_ID } from "./fields.ts";

/** What an RSA key names of its numbers; one that names none says FF. */
const COMPONENT = optionalTag(0x42, u8);

/** Objects that leave the chip under its own keys and come back, or come under keys agreed once. SE05x command table, section 4.5 */
export const TRANSFER_ROWS = {
  exportObject: command({
    name: "ExportObject",
    ins: 0x02,
    p1: 0x00,
    p2: 0x19,
    request: tlvStruct({ objectId: OBJECT_ID, component: COMPONENT }),
    response: tlvStruct({ serialized: BYTES_ANSWER }),
    ...NO_LE,
  }),
  importObject: command({
    name: "ImportObject",
    ins: 0x01,
    p1: 0x00,
    p2: 0x18,
    request: tlvStruct({ objectId: OBJECT_ID, component: COMPONENT, serialized: tagged(0x43, rest) }),
    ...NO_LE,
  }),
  /** A write command under keys agreed with the chip's import key; `authentication` is an offer with its signature. */
  importExternal: command({
    name: "ImportExternalObject",
    ins: 0x06,
    p1: 0x00,
    p2: 0x00,
    request: tlvStruct({
      authentication: tagged(0x13, bounded({ min: 1, max: 255 })),
      authObjectId: tagged(0x14, u32),
      command: tagged(0x41, rest),
    }),
    secretRequest: ["command"],
    ...NO_LE,
  }),
} as const;
