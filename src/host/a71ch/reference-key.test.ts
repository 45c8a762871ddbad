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
