import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";

import { A71chChip } from "../chip/a71ch/index.ts";
import { nodeChipCrypto } from "../chip/node.ts";
import { equal, toHex } from "../codec/index.ts";
import { SeededEntropy, VirtualClock, type Signer } from "../crypto/index.ts";
import { nodeHash, nodeSigner, nodeVerifier } from "../crypto/node.ts";
import { A71ch } from "../host/a71ch/index.ts";
import { localTransport } from "../host/index.ts";
import {
  issueCertificate,
  issueRootCertificate,
  nameFromText,
  parseCsr,
  type Certificate,
  type Issuer,
} from "../pki/index.ts";
import { Ledger } from "../trace/index.ts";
import { deviceIdentity, prepareKey, requestCertificate, storeCertificates } from "./index.ts";
import { keyPairFromPem } from "./node.ts";

const clock = new VirtualClock();
const entropy = new SeededEntropy(nodeHash, "provision");
const validity = { notBefore: clock.now(), notAfter: clock.now() + 86_400_000 };

async function newChip() {
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy, clock });
  return A71ch.open(localTransport(chip), { hash: nodeHash, clock });
}

async function newCa(): Promise<Issuer> {
  const signer = nodeSigner(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
  const certificate = await issueRootCertificate({ subject: nameFromText("CN=test ca"), validity, entropy, signer });
  return { certificate, signer };
}

async function issue(issuer: Issuer, signer: Signer): Promise<Certificate> {
  const subject = nameFromText("CN=device");
  return issueCertificate({ profile: "device", subject, validity, entropy, issuer, publicKey: signer.publicKey });
}

function newKeyFile(curve: string) {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: curve });
  return { privateKey, pem: privateKey.export({ format: "pem", type: "sec1" }) };
}

test("AW-05 AW-10 AW-11 a chip makes its key, signs the request, and holds the device's and the CA's certificate", async () => {
  const chip = await newChip();
  const ca = await newCa();
  const trace = new Ledger({ clock });
  const signer = await prepareKey(chip, 0, { from: "generated" });
  const csr = await parseCsr(
    await requestCertificate(signer, { subject: nameFromText("CN=device"), trace }),
    nodeVerifier,
  );
  assert.ok(equal(csr.publicKey.der, signer.publicKey));
  const [issued] = trace.events({ kinds: ["pki.issued"] });
  assert.ok(issued?.kind === "pki.issued" && issued.what === "csr" && issued.performer === "chip");
  const device = await issue(ca, signer);
  await storeCertificates(chip, 0, { device, issuer: ca.certificate });
  const identity = await deviceIdentity(chip, 0);
  assert.deepEqual(
    identity.chain.map(({ id }) => id),
    [device.id, ca.certificate.id],
  );
  assert.equal(identity.signer.performer, "chip");
});

test("AW-05 a P-256 key from an OpenSSL file is injected and signs from then on in the chip", async () => {
  const chip = await newChip();
  const { privateKey, pem } = newKeyFile("P-256");
  const parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  const signer = await prepareKey(chip, 2, { from: "injected", keyPair: keyPairFromPem(parameters + pem) });
  assert.equal(toHex(signer.publicKey), toHex(nodeSigner(privateKey).publicKey));
  const content = Uint8Array.of(1, 2, 3);
  const signature = await signer.sign("ecdsa_sha256", content);
  const check = { publicKey: nodeSigner(privateKey).publicKey, algorithm: "ecdsa_sha256" as const, content, signature };
  assert.equal(await nodeVerifier.verify(check), true);
});

test("not-p256 is what another curve ends in, bad-key what is no key", () => {
  assert.throws(() => keyPairFromPem(newKeyFile("P-384").pem), { code: "not-p256" });
  assert.throws(() => keyPairFromPem("-----BEGIN nothing"), { code: "bad-key" });
});

test("slot-in-use protects a key pair from being replaced, empty-slot says that there is none", async () => {
  const chip = await newChip();
  await assert.rejects(prepareKey(chip, 0, { from: "kept" }), { code: "empty-slot" });
  const first = await prepareKey(chip, 0, { from: "generated" });
  await assert.rejects(prepareKey(chip, 0, { from: "generated" }), { code: "slot-in-use" });
  const { pem } = newKeyFile("P-256");
  await assert.rejects(prepareKey(chip, 0, { from: "injected", keyPair: keyPairFromPem(pem) }), {
    code: "slot-in-use",
  });
  const kept = await prepareKey(chip, 0, { from: "kept" });
  assert.deepEqual(kept.publicKey, first.publicKey);
});

test("no-certificate and certificate-mismatch are told apart", async () => {
  const chip = await newChip();
  const ca = await newCa();
  const signer = await prepareKey(chip, 0, { from: "generated" });
  await assert.rejects(deviceIdentity(chip, 0), { code: "no-certificate" });
  const device = await issue(ca, await prepareKey(chip, 1, { from: "generated" }));
  await assert.rejects(storeCertificates(chip, 0, { device }), { code: "certificate-mismatch" });
  await storeCertificates(chip, 0, { device: await issue(ca, signer) });
  await assert.rejects(deviceIdentity(chip, 1), { code: "certificate-mismatch" });
  await assert.rejects(deviceIdentity(chip, 2), { code: "empty-slot" });
  assert.equal((await deviceIdentity(chip, 0)).chain.length, 1);
});
