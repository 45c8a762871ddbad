/** @table Files. SE05x command table, tier b */
import { optionalTag, rest, tlvStruct, u16 } from "../../codec/index.ts";
import { command, flagged } from "../command.ts";
import { NO_LE, OBJECT_FLAGS, OBJECT_ID, POLICY, POLICY_CHECK, VERSION } from "./fields.ts";

/** Files. SE05x command table, tier b */
export const BINARY_ROWS = {
  writeBinary: flagged(
    command({
      name: "WriteBinary",
      ins: 0x01,
      p1: 0x06,
      p2: 0x00,
      request: tlvStruct({
        policy: POLICY,
        policyCheck: POLICY_CHECK,
        objectId: OBJECT_ID,
        offset: optionalTag(0x42, u16),
        length: optionalTag(0x43, u16),
        data: optionalTag(0x44, rest),
        version: VERSION,
      }),
      ...NO_LE,
    }),
    OBJECT_FLAGS,
  ),
} as const;
