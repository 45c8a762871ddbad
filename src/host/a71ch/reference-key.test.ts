import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { test } from "node:test";

import fc from "fast-check";

import { fromHex, toHex, toPem } from "../../codec/index.ts";
import { encodeReferenceKey, keyReference, REFERENCE_KEY_CLASS, referenceInPem } from "./index.ts";

const BASE_POINT = fromHex(
  "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" +
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
);

test("AW-88 encodeReferenceKey writes the scalar that the A71CH engine looks for, in a key file that OpenSSL reads", () => {
  const pem = encodeReferenceKey({ keyClass: REFERENCE_KEY_CLASS.keyPair, index: 3 }, BASE_POINT);
  const { d, x } = createPrivateKey(pem).export({ format: "jwk" });
  // 10, 21 zeros, the marker twice, class and index: the layout that the engine's key files have.
  const scalar = `10${"00".repeat(21)}a5a6b5b6a5a6b5b61003`;
  assert.equal(Buffer.from(d ?? "", "base64url").toString("hex"), scalar);
  assert.equal(Buffer.from(x ?? "", "base64url").toString("hex"), toHex(BASE_POINT.subarray(1, 33)));
  assert.match(pem, /^-----BEGIN EC PRIVATE KEY-----\n/);
});

test("referenceInPem reads what encodeReferenceKey writes, and keyReference a scalar of 31 bytes too", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.values(REFERENCE_KEY_CLASS)),
      fc.integer({ min: 0, max: 255 }),
      (keyClass, index) => {
        const reference = { keyClass, index };
        assert.deepEqual(referenceInPem(encodeReferenceKey(reference, BASE_POINT)), reference);
      },
    ),
  );
  const short = fromHex(`10${"00".repeat(20)}a5a6b5b6a5a6b5b62002`);
  assert.deepEqual(keyReference(short), { keyClass: 0x20, index: 2 });
});

// Origin: written by NXP's unmodified Configure tool (A71CH host library 1.40) for key pair 0 of this chip.
const FROM_NXP = `-----BEGIN EC PRIVATE KEY-----
MIIBaAIBAQQgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAKWmtbalprW2EACggfowgfcC
AQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAAAAAAAAAAAAAA////////////////
MFsEIP////8AAAABAAAAAAAAAAAAAAAA///////////////8BCBaxjXYqjqT57Pr
vVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSdNgiG5wSTamZ44ROdJreBn36QBEEE
axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54W
K84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA//////////+85vqtpxeehPO5ysL8
YyVRAgEBoUQDQgAEHbb5q5QZJqwKmp9a8gH41KgZ1nJMXj70bs8wliqKHM6i83RU
QyhaCR5z5WtyCQzLrjfJsvw/SMjHNKooIbxT1A==
-----END EC PRIVATE KEY-----
`;

test("referenceInPem reads a reference key that NXP's Configure tool wrote, with the curve's parameters spelt out", () => {
  assert.deepEqual(referenceInPem(FROM_NXP), { keyClass: 0x10, index: 0 });
  const point = fromHex(
    "041db6f9ab941926ac0a9a9f5af201f8d4a819d6724c5e3ef46ecf30962a8a1cce" +
      "a2f3745443285a091e73e56b72090ccbae37c9b2fc3f48c8c734aa2821bc53d4",
  );
  const scalarOf = (pem: string) => createPrivateKey(pem).export({ format: "jwk" });
  assert.deepEqual(scalarOf(encodeReferenceKey({ keyClass: 0x10, index: 0 }, point)), scalarOf(FROM_NXP));
});

test("keyReference takes no real key, no other marker and no other class for a reference", () => {
  const scalar = fromHex(`10${"00".repeat(21)}a5a6b5b6a5a6b5b61000`);
  for (let at = 22; at < 31; at++) {
    const changed = scalar.slice();
    changed[at] = (changed[at] ?? 0) ^ 0x01;
    assert.equal(keyReference(changed), undefined, `byte ${at}`);
  }
  assert.equal(keyReference(new Uint8Array(9)), undefined);
  assert.equal(referenceInPem(""), undefined);
  assert.equal(referenceInPem(toPem("EC PRIVATE KEY", fromHex("30820102"))), undefined);
  const plain = encodeReferenceKey({ keyClass: 0x10, index: 0 }, BASE_POINT).replaceAll("EC PRIVATE", "OTHER");
  assert.equal(referenceInPem(plain), undefined);
});

test("encodeReferenceKey refuses other points and larger indices", () => {
  assert.throws(() => encodeReferenceKey({ keyClass: 0x10, index: 256 }, BASE_POINT), { code: "length" });
  assert.throws(() => encodeReferenceKey({ keyClass: 0x10, index: 0 }, BASE_POINT.subarray(1)), { code: "length" });
});
