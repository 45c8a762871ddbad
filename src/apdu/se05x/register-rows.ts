/** @table Registers (PCR). SE05x command table, tier b */
import { optionalTag, rest, tlvStruct } from "../../codec/index.ts";
import { command, flagged } from "../command.ts";
import { bounded } from "../fields.ts";
import { NO_LE, OBJECT_FLAGS, OBJECT_ID, POLICY, POLICY_CHECK } from "./fields.ts";

/** Registers (PCR). SE05x command table, tier b */
export const REGISTER_ROWS = {
  /** Makes a register with an initial value, extends one by data, or sets it back where neither is given. */
  writePcr: flagged(
    command({
      name: "WritePCR",
      ins: 0x01,
      p1: 0x09,
      p2: 0x00,
      request: tlvStruct({
        policy: POLICY,
        policyCheck: POLICY_CHECK,
        objectId: OBJECT_ID,
        initial: optionalTag(0x42, bounded({ min: 32, max: 32 })),
        data: optionalTag(0x43, rest),
      }),
      ...NO_LE,
    }),
    OBJECT_FLAGS,
  ),
} as const;
