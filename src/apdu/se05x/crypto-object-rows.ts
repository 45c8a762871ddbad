/** @table Crypto objects, and the streamed operations that they hold. SE05x command table, section 4.5 */
import {
  type Codec,
  decode,
  DecodeError,
  encode,
  longLength,
  optionalTag,
  rest,
  tagged,
  tlvStruct,
  u16,
  u32,
  u8,
} from "../../codec/index.ts";
import { command } from "../command.ts";
import { bounded } from "../fields.ts";
import { BYTES_ANSWER, EXTENDED, NO_LE, OBJECT_ID, oneOf, RESULT } from "./fields.ts";

const CRYPTO_OBJECT = tagged(0x42, u16);
const NAMED_ALONE = tlvStruct({ cryptoObjectId: tagged(0x41, u16) });

/** A code, or whether a given one was right: one byte is a verdict, since no code is that short. */
const macOutcome: Codec<{ readonly mac?: Uint8Array; readonly result?: number }> = {
  write(w, { mac, result }) {
    if (mac) w.bytes(encode(MAC_ANSWER, { mac }));
    else w.bytes(encode(VERDICT, { result: result ?? 0 }));
  },
  read(r) {
    const bytes = r.rest();
    try {
      return decode(VERDICT, bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return decode(MAC_ANSWER, bytes);
    }
  },
};
const MAC_ANSWER = tlvStruct({ mac: BYTES_ANSWER });
const VERDICT = tlvStruct({ result: RESULT });

/** Crypto objects, and the streamed operations that they hold. SE05x command table, section 4.5 */
export const CRYPTO_OBJECT_ROWS = {
  createCryptoObject: command({
    name: "CreateCryptoObject",
    ins: 0x01,
    p1: 0x10,
    p2: 0x00,
    request: tlvStruct({
      cryptoObjectId: tagged(0x41, u16),
      context: tagged(0x42, u8),
      subtype: tagged(0x43, u8),
      targetId: optionalTag(0x44, u32),
    }),
    ...NO_LE,
  }),
  /** Four bytes each: identifier, context, subtype. */
  readCryptoObjectList: command({
    name: "ReadCryptoObjectList",
    ins: 0x02,
    p1: 0x10,
    p2: 0x25,
    response: tlvStruct({ list: BYTES_ANSWER }),
  }),
  deleteCryptoObject: command({
    name: "DeleteCryptoObject",
    ins: 0x04,
    p1: 0x10,
    p2: 0x28,
    request: NAMED_ALONE,
    ...NO_LE,
  }),
  digestInit: command({
    name: "DigestInit",
    ins: 0x03,
    p1: 0x00,
    p2: 0x0b,
    request: tlvStruct({ cryptoObjectId: CRYPTO_OBJECT }),
    ...NO_LE,
  }),
  digestUpdate: command({
    name: "DigestUpdate",
    ins: 0x03,
    p1: 0x00,
    p2: 0x0c,
    request: tlvStruct({ cryptoObjectId: CRYPTO_OBJECT, input: tagged(0x43, rest) }),
    ...NO_LE,
  }),
  digestFinal: command({
    name: "DigestFinal",
    ins: 0x03,
    p1: 0x00,
    p2: 0x0d,
    request: tlvStruct({ cryptoObjectId: CRYPTO_OBJECT, input: optionalTag(0x43, rest) }),
    response: tlvStruct({ digest: BYTES_ANSWER }),
    ...NO_LE,
  }),
  /** `direction` 42 encrypts, 43 decrypts; the answer tells an initial block that the chip made. */
  cipherInit: command({
    name: "CipherInit",
    ins: 0x03,
    p1: 0x0e,
    p2: oneOf("direction", 0x42, 0x43),
    request: tlvStruct({ objectId: OBJECT_ID, cryptoObjectId: CRYPTO_OBJECT, iv: optionalTag(0x44, rest) }),
    response: tlvStruct({ iv: longLength(optionalTag(0x43, bounded({ max: 60 }))) }),
    ...NO_LE,
  }),
  cipherUpdate: command({
    name: "CipherUpdate",
    ins: 0x03,
    p1: 0x0e,
    p2: 0x0c,
    request: tlvStruct({ cryptoObjectId: CRYPTO_OBJECT, input: optionalTag(0x43, rest) }),
    response: tlvStruct({ output: longLength(optionalTag(0x41, rest)) }),
    secretRequest: ["input"],
    secretResponse: ["output"],
    ...NO_LE,
  }),
  cipherFinal: command({
    name: "CipherFinal",
    ins: 0x03,
    p1: 0x0e,
    p2: 0x0d,
    request: tlvStruct({ cryptoObjectId: CRYPTO_OBJECT, input: optionalTag(0x43, rest) }),
    response: tlvStruct({ output: BYTES_ANSWER }),
    secretRequest: ["input"],
    secretResponse: ["output"],
    ...EXTENDED,
  }),
  /** `direction` 03 makes a code, 44 checks one. */
  macInit: command({
    name: "MACInit",
    ins: 0x03,
    p1: 0x0d,
    p2: oneOf("direction", 0x03, 0x44),
    request: tlvStruct({ objectId: OBJECT_ID, cryptoObjectId: CRYPTO_OBJECT }),
    ...NO_LE,
  }),
  macUpdate: command({
    name: "MACUpdate",
    ins: 0x03,
    p1: 0x0d,
    p2: 0x0c,
    request: tlvStruct({ input: optionalTag(0x41, rest), cryptoObjectId: CRYPTO_OBJECT }),
    ...NO_LE,
  }),
  macFinal: command({
    name: "MACFinal",
    ins: 0x03,
    p1: 0x0d,
    p2: 0x0d,
    request: tlvStruct({
      input: optionalTag(0x41, rest),
      cryptoObjectId: CRYPTO_OBJECT,
      mac: optionalTag(0x43, bounded({ min: 1, max: 64 })),
    }),
    response: macOutcome,
    ...EXTENDED,
  }),
} as const;
