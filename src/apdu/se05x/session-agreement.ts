import {
  type Codec,
  decode,
  DecodeError,
  encode,
  fixed,
  Reader,
  readTlvLength,
  tagged,
  tlvStruct,
  u8,
} from "../../codec/index.ts";
import { bounded } from "../fields.ts";

/** What a host proposes for a session by key agreement: with which application, for which keys, its ephemeral key. */
export type SessionOffer = {
  readonly aid: Uint8Array;
  /** SCP with parameters: AB, configuration 01, security level 33. */
  readonly scp: Uint8Array;
  /** 88, AES. */
  readonly keyType: number;
  /** 10, sixteen bytes. */
  readonly keyLength: number;
  /** 65 bytes on P-256, uncompressed. */
  readonly ephemeralPoint: Uint8Array;
};

const CONTROL_REFERENCE = 0xa6;
/** Tags of two bytes: the host's ephemeral key, and its signature. */
const EPHEMERAL_KEY = 0x7f49;
const SIGNATURE = 0x5f37;
/** Point on P-256, by reference: B0, 41 bytes, F0, parameters 03. */
const POINT = tlvStruct({ point: tagged(0xb0, fixed(65)), parameters: tagged(0xf0, u8) });
const P256_PARAMETERS = 0x03;
const TEMPLATE = tlvStruct({
  aid: tagged(0x4f, bounded({ min: 5, max: 16 })),
  scp: tagged(0x90, fixed(3)),
  keyType: tagged(0x80, u8),
  keyLength: tagged(0x81, u8),
});

/** An offer as its signature covers it: A6 with the template, 7F49 with the key. SE05x command table, tier e */
export const sessionOffer: Codec<SessionOffer> = {
  write(w, { ephemeralPoint, ...template }) {
    const reference = encode(TEMPLATE, template);
    const point = encode(POINT, { point: ephemeralPoint, parameters: P256_PARAMETERS });
    w.u8(CONTROL_REFERENCE).prefixed(1, (body) => body.bytes(reference));
    w.u16(EPHEMERAL_KEY).prefixed(1, (body) => body.bytes(point));
  },
  read(r) {
    expectTag(r, r.u8(), CONTROL_REFERENCE);
    const template = decode(TEMPLATE, r.bytes(readTlvLength(r)));
    expectTag(r, r.u16(), EPHEMERAL_KEY);
    const { point, parameters } = decode(POINT, r.bytes(readTlvLength(r)));
    expectTag(r, parameters, P256_PARAMETERS);
    return { ...template, ephemeralPoint: point };
  },
};

/** Which of its keys a chip is asked for: A6 with 83, identifier and version. NXP plug-and-trust 03.03.00, host library */
export const agreementKeyQuery = tlvStruct({
  template: tagged(CONTROL_REFERENCE, tlvStruct({ key: tagged(0x83, fixed(2)) })),
});

/** The chip's key for agreements, and its signature over the key's bytes as they stand here. */
export type SignedAgreementKey = { readonly point: Uint8Array; readonly signature: Uint8Array };

/** What a chip's signature covers: 7F49 with its key. NXP plug-and-trust 03.03.00, host library */
export const agreementKey: Codec<Uint8Array> = {
  write(w, point) {
    const key = encode(POINT, { point, parameters: P256_PARAMETERS });
    w.u16(EPHEMERAL_KEY).prefixed(1, (body) => body.bytes(key));
  },
  read(r) {
    expectTag(r, r.u16(), EPHEMERAL_KEY);
    const { point, parameters } = decode(POINT, r.bytes(readTlvLength(r)));
    expectTag(r, parameters, P256_PARAMETERS);
    return point;
  },
};

/** 7F49 with the chip's key, 5F37 with a signature. NXP plug-and-trust 03.03.00, host library */
export const signedAgreementKey: Codec<SignedAgreementKey> = {
  write(w, { point, signature }) {
    agreementKey.write(w, point);
    w.u16(SIGNATURE).prefixed(1, (body) => body.bytes(signature));
  },
  read(r) {
    const point = agreementKey.read(r);
    expectTag(r, r.u16(), SIGNATURE);
    return { point, signature: r.bytes(readTlvLength(r)) };
  },
};

/** An offer's bytes with the host's signature behind them. */
export type SignedOffer = { readonly offer: Uint8Array; readonly signature: Uint8Array };

/** What INTERNAL AUTHENTICATE carries: the offer, then 5F37 with a signature over it. SE05x command table, tier e */
export const signedOffer: Codec<SignedOffer> = {
  write(w, { offer, signature }) {
    w.bytes(offer)
      .u16(SIGNATURE)
      .prefixed(1, (body) => body.bytes(signature));
  },
  read(r) {
    const start = r.at;
    const all = r.rest();
    const inner = new Reader(all, start);
    sessionOffer.read(inner);
    const offer = all.subarray(0, inner.at - start);
    expectTag(inner, inner.u16(), SIGNATURE);
    const signature = inner.bytes(readTlvLength(inner));
    inner.end();
    return { offer, signature };
  },
};

function expectTag(reader: Reader, found: number, expected: number): void {
  if (found !== expected) {
    throw new DecodeError("value", `0x${found.toString(16)} where 0x${expected.toString(16)} belongs`, reader.at);
  }
}
