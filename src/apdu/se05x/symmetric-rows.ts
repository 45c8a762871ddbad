/** @table Symmetric keys and ciphers. SE05x command table, tier b */
import { longLength, optionalTag, rest, tagged, tlvStruct, u16, u32, u8 } from "../../codec/index.ts";
import { command, flagged } from "../command.ts";
import { bounded } from "../fields.ts";
import {
  BYTES_ANSWER,
  EXTENDED,
  MAX_ATTEMPTS,
  NO_LE,
  OBJECT_FLAGS,
  OBJECT_ID,
  oneOf,
  POLICY,
  POLICY_CHECK,
  VERSION,
} from "./fields.ts";

/** Symmetric keys and ciphers. SE05x command table, tier b */
export const SYMMETRIC_ROWS = {
  /** `kind` 03 is AES, 04 DES, 05 HMAC; with `kekId` the value comes wrapped. RFC 3394, section 2.2.1 */
  writeSymmKey: flagged(
    command({
      name: "WriteSymmKey",
      ins: 0x01,
      p1: oneOf("kind", 0x03, 0x04, 0x05),
      p2: 0x00,
      request: tlvStruct({
        policy: POLICY,
        policyCheck: POLICY_CHECK,
        maxAttempts: MAX_ATTEMPTS,
        objectId: OBJECT_ID,
        kekId: optionalTag(0x42, u32),
        value: tagged(0x43, bounded({ min: 1, max: 264 })),
        minTagLength: optionalTag(0x44, u16),
        minOutputLength: optionalTag(0x45, u16),
        version: VERSION,
      }),
      secretRequest: ["value"],
      ...NO_LE,
    }),
    OBJECT_FLAGS,
  ),
  /** `direction` 37 encrypts, 38 decrypts; the answer tells an initial block that the chip made. */
  cipher: command({
    name: "CipherOneShot",
    ins: 0x03,
    p1: 0x0e,
    p2: oneOf("direction", 0x37, 0x38),
    request: tlvStruct({
      objectId: OBJECT_ID,
      mode: tagged(0x42, u8),
      input: optionalTag(0x43, rest),
      iv: optionalTag(0x44, rest),
    }),
    response: tlvStruct({ output: BYTES_ANSWER, iv: longLength(optionalTag(0x43, rest)) }),
    secretRequest: ["input"],
    secretResponse: ["output"],
    ...EXTENDED,
  }),
} as const;
