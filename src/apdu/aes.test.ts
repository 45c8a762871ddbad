import assert from "node:assert/strict";
import { createCipheriv, createDecipheriv } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import fc from "fast-check";

import { DecodeError, fromHex, toHex } from "../codec/index.ts";
import { cbcDecrypt, cbcEncrypt, cmac, padded, unpadded, unwrapKey, wrapKey } from "./index.ts";
import { nodeBlockCipher as aes } from "./node.ts";

/** Project Wycheproof's vectors (Apache-2.0). */
type Vectors<Case> = {
  readonly testGroups: readonly { readonly tagSize?: number; readonly tests: readonly (Case & Verdict)[] }[];
};
type Verdict = { readonly tcId: number; readonly key: string; readonly msg: string; readonly result: string };

function vectors(t: TestContext, name: string): unknown {
  const path = join(import.meta.dirname, "../../../shared/vectors/wycheproof", name);
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8"));
  t.skip(`${name} is not here`);
  return undefined;
}

const key = fc.constantFrom(16, 24, 32).chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));

test("cmac gives the examples of SP 800-38B, appendix D.1", () => {
  const k = fromHex("2b7e151628aed2a6abf7158809cf4f3c");
  const m = fromHex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
  );
  assert.equal(toHex(cmac(aes, k)), "bb1d6929e95937287fa37d129b756746");
  assert.equal(toHex(cmac(aes, k, m.subarray(0, 16))), "070a16b46b4d4144f79bdd9dd04a287c");
  assert.equal(toHex(cmac(aes, k, m.subarray(0, 13), m.subarray(13, 40))), "dfa66747de9ae63030ca32611497c827");
  assert.equal(toHex(cmac(aes, k, m)), "51f0bebf7e3b9d92fc49741779363cfe");
});

test("cmac agrees with Wycheproof on every key length that AES has", (t) => {
  const file = vectors(t, "aes_cmac_test.json") as Vectors<{ readonly tag: string }> | undefined;
  if (!file) return;
  let compared = 0;
  for (const { tests, tagSize = 128 } of file.testGroups) {
    for (const { tcId, key: k, msg, tag, result } of tests) {
      if (![32, 48, 64].includes(k.length)) continue;
      const found = toHex(cmac(aes, fromHex(k), fromHex(msg)).subarray(0, tagSize / 8));
      assert.equal(found === tag, result === "valid", `case ${tcId}`);
      compared++;
    }
  }
  assert.ok(compared > 250, String(compared));
});

test("wrapKey and unwrapKey give the examples of RFC 3394, section 4", () => {
  const examples = [
    [
      "000102030405060708090a0b0c0d0e0f",
      "00112233445566778899aabbccddeeff",
      "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5",
    ],
    [
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
      "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
      "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
    ],
  ];
  for (const [kek = "", plain = "", wrapped = ""] of examples) {
    assert.equal(toHex(wrapKey(aes, fromHex(kek), fromHex(plain))), wrapped);
    assert.equal(toHex(unwrapKey(aes, fromHex(kek), fromHex(wrapped)) ?? assert.fail()), plain);
  }
});

test("unwrapKey accepts what is valid in Wycheproof's aes_wrap and nothing else", (t) => {
  const file = vectors(t, "aes_wrap_test.json") as Vectors<{ readonly ct: string }> | undefined;
  if (!file) return;
  const counts = { accepted: 0, refused: 0 };
  for (const { tests } of file.testGroups) {
    for (const { tcId, key: k, msg, ct, result } of tests) {
      const found = unwrapKey(aes, fromHex(k), fromHex(ct));
      if (result === "invalid") {
        assert.equal(found, undefined, `case ${tcId}`);
        counts.refused++;
      } else if (found) {
        assert.equal(toHex(found), msg, `case ${tcId}`);
        counts.accepted++;
      } else assert.equal(result, "acceptable", `case ${tcId}`);
    }
  }
  assert.ok(counts.accepted > 30 && counts.refused > 60, JSON.stringify(counts));
});

test("unwrapKey gives back what wrapKey wrapped, and undefined for any bit flipped or another length", () => {
  const plain = fc.constantFrom(16, 24, 32, 64).chain((n) => fc.uint8Array({ minLength: n, maxLength: n }));
  fc.assert(
    fc.property(key, plain, fc.nat(), (k, value, at) => {
      const wrapped = wrapKey(aes, k, value);
      assert.deepEqual(unwrapKey(aes, k, wrapped), value);
      const bit = at % (wrapped.length * 8);
      const flipped = wrapped.with(bit >> 3, (wrapped[bit >> 3] ?? 0) ^ (1 << (bit & 7)));
      assert.equal(unwrapKey(aes, k, flipped), undefined);
      assert.equal(unwrapKey(aes, k, wrapped.subarray(8)), undefined);
      assert.equal(unwrapKey(aes, k, wrapped.subarray(1)), undefined);
    }),
    { numRuns: 60 },
  );
});

test("cbcEncrypt and cbcDecrypt agree with node:crypto", () => {
  const blocks = fc.integer({ min: 0, max: 6 }).chain((n) => fc.uint8Array({ minLength: 16 * n, maxLength: 16 * n }));
  const iv = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(key, iv, blocks, (k, v, value) => {
      const cipher = createCipheriv(`aes-${k.length * 8}-cbc`, k, v).setAutoPadding(false);
      const expected = new Uint8Array(cipher.update(value));
      assert.deepEqual(cbcEncrypt(aes, k, v, value), expected);
      const decipher = createDecipheriv(`aes-${k.length * 8}-cbc`, k, v).setAutoPadding(false);
      assert.deepEqual(cbcDecrypt(aes, k, v, expected), new Uint8Array(decipher.update(expected)));
    }),
    { numRuns: 60 },
  );
});

test("unpadded takes off what padded put on, and wants a padding", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (value) => {
      const blocks = padded(value);
      assert.ok(blocks.length % 16 === 0 && blocks.length > value.length);
      assert.deepEqual(unpadded(blocks), value);
    }),
  );
  for (const hex of ["", "00", "0000", "8001", "01"]) assert.throws(() => unpadded(fromHex(hex)), DecodeError, hex);
});
