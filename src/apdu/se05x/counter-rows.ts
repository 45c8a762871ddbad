/** @table Counters. SE05x command table, tier b */
import { optionalTag, tlvStruct, u16 } from "../../codec/index.ts";
import { command, flagged } from "../command.ts";
import { bounded } from "../fields.ts";
import { NO_LE, OBJECT_FLAGS, OBJECT_ID, POLICY, POLICY_CHECK } from "./fields.ts";

/** Counters. SE05x command table, tier b */
export const COUNTER_ROWS = {
  /** Makes a counter of `size` bytes, sets it to a greater value of as many or 8, or adds one where neither is given. */
  writeCounter: flagged(
    command({
      name: "WriteCounter",
      ins: 0x01,
      p1: 0x08,
      p2: 0x00,
      request: tlvStruct({
        policy: POLICY,
        policyCheck: POLICY_CHECK,
        objectId: OBJECT_ID,
        size: optionalTag(0x42, u16),
        value: optionalTag(0x43, bounded({ min: 1, max: 8 })),
      }),
      ...NO_LE,
    }),
    OBJECT_FLAGS,
  ),
} as const;
