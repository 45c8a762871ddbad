import assert from "node:assert/strict";
import { createECDH, createPublicKey, diffieHellman, generateKeyPairSync, sign, verify } from "node:crypto";
import { test } from "node:test";

import { A71chChip } from "../../chip/a71ch/index.ts";
import { nodeChipCrypto, serveChip } from "../../chip/node.ts";
import { toHex, utf8Bytes } from "../../codec/index.ts";
import { ecPublicKeyInfo, ecPublicPoint, SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeClock, nodeHash } from "../../crypto/node.ts";
import { Ledger, silentTrace, type Trace } from "../../trace/index.ts";
import { localTransport } from "../index.ts";
import { connectChip } from "../node.ts";
import { A71ch } from "./index.ts";

const message = utf8Bytes("sample");

const clock = new VirtualClock();

function newChip(seed = "device test"): A71chChip {
  return new A71chChip({ crypto: nodeChipCrypto, entropy: new SeededEntropy(nodeHash, seed), clock });
}

function open(chip: A71chChip, trace: Trace = silentTrace): Promise<A71ch> {
  return A71ch.open(localTransport(chip), { hash: nodeHash, clock, trace });
}

function keyOf(publicKey: Uint8Array) {
  return createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
}

test("OE-02 OE-12 AW-88 A71ch.signer signs in the chip what node:crypto accepts", async () => {
  const device = await open(newChip());
  const publicKey = await device.generateKeyPair(1);
  const signer = await device.signer(1);
  assert.deepEqual(signer.publicKey, publicKey);
  const signature = await signer.sign("ecdsa_sha256", message);
  assert.ok(verify("sha256", message, keyOf(publicKey), signature));
  assert.ok(!verify("sha256", utf8Bytes("simple"), keyOf(publicKey), signature));
});

test("OE-14 A71ch.keyAgreement agrees with node:crypto on a secret", async () => {
  const device = await open(newChip());
  const ours = await device.keyAgreement(0).generate("secp256r1");
  const theirs = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const theirPoint = ecPublicPoint(theirs.publicKey.export({ format: "der", type: "spki" }))?.point ?? assert.fail();
  const [slot] = await device.keySlots();
  const expected = diffieHellman({ privateKey: theirs.privateKey, publicKey: keyOf(slot?.publicKey ?? assert.fail()) });
  assert.deepEqual(await ours.agree(theirPoint), new Uint8Array(expected));
  await device.generateKeyPair(0);
  await assert.rejects(ours.agree(theirPoint), { code: "ephemeral-key-replaced" });
});

test("A71ch.verifier checks node:crypto's signatures in the chip", async () => {
  const device = await open(newChip());
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const { point } = ecPublicPoint(publicKey.export({ format: "der", type: "spki" })) ?? assert.fail();
  const digest = nodeHash.digest("sha256", message);
  const signature = sign("sha256", message, privateKey);
  assert.equal(await device.verifier.verifyDigest(point, digest, signature), true);
  digest[0] = (digest[0] ?? 0) ^ 1;
  assert.equal(await device.verifier.verifyDigest(point, digest, signature), false);
});

test("A71ch works over TCP as it does in the process", async (t) => {
  const chip = newChip();
  const served = await serveChip({ chip, port: 0 });
  t.after(() => served.close());
  const connection = await connectChip(`127.0.0.1:${served.port}`);
  assert.equal(toHex(connection.answerToReset), "b803110105b9020101ba0101bb0c413730303543473234325231bc00");
  const device = await A71ch.open(connection, { hash: nodeHash, clock: nodeClock });
  assert.equal(device.identity.uniqueId, chip.uniqueId);
  assert.deepEqual({ ...device.identity, uniqueId: "" }, { model: "A71CH", uniqueId: "", firmware: "1.31" });
  assert.equal((await device.random.random(1000)).length, 1000);
  await device.close();
  await assert.rejects(device.random.random(1), { code: "closed" });
});

test("A71ch serves 64 concurrent callers, each with its own right answer", async () => {
  const device = await open(newChip());
  const keys = await Promise.all([0, 1, 2, 3].map((slot) => device.generateKeyPair(slot)));
  const signers = await Promise.all([0, 1, 2, 3].map((slot) => device.signer(slot)));
  const callers = Array.from({ length: 64 }, async (_, i) => {
    const content = utf8Bytes(`caller ${i}`);
    const signer = signers[i % 4] ?? assert.fail();
    assert.ok(
      verify("sha256", content, keyOf(keys[i % 4] ?? assert.fail()), await signer.sign("ecdsa_sha256", content)),
    );
    assert.equal((await device.random.random(i + 1)).length, i + 1);
    if (i % 8 === 0) {
      await device.writeCertificate(i, certificateOf(i));
      assert.deepEqual(await device.readCertificate(i), certificateOf(i));
    }
  });
  await Promise.all(callers);
  assert.equal((await device.listCertificates()).length, 8);
});

function certificateOf(i: number): Uint8Array {
  return Uint8Array.from([0x30, 0x03, 0x02, 0x01, i]);
}

test("A71ch lets callers go on after one of them failed", async () => {
  const device = await open(newChip());
  const results = await Promise.allSettled([device.signer(0), device.generateKeyPair(0), device.signer(0)]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["rejected", "fulfilled", "fulfilled"],
  );
});

test("A71ch with the same seed in the chip makes the same bus log byte for byte", async () => {
  const log = async (seed: string) => {
    const ledger = new Ledger({ clock });
    const device = await open(newChip(seed), ledger);
    await device.generateKeyPair(0);
    await (await device.signer(0)).sign("ecdsa_sha256", message);
    await device.random.random(300);
    await device.writeCertificate(0, certificateOf(7));
    return ledger.jsonLines();
  };
  assert.deepEqual(await log("one"), await log("one"));
  assert.notDeepEqual(await log("one"), await log("two"));
});

test("A71ch tells the trace each exchange with the chip's identifier, and never an injected key or a shared secret", async () => {
  const ledger = new Ledger({ clock });
  const device = await open(newChip(), ledger);
  const ecdh = createECDH("prime256v1");
  const point = new Uint8Array(ecdh.generateKeys());
  const scalar = new Uint8Array(32);
  scalar.set(ecdh.getPrivateKey(), 32 - ecdh.getPrivateKey().length);
  await device.injectKeyPair(0, { scalar, point });
  const [slot] = await device.keySlots();
  assert.deepEqual(slot?.publicKey, ecPublicKeyInfo(point));
  const { sharedSecret } = await device.send("agree", { slot: 0, peerPoint: point });
  const text = ledger.jsonLines();
  for (const secret of [scalar, sharedSecret]) assert.ok(!text.includes(toHex(secret)));
  const injected = ledger.events().find((event) => event.kind === "bus.exchange" && event.name === "SetKeyPair");
  assert.deepEqual(
    { ...injected, seq: 0, time: 0 },
    {
      seq: 0,
      time: 0,
      actor: "host",
      device: device.identity.uniqueId,
      kind: "bus.exchange",
      name: "SetKeyPair",
      statusWord: 0x9000,
      durationMs: 0,
      sentBytes: 103,
      receivedBytes: 2,
      command: "redacted",
      response: "9000",
    },
  );
});

test("A71ch.verifier takes digests of other lengths as FIPS 186-5 does, and says false of what is no signature", async () => {
  const device = await open(newChip());
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const { point } = ecPublicPoint(publicKey.export({ format: "der", type: "spki" })) ?? assert.fail();
  const long = nodeHash.digest("sha384", message);
  const signature = sign("sha384", message, privateKey);
  assert.equal(await device.verifier.verifyDigest(point, long, signature), true);
  for (const bad of [new Uint8Array(0), new Uint8Array(300), signature.subarray(1), signature.subarray(0, -1)]) {
    assert.equal(await device.verifier.verifyDigest(point, long, bad), false);
  }
  const off = point.with(64, (point[64] ?? 0) ^ 1);
  await assert.rejects(device.verifier.verifyDigest(off, long, signature), { name: "Refused", wire: 0x6a80 });
});
