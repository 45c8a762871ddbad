import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { fromHex, HawserError } from "../codec/index.ts";
import { VirtualClock } from "../crypto/index.ts";
import { nodeVerifier } from "../crypto/node.ts";
import { Ledger } from "../trace/index.ts";
import { newSigner } from "./fixtures.test.ts";
import { createCsr, csrFromPem, csrToPem, nameFromText, parseCsr } from "./index.ts";

const subject = nameFromText("CN=IoT device,O=Example");
const signer = newSigner();
const names = { dns: ["device.example"], ip: ["192.0.2.1"], uri: ["urn:dev:1"] };
const der = await createCsr({ subject, signer, names });

test("parseCsr gives back what createCsr was told, after checking possession of the key", async () => {
  const request = await parseCsr(der, nodeVerifier);
  assert.deepEqual(request.subject.der, subject.der);
  assert.deepEqual(request.publicKey.der, signer.publicKey);
  assert.deepEqual(request.requestedExtensions.subjectAltName?.dns, names.dns);
  assert.deepEqual(request.requestedExtensions.subjectAltName?.uri, names.uri);
  const bare = await parseCsr(await createCsr({ subject, signer: newSigner("secp384r1") }), nodeVerifier);
  assert.equal(bare.requestedExtensions.all.length, 0);
});

test("parseCsr refuses a request of any one byte changed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      const changed = Uint8Array.from(der, (byte, i) => (i === at ? byte ^ flip : byte));
      await assert.rejects(parseCsr(changed, nodeVerifier), (error) => error instanceof HawserError);
    }),
    { numRuns: 300 },
  );
});

test("parseCsr refuses request-signature by another key, and weak-algorithm", async () => {
  const liar = { ...newSigner(), publicKey: signer.publicKey };
  const stolen = await createCsr({ subject, signer: liar });
  await assert.rejects(parseCsr(stolen, nodeVerifier), { name: "CertificateError", code: "request-signature" });
  const sha1 = replaced(der, "300a06082a8648ce3d040302", "300a06082a8648ce3d040301");
  await assert.rejects(parseCsr(sha1, nodeVerifier), { name: "CertificateError", code: "weak-algorithm" });
});

test("createCsr refuses issuing-key and invalid-name", async () => {
  const odd = { ...newSigner("secp521r1") };
  await assert.rejects(createCsr({ subject, signer: odd }), { name: "UsageError", code: "issuing-key" });
  for (const wrong of [{ dns: ["a b"] }, { dns: ["foo.*.example"] }, { ip: ["1.2.3"] }]) {
    await assert.rejects(createCsr({ subject, signer, names: wrong }), { name: "UsageError", code: "invalid-name" });
  }
});

test("csrFromPem reads what csrToPem wrote, and refuses a text without request", () => {
  assert.deepEqual(csrFromPem(csrToPem(der)), der);
  assert.throws(() => csrFromPem("x"), { name: "DecodeError", code: "encoding" });
});

test("createCsr tells the trace whose key signed", async () => {
  const ledger = new Ledger({ clock: new VirtualClock() });
  await createCsr({ subject, signer: { ...signer, performer: "chip" }, trace: ledger });
  const [event] = ledger.events({ kinds: ["pki.issued"] });
  assert.ok(event?.kind === "pki.issued" && event.what === "csr" && event.performer === "chip");
});

function replaced(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const hex = Buffer.from(bytes).toString("hex");
  const at = hex.lastIndexOf(from);
  assert.ok(at >= 0);
  return fromHex(hex.slice(0, at) + to + hex.slice(at + from.length));
}
