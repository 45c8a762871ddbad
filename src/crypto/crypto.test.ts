import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { test } from "node:test";

import fc from "fast-check";

import { concat, DecodeError, equal, fromHex, toHex, utf8Bytes } from "../codec/index.ts";
import {
  derElementLength,
  ecdsaDerToRaw,
  ecdsaRawToDer,
  ecPublicKeyInfo,
  ecPublicPoint,
  ed25519PublicKey,
  ed25519PublicKeyInfo,
  SeededEntropy,
  verifierOverDigests,
  VirtualClock,
} from "./index.ts";
import {
  nodeAead,
  nodeEntropy,
  nodeHash,
  nodeKeyAgreement,
  nodeSigner,
  nodeVerifier,
  privateKeyFromPem,
} from "./node.ts";

const message = utf8Bytes("sample");

test("ecdsaRawToDer and ecdsaDerToRaw are inverse and agree with node:crypto", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  for (let i = 0; i < 50; i++) {
    const der = sign("sha256", message, privateKey);
    const raw = ecdsaDerToRaw(der, 32);
    assert.deepEqual(ecdsaRawToDer(raw), new Uint8Array(der));
    assert.ok(verify("sha256", message, { key: createPublicKey(privateKey), dsaEncoding: "ieee-p1363" }, raw));
  }
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 132, maxLength: 132 }), (raw) => {
      if (raw.subarray(0, 66).some(Boolean) && raw.subarray(66).some(Boolean)) {
        assert.deepEqual(ecdsaDerToRaw(ecdsaRawToDer(raw), 66), raw);
      }
    }),
  );
});

test("ecdsaDerToRaw refuses every malformed signature with a DecodeError", () => {
  const good = "30060201010201 02".replace(" ", "");
  assert.equal(ecdsaDerToRaw(fromHex(good), 32)[31], 1);
  const bad = [
    "",
    "3006020101020102ff",
    "3080020101020102",
    "300602018102 0102",
    "30060201000201 02",
    "3007020200010201 02",
    "310602010102 0102",
    "3006030101020102",
    "30810602010102 0102",
    "3003020101",
  ];
  for (const hex of bad) assert.throws(() => ecdsaDerToRaw(fromHex(hex.replaceAll(" ", "")), 32), DecodeError, hex);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      try {
        ecdsaDerToRaw(bytes, 32);
      } catch (error) {
        assert.ok(error instanceof DecodeError);
      }
    }),
  );
});

test("derElementLength finds a signature's end when a chip pads it", () => {
  assert.equal(derElementLength(fromHex("30060201010201020000")), 8);
});

test("ecPublicPoint takes apart what ecPublicKeyInfo builds, as node:crypto encodes it", () => {
  for (const namedCurve of ["prime256v1", "secp384r1", "secp521r1"]) {
    const spki = generateKeyPairSync("ec", { namedCurve }).publicKey.export({ format: "der", type: "spki" });
    const point = ecPublicPoint(spki)?.point ?? assert.fail();
    assert.deepEqual(ecPublicKeyInfo(point), new Uint8Array(spki));
  }
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ format: "der", type: "spki" });
  assert.equal(ecPublicPoint(rsa), undefined);
});

test("nodeVerifier accepts what nodeSigner signs with every algorithm, and refuses it with one bit flipped", async () => {
  const keys = [
    generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
    ...["prime256v1", "secp384r1", "secp521r1"].map(
      (namedCurve) => generateKeyPairSync("ec", { namedCurve }).privateKey,
    ),
  ];
  for (const key of keys) {
    const signer = nodeSigner(key);
    for (const algorithm of signer.algorithms) {
      const signature = await signer.sign(algorithm, message);
      const check = { publicKey: signer.publicKey, algorithm, content: message, signature };
      assert.equal(await nodeVerifier.verify(check), true, algorithm);
      const flipped = Uint8Array.from(message, (byte, i) => (i === 0 ? byte ^ 1 : byte));
      assert.equal(await nodeVerifier.verify({ ...check, content: flipped }), false, algorithm);
    }
  }
});

test("nodeVerifier does not take an RSA algorithm for an EC key", async () => {
  const signer = nodeSigner(generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey);
  const signature = await signer.sign("ecdsa_sha256", message);
  assert.equal(
    await nodeVerifier.verify({
      publicKey: signer.publicKey,
      algorithm: "rsa_pkcs1_sha256",
      content: message,
      signature,
    }),
    false,
  );
  await assert.rejects(signer.sign("rsa_pkcs1_sha256", message), { code: "unsupported-algorithm" });
  await assert.rejects(
    nodeVerifier.verify({ publicKey: fromHex("3000"), algorithm: "ecdsa_sha256", content: message, signature }),
    { code: "bad-key" },
  );
});

test("nodeSigner and privateKeyFromPem refuse keys that cannot be used", () => {
  assert.throws(() => nodeSigner(generateKeyPairSync("ed448").privateKey), { code: "bad-key" });
  assert.throws(() => nodeSigner(generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey), {
    code: "bad-key",
  });
  assert.throws(() => privateKeyFromPem("nonsense"), { code: "bad-key" });
});

test("nodeKeyAgreement agrees with itself on every group and refuses points that are not on it", async () => {
  for (const group of nodeKeyAgreement.groups) {
    // The hybrid is not symmetric.
    if (group === "X25519MLKEM768") continue;
    const [ours, theirs] = [await nodeKeyAgreement.generate(group), await nodeKeyAgreement.generate(group)];
    assert.deepEqual(await ours.agree(theirs.publicKey), await theirs.agree(ours.publicKey));
    const broken = Uint8Array.from(theirs.publicKey);
    if (group.startsWith("x") || group.startsWith("ffdhe")) broken.fill(0);
    else broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1;
    await assert.rejects(ours.agree(broken), { code: "bad-peer-key" }, group);
    await assert.rejects(ours.agree(theirs.publicKey.subarray(1)), { code: "bad-peer-key" }, group);
  }
});

test("nodeAead opens what it sealed and nothing else", () => {
  const [key, nonce, aad] = [new Uint8Array(16), new Uint8Array(12), utf8Bytes("head")];
  const sealed = concat(...nodeAead.seal("aes-128-gcm", key, nonce, message, aad));
  assert.equal(sealed.length, message.length + 16);
  assert.deepEqual(nodeAead.open("aes-128-gcm", key, nonce, sealed, aad), message);
  for (let i = 0; i < sealed.length; i++) {
    const flipped = Uint8Array.from(sealed, (byte, at) => (at === i ? byte ^ 0x10 : byte));
    assert.equal(nodeAead.open("aes-128-gcm", key, nonce, flipped, aad), undefined);
  }
  assert.equal(nodeAead.open("aes-128-gcm", key, nonce, sealed.subarray(0, 15), aad), undefined);
});

test("nodeHash agrees with FIPS 180-4 and RFC 4231 examples, and a running hash can be copied", () => {
  assert.equal(
    toHex(nodeHash.digest("sha256", utf8Bytes("abc"))),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
  // RFC 4231, test case 2
  assert.equal(
    toHex(nodeHash.hmac("sha256", utf8Bytes("Jefe"), utf8Bytes("what do ya want "), utf8Bytes("for nothing?"))),
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
  const running = nodeHash.start("sha256");
  running.update(utf8Bytes("a"));
  const fork = running.copy();
  running.update(utf8Bytes("bc"));
  assert.deepEqual(running.digest(), nodeHash.digest("sha256", utf8Bytes("abc")));
  assert.deepEqual(running.digest(), running.digest());
  assert.deepEqual(fork.digest(), nodeHash.digest("sha256", utf8Bytes("a")));
});

test("verifierOverDigests hashes on the host and hands the point on", async () => {
  const signer = nodeSigner(generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey);
  const verifier = verifierOverDigests(
    {
      performer: "chip",
      verifyDigest: async (point, digest) => point.length === 65 && equal(digest, nodeHash.digest("sha256", message)),
    },
    nodeHash,
  );
  const check = {
    publicKey: signer.publicKey,
    algorithm: "ecdsa_sha256" as const,
    content: message,
    signature: message,
  };
  assert.equal(await verifier.verify(check), true);
  await assert.rejects(verifier.verify({ ...check, algorithm: "rsa_pss_sha256" }), { code: "unsupported-algorithm" });
});

test("VirtualClock runs timers in the order of their time, and not those cancelled", () => {
  const clock = new VirtualClock(1000);
  const ran: string[] = [];
  clock.after(30, () => ran.push(`c${clock.now()}`));
  clock.after(10, () => {
    ran.push(`a${clock.now()}`);
    clock.after(5, () => ran.push(`b${clock.now()}`));
  });
  const cancel = clock.after(20, () => ran.push("cancelled"));
  cancel();
  clock.advance(29);
  assert.deepEqual(ran, ["a1010", "b1015"]);
  clock.advance(1);
  assert.deepEqual(ran, ["a1010", "b1015", "c1030"]);
});

test("SeededEntropy gives the same bytes for the same seed however they are taken", () => {
  const [one, two] = [new SeededEntropy(nodeHash, "s"), new SeededEntropy(nodeHash, "s")];
  const pieces = [3, 50, 11].map((length) => toHex(two.bytes(length))).join("");
  assert.equal(toHex(one.bytes(64)), pieces);
  assert.notEqual(toHex(new SeededEntropy(nodeHash, "t").bytes(64)), pieces);
});

test("privateKeyFromPem reads an encrypted PKCS#8 key only with its passphrase", () => {
  const pem = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey.export({
    format: "pem",
    type: "pkcs8",
    cipher: "aes-256-cbc",
    passphrase: "right",
  });
  assert.equal(privateKeyFromPem(pem, "right").type, createPrivateKey({ key: pem, passphrase: "right" }).type);
  assert.throws(() => privateKeyFromPem(pem, "wrong"), { code: "bad-key" });
  assert.throws(() => privateKeyFromPem(pem), { code: "bad-key" });
});

test("Ed25519 keys sign and are checked, and their SubjectPublicKeyInfo is read and written. RFC 8410, section 10.1", async () => {
  const { privateKey } = generateKeyPairSync("ed25519");
  const signer = nodeSigner(privateKey);
  assert.deepEqual(signer.algorithms, ["ed25519"]);
  const content = fromHex("00");
  const signature = await signer.sign("ed25519", content);
  const check = { publicKey: signer.publicKey, algorithm: "ed25519", content, signature } as const;
  assert.equal(await nodeVerifier.verify(check), true);
  assert.equal(await nodeVerifier.verify({ ...check, content: fromHex("01") }), false);
  assert.equal(await nodeVerifier.verify({ ...check, algorithm: "ecdsa_sha256" }), false);
  await assert.rejects(signer.sign("ecdsa_sha256", content), { code: "unsupported-algorithm" });
  // The public key of RFC 8410's own example.
  const key = fromHex("19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1");
  const info = fromHex("302a300506032b6570032100" + toHex(key));
  assert.deepEqual(ed25519PublicKeyInfo(key), info);
  assert.deepEqual(ed25519PublicKey(info), key);
  assert.equal(ed25519PublicKey(info.with(8, 0x71)), undefined);
  assert.equal(ed25519PublicKey(info.subarray(1)), undefined);
  assert.throws(() => ed25519PublicKeyInfo(key.subarray(1)), { code: "length" });
});

test("nodeKeyAgreement agrees on x448, and refuses points of small order. RFC 7748, section 6.2", async () => {
  const [mine, theirs] = [await nodeKeyAgreement.generate("x448"), await nodeKeyAgreement.generate("x448")];
  assert.equal(mine.publicKey.length, 56);
  assert.deepEqual(await mine.agree(theirs.publicKey), await theirs.agree(mine.publicKey));
  await assert.rejects(mine.agree(new Uint8Array(56)), { code: "bad-peer-key" });
  await assert.rejects(mine.agree(new Uint8Array(32)), { code: "bad-peer-key" });
});

test("nodeEntropy gives each byte once, in memory of its own, whatever lengths are asked for", () => {
  const seen = new Set<string>();
  for (let i = 0; i < 2000; i++) {
    const bytes = nodeEntropy.bytes([16, 12, 8][i % 3] ?? 16);
    assert.equal(bytes.buffer.byteLength, bytes.length);
    // No window of eight bytes comes again, so no two answers overlap.
    for (let at = 0; at + 8 <= bytes.length; at++) seen.add(toHex(bytes.subarray(at, at + 8)));
  }
  assert.equal(seen.size, 667 * 9 + 667 * 5 + 666);
  for (const length of [0, 1, 17, 32, 4096]) assert.equal(nodeEntropy.bytes(length).length, length);
});
