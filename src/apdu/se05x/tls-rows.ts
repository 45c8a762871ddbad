/** @table What TLS 1.2 leaves to the chip. SE05x command table, tier c */
import { fixed, longLength, optionalTag, tagged, tlvStruct, u16, u32, u8 } from "../../codec/index.ts";
import { command } from "../command.ts";
import { bounded } from "../fields.ts";
import { BYTES_ANSWER, EXTENDED, NO_LE, OBJECT_ID, oneOf } from "./fields.ts";

/** What TLS 1.2 leaves to the chip. SE05x command table, tier c */
export const TLS_ROWS = {
  tlsRandom: command({
    name: "TLSGenerateRandom",
    ins: 0x03,
    p1: 0x0f,
    p2: 0x49,
    response: tlvStruct({ random: longLength(tagged(0x41, fixed(32))) }),
  }),
  /**
   * The premaster secret goes into the HMAC key `targetId`: of a PSK, of a key agreement or of what was encrypted under
   * an RSA key, or of a PSK and one of these. `input` is the peer's point or its encrypted secret, and with that goes
   * the version that its hello named.
   */
  tlsPremaster: command({
    name: "TLSCalculatePreMasterSecret",
    ins: 0x03,
    p1: 0x0f,
    p2: 0x4a,
    request: tlvStruct({
      pskId: optionalTag(0x41, u32),
      keyPairId: optionalTag(0x42, u32),
      targetId: tagged(0x43, u32),
      input: optionalTag(0x44, bounded({ max: 512 })),
      clientVersion: optionalTag(0x46, fixed(2)),
    }),
    ...NO_LE,
  }),
  /** `phase` says what `random` is: 4B and 4D the client's, 4C and 4E the server's, 5A both in 64 bytes. */
  tlsPrf: command({
    name: "TLSPerformPRF",
    ins: 0x03,
    p1: 0x0f,
    p2: oneOf("phase", 0x4b, 0x4c, 0x4d, 0x4e, 0x5a),
    request: tlvStruct({
      objectId: OBJECT_ID,
      algorithm: tagged(0x42, u8),
      label: tagged(0x43, bounded({ min: 1, max: 64 })),
      random: tagged(0x44, bounded({ min: 32, max: 64 })),
      length: tagged(0x45, u16),
    }),
    response: tlvStruct({ output: BYTES_ANSWER }),
    secretResponse: ["output"],
    ...EXTENDED,
  }),
} as const;
