import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { type Codec, concat, decode, DecodeError, encode } from "../codec/index.ts";
import * as messages from "./messages.ts";

const bytes = (maxLength: number, minLength = 0) => fc.uint8Array({ minLength, maxLength });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u8 = fc.integer({ min: 0, max: 0xff });
const extensions = fc.array(fc.record({ type: u16, data: bytes(20) }, { noNullPrototype: true }), {
  minLength: 1,
  maxLength: 4,
});
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { noNullPrototype: true });

const hello = { legacyVersion: u16, random: bytes(32, 32), legacySessionId: bytes(32), extensions };
const signed = record({ scheme: u16, signature: bytes(80) });
const exchange = record({
  params: record({ curveType: fc.constant(3 as const), namedCurve: u16, publicKey: bytes(133, 1) }),
  signed,
}).map((value) => ({ ...value, raw: encode(messages.serverEcdhParams, value.params) }));

/** Each message's codec with values of its whole range, and whether every strict prefix must be refused. */
const CASES: Record<string, { codec: Codec<unknown>; values: fc.Arbitrary<unknown> }> = {
  client_hello: {
    codec: messages.clientHello,
    values: record({
      ...hello,
      cipherSuites: fc.array(u16, { minLength: 1, maxLength: 9 }),
      compressionMethods: fc.array(u8, { minLength: 1, maxLength: 3 }),
    }),
  },
  server_hello: {
    codec: messages.serverHello,
    values: record({ ...hello, cipherSuite: u16, compressionMethod: u8 }),
  },
  certificate: { codec: messages.certificate12, values: fc.array(bytes(60, 1), { maxLength: 4 }) },
  server_key_exchange: { codec: messages.serverKeyExchange(messages.serverEcdhParams), values: exchange },
  certificate_request: {
    codec: messages.certificateRequest12,
    values: record({
      certificateTypes: fc.array(u8, { minLength: 1, maxLength: 4 }),
      signatureSchemes: fc.array(u16, { minLength: 1, maxLength: 4 }),
      certificateAuthorities: fc.array(bytes(40, 1), { maxLength: 3 }),
    }),
  },
  certificate_verify: { codec: messages.digitallySigned, values: signed },
  client_key_exchange: { codec: messages.clientKeyExchangeEcdhe, values: bytes(133, 1) },
};

function isDecodeError(run: () => unknown): boolean {
  try {
    run();
  } catch (error) {
    if (error instanceof DecodeError) return true;
    throw error;
  }
  return false;
}

for (const [name, { codec, values }] of Object.entries(CASES)) {
  test(`${name}: decode gives back what encode wrote`, () => {
    fc.assert(fc.property(values, (value) => assert.deepEqual(decode(codec, encode(codec, value)), value)));
  });

  test(`${name}: strict prefixes and one byte more are refused`, () => {
    fc.assert(
      fc.property(values, (value) => {
        const whole = encode(codec, value);
        // A hello that ends before its extensions is a whole hello of the old form. RFC 5246, section 7.4.1.2
        const block = name.endsWith("_hello") ? extensionsLength(value) : 0;
        for (let length = 0; length < whole.length; length++) {
          if (block > 0 && length === whole.length - block) continue;
          assert.ok(
            isDecodeError(() => decode(codec, whole.subarray(0, length))),
            `${length} of ${whole.length}`,
          );
        }
        assert.ok(isDecodeError(() => decode(codec, concat(whole, Uint8Array.of(0)))));
      }),
      { numRuns: 30 },
    );
  });

  test(`${name}: any one-byte change gives a value or a DecodeError`, () => {
    fc.assert(
      fc.property(values, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, place, change) => {
        const whole = encode(codec, value);
        const at = place % whole.length;
        whole[at] = (whole[at] ?? 0) ^ change;
        isDecodeError(() => decode(codec, whole));
      }),
      { numRuns: 200 },
    );
  });
}

function extensionsLength(value: unknown): number {
  const { extensions } = value as { extensions: readonly { data: Uint8Array }[] };
  return 2 + extensions.reduce((sum, { data }) => sum + 4 + data.length, 0);
}
