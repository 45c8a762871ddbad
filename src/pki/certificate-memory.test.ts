import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import test from "node:test";

import { nodeEntropy, nodeSigner } from "../crypto/node.ts";
import { CertificateMemory, issueRootCertificate, nameFromText, parseCertificate } from "./index.ts";

async function rootDer(name: string): Promise<Uint8Array> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const validity = { notBefore: 0, notAfter: 1_000_000_000 };
  const signer = nodeSigner(privateKey);
  const { der } = await issueRootCertificate({
    subject: nameFromText(`CN=${name}`),
    signer,
    entropy: nodeEntropy,
    validity,
  });
  return der;
}

test("a certificate is parsed once, and the one longest unused is forgotten first", async () => {
  const [a, b, c] = await Promise.all(["a", "b", "c"].map(rootDer));
  assert.ok(a && b && c);
  const memory = new CertificateMemory(2);
  const first = memory.parse(a);
  assert.deepEqual(first, parseCertificate(a));
  const second = memory.parse(b);
  assert.equal(memory.parse(Uint8Array.from(a)), first);
  const third = memory.parse(c);
  assert.equal(memory.recall(second.id), undefined);
  assert.equal(memory.recall(first.id), first);
  assert.equal(memory.recall(third.id), third);
});

test("one changed byte is another certificate, and what cannot be read is refused each time", async () => {
  const der = await rootDer("a");
  const memory = new CertificateMemory();
  const { id } = memory.parse(der);
  // The last byte of the signature: still DER, and nothing that was judged of the other one holds for it.
  const last = der.length - 1;
  const forged = der.with(last, (der[last] ?? 0) ^ 1);
  assert.notEqual(memory.parse(forged).id, id);
  for (let time = 0; time < 2; time++) assert.throws(() => memory.parse(der.subarray(1)), { name: "DecodeError" });
});
