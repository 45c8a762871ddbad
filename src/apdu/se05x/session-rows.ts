/** @table Sessions. SE05x command table, tier e */
import { fixed, longLength, rest, struct, tagged, tlvStruct } from "../../codec/index.ts";
import { command } from "../command.ts";
import { bounded } from "../fields.ts";
import { NO_LE, OBJECT_ONLY } from "./fields.ts";

/** Sessions. SE05x command table, tier e */
export const SESSION_ROWS = {
  /** Opens a session that an authentication object will vouch for. */
  createSession: command({
    name: "CreateSession",
    ins: 0x04,
    p1: 0x00,
    p2: 0x1b,
    request: OBJECT_ONLY,
    response: tlvStruct({ sessionId: longLength(tagged(0x41, fixed(8))) }),
    ...NO_LE,
  }),
  verifySessionUserId: command({
    name: "VerifySessionUserID",
    ins: 0x04,
    p1: 0x00,
    p2: 0x2c,
    request: tlvStruct({ value: tagged(0x41, bounded({ min: 4, max: 16 })) }),
    secretRequest: ["value"],
    ...NO_LE,
  }),
  closeSession: command({ name: "CloseSession", ins: 0x04, p1: 0x00, p2: 0x1c, ...NO_LE }),
  /** Carries a command into a session; the answer is the inner answer. */
  processSession: command({
    name: "ProcessSessionCmd",
    ins: 0x05,
    p1: 0x00,
    p2: 0x00,
    request: tlvStruct({ sessionId: tagged(0x10, fixed(8)), command: tagged(0x41, bounded({ min: 4, max: 0xffff })) }),
    response: struct({ answer: rest }),
    // The inner command is traced in its own right, its secrets left out.
    secretRequest: ["command"],
    secretResponse: ["answer"],
    ...NO_LE,
  }),
} as const;
