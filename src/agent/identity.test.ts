import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";

import { SE05X_OBJECT } from "../apdu/se05x/index.ts";
import { A71chChip } from "../chip/a71ch/index.ts";
import { nodeChipCrypto, nodeSe05xCrypto } from "../chip/node.ts";
import { Se05xChip } from "../chip/se05x/index.ts";
import { type SecureElement, SeededEntropy, VirtualClock } from "../crypto/index.ts";
import { nodeHash, nodeSigner } from "../crypto/node.ts";
import { A71ch } from "../host/a71ch/index.ts";
import { localTransport } from "../host/index.ts";
import { Se05x } from "../host/se05x/index.ts";
import { issueCertificate, issueRootCertificate, nameFromText, parseCertificate } from "../pki/index.ts";
import { AGENT_ERRORS, admitted, deviceIdentity, readiness, storeCertificates } from "./index.ts";

const clock = new VirtualClock();
const entropy = new SeededEntropy(nodeHash, "identity");
const validity = { notBefore: clock.now(), notAfter: clock.now() + 86_400_000 };
const caSigner = nodeSigner(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
const root = await issueRootCertificate({ subject: nameFromText("CN=Root"), validity, entropy, signer: caSigner });

async function elementOf(family: "a71ch" | "a5000"): Promise<SecureElement> {
  const ports = { entropy, clock };
  if (family === "a71ch") {
    return A71ch.open(localTransport(new A71chChip({ crypto: nodeChipCrypto, ...ports })), { hash: nodeHash, clock });
  }
  const chip = await Se05xChip.open({ model: "a5000", crypto: nodeSe05xCrypto, ...ports });
  return Se05x.open(localTransport(chip), { hash: nodeHash, clock });
}

async function certificateFor(publicKey: Uint8Array) {
  const issuer = { certificate: root, signer: caSigner };
  return issueCertificate({ profile: "device", subject: nameFromText("CN=d"), publicKey, issuer, validity, entropy });
}

for (const family of ["a71ch", "a5000"] as const) {
  test(`A5-14 an ${family} without key pair, certificate or CA certificate is not admitted, and told what is missing`, async () => {
    const element = await elementOf(family);
    const codes = async (anchors = [root]) => (await readiness(element, 0, anchors)).lacks.map(({ code }) => code);
    assert.deepEqual(await codes([]), ["empty-slot", "no-certificate", "no-ca-certificate"]);
    const bare = await readiness(element, 0, []);
    assert.throws(() => admitted(bare), {
      name: "UsageError",
      code: "empty-slot",
      message: /not ready: key slot 0 gives no key; .* no device certificate; there is no CA certificate/,
    });
    const publicKey = await element.generateKeyPair(0);
    assert.deepEqual(await codes(), ["no-certificate"]);
    const device = await certificateFor(publicKey);
    await storeCertificates(element, 0, { device });
    assert.deepEqual(await codes(), []);
    const withoutCa = await readiness(element, 0, []);
    assert.throws(() => admitted(withoutCa), { code: "no-ca-certificate" });
    assert.deepEqual(admitted(await readiness(element, 0, [root])).chain, [parseCertificate(device.der)]);
    await storeCertificates(element, 0, { device, issuer: root });
    assert.deepEqual(await codes([]), []);
    await element.generateKeyPair(1);
    const other = await readiness(element, 1, [root]);
    assert.deepEqual(
      other.lacks.map(({ code }) => code),
      ["certificate-mismatch"],
    );
    assert.throws(() => admitted(other), { code: "certificate-mismatch" });
    for (const { code } of [...bare.lacks, ...other.lacks]) assert.match(AGENT_ERRORS[code].cure, /hawser|certificate/);
  });
}

test("A5-09 A5-39 a part that was born with key and certificate is a device at once, by its own chip's objects", async () => {
  const element = await elementOf("a5000");
  const slot = SE05X_OBJECT.deviceKey;
  const identity = await deviceIdentity(element, slot);
  assert.deepEqual(identity.chain[0]?.publicKey.der, identity.signer.publicKey);
  assert.match(identity.chain[0]?.subject.text ?? "", /CN=A5000-device-/);
  // A certificate that its owner had issued for the same key comes first.
  const ours = await certificateFor(identity.signer.publicKey);
  await storeCertificates(element, slot, { device: ours, issuer: root });
  assert.deepEqual(
    (await deviceIdentity(element, slot)).chain.map(({ id }) => id),
    [ours.id, root.id],
  );
  // One for another key does not hide the born one.
  const publicKey = await element.generateKeyPair(0);
  await storeCertificates(element, 0, { device: await certificateFor(publicKey) });
  assert.equal((await deviceIdentity(element, slot)).chain[0]?.id, identity.chain[0]?.id);
  await assert.rejects(deviceIdentity(element, 0xf000_0200), { code: "empty-slot" });
});
