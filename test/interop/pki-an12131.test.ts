/** The openssl commands of AN12131 and AN12132, typed as printed (T-18: the missing dash and quote of 8.3 put right). */
import assert from "node:assert/strict";
import { test } from "node:test";

import { nodeSigner, nodeVerifier, privateKeyFromPem } from "../../src/crypto/node.ts";
import {
  certificateFromPem,
  certificatesFromPem,
  checkServerIdentity,
  csrFromPem,
  nameValues,
  parseCsr,
  signedBy,
  validatePath,
} from "../../src/pki/index.ts";
import { opensslIn } from "./pki-openssl.ts";
import { requirePeer } from "./peers.ts";

const CODE = "7c4f0f41b6a5e2a8bd90e1d6c1ffb3b52cd60d3a46e4ee4ed0f7a1c4a8b89b01";

test("AW-28 AW-29 AW-30 the verification certificate of 6.3 is signed by the CA and names the registration code", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const openssl = opensslIn(t);
  openssl.run("openssl ecparam -genkey -name prime256v1 -out intCAkey.pem");
  openssl.run(
    `openssl req -x509 -new -key intCAkey.pem -sha256 -days 3650 -out intCACertificate.pem -subj "/CN=OEM intermediate"`,
  );
  openssl.run("openssl ecparam -genkey -name prime256v1 -out VerificationKeys.pem");
  openssl.run(`openssl req -new -key VerificationKeys.pem -subj "/CN=${CODE}" -out VerificationCSR.pem`);
  openssl.run(
    "openssl x509 -req -in VerificationCSR.pem -CA intCACertificate.pem -CAkey intCAkey.pem -CAcreateserial -out Verificationcertificate.pem -days 365 -sha256",
  );
  const ca = certificateFromPem(openssl.read("intCACertificate.pem"));
  const verification = certificateFromPem(openssl.read("Verificationcertificate.pem"));
  const request = await parseCsr(csrFromPem(openssl.read("VerificationCSR.pem")), nodeVerifier);
  assert.deepEqual(nameValues(request.subject, "CommonName"), [CODE]);
  assert.deepEqual(nameValues(verification.subject, "CommonName"), [CODE]);
  assert.equal(await signedBy(verification, ca, nodeVerifier), true);
  assert.equal(verification.validity.notAfter - verification.validity.notBefore, 365 * 86_400_000);
  const signer = nodeSigner(privateKeyFromPem(openssl.read("VerificationKeys.pem")));
  assert.deepEqual(signer.publicKey, verification.publicKey.der);
});

test("AW-69 AW-73 AW-74 AW-75 AW-80 AW-81 AW-82 the demo CA of 8.3 signs the verification and device certificates of 8.6", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const openssl = opensslIn(t);
  openssl.run("openssl ecparam -genkey -name prime256v1 -out CACertificate_ECC.key");
  openssl.run(
    `openssl req -x509 -new -nodes -key CACertificate_ECC.key -sha256 -days 3650 -out CACertificate_ECC.crt -subj "/CN=Demo CA NXP"`,
  );
  openssl.run("openssl ecparam -genkey -name prime256v1 -out VerificationKeys.key");
  openssl.run(`openssl req -new -key VerificationKeys.key -subj "/CN=${CODE}" -out VerificationCSR.pem`);
  openssl.run(
    "openssl x509 -req -in VerificationCSR.pem -CA CACertificate_ECC.crt -CAkey CACertificate_ECC.key -CAcreateserial -out Verificationcertificate.crt -days 3650 -sha256",
  );
  openssl.run("openssl ecparam -genkey -name prime256v1 -out deviceKey.key");
  openssl.run(`openssl req -new -key deviceKey.key -out deviceCsr.csr -subj "/CN=IoT device"`);
  openssl.run(
    "openssl x509 -req -days 3650 -in deviceCsr.csr -CAcreateserial -CA CACertificate_ECC.crt -CAkey CACertificate_ECC.key -out deviceCert.crt",
  );
  const ca = certificateFromPem(openssl.read("CACertificate_ECC.crt"));
  assert.equal(ca.subject.text, "CN=Demo CA NXP");
  assert.equal(ca.extensions.basicConstraints?.ca, true);
  assert.equal(await signedBy(ca, ca, nodeVerifier), true);
  const [verification, device] = ["Verificationcertificate.crt", "deviceCert.crt"].map((name) =>
    certificateFromPem(openssl.read(name)),
  );
  assert.ok(verification && device);
  assert.equal(verification.subject.text, `CN=${CODE}`);
  for (const each of [verification, device]) assert.equal(await signedBy(each, ca, nodeVerifier), true);
  const [first, second] = certificatesFromPem(openssl.read("deviceCert.crt") + openssl.read("CACertificate_ECC.crt"));
  assert.deepEqual([first?.id, second?.id], [device.id, ca.id]);
  const path = await validatePath({
    chain: [device.der, ca.der],
    anchors: [ca],
    time: device.validity.notBefore,
    purpose: "clientAuth",
    verifier: nodeVerifier,
    conformance: "deployed",
  });
  assert.equal(path.leaf.subject.text, "CN=IoT device");
});

test("T-18 the command of 8.3 as printed fails in openssl: a dash and a quote are missing", (t) => {
  if (!requirePeer(t, "openssl")) return;
  const openssl = opensslIn(t);
  openssl.run("openssl ecparam -genkey -name prime256v1 -out CACertificate_ECC.key");
  const printed = `openssl req -x509 -new -nodes -key CACertificate_ECC.key -sha256 -days 3650 out CACertificate_ECC.crt -subj "/CN=Demo CA NXP"`;
  assert.equal(openssl.ask(printed).ok, false);
});

test("OE-44 OE-45 OE-46 OE-47 a root simulated with openssl issues for a device and a server, on P-256, the same way", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const openssl = opensslIn(t);
  openssl.write(
    "server.ext",
    "subjectAltName = IP:127.0.0.1\nsubjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n",
  );
  openssl.write("client.ext", "subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n");
  openssl.run("openssl ecparam -genkey -name prime256v1 -out root.key");
  openssl.run(`openssl req -x509 -new -key root.key -sha256 -days 3650 -out root.pem -subj "/O=NXP/CN=Demo-CA"`);
  const subject = {
    client: "/C=DE/O=Maker Ltd/OU=Motor control/CN=device-0001/emailAddress=help@maker.example",
    server: "/O=OEM/CN=cloud",
  };
  for (const [name, text] of Object.entries(subject)) {
    openssl.run(`openssl ecparam -genkey -name prime256v1 -out ${name}.key`);
    openssl.run(`openssl req -new -key ${name}.key -sha256 -subj "${text}" -out ${name}.csr`);
    openssl.run(
      `openssl x509 -req -in ${name}.csr -CA root.pem -CAkey root.key -CAcreateserial -sha256 -days 365 -extfile ${name}.ext -out ${name}.pem`,
    );
  }
  const request = await parseCsr(csrFromPem(openssl.read("client.csr")), nodeVerifier);
  assert.equal(request.publicKey.kind === "ec" && request.publicKey.curve, "P-256");
  assert.deepEqual(nameValues(request.subject, "Organization"), ["Maker Ltd"]);
  assert.deepEqual(nameValues(request.subject, "EmailAddress"), ["help@maker.example"]);
  const root = certificateFromPem(openssl.read("root.pem"));
  for (const [name, purpose] of [
    ["client", "clientAuth"],
    ["server", "serverAuth"],
  ] as const) {
    const leaf = certificateFromPem(openssl.read(`${name}.pem`));
    assert.equal(leaf.issuer.text, "CN=Demo-CA,O=NXP");
    const time = leaf.validity.notBefore;
    await validatePath({ chain: [leaf.der], anchors: [root], time, purpose, verifier: nodeVerifier });
    if (name === "server") assert.equal(checkServerIdentity(leaf, "127.0.0.1"), "127.0.0.1");
  }
});
