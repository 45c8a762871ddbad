import assert from "node:assert/strict";
import { test } from "node:test";

import { A71chChip } from "../../chip/a71ch/index.ts";
import { nodeChipCrypto } from "../../chip/node.ts";
import { concat, fromHex, HawserError, Refused, toHex } from "../../codec/index.ts";
import { ecPublicKeyInfo, prf12, SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash, nodeKeyAgreement, nodeSigner, privateKeyFromPem } from "../../crypto/node.ts";
import { generateKeyPairSync } from "node:crypto";
import { localTransport } from "../index.ts";
import { A71ch, A71chCertificateVerifier, A71chTlsSecrets } from "./index.ts";

const PSK = fromHex("00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef");
const SERVER_RANDOM = fromHex("5e".repeat(32));

async function newChip() {
  const clock = new VirtualClock();
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy: new SeededEntropy(nodeHash, "tls"), clock });
  const device = await A71ch.open(localTransport(chip), { hash: nodeHash, clock });
  await device.send("setSecret", { slot: 2, key: PSK.subarray(0, 16) });
  await device.send("setSecret", { slot: 3, key: PSK.subarray(16) });
  const secrets = (more: object = {}) =>
    new A71chTlsSecrets(device, { pskSlot: 2, pskBlocks: 2, hash: nodeHash, clock, leaseMs: 5000, ...more });
  return { clock, device, secrets };
}

function request(clientRandom: Uint8Array) {
  return { hash: "sha256", label: "master secret", seed: concat(clientRandom, SERVER_RANDOM) } as const;
}

/** RFC 4279, section 2 */
function premaster(other: Uint8Array, psk: Uint8Array): Uint8Array {
  const length = (bytes: Uint8Array) => Uint8Array.of(bytes.length >> 8, bytes.length & 0xff);
  return concat(length(other), other, length(psk), psk);
}

function code(expected: string) {
  return (error: unknown) => error instanceof HawserError && error.code === expected;
}

test("OE-29 A71chTlsSecrets derive of a PSK in the chip what the server derives of its own", async () => {
  const { secrets } = await newChip();
  const keeper = secrets();
  const random = await keeper.clientRandom();
  const master = await keeper.deriveMaster({ ...request(random), source: { kind: "psk" } });
  const expansion = { hash: "sha256", label: "key expansion", seed: SERVER_RANDOM, length: 40 } as const;
  const expected = prf12(nodeHash, "sha256", {
    secret: premaster(new Uint8Array(32), PSK),
    label: "master secret",
    seed: [random, SERVER_RANDOM],
    length: 48,
  });
  const block = prf12(nodeHash, "sha256", { ...expansion, secret: expected, seed: [SERVER_RANDOM] });
  assert.equal(toHex(await master.expand(expansion)), toHex(block));
  await keeper.release();
  assert.notEqual(toHex(await master.expand(expansion)), toHex(block), "the master secret is forgotten");
});

test("OE-30 A71chTlsSecrets derive of PSK and an ephemeral key in the chip what the server derives", async () => {
  const { device, secrets } = await newChip();
  const keeper = secrets();
  const ephemeral = await device.keyAgreement(3).generate("secp256r1");
  const peer = await nodeKeyAgreement.generate("secp256r1");
  const random = await keeper.clientRandom();
  const source = { kind: "ecdhe_psk", ephemeral, peerKey: peer.publicKey } as const;
  const master = await keeper.deriveMaster({ ...request(random), source });
  const secret = premaster(await peer.agree(ephemeral.publicKey), PSK);
  const expected = prf12(nodeHash, "sha256", {
    secret,
    label: "master secret",
    seed: [random, SERVER_RANDOM],
    length: 48,
  });
  const finished = { hash: "sha256", label: "client finished", seed: SERVER_RANDOM, length: 12 } as const;
  assert.equal(
    toHex(await master.expand(finished)),
    toHex(prf12(nodeHash, "sha256", { ...finished, secret: expected, seed: [SERVER_RANDOM] })),
  );
});

test("no command of others comes between client random and master secret, and all come after it", async () => {
  const { device, secrets } = await newChip();
  const keeper = secrets();
  const random = await keeper.clientRandom();
  let served = false;
  const other = device.random.random(8).then(() => (served = true));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(served, false);
  await keeper.deriveMaster({ ...request(random), source: { kind: "psk" } });
  await other;
});

test("a handshake whose server stalls loses the chip at the deadline, and is told so", async () => {
  const { clock, device, secrets } = await newChip();
  const keeper = secrets();
  const random = await keeper.clientRandom();
  const other = device.random.random(8);
  clock.advance(5000);
  assert.equal((await other).length, 8);
  await assert.rejects(keeper.deriveMaster({ ...request(random), source: { kind: "psk" } }), code("lease-expired"));
});

test("releasing frees the chip, also for a handshake that was still waiting for its turn", async () => {
  const { device, secrets } = await newChip();
  const [first, second] = [secrets(), secrets()];
  await first.clientRandom();
  const waiting = second.clientRandom();
  await second.release();
  await first.release();
  await assert.rejects(waiting, code("lease-expired"));
  assert.equal((await device.random.random(4)).length, 4);
});

test("a failed derivation frees the chip, and says what was refused", async () => {
  const { device, secrets } = await newChip();
  const keeper = secrets({ pskSlot: 7, pskBlocks: 1 });
  const random = await keeper.clientRandom();
  await assert.rejects(keeper.deriveMaster({ ...request(random), source: { kind: "psk" } }), (error: unknown) => {
    return error instanceof Refused && error.wire === 0x6985;
  });
  assert.equal((await device.random.random(4)).length, 4);
});

test("A71chTlsSecrets name what an A71CH cannot: other hashes, seeds, sources and keys of the host's", async () => {
  const { device, secrets } = await newChip();
  const peer = await nodeKeyAgreement.generate("secp256r1");
  const onHost = await nodeKeyAgreement.generate("secp256r1");
  const inChip = await device.keyAgreement(3).generate("secp256r1");
  const psk = { kind: "psk" } as const;
  await assert.rejects(secrets().deriveMaster({ ...request(new Uint8Array(32)), source: psk }), code("not-in-chip"));
  const shared = { peerKey: peer.publicKey };
  for (const wrong of [
    { hash: "sha384" as const },
    { label: "extended master secret" },
    { seed: SERVER_RANDOM },
    { seed: concat(SERVER_RANDOM, SERVER_RANDOM) },
    { source: { kind: "ecdhe", ephemeral: inChip, ...shared } as const },
    { source: { kind: "ecdhe_psk", ephemeral: onHost, ...shared } as const },
  ]) {
    const keeper = secrets();
    const random = await keeper.clientRandom();
    await assert.rejects(keeper.deriveMaster({ ...request(random), source: psk, ...wrong }), code("not-in-chip"));
    await keeper.release();
  }
  await device.keyAgreement(3).generate("secp256r1");
  const keeper = secrets();
  const random = await keeper.clientRandom();
  const source = { kind: "ecdhe_psk", ephemeral: inChip, ...shared } as const;
  await assert.rejects(keeper.deriveMaster({ ...request(random), source }), code("ephemeral-key-replaced"));
});

test("A71chCertificateVerifier keeps a key in its slot, verifies with it there, and erases it", async () => {
  const { device } = await newChip();
  const pem = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey.export({
    format: "pem",
    type: "pkcs8",
  });
  const signer = nodeSigner(privateKeyFromPem(pem));
  const content = fromHex("0102");
  const signature = await signer.sign("ecdsa_sha256", content);
  const verifier = new A71chCertificateVerifier(device, nodeHash, 1);
  const check = { publicKey: signer.publicKey, algorithm: "ecdsa_sha256", content, signature } as const;
  assert.equal(await verifier.verify(check), true);
  const key = await verifier.keep(signer.publicKey);
  assert.equal(
    toHex(ecPublicKeyInfo((await device.send("readPublicKey", { slot: 1 })).point)),
    toHex(signer.publicKey),
  );
  assert.equal(await key.verify(check), true);
  assert.equal(await key.verify({ ...check, content: fromHex("0103") }), false);
  assert.equal(await key.verify({ ...check, signature: new Uint8Array(80) }), false);
  await assert.rejects(key.verify({ ...check, algorithm: "ecdsa_sha384" }), code("not-in-chip"));
  const newer = await verifier.keep(signer.publicKey);
  await assert.rejects(key.verify(check), code("not-in-chip"));
  await key.release();
  assert.equal(await newer.verify(check), true);
  await newer.release();
  await newer.release();
  await assert.rejects(device.send("readPublicKey", { slot: 1 }), code("status-word"));
  await assert.rejects(verifier.keep(new Uint8Array(10)), code("not-in-chip"));
});
