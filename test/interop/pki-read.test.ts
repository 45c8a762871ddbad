/** pki parses and verifies what openssl issues, and the two agree about good and bad chains. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { fromHex, HawserError } from "../../src/codec/index.ts";
import { nodeVerifier } from "../../src/crypto/node.ts";
import {
  CA_USAGE,
  DAY,
  ext,
  forge,
  forgeCa,
  LEAF_USAGE,
  newCa,
  newLeaf,
  newRoot,
  NOW,
} from "../../src/pki/fixtures.test.ts";
import {
  certificateFromPem,
  certificateToPem,
  crlFromPem,
  csrFromPem,
  EXTENSION,
  KEY_PURPOSE,
  parseCrl,
  parseCsr,
  revocationOf,
  signedBy,
  validatePath,
  type Certificate,
  type Issuer,
} from "../../src/pki/index.ts";
import { opensslIn, type Openssl } from "./pki-openssl.ts";
import { requirePeer } from "./peers.ts";

const EXTENSIONS = `
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[leaf]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:a.example, IP:192.0.2.1, email:a@example.com, URI:urn:x, dirName:dn
[dn]
CN = other name
`;

/** How each key is made and how it signs. */
const KINDS: Readonly<Record<string, { key: string; sign: string; expected: string }>> = {
  "P-256": { key: "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", sign: "-sha256", expected: "ecdsa_sha256" },
  "P-384": { key: "-algorithm EC -pkeyopt ec_paramgen_curve:P-384", sign: "-sha384", expected: "ecdsa_sha384" },
  "P-521": { key: "-algorithm EC -pkeyopt ec_paramgen_curve:P-521", sign: "-sha512", expected: "ecdsa_sha512" },
  "RSA 2048": { key: "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", sign: "-sha256", expected: "rsa_pkcs1_sha256" },
  "RSA 3072": { key: "-algorithm RSA -pkeyopt rsa_keygen_bits:3072", sign: "-sha384", expected: "rsa_pkcs1_sha384" },
  "RSA 4096": { key: "-algorithm RSA -pkeyopt rsa_keygen_bits:4096", sign: "-sha512", expected: "rsa_pkcs1_sha512" },
  "RSA-PSS 2048": {
    key: "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
    sign: "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest",
    expected: "rsa_pss_sha256",
  },
  "RSA-PSS 2048 with SHA-512": {
    key: "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
    sign: "-sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest",
    expected: "rsa_pss_sha512",
  },
};

for (const [name, { key, sign, expected }] of Object.entries(KINDS)) {
  test(`pki reads and verifies request, chain and list of openssl for ${name}`, async (t) => {
    if (!requirePeer(t, "openssl")) return;
    const openssl = opensslIn(t);
    openssl.write("x.cnf", `${EXTENSIONS}[req]\ndistinguished_name = dn\n`);
    openssl.run(`openssl genpkey ${key} -out root.key`);
    openssl.run(`openssl genpkey ${key} -out leaf.key`);
    const root = `openssl req -x509 -new -key root.key ${sign} -days 3650 -config x.cnf -extensions ca -subj "/CN=Root" -out root.pem`;
    openssl.run(root);
    openssl.run(`openssl req -new -key leaf.key ${sign} -config x.cnf -subj "/C=DE/O=Example/CN=leaf" -out leaf.csr`);
    openssl.run(
      `openssl x509 -req -in leaf.csr -CA root.pem -CAkey root.key -CAcreateserial ${sign} -days 30 -extfile x.cnf -extensions leaf -out leaf.pem`,
    );
    const [anchor, leaf] = [certificateFromPem(openssl.read("root.pem")), certificateFromPem(openssl.read("leaf.pem"))];
    const request = await parseCsr(csrFromPem(openssl.read("leaf.csr")), nodeVerifier);
    assert.equal(request.subject.text, "CN=leaf,O=Example,C=DE");
    assert.deepEqual(request.publicKey.der, leaf.publicKey.der);
    assert.equal(leaf.signatureAlgorithm.accepted, expected);
    assert.equal(leaf.extensions.subjectAltName?.directoryNames[0]?.text, "CN=other name");
    const time = leaf.validity.notBefore;
    const options = { anchors: [anchor], time, purpose: "serverAuth" as const, verifier: nodeVerifier };
    assert.equal((await validatePath({ ...options, chain: [leaf.der] })).certificates.length, 2);
    const flipped = Uint8Array.from(leaf.der, (byte, i) => (i === leaf.der.length - 1 ? byte ^ 1 : byte));
    await assert.rejects(validatePath({ ...options, chain: [flipped] }), HawserError);
    await readsListOf(openssl, sign, anchor, leaf);
  });
}

async function readsListOf(openssl: Openssl, sign: string, anchor: Certificate, leaf: Certificate): Promise<void> {
  openssl.write("index.txt", "");
  openssl.write("number.txt", "1F\n");
  const digest = /-(sha\d+)/.exec(sign)?.[1] ?? "sha256";
  const options = sign.replace(/^-sha\d+ ?/, "");
  openssl.write(
    "ca.cnf",
    `[ca]\ndefault_ca = d\n[d]\ndatabase = index.txt\ncrlnumber = number.txt\ndefault_md = ${digest}\ndefault_crl_days = 30\ncrl_extensions = e\n[e]\nauthorityKeyIdentifier = keyid\n`,
  );
  const ca = `openssl ca -config ca.cnf -cert root.pem -keyfile root.key ${options}`;
  openssl.run(`${ca} -revoke leaf.pem -crl_reason superseded`);
  openssl.run(`${ca} -gencrl -out x.crl`);
  const list = await parseCrl(crlFromPem(openssl.read("x.crl")), anchor, nodeVerifier);
  assert.equal(revocationOf(list, leaf)?.reason, "superseded");
  assert.equal(list.number, "1f");
}

type Chain = { readonly chain: readonly Certificate[]; readonly anchors: readonly Certificate[]; readonly at?: number };

const issuedBy = ({ certificate }: Issuer) => ext.aki(certificate.extensions.subjectKeyIdentifier ?? Uint8Array.of(1));
const leafOf = (issuer: Issuer) => [LEAF_USAGE, issuedBy(issuer), ext.dns("a.example")];

/** Chains that both validators must judge alike, with the verdict. */
async function chains(): Promise<Record<string, Chain & { readonly good: boolean }>> {
  const root = await newRoot();
  const [ca, other] = [await newCa(root, "CN=ICA"), await newRoot("CN=Other")];
  const leaf = await newLeaf(ca, "server", "CN=s", { names: { dns: ["a.example"] } });
  const anchors = [root.certificate];
  const caExtensions = [ext.ca(), CA_USAGE, ext.ski(Uint8Array.of(7)), issuedBy(root)];
  const noCa = await forgeCa(root, {
    subject: "CN=No CA",
    extensions: [LEAF_USAGE, ext.ski(Uint8Array.of(2)), issuedBy(root)],
  });
  const below = await forgeCa(ca, {
    subject: "CN=Below",
    extensions: [ext.ca(), CA_USAGE, ext.ski(Uint8Array.of(3)), issuedBy(ca)],
  });
  const noSign = await forgeCa(root, {
    subject: "CN=No sign",
    extensions: [ext.ca(), ext.keyUsage("0102"), ext.ski(Uint8Array.of(4)), issuedBy(root)],
  });
  const clients = await forgeCa(root, {
    subject: "CN=Clients",
    extensions: [...caExtensions, ext.eku(KEY_PURPOSE.clientAuth)],
  });
  const odd = await forgeCa(root, { subject: "CN=Odd", extensions: [...caExtensions, ext.any("1.2.3.4", true)] });
  const upper = await newCa(root, "CN=Upper", { pathLength: 1 });
  const lower = await newCa(upper, "CN=Lower");
  const deep = await newLeaf(lower, "server", "CN=s", { names: { dns: ["a.example"] } });
  const impostor = await newCa(root, "CN=ICA");
  const under = async (issuer: Issuer) => [await forge(issuer, { extensions: leafOf(issuer) }), issuer.certificate];
  const flipped = {
    ...leaf,
    der: Uint8Array.from(leaf.der, (byte, i) => (i === leaf.der.length - 1 ? byte ^ 1 : byte)),
  };
  const forged = async (more: Parameters<typeof forge>[1]) => [
    await forge(ca, { extensions: leafOf(ca), ...more }),
    ca.certificate,
  ];
  return {
    "a chain of three": { chain: [leaf, ca.certificate], anchors, good: true },
    "a chain of four": { chain: [deep, lower.certificate, upper.certificate], anchors, good: true },
    "intermediates in the wrong order": { chain: [deep, upper.certificate, lower.certificate], anchors, good: true },
    "the root sent along, and a stranger": {
      chain: [leaf, root.certificate, other.certificate, ca.certificate],
      anchors,
      good: true,
    },
    "two anchors": { chain: [leaf, ca.certificate], anchors: [other.certificate, root.certificate], good: true },
    "an impostor of the same name before the issuer": {
      chain: [leaf, impostor.certificate, ca.certificate],
      anchors,
      good: true,
    },
    "an impostor of the same name alone": { chain: [leaf, impostor.certificate], anchors, good: false },
    "a missing intermediate": { chain: [leaf], anchors, good: false },
    "another root": { chain: [leaf, ca.certificate], anchors: [other.certificate], good: false },
    "a leaf that expired": { chain: [leaf, ca.certificate], anchors, at: leaf.validity.notAfter + 1000, good: false },
    "a leaf of tomorrow": { chain: [leaf, ca.certificate], anchors, at: leaf.validity.notBefore - 1000, good: false },
    "a flipped signature bit": { chain: [flipped, ca.certificate], anchors, good: false },
    "an issuer that is no CA": { chain: await under(noCa), anchors, good: false },
    "an issuer without keyCertSign": { chain: await under(noSign), anchors, good: false },
    "a path length of 0 exceeded": { chain: [...(await under(below)), ca.certificate], anchors, good: false },
    "a CA for clients only": { chain: await under(clients), anchors, good: false },
    "a leaf for clients only": {
      chain: await forged({ extensions: [...leafOf(ca), ext.eku(KEY_PURPOSE.clientAuth)] }),
      anchors,
      good: false,
    },
    "a leaf for any purpose": {
      chain: await forged({ extensions: [...leafOf(ca), ext.eku(KEY_PURPOSE.serverAuth)] }),
      anchors,
      good: true,
    },
    "a leaf that may only sign certificates": {
      chain: await forged({ extensions: [ext.keyUsage("0204"), issuedBy(ca)] }),
      anchors,
      good: false,
    },
    "an unknown critical extension in the leaf": {
      chain: await forged({ extensions: [...leafOf(ca), ext.any("1.2.3.4", true)] }),
      anchors,
      good: false,
    },
    "an unknown critical extension in the CA": { chain: await under(odd), anchors, good: false },
    "a SHA-1 signature": {
      chain: await forged({ algorithm: fromHex("300906072a8648ce3d0401") }),
      anchors,
      good: false,
    },
    "a wrong authority key identifier": {
      chain: await forged({ extensions: [LEAF_USAGE, ext.aki(Uint8Array.of(9))] }),
      anchors,
      good: false,
    },
    "an expired root": await expiredRoot(),
  };
}

async function expiredRoot(): Promise<Chain & { good: boolean }> {
  const root = await newRoot("CN=Old", { validity: { notBefore: NOW - 2 * DAY, notAfter: NOW - DAY } });
  return { chain: [await forge(root, { extensions: leafOf(root) })], anchors: [root.certificate], good: false };
}

function opensslAccepts(openssl: Openssl, { chain, anchors, at = NOW }: Chain): boolean {
  const [leaf, ...untrusted] = chain.map(certificateToPem);
  openssl.write("leaf.pem", leaf ?? "");
  openssl.write("roots.pem", anchors.map(certificateToPem).join(""));
  openssl.write("others.pem", untrusted.join(""));
  const others = untrusted.length > 0 ? "-untrusted others.pem" : "";
  return openssl.ask(
    `openssl verify -attime ${at / 1000} -auth_level 2 -purpose sslserver -no-CApath -CAfile roots.pem ${others} leaf.pem`,
  ).ok;
}

async function weAccept(
  { chain, anchors, at: time = NOW }: Chain,
  conformance: "rfc5280" | "deployed",
): Promise<boolean> {
  try {
    const options = { anchors, time, purpose: "serverAuth" as const, verifier: nodeVerifier, conformance };
    await validatePath({ ...options, chain: chain.map(({ der }) => der) });
    return true;
  } catch (error) {
    if (error instanceof HawserError) return false;
    throw error;
  }
}

test("openssl verify and validatePath agree on a table of good and bad chains", async (t: TestContext) => {
  if (!requirePeer(t, "openssl")) return;
  const openssl = opensslIn(t);
  for (const [name, chain] of Object.entries(await chains())) {
    const ours = [await weAccept(chain, "rfc5280"), await weAccept(chain, "deployed")];
    assert.deepEqual(
      { name, openssl: opensslAccepts(openssl, chain), ours },
      { name, openssl: chain.good, ours: [chain.good, chain.good] },
    );
  }
});

test("certificates without extensions, as openssl x509 -req makes them, are for conformance deployed", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const openssl = opensslIn(t);
  openssl.run("openssl ecparam -genkey -name prime256v1 -out ca.key");
  openssl.run(`openssl req -x509 -new -key ca.key -sha256 -days 30 -out ca.pem -subj "/CN=CA"`);
  openssl.run("openssl ecparam -genkey -name prime256v1 -out d.key");
  openssl.run(`openssl req -new -key d.key -out d.csr -subj "/CN=d"`);
  openssl.run("openssl x509 -req -in d.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out d.pem -days 30");
  const [ca, device] = [certificateFromPem(openssl.read("ca.pem")), certificateFromPem(openssl.read("d.pem"))];
  assert.equal(device.version, 1);
  assert.equal(await signedBy(device, ca, nodeVerifier), true);
  const chain = { chain: [device], anchors: [ca], at: device.validity.notBefore };
  assert.equal(await weAccept(chain, "deployed"), true);
  assert.equal(await weAccept(chain, "rfc5280"), false);
  assert.equal(
    device.extensions.all.some(({ oid }) => oid === EXTENSION.keyUsage),
    false,
  );
});
