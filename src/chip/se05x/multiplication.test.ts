/** Points made of two keys in the chip, signatures over its own files, and the PRF of TLS over two given randoms. */
import assert from "node:assert/strict";
import { createECDH, createHmac, createPublicKey, verify as verifyWith } from "node:crypto";
import { test } from "node:test";

import { p256, p384, p521 } from "@noble/curves/nist.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";

import { CASES, Chance } from "../../../test/chip/differential.ts";
import { type Host, newSe05x } from "../../../test/chip/se05x.ts";
import { EC_DOMAINS, RIGHT, SE05X_CURVE } from "../../apdu/se05x/index.ts";
import { concat, fromHex, toHex, utf8Bytes, Writer } from "../../codec/index.ts";
import { ecPublicKeyInfo } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";

const [A, B, TARGET, LIST] = [0x20000001, 0x20000002, 0x20000003, 0x20000004];
const [PRODUCT, PACE] = [0x06, 0x05];
const NONE = new Uint8Array(0);

function codeBy(host: Host, objectId: number): string {
  return toHex(host.send("mac", { objectId, algorithm: 0x19, input: fromHex("00") }).mac);
}

function makeCurve(host: Host, curve: number): void {
  const domain = EC_DOMAINS.get(curve);
  if (!domain || curve === 3 || curve === 4) return;
  host.send("createCurve", { curve });
  for (const [parameter, hex] of [
    [1, domain.a],
    [2, domain.b],
    [4, domain.g],
    [8, domain.n],
    [16, domain.p],
  ] as const) {
    host.send("setCurveParameter", { curve, parameter, value: fromHex(`${hex.length % 2 ? "0" : ""}${hex}`) });
  }
}

test("ECPointMultiply gives the product as node:crypto's X and @noble/curves' points have it, and PACE's generator", async (t) => {
  const { host } = await newSe05x();
  const chance = new Chance("multiply");
  const cases = Math.max(3, Math.floor(CASES / 8));
  host.send("writeSymmKey", { kind: 5, objectId: TARGET, value: fromHex("00") });
  for (const [curve, name, library] of [
    [0x03, "prime256v1", p256],
    [0x04, "secp384r1", p384],
    [0x05, "secp521r1", p521],
    [0x10, "secp256k1", secp256k1],
  ] as const) {
    makeCurve(host, curve);
    const length = ((EC_DOMAINS.get(curve)?.g.length ?? 0) / 2 - 1) / 2;
    for (let i = 0; i < cases; i++) {
      const secret = chance.bytes(length).with(0, 0);
      const own = createECDH(name);
      own.setPrivateKey(secret);
      const peer = createECDH(name);
      const peerPoint = Uint8Array.from(peer.generateKeys());
      for (const objectId of [A, B]) host.sw("deleteObject", { objectId });
      const publicKey = Uint8Array.from(own.getPublicKey());
      host.send("writeEcKey", { part: 0x60, objectId: A, curve, privateKey: secret, publicKey });
      host.send("writeEcKey", { part: 0x20, objectId: B, curve, publicKey: peerPoint });
      const given = { objectId: A, publicKeyId: B };
      const point = host.send("multiply", { ...given, algorithm: PRODUCT }).point ?? assert.fail();
      assert.deepEqual(Buffer.from(point.slice(1, 1 + length)), own.computeSecret(peerPoint), name);
      const H = library.Point.fromBytes(peerPoint);
      const scalar = BigInt(`0x${toHex(secret)}`);
      assert.equal(toHex(point), H.multiply(scalar).toHex(false), name);
      const mapped = host.send("multiply", { ...given, algorithm: PACE }).point;
      assert.equal(toHex(mapped ?? NONE), library.Point.BASE.multiply(scalar).add(H).toHex(false), name);
      assert.deepEqual(host.send("multiply", { ...given, algorithm: PRODUCT, targetId: TARGET }), {});
      assert.equal(codeBy(host, TARGET), createHmac("sha256", point).update(fromHex("00")).digest("hex"));
    }
  }
  t.diagnostic(`${cases} cases a curve, none differing`);
});

test("ECPointMultiply refuses other keys, curves, algorithms and targets, and models without it", async () => {
  const { host } = await newSe05x();
  const given = { objectId: A, publicKeyId: B, algorithm: PRODUCT };
  assert.equal(host.sw("multiply", given), "6985", "no such object");
  host.send("writeEcKey", { part: 0x60, objectId: A });
  assert.equal(host.sw("multiply", given), "6985", "no such public key");
  host.send("writeEcKey", { part: 0x60, objectId: B, curve: SE05X_CURVE.p384 });
  assert.equal(host.sw("multiply", given), "6985", "another curve");
  host.send("deleteObject", { objectId: B });
  host.send("writeEcKey", { part: 0x40, objectId: B, privateKey: new Uint8Array(32).fill(2) });
  assert.equal(host.sw("multiply", given), "6985", "its public half was never given");
  assert.equal(host.send("multiply", { ...given, objectId: B, publicKeyId: A }).point?.length, 65);
  assert.equal(host.sw("multiply", { ...given, publicKeyId: A, algorithm: 3 }), "6a80");
  assert.equal(host.sw("multiply", { ...given, publicKeyId: A, targetId: A }), "6985", "no symmetric key");
  host.send("writeSymmKey", { kind: 3, objectId: TARGET, value: new Uint8Array(16) });
  assert.equal(host.sw("multiply", { ...given, publicKeyId: A, targetId: TARGET }), "6985", "another length");
  host.send("deleteObject", { objectId: B });
  // PACE's sum of a key and its opposite is no point.
  const { g, p } = EC_DOMAINS.get(3) ?? assert.fail();
  const opposite = (BigInt(`0x${p}`) - BigInt(`0x${g.slice(66)}`)).toString(16).padStart(64, "0");
  host.send("deleteObject", { objectId: A });
  const one = { privateKey: fromHex(`${"00".repeat(31)}01`), publicKey: fromHex(g) };
  host.send("writeEcKey", { part: 0x60, objectId: A, ...one });
  host.send("writeEcKey", { part: 0x20, objectId: B, publicKey: fromHex(g.slice(0, 66) + opposite) });
  assert.equal(host.sw("multiply", { ...given, algorithm: PACE }), "6a80");
  host.send("deleteObject", { objectId: A });
  host.send("writeEcKey", { part: 0x60, objectId: A, curve: SE05X_CURVE.x25519 });
  assert.equal(host.sw("multiply", given), "6985", "no prime curve");
  const { host: old } = await newSe05x({ model: "se050" });
  assert.equal(old.sw("multiply", given), "6d00");
  const { host: a5000 } = await newSe05x({ model: "a5000" });
  a5000.send("writeEcKey", { part: 0x60, objectId: A });
  assert.equal(a5000.send("multiply", { ...given, publicKeyId: A }).point?.length, 65);
});

test("ECPointMultiply takes the right of agreement on both keys, and keeps in the chip what a policy keeps there", async () => {
  const { host } = await newSe05x();
  const given = { objectId: A, publicKeyId: B, algorithm: PRODUCT };
  const allowed = RIGHT.keyAgreement | RIGHT.delete;
  const make = (id: number, rights: number) => {
    host.sw("deleteObject", { objectId: id });
    const policy = [{ authObjectId: 0, rights: rights >>> 0, extension: NONE }];
    host.send("writeEcKey", { part: 0x60, objectId: id, policy });
  };
  host.send("writeSymmKey", { kind: 5, objectId: TARGET, value: fromHex("00") });
  for (const [own, peer, toHost, inside] of [
    [allowed, allowed, "9000", "9000"],
    [RIGHT.sign | RIGHT.delete, allowed, "6986", "6986"],
    [allowed, RIGHT.sign | RIGHT.delete, "6986", "6986"],
    [allowed | RIGHT.forbidDerivedOutput, allowed, "6986", "9000"],
    [allowed, allowed | RIGHT.forbidDerivedOutput, "9000", "9000"],
  ] as const) {
    make(A, own);
    make(B, peer);
    assert.equal(host.sw("multiply", given), toHost);
    assert.equal(host.sw("multiply", { ...given, targetId: TARGET }), inside);
  }
});

test("A key signs the files that its policy lists, and tells their hash", async () => {
  const { host } = await newSe05x();
  const files = [utf8Bytes("one file "), utf8Bytes("and another")];
  const ids = [0x20000011, 0x20000012];
  ids.forEach((objectId, i) => {
    const data = files[i] ?? NONE;
    host.send("writeBinary", { objectId, length: data.length, data });
  });
  const list = new Writer();
  for (const id of ids) list.u32(id);
  const listing = list.finish();
  host.send("writeBinary", { objectId: LIST, length: 8, data: listing });
  const extension = new Writer(4).u32(LIST).finish();
  const rights = RIGHT.internalSign | RIGHT.read | RIGHT.delete;
  const policy = [{ authObjectId: 0, rights, extension }];
  host.send("writeEcKey", { part: 0x60, objectId: A, policy });
  const { signature, signedHash = NONE } = host.send("sign", { objectId: A, algorithm: 0x21 });
  const message = concat(...files);
  assert.deepEqual(signedHash, nodeHash.digest("sha256", message));
  const { bytes } = host.send("readObject", { objectId: A });
  const spki = createPublicKey({ key: Buffer.from(ecPublicKeyInfo(bytes)), format: "der", type: "spki" });
  assert.equal(verifyWith("sha256", message, spki, signature), true);
  assert.equal(host.sw("sign", { objectId: A, algorithm: 0x21, digest: new Uint8Array(32) }), "6986", "nothing else");
  assert.equal(host.sw("sign", { objectId: A, algorithm: 0x09 }), "6a80", "an algorithm without a hash");
  host.send("writeEcKey", { part: 0x60, objectId: B });
  assert.equal(host.sw("sign", { objectId: B, algorithm: 0x21 }), "6985", "a digest that is left out is an empty one");
  host.send("deleteObject", { objectId: ids[1] ?? 0 });
  assert.equal(host.sw("sign", { objectId: A, algorithm: 0x21 }), "6985", "a file is missing");
  const unreadable = [{ authObjectId: 0, rights: RIGHT.write, extension: NONE }];
  host.send("writeBinary", { objectId: ids[1] ?? 0, length: 1, policy: unreadable });
  assert.equal(host.sw("sign", { objectId: A, algorithm: 0x21 }), "6986", "a file that the caller may not read");
  host.send("deleteObject", { objectId: LIST });
  assert.equal(host.sw("sign", { objectId: A, algorithm: 0x21 }), "6985", "no list");
  host.send("writeBinary", { objectId: LIST, length: 3 });
  assert.equal(host.sw("sign", { objectId: A, algorithm: 0x21 }), "6985", "half an identifier");
  for (const wrong of [NONE, fromHex("20000004ff")]) {
    const bad = [{ authObjectId: 0, rights, extension: wrong }];
    assert.equal(host.sw("writeEcKey", { part: 0x60, objectId: TARGET, policy: bad }), "6a80");
  }
  const { host: other } = await newSe05x({ model: "a5000" });
  other.send("writeEcKey", { part: 0x60, objectId: A });
  other.send("deleteObject", { objectId: A });
  other.send("writeEcKey", { part: 0x60, objectId: A, policy });
  assert.equal(other.sw("sign", { objectId: A, algorithm: 0x21 }), "6986", "no such signatures on this model");
});

test("RSA and Ed25519 keys sign listed files too, under a condition on a register before the list", async () => {
  const { host } = await newSe05x();
  const message = utf8Bytes("what is in the file");
  host.send("writeBinary", { objectId: B, length: message.length, data: message });
  host.send("writeBinary", { objectId: LIST, length: 4, data: new Writer(4).u32(B).finish() });
  host.send("writePcr", { objectId: 0x20000009, initial: new Uint8Array(32) });
  const held = nodeHash.digest("sha256", new Uint8Array(32));
  const condition = concat(new Writer(4).u32(0x20000009).finish(), held, new Writer(4).u32(LIST).finish());
  const rights = RIGHT.internalSign | RIGHT.requirePcr | RIGHT.read;
  const policy = [{ authObjectId: 0, rights, extension: condition }];
  host.send("writeRsaKey", { part: 0x60, form: 0, objectId: A, bits: 1024, policy });
  host.send("writeEcKey", { part: 0x60, objectId: TARGET, curve: SE05X_CURVE.ed25519, policy });
  assert.deepEqual(host.send("sign", { objectId: A, algorithm: 0x28 }).signedHash, nodeHash.digest("sha256", message));
  const { signature, signedHash } = host.send("sign", { objectId: TARGET, algorithm: 0xa3 });
  assert.deepEqual([signature.length, signedHash], [64, nodeHash.digest("sha512", message)]);
  host.send("writePcr", { objectId: 0x20000009, data: fromHex("01") });
  assert.equal(host.sw("sign", { objectId: A, algorithm: 0x28 }), "6986");
});

test("TLSPerformPRF 5A derives over both randoms as given, without one of the chip's, on every model", async () => {
  for (const model of ["a5000", "se050", "se051"] as const) {
    const { host } = await newSe05x({ model });
    const [secret, label] = [new Uint8Array(48).fill(3), utf8Bytes("key expansion")];
    const random = concat(new Uint8Array(32).fill(1), new Uint8Array(32).fill(2));
    host.send("writeSymmKey", { kind: 5, objectId: A, value: secret });
    const given = { objectId: A, algorithm: 4, label, length: 100 };
    const { output } = host.send("tlsPrf", { ...given, phase: 0x5a, random });
    const hmac = (...parts: Uint8Array[]) =>
      Uint8Array.from(
        createHmac("sha256", secret)
          .update(concat(...parts))
          .digest(),
      );
    const seed = concat(label, random);
    const blocks: Uint8Array[] = [];
    for (let a = seed; blocks.length < 4;) {
      a = hmac(a);
      blocks.push(hmac(a, seed));
    }
    assert.deepEqual(output, concat(...blocks).slice(0, 100));
    // One random alone stands for the server's, beside the chip's own.
    assert.equal(host.sw("tlsPrf", { ...given, phase: 0x5a, random: random.slice(32) }), "6985");
    const own = host.send("tlsRandom", {}).random;
    const both = host.send("tlsPrf", { ...given, phase: 0x5a, random: concat(own, random.slice(32)) }).output;
    host.send("tlsRandom", {});
    assert.equal(host.sw("tlsPrf", { ...given, phase: 0x4c, random }), "6a80", "two randoms where one belongs");
    assert.equal(host.sw("tlsPrf", { ...given, phase: 0x5a, random: random.slice(1) }), "6a80");
    assert.equal(both.length, 100);
    const kept = RIGHT.tlsKdf | RIGHT.derive | RIGHT.forbidDerivedOutput;
    const policy = [{ authObjectId: 0, rights: kept >>> 0, extension: NONE }];
    host.send("writeSymmKey", { kind: 5, objectId: B, value: secret, policy });
    assert.equal(host.sw("tlsPrf", { ...given, objectId: B, phase: 0x5a, random }), "6986");
  }
});

test("TLSPerformPRF 5A over both randoms takes the right to external randoms from whoever has a policy, as from applet 6 on", async () => {
  const random = new Uint8Array(64).fill(7);
  const given = { objectId: A, algorithm: 4, label: fromHex("00"), length: 48 };
  for (const [model, rights, expected] of [
    ["se051", RIGHT.tlsKdf, "6986"],
    ["se051", RIGHT.tlsKdf | RIGHT.kdfExternalRandom, "9000"],
    ["se051", RIGHT.kdfExternalRandom, "6986"],
    ["a5000", RIGHT.tlsKdf, "6986"],
    ["a5000", RIGHT.tlsKdf | RIGHT.kdfExternalRandom, "9000"],
    ["se050", RIGHT.derive, "9000"],
  ] as const) {
    const { host } = await newSe05x({ model });
    const policy = [{ authObjectId: 0, rights: rights >>> 0, extension: NONE }];
    host.send("writeSymmKey", { kind: 5, objectId: A, value: new Uint8Array(48), policy });
    assert.equal(host.sw("tlsPrf", { ...given, phase: 0x5a, random }), expected, `${model} ${rights >>> 0}`);
    host.send("tlsRandom", {});
    const beside = host.sw("tlsPrf", { ...given, phase: 0x4c, random: random.slice(32) });
    assert.equal(beside, rights === RIGHT.kdfExternalRandom ? "6986" : "9000", "beside one of the chip's own");
  }
});

test("Before applet 7 the uses of TLS take the rights of derivation and agreement; from then on their own", async () => {
  const derive = [{ authObjectId: 0, rights: RIGHT.derive, extension: NONE }];
  const agree = [{ authObjectId: 0, rights: RIGHT.keyAgreement, extension: NONE }];
  for (const [model, expected] of [
    ["se050", "9000"],
    ["se051", "6986"],
  ] as const) {
    const { host } = await newSe05x({ model });
    host.send("writeSymmKey", { kind: 5, objectId: A, value: new Uint8Array(48), policy: derive });
    host.send("writeSymmKey", { kind: 5, objectId: TARGET, value: new Uint8Array(48) });
    host.send("writeEcKey", { part: 0x60, objectId: B, policy: agree });
    const input = fromHex(EC_DOMAINS.get(3)?.g ?? "");
    assert.equal(host.sw("tlsPremaster", { pskId: A, targetId: TARGET }), expected);
    assert.equal(host.sw("tlsPremaster", { keyPairId: B, targetId: TARGET, input }), expected);
    const prf = { objectId: A, algorithm: 4, phase: 0x5a, label: fromHex("00"), random: new Uint8Array(64) };
    assert.equal(host.sw("tlsPrf", { ...prf, length: 48 }), expected);
  }
});

test("Policies of applet 7 let derived secrets in where hosts may not write, and keep initial blocks of hosts out", async () => {
  const { host } = await newSe05x();
  const with_ = (rights: number) => [{ authObjectId: 0, rights: rights >>> 0, extension: NONE }];
  const value = new Uint8Array(16);
  host.send("writeEcKey", { part: 0x60, objectId: A });
  const peerPoint = fromHex(EC_DOMAINS.get(3)?.g ?? "");
  for (const [id, rights, expected] of [
    [0x20000021, RIGHT.derivedInput, "9000"],
    [0x20000022, RIGHT.write, "9000"],
    [0x20000023, RIGHT.sign, "6986"],
  ] as const) {
    host.send("writeSymmKey", { kind: 5, objectId: id, value, policy: with_(rights) });
    assert.equal(host.sw("agreeInto", { objectId: A, peerPoint, direction: 0x0f, targetId: id }), expected);
    assert.equal(host.sw("tlsPremaster", { keyPairId: A, input: peerPoint, targetId: id }), expected);
  }
  const rights = RIGHT.encrypt | RIGHT.decrypt | RIGHT.forbidExternalIv;
  host.send("writeSymmKey", { kind: 3, objectId: B, value, policy: with_(rights) });
  const iv = new Uint8Array(16);
  const cbc = { objectId: B, mode: 0x0d, input: value, iv };
  assert.equal(host.sw("cipher", { ...cbc, direction: 0x37 }), "6986");
  assert.equal(host.sw("cipher", { ...cbc, direction: 0x38 }), "9000", "decryption takes what it was encrypted with");
  assert.equal(host.sw("cipher", { objectId: B, mode: 0x0e, input: value, direction: 0x37 }), "9000", "ECB has none");
  assert.equal(host.sw("cipher", { objectId: B, mode: 0xf1, input: value, direction: 0x37 }), "9000", "the chip's own");
  host.send("createCryptoObject", { cryptoObjectId: 1, context: 2, subtype: 0x0d });
  assert.equal(host.sw("cipherInit", { objectId: B, cryptoObjectId: 1, direction: 0x42, iv }), "6986");
  const gcm = { objectId: B, mode: 0xb0, input: value, direction: 0x37, family: 0x11 };
  assert.equal(host.sw("aead", { ...gcm, iv: iv.slice(4) }), "6986");
  assert.equal(host.sw("aead", { ...gcm, mode: 0xf3, iv: fromHex("000c") }), "9000");
  host.send("createCryptoObject", { cryptoObjectId: 2, context: 4, subtype: 0xb0 });
  const init = { objectId: B, cryptoObjectId: 2, direction: 0x42, family: 0x11, iv: iv.slice(4) };
  assert.equal(host.sw("aeadInit", init), "6986");
});
