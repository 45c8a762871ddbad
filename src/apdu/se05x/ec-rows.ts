/** @table EC keys, their curves, signatures and agreements. SE05x command table, tier b */
import { longLength, optionalTag, rest, tagged, tlvStruct, u32, u8 } from "../../codec/index.ts";
import { command, flagged } from "../command.ts";
import { bounded } from "../fields.ts";
import {
  BYTES_ANSWER,
  credential,
  EXTENDED,
  MAX_ATTEMPTS,
  NO_LE,
  OBJECT_FLAGS,
  OBJECT_ID,
  OBJECT_ONLY,
  oneOf,
  POLICY,
  POLICY_CHECK,
  RESULT,
  VERSION,
} from "./fields.ts";

/** EC keys, their curves, signatures and agreements. SE05x command table, tier b */
export const EC_ROWS = {
  writeEcKey: flagged(
    command({
      name: "WriteECKey",
      ins: 0x01,
      p1: credential(0x01),
      p2: 0x00,
      request: tlvStruct({
        policy: POLICY,
        policyCheck: POLICY_CHECK,
        maxAttempts: MAX_ATTEMPTS,
        objectId: OBJECT_ID,
        curve: optionalTag(0x42, u8),
        privateKey: optionalTag(0x43, bounded({ min: 1, max: 66 })),
        publicKey: optionalTag(0x44, bounded({ min: 1, max: 133 })),
        version: VERSION,
      }),
      secretRequest: ["privateKey"],
      ...NO_LE,
    }),
    OBJECT_FLAGS,
  ),
  /**
   * Of EC keys over a digest; Ed25519 and RSA keys sign the message itself in its place. Without either, the key signs
   * the files that its policy names, and the answer tells their hash.
   */
  sign: command({
    name: "ECDSASign",
    ins: 0x03,
    p1: 0x0c,
    p2: 0x09,
    request: tlvStruct({
      objectId: OBJECT_ID,
      algorithm: tagged(0x42, u8),
      digest: optionalTag(0x43, rest),
    }),
    response: tlvStruct({ signature: BYTES_ANSWER, signedHash: longLength(optionalTag(0x42, rest)) }),
    ...NO_LE,
  }),
  verify: command({
    name: "ECDSAVerify",
    ins: 0x03,
    p1: 0x0c,
    p2: 0x0a,
    request: tlvStruct({
      objectId: OBJECT_ID,
      algorithm: tagged(0x42, u8),
      digest: optionalTag(0x43, rest),
      signature: optionalTag(0x45, rest),
    }),
    response: tlvStruct({ result: RESULT }),
    ...NO_LE,
  }),
  agree: command({
    name: "ECDHGenerateSharedSecret",
    ins: 0x03,
    p1: 0x01,
    p2: 0x0f,
    request: tlvStruct({ objectId: OBJECT_ID, peerPoint: tagged(0x42, bounded({ max: 133 })) }),
    response: tlvStruct({ sharedSecret: BYTES_ANSWER }),
    secretResponse: ["sharedSecret"],
    ...EXTENDED,
  }),
  /** Into an HMAC or AES key instead of to the host; `direction` 59 turns the secret's bytes round. */
  agreeInto: command({
    name: "ECDHGenerateSharedSecretInObject",
    ins: 0x03,
    p1: 0x01,
    p2: oneOf("direction", 0x0f, 0x59),
    request: tlvStruct({
      objectId: OBJECT_ID,
      peerPoint: tagged(0x42, bounded({ max: 133 })),
      algorithm: optionalTag(0x44, u8),
      targetId: tagged(0x47, u32),
    }),
    ...NO_LE,
  }),
  /**
   * Of a private key and a public one that is in the chip too: their product, or what PACE maps to with them; to the
   * host, or into an HMAC key.
   */
  multiply: command({
    name: "ECPointMultiply",
    ins: 0x03,
    p1: 0x01,
    p2: 0x62,
    request: tlvStruct({
      objectId: OBJECT_ID,
      publicKeyId: tagged(0x43, u32),
      algorithm: tagged(0x44, u8),
      targetId: optionalTag(0x47, u32),
    }),
    response: tlvStruct({ point: longLength(optionalTag(0x41, rest)) }),
    secretResponse: ["point"],
    ...EXTENDED,
  }),
  createCurve: command({
    name: "CreateECCurve",
    ins: 0x01,
    p1: 0x0b,
    p2: 0x04,
    request: tlvStruct({ curve: tagged(0x41, u8) }),
    ...NO_LE,
  }),
  /** `parameter` 01 is a, 02 b, 04 the generator, 08 its order, 10 the prime. */
  setCurveParameter: command({
    name: "SetECCurveParam",
    ins: 0x01,
    p1: 0x0b,
    p2: 0x40,
    request: tlvStruct({
      curve: tagged(0x41, u8),
      parameter: tagged(0x42, u8),
      value: tagged(0x43, bounded({ min: 1, max: 133 })),
    }),
    ...NO_LE,
  }),
  deleteCurve: command({
    name: "DeleteECCurve",
    ins: 0x04,
    p1: 0x0b,
    p2: 0x28,
    request: tlvStruct({ curve: tagged(0x41, u8) }),
    ...NO_LE,
  }),
  readCurveList: command({
    name: "ReadECCurveList",
    ins: 0x02,
    p1: 0x0b,
    p2: 0x25,
    response: tlvStruct({ curves: BYTES_ANSWER }),
  }),
  curveOfKey: command({
    name: "GetECCurveId",
    ins: 0x02,
    p1: 0x0b,
    p2: 0x36,
    request: OBJECT_ONLY,
    response: tlvStruct({ curve: RESULT }),
    ...NO_LE,
  }),
} as const;
