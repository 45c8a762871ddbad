/** openssl parses and verifies everything that pki issues. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { nodeEntropy, nodeSigner } from "../../src/crypto/node.ts";
import { generateIssuingKey, keyToPem } from "../../src/pki/ca/node.ts";
import { DAY, forge, newCa, newLeaf, newRoot, newSigner, NOW } from "../../src/pki/fixtures.test.ts";
import {
  certificateToPem,
  createCsr,
  crlToPem,
  csrToPem,
  issueCrl,
  nameFromText,
  NO_EXPIRY,
  type Certificate,
} from "../../src/pki/index.ts";
import { opensslIn } from "./pki-openssl.ts";
import { requirePeer } from "./peers.ts";

const AT = `-attime ${NOW / 1000}`;

for (const curve of ["prime256v1", "secp384r1"] as const) {
  test(`openssl verify -x509_strict accepts root, intermediate, server and device of ${curve}`, async (t) => {
    if (!requirePeer(t, "openssl")) return;
    const openssl = opensslIn(t);
    const root = await newRoot("CN=Root,O=Exämple\\, Inc.", {}, newSigner(curve));
    const ca = await newCa(root, "CN=ICA,OU=a+O=b,DC=example", {}, newSigner(curve));
    const names = { dns: ["server.example", "*.iot.example"], ip: ["192.0.2.1", "2001:db8::1"], uri: ["urn:x:y"] };
    const server = await newLeaf(ca, "server", "CN=server,C=DE", { names });
    const subject = "CN=device,serialNumber=4711";
    const device = await newLeaf(ca, "device", subject, { validity: { notBefore: NOW - DAY, notAfter: NO_EXPIRY } });
    const nameless = await newLeaf(ca, "server", "", { names: { dns: ["only.example"] } });
    const verification = await newLeaf(ca, "verification", `CN=${"5f".repeat(32)}`);
    const all = { root: root.certificate, ca: ca.certificate, server, device, nameless, verification };
    for (const [name, certificate] of Object.entries<Certificate>(all)) {
      openssl.write(`${name}.pem`, certificateToPem(certificate));
    }
    const verify = (name: string, purpose: string) =>
      openssl.run(
        `openssl verify -x509_strict ${AT} -CAfile root.pem -untrusted ca.pem -purpose ${purpose} ${name}.pem`,
      );
    for (const name of ["server", "nameless"]) assert.match(verify(name, "sslserver"), /: OK/);
    for (const name of ["device", "verification"]) assert.match(verify(name, "sslclient"), /: OK/);
    assert.throws(
      () => verify("device", "sslserver"),
      /unsuitable certificate purpose|unsupported certificate purpose/,
    );
    assert.match(openssl.run(`openssl x509 -in server.pem -noout -checkhost a.iot.example`), /does match/);
    assert.match(openssl.run(`openssl x509 -in server.pem -noout -checkip 2001:db8::1`), /does match/);
    assert.match(openssl.run(`openssl x509 -in server.pem -noout -checkhost server`), /does NOT match/);
    const fields = openssl.run("openssl x509 -in device.pem -noout -serial -fingerprint -sha256 -enddate");
    assert.match(fields, new RegExp(`serial=${device.serialNumber}`, "i"));
    assert.equal(/Fingerprint=(.*)/.exec(fields)?.[1]?.replaceAll(":", "").toLowerCase(), device.id);
    assert.match(fields, /notAfter=Dec 31 23:59:59 9999 GMT/);
  });
}

test("openssl prints the name of a certificate as its RFC 4514 text", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const openssl = opensslIn(t);
  const root = await newRoot();
  for (const text of ["CN=a\\,b\\+c,O=\\ x\\ ,C=DE", "CN=\\#1,OU=\\\\,UID=7", "CN=a,DC=example,DC=com"]) {
    const der = await forge(root, { subject: text });
    openssl.write("x.pem", certificateToPem(der));
    const printed = openssl.run("openssl x509 -in x.pem -noout -subject -nameopt RFC2253,-esc_msb").trim();
    assert.equal(printed, `subject=${nameFromText(text).text}`);
  }
});

test("openssl req -verify accepts requests with and without names", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const openssl = opensslIn(t);
  for (const names of [{}, { dns: ["a.example"], ip: ["192.0.2.1"] }]) {
    const csr = await createCsr({ subject: nameFromText("CN=IoT device"), signer: newSigner(), names });
    openssl.write("x.csr", csrToPem(csr));
    const { ok, text } = openssl.ask("openssl req -in x.csr -noout -verify -text");
    assert.ok(ok, text);
    assert.match(text, /self-signature verify OK/);
    assert.equal(/DNS:a\.example, IP Address:192\.0\.2\.1/.test(text), "dns" in names);
  }
});

test("openssl crl verifies our lists and reads their reasons, dates and number, and refuses what they revoke", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const openssl = opensslIn(t);
  const root = await newRoot();
  const bad = await newLeaf(root, "device", "CN=bad");
  const revoked = new Map([
    [bad.serialNumber, { time: NOW, reason: "keyCompromise" as const }],
    ["41ff", { time: NOW, reason: "unspecified" as const }],
  ]);
  const order = { issuer: root, revoked, number: 4711, thisUpdate: NOW, nextUpdate: NOW + DAY };
  openssl.write("root.pem", certificateToPem(root.certificate));
  openssl.write("x.crl", crlToPem(await issueCrl(order)));
  const { text } = openssl.ask("openssl crl -in x.crl -CAfile root.pem -noout -text");
  assert.match(text, /verify OK/);
  assert.match(text, new RegExp(`Serial Number: ${bad.serialNumber}`, "i"));
  for (const part of [/Key Compromise/, /4711/, /Last Update: Jun {2}1 00:00:00 2026 GMT/]) assert.match(text, part);
  openssl.write("bad.pem", certificateToPem(bad));
  const verdict = openssl.ask(`openssl verify ${AT} -CAfile root.pem -CRLfile x.crl -crl_check bad.pem`);
  assert.match(verdict.text, /certificate revoked/);
});

test("openssl opens our encrypted private keys: PBES2, AES-256-CBC, 600000 rounds", (t) => {
  if (!requirePeer(t, "openssl")) return;
  const openssl = opensslIn(t);
  const key = generateIssuingKey("P-256");
  openssl.write("key.pem", keyToPem(key, nodeEntropy, "correct horse"));
  assert.equal(openssl.ask("openssl pkey -in key.pem -passin pass:wrong -noout").ok, false);
  const structure = openssl.run("openssl asn1parse -in key.pem");
  for (const part of [/:PBES2/, /:PBKDF2/, /:hmacWithSHA256/, /:aes-256-cbc/, /:0927C0/]) assert.match(structure, part);
  openssl.run(`openssl pkey -in key.pem -passin "pass:correct horse" -pubout -out pub.pem`);
  assert.ok(openssl.read("pub.pem").includes(Buffer.from(nodeSigner(key).publicKey).toString("base64").slice(0, 64)));
});
