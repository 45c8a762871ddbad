/** Project Wycheproof's vectors (Apache-2.0) for ciphers, codes, derivation, RSA and agreement, through the chip's commands. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { bytesOf, type Host, newSe05x } from "../../../test/chip/se05x.ts";
import { concat, fromHex, toHex } from "../../codec/index.ts";

type Case = { readonly tcId: number; readonly result: "valid" | "acceptable" | "invalid" } & Readonly<
  Record<"key" | "iv" | "aad" | "msg" | "ct" | "tag" | "sig" | "public" | "private" | "shared", string> &
    Record<"ikm" | "salt" | "info" | "okm", string>
> & { readonly size: number };
type Group = {
  readonly tests: readonly Case[];
  readonly tagSize: number;
  readonly publicKey: { readonly modulus: string; readonly publicExponent: string; readonly pk: string };
};

const KEY = 0x20000001;
const KEK = 0x20000002;

/** The cases of a file one by one; a skip where the file is not here. */
function eachCase(t: TestContext, name: string, work: (one: Case, group: Group, first: boolean) => void): number {
  const path = join(import.meta.dirname, "../../../../shared/vectors/wycheproof", name);
  if (!existsSync(path)) {
    t.skip(`${name} is not here`);
    return 0;
  }
  const { testGroups } = JSON.parse(readFileSync(path, "utf8")) as { readonly testGroups: readonly Group[] };
  let count = 0;
  for (const group of testGroups) {
    for (const [i, one] of group.tests.entries()) {
      work(one, group, i === 0);
      count++;
    }
  }
  t.diagnostic(`${name}: ${count} cases`);
  return count;
}

function aesKey(host: Host, key: string): boolean {
  host.sw("deleteObject", { objectId: KEY });
  return host.sw("writeSymmKey", { kind: 3, objectId: KEY, value: fromHex(key) }) === "9000";
}

for (const [file, mode] of [
  ["aes_gcm_test.json", 0xb0],
  ["aes_ccm_test.json", 0xf4],
] as const) {
  test(`Se05xChip opens exactly the valid Wycheproof texts of ${file}, and seals to them`, async (t) => {
    const { host } = await newSe05x();
    eachCase(t, file, ({ tcId, key, iv, aad, msg, ct, tag, result }, { tagSize }) => {
      if (iv.length > 120) return undefined; // Longer than the row of the table has it.
      if (!aesKey(host, key)) return assert.notEqual(result, "valid", `case ${tcId}`);
      const given = { family: 0x11, objectId: KEY, mode, iv: fromHex(iv), associated: fromHex(aad) };
      const open = { ...given, direction: 0x38, input: fromHex(ct), tag: fromHex(tag) };
      const { sw } = host.raw(bytesOf("aead", open));
      const fits = mode === 0xb0 ? iv.length >= 24 && iv.length <= 120 : iv.length >= 14 && iv.length <= 26;
      if (!fits) return assert.equal(sw, 0x6a80, `case ${tcId}`);
      // Tags of lengths that a mode does not have are refused at once.
      if (sw === 0x6a80) return assert.equal(result, "invalid", `case ${tcId}`);
      const opened = host.send("aead", open);
      assert.equal(opened.result, result === "valid" ? 1 : 2, `case ${tcId}`);
      if (result !== "valid") return assert.equal(opened.output, undefined);
      assert.equal(toHex(opened.output ?? assert.fail()), msg);
      if (tagSize !== 128) return undefined;
      const sealed = host.send("aead", { ...given, direction: 0x37, input: fromHex(msg) });
      return assert.deepEqual([toHex(sealed.output ?? assert.fail()), toHex(sealed.tag ?? assert.fail())], [ct, tag]);
    });
  });
}

test("Se05xChip deciphers exactly the valid Wycheproof texts of AES-CBC with PKCS #5 padding", async (t) => {
  const { host } = await newSe05x();
  eachCase(t, "aes_cbc_pkcs5_test.json", ({ tcId, key, iv, msg, ct, result }) => {
    aesKey(host, key);
    const given = { objectId: KEY, mode: 0x18, direction: 0x38, iv: fromHex(iv), input: fromHex(ct) };
    if (result !== "valid") return assert.equal(host.sw("cipher", given), "6a80", `case ${tcId}`);
    return assert.equal(toHex(host.send("cipher", given).output), msg, `case ${tcId}`);
  });
});

test("Se05xChip makes the codes of Wycheproof's HMAC and CMAC vectors, and accepts the whole valid ones", async (t) => {
  const { host } = await newSe05x();
  for (const [file, kind, algorithm] of [
    ["hmac_sha256_test.json", 5, 0x19],
    ["hmac_sha384_test.json", 5, 0x1a],
    ["aes_cmac_test.json", 3, 0x31],
  ] as const) {
    eachCase(t, file, ({ tcId, key, msg, tag, result }) => {
      host.sw("deleteObject", { objectId: KEY });
      if (key.length === 0) return undefined; // There are no keys without bytes here.
      const made = host.sw("writeSymmKey", { kind, objectId: KEY, value: fromHex(key) });
      if (made !== "9000") return assert.notEqual(result, "valid", `case ${tcId}`);
      const given = { objectId: KEY, algorithm, input: fromHex(msg) };
      const mac = toHex(host.send("mac", given).mac);
      assert.equal(mac.slice(0, tag.length) === tag, result === "valid", `case ${tcId}`);
      const verdict = host.send("verifyMac", { ...given, mac: fromHex(tag) }).result;
      return assert.equal(verdict, result === "valid" && tag.length === mac.length ? 1 : 2, `case ${tcId}`);
    });
  }
});

test("Se05xChip unwraps exactly the valid Wycheproof keys of RFC 3394", async (t) => {
  const { host } = await newSe05x();
  eachCase(t, "aes_wrap_test.json", ({ tcId, key, msg, ct, result }) => {
    for (const objectId of [KEY, KEK]) host.sw("deleteObject", { objectId });
    host.send("writeSymmKey", { kind: 3, objectId: KEK, value: fromHex(key) });
    if (ct.length === 0 || ct.length > 528) return undefined; // Longer than the row of the table has it.
    const sw = host.sw("writeSymmKey", { kind: 5, objectId: KEY, kekId: KEK, value: fromHex(ct) });
    // A key of 8 bytes is acceptable elsewhere, and none that RFC 3394 wraps.
    if (result !== "valid") return assert.equal(sw, "6a80", `case ${tcId}`);
    assert.equal(sw, "9000", `case ${tcId}`);
    const { mac } = host.send("mac", { objectId: KEY, algorithm: 0x19, input: fromHex("00") });
    return assert.equal(toHex(mac), createHmac("sha256", fromHex(msg)).update(fromHex("00")).digest("hex"));
  });
});

test("Se05xChip derives what Wycheproof's HKDF vectors say, as far as an answer holds", async (t) => {
  const { host } = await newSe05x();
  for (const [file, algorithm] of [
    ["hkdf_sha256_test.json", 0x04],
    ["hkdf_sha384_test.json", 0x05],
  ] as const) {
    eachCase(t, file, ({ tcId, ikm, salt, info, size, okm, result }) => {
      host.sw("deleteObject", { objectId: KEY });
      host.send("writeSymmKey", { kind: 5, objectId: KEY, value: fromHex(ikm) });
      const given = { objectId: KEY, algorithm, salt: fromHex(salt), info: fromHex(info), length: size };
      if (size > 0x200) return assert.equal(host.sw("hkdf", given), "6a80");
      assert.equal(result, "valid");
      return assert.equal(toHex(host.send("hkdf", given).derived), okm, `case ${tcId}`);
    });
  }
});

for (const [file, bits, algorithm] of [
  ["rsa_signature_2048_sha256_test.json", 2048, 0x28],
  ["rsa_signature_4096_sha256_test.json", 4096, 0x28],
  ["rsa_pss_2048_sha256_mgf1_32_test.json", 2048, 0x2c],
] as const) {
  test(`Se05xChip accepts exactly the valid Wycheproof signatures of ${file}`, async (t) => {
    const { host } = await newSe05x();
    eachCase(t, file, ({ tcId, msg, sig, result }, { publicKey }, first) => {
      if (first) {
        host.sw("deleteObject", { objectId: KEY });
        const parts = { e: fromHex(publicKey.publicExponent), n: fromHex(publicKey.modulus.replace(/^00/, "")) };
        const target = { form: 0x00, objectId: KEY };
        host.send("writeRsaKey", { ...target, part: 0x20, bits, e: parts.e });
        host.send("writeRsaKey", { ...target, part: 0x00, n: parts.n });
      }
      const given = { objectId: KEY, algorithm, digest: fromHex(msg), signature: fromHex(sig) };
      const accepted = host.send("verify", given).result === 1;
      // What is acceptable has no NULL behind its hash's identifier, which PKCS #1 asks for.
      assert.equal(accepted, result === "valid", `case ${tcId}`);
    });
  });
}

test("Se05xChip accepts exactly the valid Wycheproof signatures of Ed25519", async (t) => {
  const { host } = await newSe05x();
  const turned = (bytes: Uint8Array) => concat(bytes.slice(0, 32).toReversed(), bytes.slice(32).toReversed());
  eachCase(t, "ed25519_test.json", ({ tcId, msg, sig, result }, { publicKey }, first) => {
    if (first) {
      host.sw("deleteObject", { objectId: KEY });
      const wire = fromHex(publicKey.pk).toReversed();
      host.send("writeEcKey", { part: 0x20, objectId: KEY, curve: 0x40, publicKey: wire });
    }
    const bytes = fromHex(sig);
    const signature = bytes.length === 64 ? turned(bytes) : bytes;
    const given = { objectId: KEY, algorithm: 0xa3, digest: fromHex(msg), signature };
    assert.equal(host.send("verify", given).result, result === "valid" ? 1 : 2, `case ${tcId}`);
  });
});

test("Se05xChip agrees as Wycheproof's vectors of P-256 and X25519 say, and with no point that is not one", async (t) => {
  const { host } = await newSe05x();
  eachCase(t, "ecdh_secp256r1_ecpoint_test.json", ({ tcId, public: point, private: scalar, shared, result }) => {
    host.sw("deleteObject", { objectId: KEY });
    const digits = scalar.replace(/^00(?=.{64})/, "").padStart(64, "0");
    host.send("writeEcKey", { part: 0x40, objectId: KEY, curve: 0x03, privateKey: fromHex(digits) });
    const given = { objectId: KEY, peerPoint: fromHex(point) };
    // Compressed points are acceptable elsewhere; the chip takes none.
    if (result !== "valid") return assert.notEqual(host.sw("agree", given), "9000", `case ${tcId}`);
    return assert.equal(toHex(host.send("agree", given).sharedSecret), shared, `case ${tcId}`);
  });
  eachCase(t, "x25519_test.json", ({ tcId, public: point, private: secret, shared, result }) => {
    host.sw("deleteObject", { objectId: KEY });
    const privateKey = fromHex(secret).toReversed();
    host.send("writeEcKey", { part: 0x40, objectId: KEY, curve: 0x41, privateKey });
    const given = { objectId: KEY, peerPoint: fromHex(point).toReversed() };
    if (/^0*$/.test(shared)) return assert.equal(host.sw("agree", given), "6a80", `case ${tcId}`);
    assert.notEqual(result, "invalid");
    return assert.equal(toHex(host.send("agree", given).sharedSecret.toReversed()), shared, `case ${tcId}`);
  });
});
