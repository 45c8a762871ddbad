/** @table Authenticated encryption, in one command and streamed. SE05x command table, section 4.5 */
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
  u8,
} from "../../codec/index.ts";
import { command } from "../command.ts";
import { bounded } from "../fields.ts";
import { EXTENDED, NO_LE, OBJECT_ID, oneOf } from "./fields.ts";

const MAX_IV = 60;
const CRYPTO_OBJECT = tagged(0x42, u16);
/** 11, or 12 where the chip is to make the nonce as SP 800-38D asks for. */
const FAMILY = oneOf("family", 0x11, 0x12);
/** A nonce, or two bytes that say how long a nonce the chip shall make. */
const IV = optionalTag(0x45, bounded({ max: MAX_IV }));
const TAG = bounded({ min: 1, max: 16 });

type Outcome = {
  readonly output?: Uint8Array | undefined;
  readonly tag?: Uint8Array | undefined;
  readonly result?: number | undefined;
  readonly iv?: Uint8Array | undefined;
};

const OUTPUT = longLength(optionalTag(0x41, rest));
const NONCE = longLength(optionalTag(0x43, bounded({ max: MAX_IV })));
const SEALED = tlvStruct({
  output: OUTPUT,
  tag: longLength(optionalTag(0x42, bounded({ min: 2, max: 16 }))),
  iv: NONCE,
});
const OPENED = tlvStruct({ output: OUTPUT, result: tagged(0x42, u8) });

/** What sealing gives, or opening: the two tell each other apart by the length of tag 42. */
const outcome: Codec<Outcome> = {
  write: (w, value) => {
    const { result } = value;
    w.bytes(result === undefined ? encode(SEALED, value) : encode(OPENED, { ...value, result }));
  },
  read(r) {
    const bytes = r.rest();
    try {
      return decode(OPENED, bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return decode(SEALED, bytes);
    }
  },
};

/** Authenticated encryption, in one command and streamed. SE05x command table, section 4.5 */
export const AEAD_ROWS = {
  /** `direction` 37 encrypts, 38 decrypts. A wrong tag gives a result of no and no output. */
  aead: command({
    name: "AEADOneShot",
    ins: 0x03,
    p1: FAMILY,
    p2: oneOf("direction", 0x37, 0x38),
    request: tlvStruct({
      objectId: OBJECT_ID,
      mode: tagged(0x42, u8),
      input: optionalTag(0x43, rest),
      associated: optionalTag(0x44, rest),
      iv: IV,
      tag: optionalTag(0x46, TAG),
    }),
    response: outcome,
    secretRequest: ["input"],
    secretResponse: ["output"],
    ...EXTENDED,
  }),
  /** `direction` 42 encrypts, 43 decrypts; CCM has to know all lengths beforehand. */
  aeadInit: command({
    name: "AEADInit",
    ins: 0x03,
    p1: FAMILY,
    p2: oneOf("direction", 0x42, 0x43),
    request: tlvStruct({
      objectId: OBJECT_ID,
      cryptoObjectId: CRYPTO_OBJECT,
      iv: IV,
      associatedLength: optionalTag(0x46, u16),
      inputLength: optionalTag(0x47, u16),
      tagLength: optionalTag(0x48, u16),
    }),
    response: tlvStruct({ iv: NONCE }),
    ...NO_LE,
  }),
  aeadUpdate: command({
    name: "AEADUpdate",
    ins: 0x03,
    p1: FAMILY,
    p2: 0x0c,
    request: tlvStruct({
      cryptoObjectId: CRYPTO_OBJECT,
      input: optionalTag(0x43, rest),
      associated: optionalTag(0x44, rest),
    }),
    response: tlvStruct({ output: OUTPUT }),
    secretRequest: ["input"],
    secretResponse: ["output"],
    ...NO_LE,
  }),
  aeadFinal: command({
    name: "AEADFinal",
    ins: 0x03,
    p1: FAMILY,
    p2: 0x0d,
    request: tlvStruct({ cryptoObjectId: CRYPTO_OBJECT, tag: optionalTag(0x46, TAG) }),
    response: outcome,
    secretResponse: ["output"],
    ...EXTENDED,
  }),
} as const;
