import assert from "node:assert/strict";
import { createHash, createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { test } from "node:test";

import { A71chChip, bearRestricted } from "../../chip/a71ch/index.ts";
import { MemoryInRam } from "../../chip/index.ts";
import { nodeChipCrypto } from "../../chip/node.ts";
import { concat, fromHex } from "../../codec/index.ts";
import { ecPublicKeyInfo, ecPublicPoint, SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { localTransport, type Transport } from "../index.ts";
import { A71ch } from "./index.ts";

const clock = new VirtualClock();
const ports = { crypto: nodeChipCrypto, entropy: new SeededEntropy(nodeHash, "restricted host") };

async function openPart(uses: number): Promise<A71ch> {
  const memory = new MemoryInRam();
  await bearRestricted({ ...ports, variant: "B", memory, slot: 2, maxUses: uses });
  return open(localTransport(new A71chChip({ ...ports, clock, memory })));
}

function open(transport: Transport): Promise<A71ch> {
  return A71ch.open(transport, { hash: nodeHash, clock });
}

test("A71ch.signRestricted has a restricted key pair certify a key of the host, and counts", async () => {
  const device = await openPart(2);
  const restricted = await device.restrictedKeyPair();
  assert.deepEqual(
    { ...restricted, blocks: restricted?.blocks.map(({ length }) => length) },
    { slot: 2, uses: 0, maxUses: 2, blocks: [8, 65, 20] },
  );
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const { point } = ecPublicPoint(publicKey.export({ format: "der", type: "spki" })) ?? assert.fail();
  const identifier = createHash("sha1").update(point).digest();
  const update = concat(fromHex("00000000000000aa"), point, identifier);
  assert.equal(await device.signRestricted(update), 1);
  // The certificate is where host libraries look for certificates.
  const certificate = new X509Certificate((await device.readCertificate(0)) ?? assert.fail());
  const { point: authority } = await device.send("readKeyPairPoint", { slot: 2 });
  const spki = { key: Buffer.from(ecPublicKeyInfo(authority)), format: "der", type: "spki" } as const;
  assert.ok(certificate.verify(createPublicKey(spki)));
  assert.ok(certificate.publicKey.equals(publicKey));
  assert.match(certificate.serialNumber, /00000000000000AA$/);
  await assert.rejects(device.signRestricted(update.slice(1)), { code: "bad-argument" });
  assert.equal(await device.signRestricted(update), 2);
  await assert.rejects(device.signRestricted(update), { code: "status-word", wire: 0x6985 });
  assert.equal((await device.restrictedKeyPair())?.uses, 2);
  // The rest of the storage is the host's as ever.
  const other = new Uint8Array((await device.readCertificate(0)) ?? assert.fail());
  await device.writeCertificate(1, other);
  assert.deepEqual(await device.readCertificate(1), other);
  await assert.rejects(device.injectKeyPair(2, { scalar: new Uint8Array(32).fill(1), point }), { wire: 0x6986 });
});

test("A71ch.signRestricted asks nothing of a chip without a restricted key pair", async () => {
  const chip = new A71chChip({ ...ports, clock });
  const device = await open(localTransport(chip));
  await device.generateKeyPair(0);
  assert.equal(await device.restrictedKeyPair(), undefined);
  await assert.rejects(device.signRestricted(new Uint8Array(32)), { code: "bad-argument" });
});

/** A chip behind a cable that says something else about its restricted key pair. */
function claiming(restriction: string, usage = "01099000"): Transport {
  const inner = localTransport(new A71chChip({ ...ports, clock }));
  const sent: string[] = [];
  const answers: Readonly<Record<string, string>> = {
    "80910006": restriction,
    "80110201": usage,
    // One byte is what a restricted key pair answers to an update of 32 bytes as well.
    "80150200": "029000",
  };
  return {
    async exchange(command) {
      const header = Buffer.from(command).toString("hex").slice(0, 8);
      sent.push(header);
      const answer = answers[header];
      return answer === undefined ? inner.exchange(command) : fromHex(answer);
    },
    close: () => inner.close(),
  };
}

test("A71ch.signRestricted takes a block of 32 bytes, whose update looks like a digest", async () => {
  const device = await open(claiming("0201002000209000"));
  assert.deepEqual(await device.restrictedKeyPair(), {
    slot: 2,
    uses: 1,
    maxUses: 9,
    blocks: [{ offset: 32, length: 32 }],
  });
  assert.equal(await device.signRestricted(new Uint8Array(32)), 2);
});

test("A71ch.restrictedKeyPair takes both answers for none, and refuses what is no restriction", async () => {
  assert.equal(await (await open(claiming("9000"))).restrictedKeyPair(), undefined);
  for (const wrong of ["02019000", "029000", "02010020002000009000", "ff019000".replace("ff01", "0f00ff")]) {
    await assert.rejects((await open(claiming(wrong))).restrictedKeyPair(), { code: "malformed-answer" }, wrong);
  }
  const device = await open(claiming("0201002000209000", "9000"));
  await assert.rejects(device.restrictedKeyPair(), { code: "malformed-answer" }, "a count is missing");
});
