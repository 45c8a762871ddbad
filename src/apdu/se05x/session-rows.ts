/** @table Sessions. SE05x command table, tier e */
import { fixed, longLength, optionalTag, rest, struct, tagged, tlvStruct } from "../../codec/index.ts";
import { command } from "../command.ts";
import { bounded } from "../fields.ts";
import { SECURE_CLASS } from "../scp03.ts";
import { NO_LE, OBJECT_ONLY } from "./fields.ts";
import { agreementKeyQuery, signedAgreementKey, signedOffer } from "./session-agreement.ts";
import { sessionPolicy } from "./session-policy.ts";

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
  /** The host's half of a key agreement, signed with the key that the session is for; the chip's half is a random. */
  internalAuthenticate: command({
    name: "ECKeySessionInternalAuthenticate",
    cla: SECURE_CLASS,
    ins: 0x88,
    p1: 0x00,
    p2: 0x00,
    request: signedOffer,
    response: tlvStruct({ random: tagged(0x85, fixed(16)), receipt: tagged(0x86, fixed(16)) }),
    ...NO_LE,
  }),
  /** The chip's key for an agreement, as releases of NXP's host software before 4 ask for it. */
  agreementKey: command({
    name: "GetAgreementKey",
    ins: 0xca,
    p1: 0xbf,
    p2: 0x21,
    request: agreementKeyQuery,
    response: signedAgreementKey,
    ...NO_LE,
  }),
  /** Bounds the session, once and before anything else. */
  exchangeSessionData: command({
    name: "ExchangeSessionData",
    ins: 0x04,
    p1: 0x00,
    p2: 0x1f,
    request: tlvStruct({ policy: tagged(0x41, sessionPolicy) }),
    ...NO_LE,
  }),
  /** Begins the session's bounds anew, under a policy that allows it. */
  refreshSession: command({
    name: "RefreshSession",
    ins: 0x04,
    p1: 0x00,
    p2: 0x1e,
    request: tlvStruct({ policy: optionalTag(0x11, sessionPolicy) }),
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
