/** validatePath and openssl verify judge alike by revocation lists, ours and openssl's own. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { fromHex, HawserError, parsePem, utf8Bytes } from "../../src/codec/index.ts";
import { nodeVerifier } from "../../src/crypto/node.ts";
import { derElement } from "../../src/pki/der-write.ts";
import {
  CA_USAGE,
  DAY,
  ext,
  forge,
  forgeCa,
  LEAF_USAGE,
  newCa,
  newKey,
  newLeaf,
  newRoot,
  newSigner,
  NOW,
} from "../../src/pki/fixtures.test.ts";
import {
  certificateToPem,
  crlToPem,
  EXTENSION,
  issueCrl,
  validatePath,
  type Certificate,
  type Issuer,
} from "../../src/pki/index.ts";
import { nodeSigner } from "../../src/crypto/node.ts";
import { opensslIn, type Openssl } from "./pki-openssl.ts";
import { requirePeer } from "./peers.ts";

function listOf(
  issuer: Issuer,
  revoked: readonly Certificate[] = [],
  more: Partial<Parameters<typeof issueCrl>[0]> = {},
) {
  const entry = { time: NOW - DAY, reason: "keyCompromise" as const };
  const entries = new Map(revoked.map(({ serialNumber }) => [serialNumber, entry]));
  return issueCrl({ issuer, revoked: entries, number: 1, thisUpdate: NOW - DAY, nextUpdate: NOW + DAY, ...more });
}

type Setting = {
  readonly chain: readonly Certificate[];
  readonly anchor: Certificate;
  readonly crls: readonly Uint8Array[];
};

function opensslAccepts(openssl: Openssl, { chain, anchor, crls }: Setting): boolean {
  const [leaf, ...others] = chain.map(certificateToPem);
  openssl.write("root.pem", certificateToPem(anchor));
  openssl.write("leaf.pem", leaf ?? "");
  openssl.write("others.pem", others.join(""));
  openssl.write("crls.pem", crls.map(crlToPem).join(""));
  const lists = crls.length > 0 ? "-CRLfile crls.pem" : "";
  const files = `-no-CApath -CAfile root.pem -untrusted others.pem ${lists} leaf.pem`;
  return openssl.ask(`openssl verify -attime ${NOW / 1000} -crl_check_all ${files}`).ok;
}

async function weAccept({ chain, anchor, crls }: Setting): Promise<boolean> {
  try {
    await validatePath({
      chain: chain.map(({ der }) => der),
      anchors: [anchor],
      time: NOW,
      purpose: "any",
      verifier: nodeVerifier,
      conformance: "deployed",
      revocation: "required",
      crls,
    });
    return true;
  } catch (error) {
    if (error instanceof HawserError) return false;
    throw error;
  }
}

test("openssl verify -crl_check_all and validatePath with revocation required agree", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const openssl = opensslIn(t);
  const root = await newRoot();
  const ca = await newCa(root, "CN=ICA");
  const [leaf, other] = [await newLeaf(ca, "device", "CN=d"), await newLeaf(ca, "device", "CN=e")];
  const uri = derElement(0x86, utf8Bytes("http://a.example/1.crl"));
  const points = derElement(0x30, derElement(0x30, derElement(0xa0, derElement(0xa0, uri))));
  const aki = ext.aki(ca.certificate.extensions.subjectKeyIdentifier);
  const pointed = await forge(ca, {
    extensions: [LEAF_USAGE, aki, ext.any(EXTENSION.cRLDistributionPoints, false, points)],
  });
  const silent = await forgeCa(root, {
    subject: "CN=L",
    extensions: [ext.ca(), ext.keyUsage("0204"), ext.ski(Uint8Array.of(1))],
  });
  const below = await forge(silent, { extensions: [LEAF_USAGE] });
  const [high, low] = [await listOf(root), await listOf(ca)];
  const liar = { certificate: ca.certificate, signer: { ...newSigner(), publicKey: ca.signer.publicKey } };
  const old = { thisUpdate: NOW - 3 * DAY, nextUpdate: NOW - DAY };
  const chain = [leaf, ca.certificate];
  const table: Record<string, readonly [readonly Uint8Array[], boolean, (readonly Certificate[])?]> = {
    "nothing is revoked": [[high, low], true],
    "another is revoked": [[high, await listOf(ca, [other])], true],
    "the leaf is revoked": [[high, await listOf(ca, [leaf])], false],
    "the CA is revoked": [[await listOf(root, [ca.certificate]), low], false],
    "a list is missing": [[high], false],
    "no list": [[], false],
    "a list is stale": [[high, await listOf(ca, [], old)], false],
    "a list is of the future": [[high, await listOf(ca, [], { thisUpdate: NOW + 1000 })], false],
    "an old list beside a new one": [[high, low, await listOf(ca, [], old)], true],
    "a list that somebody else signed": [[high, await listOf(liar)], false],
    "the list of a CA that signs none": [[high, await listOf(silent)], false, [below, silent.certificate]],
    "a leaf with a distribution point, and the whole list": [[high, low], true, [pointed, ca.certificate]],
  };
  for (const [name, [crls, good, other = chain]] of Object.entries(table)) {
    const setting = { chain: other, anchor: root.certificate, crls };
    const verdicts = { openssl: opensslAccepts(openssl, setting), ours: await weAccept(setting) };
    assert.deepEqual({ name, ...verdicts }, { name, openssl: good, ours: good });
  }
});

const CONFIG = `[ca]
default_ca = d
[d]
database = index.txt
crlnumber = number.txt
default_md = sha256
default_crl_days = 30
[whole]
1.2.3.4 = DER:05:00
[users]
issuingDistributionPoint = critical, @users_point
[users_point]
onlyuser = TRUE
[cas]
issuingDistributionPoint = critical, @cas_point
[cas_point]
onlyCA = TRUE
[point]
issuingDistributionPoint = critical, @uri_point
[uri_point]
fullname = URI:http://a.example/1.crl
[elsewhere]
issuingDistributionPoint = critical, @other_point
[other_point]
fullname = URI:http://a.example/2.crl
[indirect]
issuingDistributionPoint = critical, @indirect_point
[indirect_point]
indirectCRL = TRUE
[reasons]
issuingDistributionPoint = critical, @reasons_point
[reasons_point]
onlysomereasons = keyCompromise, CACompromise
[delta]
2.5.29.27 = critical, DER:02:01:01
`;

test("validatePath obeys the scope of lists that openssl ca writes", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const openssl = opensslIn(t);
  const key = newKey();
  const validity = { notBefore: Date.UTC(2020, 0, 1), notAfter: Date.UTC(2049, 0, 1) };
  const signer = nodeSigner(key);
  const self = { certificate: (await newRoot()).certificate, signer };
  const certificate = await forge(self, {
    subject: "CN=R",
    issuerName: "CN=R",
    validity,
    publicKey: signer.publicKey,
    extensions: [ext.ca(), CA_USAGE, ext.ski(fromHex("0102"))],
  });
  const issuer = { certificate, signer };
  const uri = derElement(0x86, utf8Bytes("http://a.example/1.crl"));
  const points = derElement(0x30, derElement(0x30, derElement(0xa0, derElement(0xa0, uri))));
  const extensions = [LEAF_USAGE, ext.any(EXTENSION.cRLDistributionPoints, false, points)];
  const leaf = await forge(issuer, { validity, extensions });
  openssl.write("ca.pem", certificateToPem(certificate));
  openssl.write("ca.key", key.export({ format: "pem", type: "pkcs8" }));
  openssl.write("leaf.pem", certificateToPem(leaf));
  openssl.write("index.txt", "");
  openssl.write("number.txt", "01\n");
  openssl.write("ca.cnf", CONFIG);
  const ca = "openssl ca -config ca.cnf -cert ca.pem -keyfile ca.key";
  openssl.run(`${ca} -revoke leaf.pem -crl_reason CACompromise`);
  const expected = {
    whole: "revoked",
    users: "revoked",
    cas: "revocation-unknown",
    point: "revoked",
    elsewhere: "revocation-unknown",
    indirect: "crl-scope",
    reasons: "crl-scope",
    delta: "unknown-critical-extension",
  };
  for (const [section, code] of Object.entries(expected)) {
    openssl.run(`${ca} -gencrl -crlexts ${section} -out x.crl`);
    const [block] = parsePem(openssl.read("x.crl"));
    const crls = [block?.bytes ?? assert.fail(section)];
    const list = { chain: [leaf.der], anchors: [certificate], purpose: "any" as const, verifier: nodeVerifier, crls };
    const time = new Date(openssl.run("openssl crl -in x.crl -noout -lastupdate").replace("lastUpdate=", "")).getTime();
    const run = validatePath({ ...list, time, conformance: "deployed", revocation: "required" });
    await assert.rejects(run, { name: "CertificateError", code }, section);
  }
});
