/** pki and openssl ocsp: our requests are answered, its responses are checked, and changed ones are refused. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { HawserError } from "../../src/codec/index.ts";
import { nodeClock, nodeEntropy, nodeSigner, nodeVerifier } from "../../src/crypto/node.ts";
import { DAY, ext, forge, LEAF_USAGE, newCa, newKey, newLeaf, newRoot } from "../../src/pki/fixtures.test.ts";
import { certificateToPem, KEY_PURPOSE, type Certificate } from "../../src/pki/index.ts";
import { checkOcspResponse, ocspRequest, type CertIdHash, type OcspCheck } from "../../src/pki/ocsp/index.ts";
import { opensslIn, type Openssl } from "./pki-openssl.ts";
import { requirePeer } from "./peers.ts";

const now = nodeClock.now();
const validity = { notBefore: now - DAY, notAfter: now + 30 * DAY };

/** A CA, its responder and three certificates, and openssl's index of what happened to them. */
async function setting(openssl: Openssl) {
  const keys = { ca: newKey(), responder: newKey() };
  const root = await newRoot("CN=Root", { validity });
  const ca = await newCa(root, "CN=ICA", { validity }, nodeSigner(keys.ca));
  const leafOf = (name: string) => newLeaf(ca, "server", `CN=${name}`, { validity, names: { dns: ["a.example"] } });
  const [good, revoked, unknown] = [await leafOf("good"), await leafOf("revoked"), await leafOf("unknown")];
  const responder = await forge(ca, {
    subject: "CN=Responder",
    validity,
    publicKey: nodeSigner(keys.responder).publicKey,
    extensions: [LEAF_USAGE, ext.eku(KEY_PURPOSE.OCSPSigning), ext.aki(ca.certificate.extensions.subjectKeyIdentifier)],
  });
  for (const [name, key] of Object.entries(keys)) {
    openssl.write(`${name}.key`, key.export({ format: "pem", type: "pkcs8" }));
  }
  const pems = { root: root.certificate, ca: ca.certificate, responder, good, revoked, unknown };
  for (const [name, certificate] of Object.entries(pems)) openssl.write(`${name}.pem`, certificateToPem(certificate));
  openssl.write("trust.pem", certificateToPem(root.certificate) + certificateToPem(ca.certificate));
  const digits = (at: number) => new Date(at).toISOString().slice(2, 19).replace(/[-T:]/g, "");
  const line = (state: string, { serialNumber }: Certificate, when = "") =>
    `${state}\t${digits(validity.notAfter)}Z\t${when}\t${serialNumber.toUpperCase()}\tunknown\t/CN=x\n`;
  const when = `${digits(now - DAY / 2)}Z,superseded`;
  openssl.write("index.txt", line("V", good) + line("R", revoked, when));
  return { ca, responder, good, revoked, unknown };
}

function answer(openssl: Openssl, request: Uint8Array, options: string): Uint8Array {
  writeFileSync(join(openssl.directory, "req.der"), request);
  openssl.run(`openssl ocsp -index index.txt -CA ca.pem ${options} -reqin req.der -respout resp.der -ndays 1`);
  return new Uint8Array(readFileSync(join(openssl.directory, "resp.der")));
}

const DIRECT = "-rsigner ca.pem -rkey ca.key";
const DELEGATED = "-rsigner responder.pem -rkey responder.key";

test("openssl ocsp answers our requests, and checkOcspResponse understands the answers", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const openssl = opensslIn(t);
  const { ca, responder, good, revoked, unknown } = await setting(openssl);
  const issuer = ca.certificate;
  for (const hash of ["sha1", "sha256", "sha512"] satisfies CertIdHash[]) {
    for (const options of [DIRECT, DELEGATED, `${DELEGATED} -resp_key_id`, `${DIRECT} -rmd sha384`]) {
      const nonce = nodeEntropy.bytes(32);
      const certificates = [good, revoked, unknown].map((certificate) => ({ certificate, issuer }));
      const der = answer(openssl, ocspRequest({ certificates, nonce, hash }), options);
      const check = { issuer, time: nodeClock.now(), verifier: nodeVerifier, nonce };
      const answers = await Promise.all(
        [good, revoked, unknown].map((certificate) => checkOcspResponse(der, { ...check, certificate })),
      );
      assert.deepEqual(
        answers.map(({ status }) => status),
        ["good", "revoked", "unknown"],
      );
      const [, second] = answers;
      assert.ok(second?.status === "revoked" && second.revocation.reason === "superseded");
      const signer = options.startsWith(DIRECT) ? issuer : responder;
      assert.ok(answers.every((each) => each.responder.id === signer.id));
      await assert.rejects(checkOcspResponse(der, { ...check, certificate: good, nonce: nodeEntropy.bytes(32) }), {
        code: "ocsp-nonce",
      });
    }
  }
});

test("openssl reads our request as we meant it, and we refuse what openssl ocsp refuses", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const openssl = opensslIn(t);
  const { ca, good } = await setting(openssl);
  const request = ocspRequest({ certificates: [{ certificate: good, issuer: ca.certificate }] });
  const der = answer(openssl, request, DELEGATED);
  const text = openssl.run("openssl ocsp -reqin req.der -req_text -noverify");
  assert.match(text, new RegExp(`Serial Number: ${good.serialNumber}`, "i"));
  assert.match(text, /Hash Algorithm: sha1/);
  const verify = (bytes: Uint8Array) => {
    writeFileSync(join(openssl.directory, "resp.der"), bytes);
    return openssl.ask("openssl ocsp -respin resp.der -CAfile trust.pem -issuer ca.pem -cert good.pem -no_nonce");
  };
  const ours = (bytes: Uint8Array) => {
    const check: OcspCheck = {
      certificate: good,
      issuer: ca.certificate,
      time: nodeClock.now(),
      verifier: nodeVerifier,
    };
    return checkOcspResponse(bytes, check);
  };
  assert.match(verify(der).text, /good.pem: good[^]*Response verify OK/);
  assert.equal((await ours(der)).status, "good");
  const bad = answer(openssl, request, `${DELEGATED} -badsig`);
  assert.doesNotMatch(verify(bad).text, /verify OK/);
  await assert.rejects(ours(bad), { code: "ocsp-signature" });
  for (let at = 0; at < der.length; at += 7) {
    const changed = Uint8Array.from(der, (byte, i) => (i === at ? byte ^ 0x01 : byte));
    await assert.rejects(ours(changed), (error) => error instanceof HawserError, `byte ${at}`);
  }
});

test("checkOcspResponse refuses a delegate of openssl's without OCSPSigning, and an old response", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const openssl = opensslIn(t);
  const { ca, good } = await setting(openssl);
  const key = newKey();
  const server = await newLeaf(ca, "server", "CN=s", { validity, names: { dns: ["a.example"] } }, nodeSigner(key));
  openssl.write("server.pem", certificateToPem(server));
  openssl.write("server.key", key.export({ format: "pem", type: "pkcs8" }));
  const subject = { certificate: good, issuer: ca.certificate };
  const request = ocspRequest({ certificates: [subject] });
  const check = { ...subject, time: nodeClock.now(), verifier: nodeVerifier };
  const der = answer(openssl, request, "-rsigner server.pem -rkey server.key");
  await assert.rejects(checkOcspResponse(der, check), { code: "ocsp-responder" });
  const fine = answer(openssl, request, DELEGATED);
  await assert.rejects(checkOcspResponse(fine, { ...check, time: now + 3 * DAY }), { code: "ocsp-stale" });
  await assert.rejects(checkOcspResponse(fine, { ...check, time: now - DAY }), { code: "ocsp-not-yet-valid" });
});
