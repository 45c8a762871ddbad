import assert from "node:assert/strict";
import { test } from "node:test";

import { nodeVerifier } from "../crypto/node.ts";
import { DAY, NOW, newCa, newLeaf, newRoot, newSigner } from "./fixtures.test.ts";
import { validatePath, type Certificate, type PathOptions, type PkiErrorCode } from "./index.ts";

const root = await newRoot();
const ca = await newCa(root, "CN=Intermediate");
const leaf = await newLeaf(ca, "server", "CN=server", { names: { dns: ["server.example.com"] } });

function validate(chain: readonly Certificate[], more: Partial<PathOptions> = {}) {
  return validatePath({
    chain: chain.map(({ der }) => der),
    anchors: [root.certificate],
    time: NOW,
    purpose: "serverAuth",
    verifier: nodeVerifier,
    ...more,
  });
}

async function refusal(code: PkiErrorCode, run: Promise<unknown>, more: object = {}) {
  await assert.rejects(run, { name: "CertificateError", code, ...more });
}

const ids = (certificates: readonly Certificate[]) => certificates.map(({ id }) => id);

test("AW-21 validatePath proves leaf, intermediate and root in this order", async () => {
  const path = await validate([leaf, ca.certificate]);
  assert.deepEqual(ids(path.certificates), ids([leaf, ca.certificate, root.certificate]));
  assert.equal(path.signatureChecks, 2);
  assert.equal(path.leaf.id, leaf.id);
  assert.equal(path.anchor.id, root.certificate.id);
});

test("validatePath takes certificates out of order and superfluous ones", async () => {
  const stranger = await newCa(root, "CN=Stranger");
  const path = await validate([leaf, root.certificate, stranger.certificate, ca.certificate, leaf]);
  assert.deepEqual(ids(path.certificates), ids([leaf, ca.certificate, root.certificate]));
});

test("validatePath takes an intermediate as trust anchor", async () => {
  const path = await validate([leaf], { anchors: [ca.certificate] });
  assert.equal(path.certificates.length, 2);
});

test("validatePath refuses empty-chain, unknown-issuer and too-much-work, and names the certificate", async () => {
  await refusal("empty-chain", validate([]));
  await refusal("unknown-issuer", validate([leaf]), { index: 0, subject: "CN=server", field: "issuer" });
  await refusal("unknown-issuer", validate([leaf, ca.certificate], { anchors: [] }), { index: 1 });
  await refusal("too-much-work", validate(Array.from({ length: 25 }, () => leaf)));
});

test("validatePath refuses expired and not-yet-valid at every place of the path", async () => {
  const { notBefore, notAfter } = leaf.validity;
  await validate([leaf, ca.certificate], { time: notBefore });
  await validate([leaf, ca.certificate], { time: notAfter + 999 });
  await refusal("not-yet-valid", validate([leaf, ca.certificate], { time: notBefore - 1 }), { index: 0 });
  await refusal("expired", validate([leaf, ca.certificate], { time: notAfter + 1000 }), { index: 0 });
  const short = await newCa(root, "CN=Short", { validity: { notBefore: NOW - DAY, notAfter: NOW + DAY } });
  const below = await newLeaf(short, "server", "CN=x");
  await refusal("expired", validate([below, short.certificate], { time: NOW + 2 * DAY }), { index: 1 });
  const old = await newRoot("CN=Old", { validity: { notBefore: NOW - 2 * DAY, notAfter: NOW - DAY } });
  const last = await newLeaf(old, "server", "CN=x");
  await refusal("expired", validate([last], { anchors: [old.certificate] }), { index: undefined, subject: "CN=Old" });
});

test("validatePath refuses bad-signature by a CA of the same name, and finds the right one among several", async () => {
  const impostorKey = newSigner();
  const impostor = await newLeaf(root, "intermediateCa", "CN=Intermediate", {}, impostorKey);
  const path = await validate([leaf, impostor, ca.certificate]);
  assert.equal(path.certificates[1]?.id, ca.certificate.id);
  await refusal("key-identifier", validate([leaf, impostor]), { index: 0, field: "authorityKeyIdentifier" });
});

test("validatePath refuses what a certificate that is no CA has issued", async () => {
  const signer = newSigner();
  const device = { certificate: await newLeaf(ca, "device", "CN=device", {}, signer), signer };
  const forged = await newLeaf(device, "server", "CN=forged");
  await refusal("not-a-ca", validate([forged, device.certificate, ca.certificate]), { index: 1 });
});

test("validatePath refuses a path longer than pathLenConstraint", async () => {
  const second = await newCa(ca, "CN=Second");
  const low = await newLeaf(second, "server", "CN=low");
  await refusal("path-length", validate([low, second.certificate, ca.certificate]), { index: 2 });
  const upper = await newCa(root, "CN=Upper", { pathLength: 1 });
  const lower = await newCa(upper, "CN=Lower");
  const fine = await newLeaf(lower, "server", "CN=fine");
  assert.equal((await validate([fine, lower.certificate, upper.certificate])).certificates.length, 4);
  await refusal(
    "too-deep",
    validate([fine, lower.certificate, upper.certificate], { limits: { maxIntermediates: 1 } }),
  );
  await refusal(
    "too-much-work",
    validate([fine, lower.certificate, upper.certificate], { limits: { maxSignatureChecks: 2 } }),
  );
});

test("validatePath refuses key-usage and extended-key-usage that do not fit the purpose", async () => {
  await refusal("extended-key-usage", validate([leaf, ca.certificate], { purpose: "clientAuth" }), { index: 0 });
  await validate([leaf, ca.certificate], { purpose: "any" });
  await refusal("key-usage", validate([ca.certificate]), { index: 0, field: "keyUsage" });
});

test("validatePath refuses unknown-critical-extension, name constraints among them", async () => {
  const value = Uint8Array.of(0x30, 0x00);
  for (const [oid, critical] of [
    ["1.3.6.1.4.1.55738.666.1", true],
    ["2.5.29.30", true],
    ["2.5.29.30", false],
  ] as const) {
    const odd = await newLeaf(ca, "server", "CN=odd", { extensions: [{ oid, critical, value }] });
    await refusal("unknown-critical-extension", validate([odd, ca.certificate]), { index: 0 });
  }
  const harmless = await newLeaf(ca, "server", "CN=x", { extensions: [{ oid: "1.2.3.4", critical: false, value }] });
  await validate([harmless, ca.certificate]);
});

test("validatePath refuses every certificate with any byte changed", async () => {
  const chain = [leaf, ca.certificate];
  for (let at = 0; at < leaf.der.length; at += 7) {
    const changed = Uint8Array.from(leaf.der, (byte, i) => (i === at ? byte ^ 0x20 : byte));
    await assert.rejects(validate(chain, { chain: [changed, ca.certificate.der] }), { name: "CertificateError" });
  }
});
