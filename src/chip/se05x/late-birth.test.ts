/** RSA births: what they are before they are made, and that they are the same whenever they are. */
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { bytesOf, type Host, newSe05x } from "../../../test/chip/se05x.ts";
import { SE05X_CREDENTIAL, SE05X_OBJECT } from "../../apdu/se05x/index.ts";
import { concat, fromHex, toHex, UsageError } from "../../codec/index.ts";
import { type Entropy, rsaPublicKeyInfo, SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash, nodeSigner, nodeVerifier } from "../../crypto/node.ts";
import { issueRootCertificate, lintCertificate, nameFromText, parseCertificate, signedBy } from "../../pki/index.ts";
import { MemoryInRam, type NonVolatileMemory } from "../index.ts";
import { nodeSe05xCrypto } from "../node.ts";
import { decodeImage } from "./image.ts";
import { type RsaNumbers, Se05xChip, testRoot } from "./index.ts";

const DEEP = process.env.HAWSER_DEEP === "1";
/** A seed whose primes are soon found. */
const SEED = "births 6";
const PAIRS = [
  [SE05X_OBJECT.connectionRsaKey, SE05X_OBJECT.connectionRsaCertificate, 2048],
  [SE05X_OBJECT.attestationRsaKey, SE05X_OBJECT.attestationRsaCertificate, 2048],
  [SE05X_OBJECT.deviceRsa2048Key, SE05X_OBJECT.deviceRsa2048Certificate, 2048],
  [SE05X_OBJECT.gatewayRsa2048Key, SE05X_OBJECT.gatewayRsa2048Certificate, 2048],
  [SE05X_OBJECT.deviceRsa4096Key, SE05X_OBJECT.deviceRsa4096Certificate, 4096],
  [SE05X_OBJECT.gatewayRsa4096Key, SE05X_OBJECT.gatewayRsa4096Certificate, 4096],
] as const;
const [KEY, CERTIFICATE] = [SE05X_OBJECT.deviceRsa2048Key, SE05X_OBJECT.deviceRsa2048Certificate];
const [MODULUS, EXPONENT] = [0, 1];
const CRT_PAIR = 5;
const SHA256 = 0x28;
const MESSAGE = fromHex("00112233");

function publicKeyOf(host: Host, objectId: number): Uint8Array {
  const part = (component: number) => host.send("readObject", { objectId, component }).bytes;
  return rsaPublicKeyInfo(part(MODULUS), part(EXPONENT));
}

function certificateOf(host: Host, objectId: number): Uint8Array {
  return host.send("readObject", { objectId }).bytes;
}

/** What hosts can ask without asking for what is inside. */
function outsideOf(host: Host): readonly unknown[] {
  return [
    host.send("readIdList", { offset: 0, filter: 0xff }),
    host.send("getFreeMemory", { memory: 1 }),
    ...PAIRS.flatMap(([key, certificate]) =>
      [key, certificate].map((objectId) => [
        host.send("exists", { objectId }),
        host.send("readType", { objectId }),
        host.send("readSize", { objectId }),
      ]),
    ),
    host.sw("deleteObject", { objectId: KEY }),
    host.sw("deleteObject", { objectId: CERTIFICATE }),
    host.sw("writeRsaKey", { part: 0x60, form: 0, objectId: KEY, bits: 2048 }),
    host.sw("writeRsaKey", { part: 0x60, form: 0, objectId: KEY, p: fromHex("03") }),
    host.sw("writeRsaKey", { part: 0x60, form: 0, objectId: CERTIFICATE, bits: 2048 }),
    host.sw("writeBinary", { objectId: CERTIFICATE, data: fromHex("00") }),
    host.sw("writeBinary", { objectId: KEY, data: fromHex("00") }),
    host.sw("writeSymmKey", { kind: 3, objectId: CERTIFICATE, value: new Uint8Array(16) }),
    host.sw("exportObject", { objectId: KEY, component: 0 }),
  ];
}

/** A chip that cannot make keys: what it tells, its memory held. */
async function sterile(memory: NonVolatileMemory): Promise<Se05xChip> {
  const rsa = { ...nodeSe05xCrypto.rsa, generate: () => assert.fail("a key is made") };
  const entropy = new SeededEntropy(nodeHash, "later");
  return Se05xChip.open({
    model: "se051",
    crypto: { ...nodeSe05xCrypto, rsa },
    entropy,
    clock: new VirtualClock(),
    memory,
  });
}

function holds(publicKey: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
  return verify("sha256", MESSAGE, key, signature);
}

/** The state of an SE051 that was born of the seed. */
function fixture(): Uint8Array {
  const lines = readFileSync(join(import.meta.dirname, "../../../test/chip/se051-state-7.hex"), "utf8").split("\n");
  return fromHex(lines.filter((line) => !line.startsWith("#")).join(""));
}

/** SHA-256 of the modulus and of the certificate, as they were when the seed's birth was first made. */
const SETTLED = new Map<number, readonly [string, string]>([
  [
    SE05X_OBJECT.deviceRsa2048Key,
    [
      "a58f1c493a11a3f300a5f96d8f49fd936f8302a41c88763aeed3eb6759d6f938",
      "5f00aaad2a2f0dfc095cfbc5b1ea60a6426a0192afb265af9e2df2a0a3eb5a55",
    ],
  ],
  [
    SE05X_OBJECT.deviceRsa4096Key,
    [
      "0dd586a512e651a55ae79b53ea21d66dc1ef5732972bc4fb74b82c86c1be8a6b",
      "f8b2ae885871ab6ba62a03456ff8778f7ee1e4b6a8fa25a4a049a2ec4a4c0d0a",
    ],
  ],
]);

test("A5-39 F-34 an SE051 is born with RSA keys under the test root, which are settled with its seed, made or not", async () => {
  const memory = new MemoryInRam();
  await newSe05x({ model: "se051", seed: SEED, memory });
  assert.deepEqual(memory.load(), fixture());
  const { chip, host } = await newSe05x({ memory, seed: "of no account any more" });
  const before = outsideOf(host);
  const [wear, facts] = [chip.wear, chip.facts()];
  const root = (await testRoot(nodeSe05xCrypto)).certificate;
  for (const [objectId, certificateId, bits] of PAIRS) {
    if (objectId === SE05X_OBJECT.gatewayRsa4096Key && !DEEP) continue;
    assert.deepEqual(host.send("readType", { objectId }), { type: CRT_PAIR, memory: 1 });
    assert.equal(host.send("readSize", { objectId }).size, bits / 8);
    const { size } = host.send("readSize", { objectId: certificateId });
    const der = certificateOf(host, certificateId);
    assert.equal(der.length, size);
    const parsed = parseCertificate(der);
    const modulus = host.send("readObject", { objectId, component: MODULUS }).bytes;
    assert.deepEqual(parsed.publicKey.der, rsaPublicKeyInfo(modulus, fromHex("010001")));
    assert.equal(await signedBy(parsed, root, nodeVerifier), true);
    assert.deepEqual(lintCertificate({ content: parsed, issuer: root, profile: "device" }), []);
    assert.ok(parsed.subject.text.includes(chip.uniqueId));
    const signing = { objectId, algorithm: SHA256, digest: MESSAGE };
    if (objectId === SE05X_OBJECT.attestationRsaKey) assert.equal(host.sw("sign", signing), "6986");
    else assert.equal(holds(parsed.publicKey.der, host.send("sign", signing).signature), true);
    const settled = SETTLED.get(objectId);
    if (settled)
      assert.deepEqual(
        [modulus, der].map((each) => toHex(nodeHash.digest("sha256", each))),
        settled,
      );
  }
  assert.deepEqual(outsideOf(host), before);
  assert.deepEqual([chip.wear, chip.facts()], [wear, facts]);
});

test("A5-39 an SE050 is born with the same RSA keys, in the words of its applet", async () => {
  const { host } = await newSe05x({ model: "se050", seed: SEED });
  const before = outsideOf(host);
  const { size } = host.send("readSize", { objectId: CERTIFICATE });
  const parsed = parseCertificate(certificateOf(host, CERTIFICATE));
  assert.equal(parsed.der.length, size);
  assert.deepEqual(parsed.publicKey.der, publicKeyOf(host, KEY));
  assert.deepEqual(outsideOf(host), before);
});

test("an A5000, which has no RSA, is born without RSA keys", async () => {
  const { host } = await newSe05x({ model: "a5000", seed: SEED });
  for (const objectId of PAIRS.flatMap(([key, certificate]) => [key, certificate])) {
    assert.equal(host.send("exists", { objectId }).result, 2);
    assert.equal(host.sw("readObject", { objectId }), "6985");
  }
});

test("an RSA birth attests in the forms of both applets", async () => {
  for (const model of ["se050", "se051"] as const) {
    const { host } = await newSe05x({ model, seed: SEED });
    const attestationId = SE05X_OBJECT.attestationRsaKey;
    const freshness = new Uint8Array(16).fill(7);
    const answer = host.send("readAttested", {
      objectId: SE05X_OBJECT.uniqueId,
      attestationId,
      algorithm: SHA256,
      freshness,
    });
    assert.equal(answer.signature.length, 256);
    if (answer.form !== 3) continue;
    const { data = assert.fail(), attributes, timestamp, chipId, signature } = answer;
    const content = concat(data, attributes, timestamp, freshness, chipId);
    const key = createPublicKey({ key: Buffer.from(publicKeyOf(host, attestationId)), format: "der", type: "spki" });
    assert.equal(verify("sha256", content, key, signature), true);
  }
});

test("F-34 the same seed gives the same RSA births in whatever order, before and after restarts, in forks and rewound", async () => {
  const { chip, host } = await newSe05x({ seed: SEED });
  const fork = chip.fork(new SeededEntropy(nodeHash, "fork"));
  const snapshot = new MemoryInRam();
  chip.saveTo(snapshot);
  const certificate = toHex(certificateOf(host, CERTIFICATE));
  const publicKey = toHex(publicKeyOf(host, KEY));
  const { host: other } = await newSe05x({ seed: SEED });
  other.send("random", { length: 8 });
  assert.equal(toHex(publicKeyOf(other, KEY)), publicKey);
  assert.equal(toHex(certificateOf(other, CERTIFICATE)), certificate);
  const readOf = (from: Se05xChip) => toHex(from.exchange(bytesOf("readObject", { objectId: CERTIFICATE })));
  const told = readOf(chip);
  assert.equal(readOf(fork), told);
  chip.restoreFrom(snapshot);
  assert.equal(readOf(chip), told);
  assert.notEqual(toHex(publicKeyOf(host, SE05X_OBJECT.gatewayRsa2048Key)), publicKey);
});

test("what was told of an RSA birth is stored first: another start makes nothing anew", async () => {
  const memory = new MemoryInRam();
  const { host } = await newSe05x({ memory, seed: SEED });
  const born = memory.load();
  for (const command of [
    bytesOf("readSize", { objectId: CERTIFICATE }),
    bytesOf("readAttributes", { objectId: KEY }),
    bytesOf("deleteObject", { objectId: KEY }),
    bytesOf("getFreeMemory", { memory: 1 }),
  ]) {
    (await sterile(memory)).exchange(command);
  }
  assert.deepEqual(memory.load(), born, "none of this makes a key");
  const publicKey = publicKeyOf(host, KEY);
  const later = await sterile(memory);
  const again = later.exchange(bytesOf("readObject", { objectId: KEY, component: MODULUS }));
  assert.deepEqual(again, host.exchange(bytesOf("readObject", { objectId: KEY, component: MODULUS })));
  assert.equal(publicKey.length, 294);
  // The same for a certificate, which takes its key along.
  const memory2 = new MemoryInRam();
  const { host: host2 } = await newSe05x({ memory: memory2, seed: SEED });
  certificateOf(host2, CERTIFICATE);
  const sign = bytesOf("sign", { objectId: KEY, algorithm: SHA256, digest: MESSAGE });
  assert.equal(toHex((await sterile(memory2)).exchange(sign).slice(-2)), "9000");
});

test("a command that fails after it made a birth loses nothing, and what was made is stored with the next", async () => {
  const memory = new MemoryInRam();
  const { host } = await newSe05x({ memory, seed: SEED });
  const born = memory.load();
  // The block's padding is wrong, as the chip sees once it has the key.
  assert.equal(
    host.sw("rsaCipher", { objectId: KEY, direction: 0x38, algorithm: 0x0a, input: new Uint8Array(256) }),
    "6a80",
  );
  assert.deepEqual(memory.load(), born);
  host.send("getFreeMemory", { memory: 1 });
  const sign = bytesOf("sign", { objectId: KEY, algorithm: SHA256, digest: MESSAGE });
  assert.equal(toHex((await sterile(memory)).exchange(sign).slice(-2)), "9000");
});

test("a power cut while an RSA birth is stored leaves it to come, and then it becomes the same", async () => {
  const held = new MemoryInRam();
  const { host } = await newSe05x({ seed: SEED });
  const told = host.exchange(bytesOf("readObject", { objectId: CERTIFICATE }));
  let stores = 0;
  const memory: NonVolatileMemory = {
    load: () => held.load(),
    store(image) {
      // The first is that of the birth itself.
      if (++stores === 2) throw new UsageError("state-file", "the power is gone");
      held.store(image);
    },
  };
  const { host: cut } = await newSe05x({ memory, seed: SEED });
  const before = held.load();
  assert.equal(toHex(cut.exchange(bytesOf("readObject", { objectId: CERTIFICATE }))), "6f00");
  assert.deepEqual(held.load(), before);
  const { host: restarted } = await newSe05x({ memory: held, seed: "after the cut" });
  assert.deepEqual(restarted.exchange(bytesOf("readObject", { objectId: CERTIFICATE })), told);
  assert.deepEqual(cut.exchange(bytesOf("readObject", { objectId: CERTIFICATE })), told, "without a restart, too");
});

test("deleting all leaves RSA births as they are, made or to come", async () => {
  const { host } = await newSe05x({ seed: SEED });
  const told = toHex(certificateOf(host, CERTIFICATE));
  const before = outsideOf(host);
  host.send("writeUserId", { insFlags: 0x40, objectId: SE05X_CREDENTIAL.factoryReset, value: MESSAGE });
  const session = host.inSession(host.send("createSession", { objectId: SE05X_CREDENTIAL.factoryReset }).sessionId);
  session.send("verifySessionUserId", { value: MESSAGE });
  session.send("deleteAll", {});
  assert.deepEqual(outsideOf(host), before);
  assert.equal(toHex(certificateOf(host, CERTIFICATE)), told);
  publicKeyOf(host, SE05X_OBJECT.gatewayRsa2048Key);
});

test("an issuer of one's own certifies RSA births, too, which are then whole from the beginning", async () => {
  const signer = nodeSigner(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
  const validity = { notBefore: Date.UTC(2019, 0, 1), notAfter: Date.UTC(2050, 0, 1) };
  const entropy = new SeededEntropy(nodeHash, "maker");
  const certificate = await issueRootCertificate({ subject: nameFromText("CN=Maker"), validity, entropy, signer });
  // Six keys take seconds, and one does to see by whom it is certified.
  let made: RsaNumbers | undefined;
  const generate = (bits: number, from: Entropy) => (made ??= nodeSe05xCrypto.rsa.generate(bits, from));
  const rsa = { ...nodeSe05xCrypto.rsa, generate };
  const memory = new MemoryInRam();
  const ports = { crypto: { ...nodeSe05xCrypto, rsa }, clock: new VirtualClock(), memory };
  await Se05xChip.open({ model: "se051", ...ports, entropy, issuer: { signer, certificate } });
  const chip = await sterile(memory);
  for (const [, certificateId] of PAIRS) {
    const answer = chip.exchange(bytesOf("readObject", { objectId: certificateId }));
    const parsed = parseCertificate(answer.slice(4, -2));
    assert.equal(await signedBy(parsed, certificate, nodeVerifier), true);
  }
});

test("a state whose births to come are none of this family's is refused, or answers 6F00", async () => {
  const image = fixture();
  const at = toHex(image).indexOf("f0000110") / 2;
  // A certificate to come under an identifier that has none, and a key whose form is none.
  const bad = image.slice();
  const memory = new MemoryInRam();
  bad.set(fromHex("f0000119"), toHex(image).indexOf("f0000111") / 2);
  memory.store(bad);
  const { host: broken } = await newSe05x({ memory });
  assert.equal(broken.sw("readObject", { objectId: 0xf000_0119 }), "6f00");
  const mark = image.indexOf(13, at);
  assert.throws(
    () => decodeImage("se051", image.with(mark + 3, 9), nodeSe05xCrypto),
    (error) => error instanceof UsageError && error.code === "state-version",
  );
});
