import assert from "node:assert/strict";
import { test } from "node:test";

import { RIGHT, SE05X_CURVE, SE05X_OBJECT, SE05X_PART } from "../../apdu/se05x/index.ts";
import { Se05xChip, type Se05xModelName } from "../../chip/se05x/index.ts";
import { nodeSe05xCrypto } from "../../chip/node.ts";
import { fromHex, HawserError, utf8Bytes } from "../../codec/index.ts";
import {
  ecPublicKeyInfo,
  ecPublicPoint,
  SeededEntropy,
  verifierOverDigests,
  VirtualClock,
} from "../../crypto/index.ts";
import { nodeHash, nodeKeyAgreement, nodeVerifier } from "../../crypto/node.ts";
import { Ledger } from "../../trace/index.ts";
import { localTransport } from "../index.ts";
import { Se05x, certificateObject, keyObject } from "./index.ts";

async function open(model: Se05xModelName = "a5000") {
  const clock = new VirtualClock();
  const entropy = new SeededEntropy(nodeHash, "host");
  const chip = await Se05xChip.open({ model, crypto: nodeSe05xCrypto, entropy, clock });
  const trace = new Ledger({ clock });
  const device = await Se05x.open(localTransport(chip), { hash: nodeHash, clock, trace });
  return { chip, device, trace };
}

function codeIs(code: string, wire?: number) {
  return (error: unknown) =>
    error instanceof HawserError &&
    error.code === code &&
    (wire === undefined || (error as { wire?: unknown }).wire === wire);
}

test("Se05x tells who the chip is, and lists the keys that it was born with", async () => {
  for (const [model, firmware] of [
    ["a5000", "7.2.0"],
    ["se050", "3.1.0"],
    ["se051", "7.2.0"],
  ] as const) {
    const { chip, device } = await open(model);
    assert.deepEqual(await device.identify(), { model: "SE05x", uniqueId: chip.uniqueId, firmware });
    const slots = await device.keySlots();
    assert.deepEqual(
      slots.map(({ slot, publicKey }) => [slot, publicKey !== undefined]),
      [
        [0, false],
        [1, false],
        [2, false],
        [3, false],
        [SE05X_OBJECT.connectionKey, true],
        [SE05X_OBJECT.attestationKey, true],
        [SE05X_OBJECT.deviceKey, true],
        [SE05X_OBJECT.gatewayKey, true],
      ],
    );
    // Slot 1 is Hawser's own: a key that somebody else put under that number has none.
    await device.send("writeEcKey", { part: SE05X_PART.pair, objectId: 1, curve: SE05X_CURVE.p256 });
    assert.deepEqual(await device.keySlots(), slots);
  }
});

test("Se05x signers sign with every algorithm of both curves, in slots and with the keys of birth", async () => {
  const { device } = await open();
  const content = utf8Bytes("telemetry");
  const publicKey = await device.generateKeyPair(0);
  const p384 = nodeSe05xCrypto.p384;
  const scalar = new Uint8Array(48).fill(5);
  await device.injectKeyPair(1, { scalar, point: p384.publicPoint(scalar) });
  assert.deepEqual((await device.signer(0)).publicKey, publicKey);
  for (const slot of [0, 1, SE05X_OBJECT.deviceKey]) {
    const signer = await device.signer(slot);
    assert.equal(signer.performer, "chip");
    for (const algorithm of signer.algorithms) {
      const signature = await signer.sign(algorithm, content);
      const check = { publicKey: signer.publicKey, algorithm, content, signature };
      assert.equal(await nodeVerifier.verify(check), true, algorithm);
      assert.equal(await verifierOverDigests(device.verifier, nodeHash).verify(check), true);
      const changed = { ...check, content: utf8Bytes("telemetrx") };
      assert.equal(await verifierOverDigests(device.verifier, nodeHash).verify(changed), false);
    }
    await assert.rejects(signer.sign("rsa_pss_sha256", content), codeIs("bad-argument"));
  }
  await device.eraseKeyPair(0);
  await assert.rejects(device.signer(0), codeIs("status-word", 0x6985));
  await assert.rejects(device.eraseKeyPair(SE05X_OBJECT.deviceKey), codeIs("status-word", 0x6986));
});

test("Se05x key agreement gives the host's secret on both curves, and notices a key that was replaced", async () => {
  const { device } = await open();
  const agreement = device.keyAgreement(2);
  for (const group of ["secp256r1", "secp384r1"] as const) {
    const ours = await agreement.generate(group);
    const theirs = await nodeKeyAgreement.generate(group);
    assert.deepEqual(await ours.agree(theirs.publicKey), await theirs.agree(ours.publicKey));
    await assert.rejects(
      ours.agree(theirs.publicKey.with(40, (theirs.publicKey[40] ?? 0) ^ 1)),
      codeIs("status-word", 0x6a80),
    );
    await agreement.generate(group);
    await assert.rejects(ours.agree(theirs.publicKey), codeIs("ephemeral-key-replaced"));
  }
  await assert.rejects(agreement.generate("x25519"), codeIs("not-in-chip"));
});

test("Se05x keeps certificates in files, and reads those of birth", async () => {
  const { device } = await open("se051");
  const der = Uint8Array.from({ length: 1300 }, (_, i) => (i + 0x30) & 0xff);
  await device.writeCertificate(3, der.slice(0, 700));
  await device.writeCertificate(3, der);
  assert.deepEqual(await device.readCertificate(3), der);
  const listed = await device.listCertificates();
  assert.deepEqual(
    listed.filter(({ index }) => index < 256),
    [{ index: 3, length: 1300 }],
  );
  assert.ok(listed.some(({ index }) => index === SE05X_OBJECT.deviceCertificate));
  await device.eraseCertificate(3);
  await device.eraseCertificate(3);
  assert.equal(await device.readCertificate(3), undefined);
  const born = await device.readCertificate(SE05X_OBJECT.deviceCertificate);
  const key = (await device.signer(SE05X_OBJECT.deviceKey)).publicKey;
  assert.ok(Buffer.from(born ?? []).includes(Buffer.from(ecPublicPoint(key)?.point ?? assert.fail())));
  await assert.rejects(device.readCertificate(-1), codeIs("bad-argument"));
  assert.notEqual(keyObject(0), certificateObject(0));
});

test("A5-39 Se05x uses RSA births by their names, and lists neither their certificates nor these as data", async () => {
  const { device, chip } = await open("se050");
  const before = chip.facts();
  const certificates = (await device.listCertificates()).map(({ index }) => index);
  assert.deepEqual(
    certificates.filter((index) => index > 0xff),
    [0xf000_0001, 0xf000_0013, 0xf000_0101, 0xf000_0103],
  );
  assert.deepEqual(await device.data.list(), []);
  const der = (await device.readCertificate(SE05X_OBJECT.deviceRsa2048Certificate)) ?? assert.fail();
  const signer = await device.signer(SE05X_OBJECT.deviceRsa2048Key);
  assert.ok(Buffer.from(der).includes(Buffer.from(signer.publicKey)));
  const content = Uint8Array.of(1, 2, 3);
  for (const algorithm of ["rsa_pss_sha256", "rsa_pkcs1_sha256"] as const) {
    const signature = await signer.sign(algorithm, content);
    const { publicKey } = signer;
    assert.equal(await nodeVerifier.verify({ publicKey, algorithm, content, signature }), true);
  }
  assert.deepEqual(chip.facts(), before);
});

test("Se05x random and verifier come from the chip, and every command is told to the trace", async () => {
  const { device, trace } = await open();
  assert.equal((await device.random.random(1100)).length, 1100);
  assert.equal(
    await device.verifier.verifyDigest(
      nodeSe05xCrypto.p256.publicPoint(new Uint8Array(32).fill(1)),
      new Uint8Array(32),
      new Uint8Array(3),
    ),
    false,
  );
  const names = trace
    .events({ kinds: ["bus.exchange"] })
    .map((event) => (event.kind === "bus.exchange" ? event.name : ""));
  assert.deepEqual(names.slice(0, 2), ["Select", "ReadObject"]);
  assert.equal(names.filter((name) => name === "GetRandom").length, 3);
});

test("Se05x checks signatures again after a power cut left the shell of an earlier check's key", async () => {
  const { chip, device } = await open();
  const publicKey = nodeSe05xCrypto.p256.publicPoint(new Uint8Array(32).fill(1));
  await device.send("writeEcKey", { part: 0x20, objectId: 0x48570200, curve: 3, publicKey, insFlags: 0x80 });
  chip.reset();
  const digest = new Uint8Array(32);
  assert.equal(await device.verifier.verifyDigest(publicKey, digest, new Uint8Array(3)), false);
  assert.equal(await device.verifier.verifyDigest(publicKey, digest, new Uint8Array(3)), false);
});

test("Se05x asUser does inside a session what a policy keeps from everybody else", async () => {
  const { device } = await open();
  const [user, key, pin] = [0x20000001, 0x20000002, fromHex("31323334")];
  await device.send("writeUserId", { insFlags: 0x40, objectId: user, value: pin });
  const entry = { authObjectId: user, rights: (RIGHT.sign | RIGHT.read) >>> 0, extension: new Uint8Array(0) };
  await device.send("writeEcKey", { part: 0x60, objectId: key, policy: [entry] });
  const sign = { objectId: key, algorithm: 0x21, digest: new Uint8Array(32) };
  await assert.rejects(device.send("sign", sign), codeIs("status-word", 0x6986));
  const { signature, point } = await device.asUser(user, pin, async (session) => ({
    ...(await session.send("sign", sign)),
    point: (await session.send("readObject", { objectId: key })).bytes,
  }));
  assert.equal(await device.verifier.verifyDigest(point, sign.digest, signature), true);
  assert.equal(ecPublicKeyInfo(point).length, 91);
  await assert.rejects(
    device.asUser(user, fromHex("00000000"), (session) => session.send("sign", sign)),
    codeIs("session-proof", 0x6985),
  );
  await assert.rejects(device.send("sign", sign), codeIs("status-word", 0x6986));
  assert.equal((await device.keySlots()).find(({ slot }) => slot === key)?.publicKey, undefined);
});

test("Se05x signs by Ed25519 and on P-521 where the model has them, and what cannot sign says so", async () => {
  for (const model of ["se050", "se051"] as const) {
    const { device } = await open(model);
    const key = 0x2000_0001;
    await device.send("writeEcKey", { part: SE05X_PART.pair, objectId: key, curve: SE05X_CURVE.ed25519 });
    const signer = await device.signer(key);
    assert.deepEqual([signer.performer, signer.algorithms], ["chip", ["ed25519"]]);
    for (const length of [0, 1, 150, 768]) {
      const content = new Uint8Array(length).fill(9);
      const signature = await signer.sign("ed25519", content);
      const check = { publicKey: signer.publicKey, algorithm: "ed25519", content, signature } as const;
      assert.equal(await nodeVerifier.verify(check), true);
      assert.equal(await nodeVerifier.verify({ ...check, signature: signature.with(0, signature[0]! ^ 1) }), false);
      assert.equal(await nodeVerifier.verify({ ...check, algorithm: "ecdsa_sha256" }), false);
      assert.equal(await device.signatureVerifier.verify(check), true);
      const other = { ...check, signature: signature.with(40, signature[40]! ^ 1) };
      assert.equal(await device.signatureVerifier.verify(other), false);
    }
    await assert.rejects(signer.sign("ed25519", new Uint8Array(769)), codeIs("not-in-chip"));
    await assert.rejects(signer.sign("ecdsa_sha256", new Uint8Array(1)), codeIs("bad-argument"));
    await assert.rejects(device.digestSigner(key), codeIs("not-in-chip"));
    const long = { algorithm: "ed25519", content: new Uint8Array(769), signature: new Uint8Array(64) } as const;
    const { publicKey } = signer;
    await assert.rejects(device.signatureVerifier.verify({ publicKey, ...long }), codeIs("not-in-chip"));
    await assert.rejects(
      device.signatureVerifier.verify({ publicKey, ...long, algorithm: "rsa_pss_sha256" }),
      codeIs("not-in-chip"),
    );

    await device.send("writeEcKey", { part: SE05X_PART.pair, objectId: key + 1, curve: SE05X_CURVE.x25519 });
    await assert.rejects(device.signer(key + 1), codeIs("not-in-chip"));
    await device.curves.ensure(0x05);
    await device.send("writeEcKey", { part: SE05X_PART.pair, objectId: key + 2, curve: 0x05 });
    const p521 = await device.signer(key + 2);
    for (const algorithm of p521.algorithms) {
      const content = utf8Bytes("telemetry");
      const signature = await p521.sign(algorithm, content);
      assert.equal(await nodeVerifier.verify({ publicKey: p521.publicKey, algorithm, content, signature }), true);
    }
    await device.curves.ensure(0x10);
    await device.send("writeEcKey", { part: SE05X_PART.pair, objectId: key + 3, curve: 0x10 });
  }
});
