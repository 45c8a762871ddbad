/** @table Attested reads. SE05x command table, tier f */
import {
  type Codec,
  decode,
  DecodeError,
  encode,
  fixed,
  longLength,
  optionalTag,
  rest,
  tagged,
  tlvStruct,
  u16,
  u32,
  u8,
  type ValueOf,
} from "../../codec/index.ts";
import { command } from "../command.ts";
import { bounded } from "../fields.ts";
import { EXTENDED, NO_LE, OBJECT_ID, RESULT } from "./fields.ts";

const ATTESTED_REQUEST = {
  attestationId: tagged(0x45, u32),
  algorithm: tagged(0x46, u8),
  freshness: tagged(0x47, bounded({ min: 1, max: 16 })),
};

const long = <T>(tag: number, value: Codec<T>) => longLength(tagged(tag, value));

/** Everything that an attestation of applet 7 signs, before its signature. */
const SIGNED_7 = {
  data: longLength(optionalTag(0x41, rest)),
  chipId: long(0x42, fixed(18)),
  attributes: long(0x43, rest),
  size: long(0x44, u16),
  timestamp: long(0x4f, fixed(12)),
};
const APPLET_7 = tlvStruct({ ...SIGNED_7, signature: long(0x52, rest) });
const APPLET_3 = tlvStruct({
  data: longLength(optionalTag(0x41, rest)),
  attributes: long(0x42, rest),
  timestamp: long(0x43, fixed(12)),
  freshness: long(0x44, rest),
  chipId: long(0x45, fixed(18)),
  signature: long(0x46, rest),
});

/** What an attestation of a self test signs, before its signature. */
const SIGNED_RESULT = {
  result: RESULT,
  chipId: long(0x42, fixed(18)),
  size: long(0x44, u16),
  timestamp: long(0x4f, fixed(12)),
};

/** The part of an attested self test's answer that its signature covers, as it is on the wire. SE05x command table, section 4.5 */
export const attestedResult = tlvStruct(SIGNED_RESULT);

/** What an attested answer says, in the form of applet 7 or of applets before it. SE05x command table, tier f */
export type Attestation =
  | ({ readonly form: 7 } & ValueOf<typeof APPLET_7>)
  | ({ readonly form: 3 } & ValueOf<typeof APPLET_3>);

/** The part of an answer of applet 7 that its signature covers, as it is on the wire. SE05x command table, tier f */
export const attestedAnswer: Codec<Omit<Extract<Attestation, { form: 7 }>, "form" | "signature">> = tlvStruct(SIGNED_7);

/** An attested answer. */
export const attestation: Codec<Attestation> = {
  write(w, answer) {
    w.bytes(answer.form === 7 ? encode(APPLET_7, answer) : encode(APPLET_3, answer));
  },
  read(r) {
    const bytes = r.rest();
    try {
      return { form: 7, ...decode(APPLET_7, bytes) };
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return { form: 3, ...decode(APPLET_3, bytes) };
    }
  },
};

/** Reads whose answer the chip signs. SE05x command table, tier f */
export const ATTESTATION_ROWS = {
  readAttested: command({
    name: "ReadObject_W_Attst",
    ins: 0x22,
    p1: 0x00,
    p2: 0x00,
    request: tlvStruct({
      objectId: OBJECT_ID,
      offset: optionalTag(0x42, u16),
      length: optionalTag(0x43, u16),
      component: optionalTag(0x44, u8),
      ...ATTESTED_REQUEST,
    }),
    response: attestation,
    ...EXTENDED,
  }),
  readAttributesAttested: command({
    name: "ReadObjectAttributes_W_Attst",
    ins: 0x22,
    p1: 0x00,
    p2: 0x3b,
    request: tlvStruct({ objectId: OBJECT_ID, ...ATTESTED_REQUEST }),
    response: attestation,
    ...EXTENDED,
  }),
  triggerSelfTestAttested: command({
    name: "TriggerSelfTest_W_Attst",
    ins: 0x24,
    p1: 0x00,
    p2: 0x58,
    request: tlvStruct({ mode: tagged(0x41, u16), ...ATTESTED_REQUEST }),
    response: tlvStruct({ ...SIGNED_RESULT, signature: long(0x52, rest) }),
    ...NO_LE,
  }),
} as const;
