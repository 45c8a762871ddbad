/** @table RSA keys, and encryption with them. SE05x command table, section 4.5 */
import { optionalTag, rest, tagged, tlvStruct, u16, u8 } from "../../codec/index.ts";
import { command, flagged } from "../command.ts";
import { bounded } from "../fields.ts";
import {
  BYTES_ANSWER,
  credential,
  EXTENDED,
  NO_LE,
  OBJECT_FLAGS,
  OBJECT_ID,
  oneOf,
  POLICY,
  POLICY_CHECK,
  VERSION,
} from "./fields.ts";

/** A number of a key; the longest are of 4096 bits. */
const number = (tag: number) => optionalTag(tag, bounded({ max: 512 }));

/** RSA keys, and encryption with them. Signatures share their commands with EC keys. SE05x command table, section 4.5 */
export const RSA_ROWS = {
  /** One number a command; none, or the public exponent alone, has the chip make a pair. `form` 00 is CRT, 4F raw. */
  writeRsaKey: flagged(
    command({
      name: "WriteRSAKey",
      ins: 0x01,
      p1: credential(0x02),
      p2: oneOf("form", 0x00, 0x4f),
      request: tlvStruct({
        policy: POLICY,
        policyCheck: POLICY_CHECK,
        objectId: OBJECT_ID,
        bits: optionalTag(0x42, u16),
        p: number(0x43),
        q: number(0x44),
        dp: number(0x45),
        dq: number(0x46),
        qInv: number(0x47),
        e: number(0x48),
        d: number(0x49),
        n: number(0x4a),
        version: VERSION,
      }),
      secretRequest: ["p", "q", "dp", "dq", "qInv", "d"],
      ...NO_LE,
    }),
    OBJECT_FLAGS,
  ),
  /** `direction` 37 encrypts, 38 decrypts. */
  rsaCipher: command({
    name: "RSAEncryptDecrypt",
    ins: 0x03,
    p1: 0x02,
    p2: oneOf("direction", 0x37, 0x38),
    request: tlvStruct({ objectId: OBJECT_ID, algorithm: tagged(0x42, u8), input: optionalTag(0x43, rest) }),
    response: tlvStruct({ output: BYTES_ANSWER }),
    secretRequest: ["input"],
    secretResponse: ["output"],
    ...EXTENDED,
  }),
} as const;
