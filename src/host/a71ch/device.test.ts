import assert from "node:assert/strict";
import { createPublicKey, diffieHellman, generateKeyPairSync, sign, verify } from "node:crypto";
import { test } from "node:test";

import { A71chChip } from "../../chip/a71ch/index.ts";
import { nodeChipCrypto, serveChip } from "../../chip/node.ts";
import { toHex, utf8Bytes } from "../../codec/index.ts";
import { ecPublicPoint, SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeClock, nodeHash } from "../../crypto/node.ts";
import { localTransport } from "../index.ts";
import { connectChip } from "../node.ts";
import { A71ch } from "./index.ts";

const message = utf8Bytes("sample");

function newChip(seed = "device test"): A71chChip {
  return new A71chChip({
    crypto: nodeChipCrypto,
    entropy: new SeededEntropy(nodeHash, seed),
    clock: new VirtualClock(),
  });
}

function open(chip: A71chChip): Promise<A71ch> {
  return A71ch.open(localTransport(chip), { hash: nodeHash, clock: new VirtualClock() });
}

function keyOf(publicKey: Uint8Array) {
  return createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
}

test("A71ch.signer signs in the chip what node:crypto accepts", async () => {
  const device = await open(newChip());
  const publicKey = await device.generateKeyPair(1);
  const signer = await device.signer(1);
  assert.deepEqual(signer.publicKey, publicKey);
  const signature = await signer.sign("ecdsa_sha256", message);
  assert.ok(verify("sha256", message, keyOf(publicKey), signature));
  assert.ok(!verify("sha256", utf8Bytes("simple"), keyOf(publicKey), signature));
});

test("A71ch.keyAgreement agrees with node:crypto on a secret", async () => {
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
