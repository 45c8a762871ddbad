/** @table The chip as a whole. SE05x command table, tier a */
import { fixed, longLength, tagged, tlvStruct, u16, u8 } from "../../codec/index.ts";
import { command } from "../command.ts";
import { BYTES_ANSWER, EXTENDED, NO_LE, VERSION_INFO } from "./fields.ts";

/** The chip as a whole. SE05x command table, tier a */
export const MANAGEMENT_ROWS = {
  readState: command({
    name: "ReadState",
    ins: 0x02,
    p1: 0x00,
    p2: 0x5b,
    response: tlvStruct({ state: BYTES_ANSWER }),
  }),
  getVersion: command({
    name: "GetVersion",
    ins: 0x04,
    p1: 0x00,
    p2: 0x20,
    response: tlvStruct({ info: longLength(tagged(0x41, VERSION_INFO)) }),
  }),
  getTimestamp: command({
    name: "GetTimestamp",
    ins: 0x04,
    p1: 0x00,
    p2: 0x3d,
    response: tlvStruct({ timestamp: longLength(tagged(0x41, fixed(12))) }),
  }),
  /** `memory` 1 persistent, 2 transient until reset, 3 transient until deselection. */
  getFreeMemory: command({
    name: "GetFreeMemory",
    ins: 0x04,
    p1: 0x00,
    p2: 0x22,
    request: tlvStruct({ memory: tagged(0x41, u8) }),
    response: tlvStruct({ bytes: tagged(0x41, u16) }),
    ...NO_LE,
  }),
  random: command({
    name: "GetRandom",
    ins: 0x04,
    p1: 0x00,
    p2: 0x49,
    request: tlvStruct({ length: tagged(0x41, u16) }),
    response: tlvStruct({ bytes: BYTES_ANSWER }),
    ...EXTENDED,
  }),
} as const;
