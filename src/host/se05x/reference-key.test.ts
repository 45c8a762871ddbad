import assert from "node:assert/strict";
import { createECDH, createPrivateKey, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";

import { DecodeError, parsePem, toHex, toPem } from "../../codec/index.ts";
import { encodeReferenceKey, REFERENCE_KEY_CLASS, referenceInPem } from "../a71ch/index.ts";
import { encodeSe05xReferenceKey, encodeSe05xRsaReferenceKey, se05xReferenceInPem } from "./index.ts";

const CURVES = [
  ["P-256", "prime256v1", 32],
  ["P-384", "secp384r1", 48],
  ["P-521", "secp521r1", 66],
] as const;

function pointOn(name: string): Uint8Array {
  const key = createECDH(name);
  key.generateKeys();
  return new Uint8Array(key.getPublicKey());
}

test("encodeSe05xReferenceKey has the scalar that NXP's provider writes, with the real public key, on every curve", () => {
  for (const [curve, name, size] of CURVES) {
    const point = pointOn(name);
    const pem = encodeSe05xReferenceKey(0xef000020, { curve, point });
    // As the provider was seen to write it for key EF000020. SE05x reference keys
    const tail = "ef000020a5a6b5b6a5a6b5b61000";
    assert.equal(se05xReferenceInPem(pem), 0xef000020);
    const { d = "", x = "", crv } = createPrivateKey(pem).export({ format: "jwk" });
    assert.equal(crv, curve);
    const scalar = toHex(new Uint8Array(Buffer.from(d, "base64url")));
    assert.equal(scalar, `10${"00".repeat(size - 15)}${tail}`);
    assert.equal(toHex(new Uint8Array(Buffer.from(x, "base64url"))), toHex(point.subarray(1, 1 + size)));
  }
});

test("reference keys of the two families are told apart, and real keys are none", () => {
  const point = pointOn("prime256v1");
  const ofA71ch = encodeReferenceKey({ keyClass: REFERENCE_KEY_CLASS.keyPair, index: 0 }, point);
  assert.equal(se05xReferenceInPem(ofA71ch), undefined);
  assert.deepEqual(referenceInPem(ofA71ch), { keyClass: REFERENCE_KEY_CLASS.keyPair, index: 0 });
  const real = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey.export({
    format: "pem",
    type: "sec1",
  });
  assert.equal(se05xReferenceInPem(real), undefined);
  assert.equal(se05xReferenceInPem(""), undefined);
  assert.throws(() => encodeSe05xReferenceKey(1, { curve: "P-192" as "P-256", point }), DecodeError);
});

test("encodeSe05xRsaReferenceKey has the layout of NXP's provider: real public numbers, primes 1 and the identifier", () => {
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwk = pair.publicKey.export({ format: "jwk" });
  const number = (text: string | undefined) => new Uint8Array(Buffer.from(text ?? "", "base64url"));
  for (const objectId of [0xef000011, 0x00000011]) {
    const pem = encodeSe05xRsaReferenceKey(objectId, { n: number(jwk.n), e: number(jwk.e) });
    assert.equal(se05xReferenceInPem(pem), objectId);
    const [{ bytes } = { bytes: new Uint8Array(0) }] = parsePem(pem);
    // Version, modulus, exponent; 1, 1, identifier, 1, 1, and the marker in the coefficient's place.
    const identifier = objectId === 0x11 ? "020111" : "020500ef000011";
    assert.ok(
      toHex(bytes).endsWith(`0203010001020101020101${identifier}020101020101020500a5a6b5b6`),
      toHex(bytes.slice(-50)),
    );
    assert.ok(toHex(bytes).includes(toHex(number(jwk.n))));
  }
  const real = pair.privateKey.export({ format: "pem", type: "pkcs1" });
  assert.equal(se05xReferenceInPem(real), undefined);
  assert.equal(se05xReferenceInPem(toPem("RSA PRIVATE KEY", new Uint8Array([0x30, 3, 2, 1]))), undefined);
});
