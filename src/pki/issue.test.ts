import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { fromHex, toHex } from "../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../crypto/index.ts";
import { nodeHash, nodeVerifier } from "../crypto/node.ts";
import { Ledger } from "../trace/index.ts";
import { parseDer } from "./der.ts";
import { derElement } from "./der-write.ts";
import { DAY, ext, forge, newCa, newLeaf, newRoot, newSigner, NOW, VALIDITY, oidDer } from "./fixtures.test.ts";
import {
  issueCertificate,
  LINT_RULES,
  lintCertificate,
  nameFromAttributes,
  nameFromText,
  NO_EXPIRY,
  parsePublicKey,
  validatePath,
  type Certificate,
  type CertificateContent,
  type LintSubject,
} from "./index.ts";
import { nameOf } from "./name.ts";

const root = await newRoot();
const ca = await newCa(root, "CN=Intermediate");
const device = await newLeaf(ca, "device", "CN=device-1,serialNumber=4711");
const server = await newLeaf(ca, "server", "CN=server", { names: { dns: ["a.example"] } });

test("AW-07 issueCertificate makes a device certificate under an intermediate that clients validate", async () => {
  const options = { anchors: [root.certificate], time: NOW, purpose: "clientAuth" as const, verifier: nodeVerifier };
  const path = await validatePath({ ...options, chain: [device.der, ca.certificate.der] });
  assert.equal(path.leaf.subject.text, "serialNumber=4711,CN=device-1".split(",").reverse().join(","));
  assert.deepEqual([...(device.extensions.keyUsage ?? [])], ["digitalSignature"]);
  assert.equal(device.extensions.basicConstraints, undefined);
});

test("AW-08 several intermediates stand under several roots, and each validates its own devices only", async () => {
  const roots = [root, await newRoot("CN=Other root")];
  for (const each of roots) {
    for (const name of ["CN=One", "CN=Two"]) {
      const issuer = await newCa(each, name);
      const certificate = await newLeaf(issuer, "device", "CN=d");
      const chain = [certificate.der, issuer.certificate.der];
      const options = { chain, time: NOW, purpose: "clientAuth" as const, verifier: nodeVerifier };
      await validatePath({ ...options, anchors: [each.certificate] });
      const others = roots.filter((other) => other !== each).map(({ certificate }) => certificate);
      await assert.rejects(validatePath({ ...options, anchors: others }), { code: "unknown-issuer" });
    }
  }
});

test("issueCertificate takes 126 bits of each serial from Entropy: positive, 16 bytes, reproducible from a seed", async () => {
  const serials = new Set<string>();
  for (let i = 0; i < 20; i++) serials.add((await newLeaf(ca, "device", "CN=d")).serialNumber);
  assert.equal(serials.size, 20);
  for (const serial of serials) assert.match(serial, /^[4-7][0-9a-f]{31}$/);
  const seeded = () => newLeaf(ca, "device", "CN=d", { entropy: new SeededEntropy(nodeHash, "seed") });
  assert.equal((await seeded()).serialNumber, (await seeded()).serialNumber);
});

test("issueCertificate writes any name and time that its own reader gives back", async () => {
  const signer = newSigner();
  const value = fc
    .string({ minLength: 1, maxLength: 16, unit: "grapheme-ascii" })
    .filter((text) => text.trim() === text);
  const days = fc.integer({ min: 1, max: 364 });
  await fc.assert(
    fc.asyncProperty(value, value, days, async (cn, o, count) => {
      const subject = nameFromAttributes([
        ["O", o],
        ["CN", cn],
      ]);
      const validity = { notBefore: VALIDITY.notBefore, notAfter: VALIDITY.notBefore + count * DAY };
      const issued = await newLeaf(ca, "device", "CN=x", { subject, validity }, signer);
      assert.deepEqual(issued.subject.der, subject.der);
      assert.deepEqual(issued.validity, validity);
    }),
    { numRuns: 30 },
  );
});

test("issueCertificate refuses signer-mismatch, issuing-key and not-representable", async () => {
  const order = { profile: "device", subject: nameFromText("CN=d"), validity: VALIDITY } as const;
  const publicKey = newSigner().publicKey;
  const entropy = new SeededEntropy(nodeHash, "x");
  const wrong = { certificate: ca.certificate, signer: newSigner() };
  await assert.rejects(issueCertificate({ ...order, publicKey, entropy, issuer: wrong }), { code: "signer-mismatch" });
  await assert.rejects(newRoot("CN=R", {}, newSigner("secp521r1")), { name: "UsageError", code: "issuing-key" });
  // A smiley as UniversalString: the ASN.1 library keeps only its lower sixteen bits.
  const smiley = derElement(0x30, oidDer("2.5.4.3"), derElement(0x1c, fromHex("0001f600")));
  const subject = nameOf(parseDer(derElement(0x30, derElement(0x31, smiley))));
  const odd = issueCertificate({ ...order, subject, publicKey, entropy, issuer: ca });
  await assert.rejects(odd, { name: "UsageError", code: "not-representable", message: /subject name/ });
});

test("issueCertificate tells the trace what was issued, by whom, and what was refused", async () => {
  const trace = new Ledger({ clock: new VirtualClock() });
  const issued = await newLeaf(ca, "device", "CN=d", { trace });
  await assert.rejects(newLeaf(ca, "device", "O=d", { trace }), { name: "LintRefused", code: "lint" });
  const [first, second] = trace.events();
  assert.ok(first?.kind === "pki.issued" && first.certificate === issued.id && first.performer === "host");
  assert.equal(first.serial, issued.serialNumber);
  assert.ok(second?.kind === "pki.refused" && second.code === "lint");
});

const clean = (content: CertificateContent, profile: LintSubject["profile"], issuer: Certificate = ca.certificate) => ({
  content,
  issuer,
  profile,
});

/** What a certificate must look like to break each rule, and only it. */
const BREAKS: Record<string, () => Promise<LintSubject> | LintSubject> = {
  version: () => clean({ ...device, version: 1 }, "device"),
  serial: () => clean({ ...device, serialNumber: "01" }, "device"),
  "signature-algorithm": () => {
    const signatureAlgorithm = { ...device.signatureAlgorithm, name: "ecdsa-with-SHA1", accepted: undefined };
    return clean({ ...device, signatureAlgorithm }, "device");
  },
  "issuer-name": () => clean({ ...device, issuer: nameFromText("CN=Nobody") }, "device"),
  "issuer-is-ca": () => {
    const extensions = { ...ca.certificate.extensions, basicConstraints: undefined };
    return clean(device, "device", { ...ca.certificate, extensions });
  },
  "validity-order": () => {
    const { notBefore, notAfter } = device.validity;
    return clean({ ...device, validity: { notBefore: notAfter, notAfter: notBefore } }, "device");
  },
  "validity-within-issuer": () => {
    const notAfter = ca.certificate.validity.notAfter + 1000;
    return clean({ ...device, validity: { ...device.validity, notAfter } }, "device");
  },
  "subject-identity": () => clean({ ...device, subject: nameFromText("O=Example") }, "device"),
  "subject-once": () => clean({ ...device, subject: nameFromText("CN=a,CN=b") }, "device"),
  "subject-length": () => clean({ ...device, subject: nameFromText(`CN=${"x".repeat(65)}`) }, "device"),
  "subject-characters": () => clean({ ...device, subject: nameFromText("CN=a\\0ab") }, "device"),
  "subject-country": () => clean({ ...device, subject: nameFromText("CN=a,C=de") }, "device"),
  "subject-is-not-issuer": () => clean({ ...device, subject: ca.certificate.subject }, "device"),
  key: () => {
    const publicKey = { ...device.publicKey, kind: "other" as const, description: "key algorithm 1.3.101.112" };
    return clean({ ...device, publicKey }, "device");
  },
  "key-is-not-issuers": () => clean({ ...device, publicKey: ca.certificate.publicKey }, "device"),
  "end-entity": () => {
    const extensions = { ...device.extensions, basicConstraints: { ca: true, pathLength: undefined } };
    return clean({ ...device, extensions }, "device");
  },
  "ca-constraints": () => clean(ca.certificate, "intermediateCa", { ...root.certificate, ...limited(0) }),
  "key-usage-critical": () => {
    const all = device.extensions.all.map((each) => (each.oid === "2.5.29.15" ? { ...each, critical: false } : each));
    return clean({ ...device, extensions: { ...device.extensions, all } }, "device");
  },
  "key-usage-end-entity": () => {
    const keyUsage = new Set(["digitalSignature", "keyCertSign"] as const);
    return clean({ ...device, extensions: { ...device.extensions, keyUsage } }, "device");
  },
  "key-usage-ca": () => {
    const extensions = { ...ca.certificate.extensions, keyUsage: new Set(["cRLSign"] as const) };
    return clean({ ...ca.certificate, extensions }, "intermediateCa", root.certificate);
  },
  "extended-key-usage": () =>
    clean({ ...device, extensions: { ...device.extensions, extendedKeyUsage: [] } }, "device"),
  "subject-key-identifier": () => {
    return clean({ ...device, extensions: { ...device.extensions, subjectKeyIdentifier: undefined } }, "device");
  },
  "authority-key-identifier": () => {
    return clean({ ...device, extensions: { ...device.extensions, authorityKeyIdentifier: undefined } }, "device");
  },
  "unknown-critical": () => {
    return clean({ ...device, extensions: { ...device.extensions, unknownCritical: ["1.2.3.4"] } }, "device");
  },
  "server-name": () => clean({ ...server, extensions: { ...server.extensions, subjectAltName: undefined } }, "server"),
  "dns-name": () => {
    const subjectAltName = { dns: ["*.example.com"], ip: [], uri: [], email: [], directoryNames: [], otherForms: [] };
    return clean({ ...device, extensions: { ...device.extensions, subjectAltName } }, "device");
  },
  "alt-name-critical": () => {
    const all = server.extensions.all.map((each) => (each.oid === "2.5.29.17" ? { ...each, critical: true } : each));
    return clean({ ...server, extensions: { ...server.extensions, all } }, "server");
  },
};

function limited(pathLength: number) {
  const { extensions } = root.certificate;
  return { extensions: { ...extensions, basicConstraints: { ca: true, pathLength } } };
}

test("lintCertificate finds nothing in what issueCertificate makes", () => {
  assert.deepEqual(lintCertificate(clean(device, "device")), []);
  assert.deepEqual(lintCertificate(clean(server, "server")), []);
  assert.deepEqual(lintCertificate(clean(ca.certificate, "intermediateCa", root.certificate)), []);
});

for (const rule of LINT_RULES) {
  test(`lintCertificate finds what breaks the rule ${rule.id}, and names ${rule.field}`, async () => {
    const subject = await (BREAKS[rule.id] ?? assert.fail(`no certificate breaks ${rule.id}`))();
    const [finding, ...others] = lintCertificate(subject);
    assert.equal(finding?.id, rule.id);
    assert.equal(finding.field, rule.field);
    assert.ok(finding.message.length > 0);
    assert.deepEqual(others, []);
  });
}

test("lintCertificate knows the other ways to break a rule", async () => {
  const findings = (subject: LintSubject) => lintCertificate(subject).map(({ id, message }) => `${id}: ${message}`);
  const odd = (change: Partial<CertificateContent>) => findings(clean({ ...device, ...change }, "device"));
  assert.deepEqual(odd({ serialNumber: "ff".repeat(16) }), ["serial: negative"]);
  assert.deepEqual(odd({ serialNumber: "41".repeat(21) }), ["serial: 21 octets"]);
  assert.deepEqual(odd({ validity: { ...device.validity, notBefore: 0 } }), [
    "validity-within-issuer: it begins before its issuer's",
  ]);
  assert.deepEqual(odd({ subject: nameFromText("CN=a\\20") }), [
    "subject-characters: control characters, or white space at an end",
  ]);
  assert.deepEqual(odd({ subject: nameFromText("CN=a,O=") }), ["subject-length: Organization is empty"]);
  const foreign = await forge(ca, { extensions: [ext.aki(Uint8Array.of(1))] });
  assert.ok(
    findings(clean(foreign, "device")).includes("authority-key-identifier: not the issuer's subjectKeyIdentifier"),
  );
  const deep = clean(ca.certificate, "intermediateCa", { ...root.certificate, ...limited(1) });
  assert.deepEqual(findings(deep), []);
  const nested = await newCa(root, "CN=Nested", { pathLength: 1 });
  const tooDeep = clean(nested.certificate, "intermediateCa", { ...root.certificate, ...limited(1) });
  assert.deepEqual(findings(tooDeep), ["ca-constraints: path length must be below 1"]);
});

test("a device certificate may say that it has no expiry; a server's may not", async () => {
  const validity = { notBefore: NOW, notAfter: NO_EXPIRY };
  assert.equal((await newLeaf(ca, "device", "CN=d", { validity })).validity.notAfter, NO_EXPIRY);
  const names = { dns: ["a.example"] };
  await assert.rejects(newLeaf(ca, "server", "CN=s", { validity, names }), { code: "lint" });
});

test("issueCertificate refuses to sign a malformed device certificate and says why", async () => {
  await assert.rejects(newLeaf(ca, "device", "O=Example"), {
    name: "LintRefused",
    code: "lint",
    message: /refused to sign O=Example: subject: neither CN nor serialNumber \(IEEE 802\.1AR/,
  });
  await assert.rejects(newLeaf(ca, "device", "CN=d", {}, ca.signer), { code: "lint", message: /issuer's own key/ });
  const critical = { extensions: [ext.any("1.2.3.4", true)] };
  await assert.rejects(newLeaf(ca, "device", "CN=d", critical), { code: "lint", message: /1\.2\.3\.4/ });
  const twice = { extensions: [ext.any("2.5.29.15", true, Uint8Array.of(3, 2, 7, 128))] };
  await assert.rejects(newLeaf(ca, "device", "CN=d", twice), { code: "duplicate-extension" });
  assert.equal(toHex(parsePublicKey(device.publicKey.der).der), toHex(device.publicKey.der));
});
