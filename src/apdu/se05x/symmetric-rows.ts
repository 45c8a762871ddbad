/** @table Symmetric keys and ciphers. SE05x command table, tier b */
import { optionalTag, rest, tagged, tlvStruct, u16, u32, u8 } from "../../codec/index.ts";
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
  VERSION,
} from "./fields.ts";

/** Symmetric keys and ciphers. SE05x command table, tier b */
export const SYMMETRIC_ROWS = {
  /** `kind` 03 is AES, 05 HMAC. */
  writeSymmKey: flagged(
    command({
      name: "WriteSymmKey",
      ins: 0x01,
      p1: oneOf("kind", 0x03, 0x05),
      p2: 0x00,
      request: tlvStruct({
        policy: POLICY,
        maxAttempts: MAX_ATTEMPTS,
        objectId: OBJECT_ID,
        kekId: optionalTag(0x42, u32),
        value: tagged(0x43, bounded({ min: 1, max: 256 })),
        minOutputLength: optionalTag(0x45, u16),
        version: VERSION,
      }),
      secretRequest: ["value"],
      ...NO_LE,
    }),
    OBJECT_FLAGS,
  ),
  /** `direction` 37 encrypts, 38 decrypts. */
  cipher: command({
    name: "CipherOneShot",
    ins: 0x03,
    p1: 0x0e,
    p2: oneOf("direction", 0x37, 0x38),
    request: tlvStruct({
      objectId: OBJECT_ID,
      mode: tagged(0x42, u8),
      input: tagged(0x43, rest),
      iv: optionalTag(0x44, rest),
    }),
    response: tlvStruct({ output: BYTES_ANSWER }),
    secretRequest: ["input"],
    secretResponse: ["output"],
    ...EXTENDED,
  }),
} as const;
