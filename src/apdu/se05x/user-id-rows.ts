/** @table User identifiers. SE05x command table, tier b */
import { tagged, tlvStruct } from "../../codec/index.ts";
import { command, flagged } from "../command.ts";
import { bounded } from "../fields.ts";
import { MAX_ATTEMPTS, NO_LE, OBJECT_FLAGS, OBJECT_ID, POLICY } from "./fields.ts";

/** User identifiers. SE05x command table, tier b */
export const USER_ID_ROWS = {
  writeUserId: flagged(
    command({
      name: "WriteUserID",
      ins: 0x01,
      p1: 0x07,
      p2: 0x00,
      request: tlvStruct({
        policy: POLICY,
        maxAttempts: MAX_ATTEMPTS,
        objectId: OBJECT_ID,
        value: tagged(0x42, bounded({ min: 4, max: 16 })),
      }),
      secretRequest: ["value"],
      ...NO_LE,
    }),
    OBJECT_FLAGS,
  ),
} as const;
