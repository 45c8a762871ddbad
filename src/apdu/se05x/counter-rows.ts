/** @table Counters. SE05x command table, tier b */
import { optionalTag, tlvStruct, u16, u64 } from "../../codec/index.ts";
import { command, flagged } from "../command.ts";
import { NO_LE, OBJECT_FLAGS, OBJECT_ID, POLICY } from "./fields.ts";

/** Counters. SE05x command table, tier b */
export const COUNTER_ROWS = {
  /** Makes a counter of `size` bytes, sets it to a greater value, or adds one where neither is given. */
  writeCounter: flagged(
    command({
      name: "WriteCounter",
      ins: 0x01,
      p1: 0x08,
      p2: 0x00,
      request: tlvStruct({
        policy: POLICY,
        objectId: OBJECT_ID,
        size: optionalTag(0x42, u16),
        value: optionalTag(0x43, u64),
      }),
      ...NO_LE,
    }),
    OBJECT_FLAGS,
  ),
} as const;
