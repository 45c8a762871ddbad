import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";

import { UsageError, fromHex } from "../codec/index.ts";
import { VirtualClock } from "../crypto/index.ts";
import { nodeVerifier } from "../crypto/node.ts";
import { Ledger } from "../trace/index.ts";
import {
  CA_USAGE,
  DAY,
  LEAF_USAGE,
  NOW,
  ext,
  forge,
  forgeCa,
  forgeDer,
  newCa,
  newLeaf,
  newRoot,
  newSigner,
  type Forgery,
} from "./fixtures.test.ts";
import {
  KEY_PURPOSE,
  parsePublicKey,
  signedBy,
  validatePath,
  type Certificate,
  type Issuer,
  type PathOptions,
  type PkiErrorCode,
  type RawExtension,
} from "./index.ts";

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

test("OE-22 validatePath trusts a CA of one's own and a third party's, each for what it issued", async () => {
  const partner = await newRoot("CN=Partner");
  const own = await newLeaf(root, "device", "CN=own device");
  const theirs = await newLeaf(partner, "device", "CN=their device");
  const both = { anchors: [root.certificate, partner.certificate], purpose: "clientAuth" as const };
  assert.equal((await validate([own], both)).anchor.id, root.certificate.id);
  assert.equal((await validate([theirs], both)).anchor.id, partner.certificate.id);
  await refusal("unknown-issuer", validate([theirs], { ...both, anchors: [root.certificate] }));
});

test("validatePath tells the trace what it refuses, and nothing else", async () => {
  const trace = new Ledger({ clock: new VirtualClock() });
  await validate([leaf, ca.certificate], { trace });
  await refusal("unknown-issuer", validate([leaf], { trace }));
  const [event, ...others] = trace.events();
  assert.ok(event?.kind === "pki.refused" && event.what === "path" && event.code === "unknown-issuer");
  assert.equal(others.length, 0);
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
  const below = await forge(short, { extensions: leafExtensions(short) });
  await refusal("expired", validate([below, short.certificate], { time: NOW + 2 * DAY }), { index: 1 });
  const old = await newRoot("CN=Old", { validity: { notBefore: NOW - 2 * DAY, notAfter: NOW - DAY } });
  const last = await forge(old, { extensions: leafExtensions(old) });
  await refusal("expired", validate([last], { anchors: [old.certificate] }), { index: undefined, subject: "CN=Old" });
});

test("validatePath finds the right one among several CAs of one name, and refuses key-identifier", async () => {
  const impostor = await newCa(root, "CN=Intermediate");
  const path = await validate([leaf, impostor.certificate, ca.certificate]);
  assert.equal(path.certificates[1]?.id, ca.certificate.id);
  assert.equal(path.signatureChecks, 2);
  await refusal("key-identifier", validate([leaf, impostor.certificate]), {
    index: 0,
    field: "authorityKeyIdentifier",
  });
});

test("validatePath refuses bad-signature where names and key identifiers match but the key did not sign", async () => {
  const claimed = { certificate: ca.certificate, signer: newSigner() };
  const forged = await forge(claimed, { extensions: leafExtensions(ca) });
  await refusal("bad-signature", validate([forged, ca.certificate]), { index: 0, field: "signature" });
});

test("validatePath refuses every certificate with any byte changed", async () => {
  for (let at = 0; at < leaf.der.length; at += 5) {
    const changed = Uint8Array.from(leaf.der, (byte, i) => (i === at ? byte ^ 0x20 : byte));
    await assert.rejects(validate([], { chain: [changed, ca.certificate.der] }), { name: "CertificateError" });
  }
});

test("validatePath refuses not-a-ca: what a device, or a certificate of version 1, has issued", async () => {
  const signer = newSigner();
  const device = { certificate: await newLeaf(ca, "device", "CN=device", {}, signer), signer };
  const forged = await forge(device, { extensions: leafExtensions(device) });
  await refusal("not-a-ca", validate([forged, device.certificate, ca.certificate]), { index: 1 });
  const old = await forgeCa(root, { subject: "CN=Version 1", version: 1 });
  const below = await forge(old, { extensions: leafExtensions(old) });
  for (const conformance of ["rfc5280", "deployed"] as const) {
    await refusal("not-a-ca", validate([below, old.certificate], { conformance }), { index: 1 });
  }
});

test("validatePath takes a trust anchor of version 1 with conformance deployed alone", async () => {
  const old = await forgeCa(root, { subject: "CN=Old root", issuerName: "CN=Old root", version: 1 });
  const below = await forge(old, { extensions: leafExtensions(old) });
  const anchors = { anchors: [old.certificate] };
  await validate([below], { ...anchors, conformance: "deployed" });
  await refusal("not-a-ca", validate([below], anchors), { index: undefined });
  const lower = await forgeCa(old, { subject: "CN=Lower", version: 1 });
  const deep = await forge(lower, { extensions: leafExtensions(lower) });
  const chain = [deep, lower.certificate];
  await refusal("not-a-ca", validate(chain, { ...anchors, conformance: "deployed" }), { index: 1 });
});

test("validatePath refuses path-length, too-deep and too-much-work", async () => {
  const extensions = [
    ext.ca(),
    CA_USAGE,
    ext.ski(Uint8Array.of(1)),
    ext.aki(ca.certificate.extensions.subjectKeyIdentifier),
  ];
  const second = await forgeCa(ca, { subject: "CN=Second", extensions });
  const low = await forge(second, { extensions: leafExtensions(second) });
  await refusal("path-length", validate([low, second.certificate, ca.certificate]), { index: 2 });
  const upper = await newCa(root, "CN=Upper", { pathLength: 1 });
  const lower = await newCa(upper, "CN=Lower");
  const fine = await newLeaf(lower, "server", "CN=fine", { names: { dns: ["fine.example"] } });
  const chain = [fine, lower.certificate, upper.certificate];
  assert.equal((await validate(chain)).certificates.length, 4);
  await refusal("too-deep", validate(chain, { limits: { maxIntermediates: 1 } }), { index: 2 });
  await refusal("too-much-work", validate(chain, { limits: { maxSignatureChecks: 2 } }));
});

test("validatePath refuses key-usage and extended-key-usage that do not fit, in leaf and CA", async () => {
  await refusal("extended-key-usage", validate([leaf, ca.certificate], { purpose: "clientAuth" }), { index: 0 });
  await validate([leaf, ca.certificate], { purpose: "any" });
  await refusal("key-usage", validate([ca.certificate]), { index: 0, field: "keyUsage" });
  const key = [ext.ski(Uint8Array.of(1)), ext.aki(root.certificate.extensions.subjectKeyIdentifier)];
  const unusable = await forgeCa(root, { subject: "CN=U", extensions: [ext.ca(), LEAF_USAGE, ...key] });
  const first = await forge(unusable, { extensions: leafExtensions(unusable) });
  await refusal("key-usage", validate([first, unusable.certificate]), { index: 1 });
  const clients = await forgeCa(root, {
    subject: "CN=Clients",
    extensions: [ext.ca(), CA_USAGE, ext.eku(KEY_PURPOSE.clientAuth), ...key],
  });
  const second = await forge(clients, { extensions: leafExtensions(clients) });
  await refusal("extended-key-usage", validate([second, clients.certificate]), { index: 1 });
  await validate([second, clients.certificate], { purpose: "clientAuth" });
});

test("validatePath refuses unknown-critical-extension", async () => {
  const odd = await forge(ca, { extensions: [...leafExtensions(ca), ext.any("1.3.6.1.4.1.55738.666.1", true)] });
  await refusal("unknown-critical-extension", validate([odd, ca.certificate]), { index: 0 });
  const harmless = await forge(ca, { extensions: [...leafExtensions(ca), ext.any("1.2.3.4", false)] });
  await validate([harmless, ca.certificate]);
});

test("validatePath refuses weak-algorithm and weak-key", async () => {
  const sha1 = await forge(ca, { extensions: leafExtensions(ca), algorithm: fromHex("300906072a8648ce3d0401") });
  await refusal("weak-algorithm", validate([sha1, ca.certificate]), { index: 0, field: "signatureAlgorithm" });
  for (const publicKey of weakKeys()) {
    const weak = await forge(ca, { extensions: leafExtensions(ca), publicKey });
    await refusal("weak-key", validate([weak, ca.certificate]), { index: 0, field: "subjectPublicKeyInfo" });
  }
});

test("validatePath refuses malformed-certificate, duplicate-extension and algorithm-mismatch with their index", async () => {
  const chain = [leaf.der, fromHex("3000")];
  await refusal("malformed-certificate", validate([], { chain }), { index: 1 });
  const twice = await forgeDer(ca, { extensions: [...leafExtensions(ca), LEAF_USAGE] });
  await refusal("duplicate-extension", validate([], { chain: [twice] }), { index: 0, field: "keyUsage" });
  const two = await forgeDer(ca, { outerAlgorithm: fromHex("300a06082a8648ce3d040303") });
  await refusal("algorithm-mismatch", validate([], { chain: [leaf.der, two] }), { index: 1 });
});

test("validatePath refuses profile faults, which conformance deployed lets pass", async () => {
  const aki = ext.aki(ca.certificate.extensions.subjectKeyIdentifier);
  const odd: Record<string, Forgery> = {
    version: { version: 1 },
    serialNumber: { serial: "00", extensions: [LEAF_USAGE, aki] },
    "authorityKeyIdentifier ": { extensions: [LEAF_USAGE] },
    authorityKeyIdentifier: { extensions: [LEAF_USAGE, { ...aki, critical: true }] },
    subjectKeyIdentifier: { extensions: [LEAF_USAGE, aki, ext.ski(Uint8Array.of(1), true)] },
    subjectAltName: { subject: "", extensions: [LEAF_USAGE, aki, ext.dns("a.example")] },
    "subjectAltName ": { extensions: [LEAF_USAGE, aki, ext.dns("a_b.example")] },
    keyUsage: { extensions: [ext.keyUsage("0284"), aki] },
    policyConstraints: { extensions: [LEAF_USAGE, aki, ext.policyConstraints({ require: 5 }, false)] },
    inhibitAnyPolicy: { extensions: [LEAF_USAGE, aki, ext.inhibitAnyPolicy(1, false)] },
  };
  for (const [name, forgery] of Object.entries(odd)) {
    const certificate = await forge(ca, forgery);
    await refusal("profile", validate([certificate, ca.certificate]), { index: 0, field: name.trim() });
    await validate([certificate, ca.certificate], { conformance: "deployed" });
  }
});

test("validatePath passes on what a verifier throws that is not about the key", async () => {
  const verifier = {
    performer: "chip" as const,
    verify: () => Promise.reject(new UsageError("bus-lost", "the chip is gone")),
  };
  await assert.rejects(validate([leaf, ca.certificate], { verifier }), { code: "bus-lost" });
});

test("signedBy tells the issuer's signature from anybody else's", async () => {
  const impostor = await newCa(root, "CN=Intermediate");
  assert.equal(await signedBy(leaf, ca.certificate, nodeVerifier), true);
  assert.equal(await signedBy(leaf, impostor.certificate, nodeVerifier), false);
  assert.equal(await signedBy(leaf, root.certificate, nodeVerifier), false);
  const unsigned = await forge({ certificate: ca.certificate, signer: newSigner() });
  assert.equal(await signedBy(unsigned, ca.certificate, nodeVerifier), false);
  const sha1 = await forge(ca, { algorithm: fromHex("300906072a8648ce3d0401") });
  assert.equal(await signedBy(sha1, ca.certificate, nodeVerifier), false);
  const version1 = await forge(ca, { version: 1 });
  assert.equal(await signedBy(version1, ca.certificate, nodeVerifier), true);
  const broken = { ...ca.certificate, publicKey: parsePublicKey(offCurve(ca.signer.publicKey)) };
  assert.equal(await signedBy(leaf, broken, nodeVerifier), false);
});

test("validatePath with conformance webpki also refuses what the Baseline Requirements forbid", async () => {
  const strict = { conformance: "webpki" as const };
  const fine = await newLeaf(ca, "server", "CN=a.example.com", {
    names: { dns: ["a.example.com"], ip: ["2001:db8::1"] },
  });
  await validate([fine, ca.certificate], strict);
  const serverAuth = ext.eku(KEY_PURPOSE.serverAuth);
  const names = ext.dns("forged.example.com");
  const good = { subject: "CN=forged.example.com", extensions: [...leafExtensions(ca), serverAuth, names] };
  const odd: Record<string, Forgery> = {
    commonName: { ...good, subject: "CN=Forged.example.com" },
    "commonName twice": { ...good, subject: "CN=forged.example.com,CN=forged.example.com" },
    extKeyUsage: { ...good, extensions: [...leafExtensions(ca), names] },
    "extKeyUsage critical": { ...good, extensions: [...leafExtensions(ca), { ...serverAuth, critical: true }, names] },
    "extKeyUsage any": {
      ...good,
      extensions: [...leafExtensions(ca), ext.eku(KEY_PURPOSE.anyExtendedKeyUsage, KEY_PURPOSE.serverAuth), names],
    },
    subjectAltName: { ...good, extensions: [...leafExtensions(ca), serverAuth, { ...names, critical: true }] },
    basicConstraints: {
      ...good,
      extensions: [
        ext.keyUsage("0284"),
        ...leafExtensions(ca).slice(1),
        serverAuth,
        names,
        ext.ca(),
        ext.ski(Uint8Array.of(1)),
      ],
    },
  };
  await validate([await forge(ca, good), ca.certificate], strict);
  for (const [name, forgery] of Object.entries(odd)) {
    const chain = [await forge(ca, forgery), ca.certificate];
    await refusal("profile", validate(chain, strict), { index: 0, field: name.split(" ")[0] });
    await validate(chain);
  }
});

test("validatePath with conformance webpki refuses roots with other key identifiers or purposes", async () => {
  const key = ext.ski(Uint8Array.of(1));
  const judge = async (...extensions: RawExtension[]) => {
    const signer = newSigner();
    const self = { certificate: root.certificate, signer };
    const subject = { subject: "CN=Odd", issuerName: "CN=Odd", publicKey: signer.publicKey };
    const anchor = {
      certificate: await forge(self, { ...subject, extensions: [ext.ca(), CA_USAGE, key, ...extensions] }),
      signer,
    };
    const below = await newLeaf(anchor, "server", "CN=a.example.com", { names: { dns: ["a.example.com"] } });
    return (conformance: "rfc5280" | "webpki") => validate([below], { anchors: [anchor.certificate], conformance });
  };
  await (
    await judge(ext.aki(Uint8Array.of(1)))
  )("webpki");
  for (const [field, extension] of [
    ["authorityKeyIdentifier", ext.aki(Uint8Array.of(2))],
    ["authorityKeyIdentifier", ext.aki(undefined)],
    ["extKeyUsage", ext.eku(KEY_PURPOSE.serverAuth)],
  ] as const) {
    const run = await judge(extension);
    await run("rfc5280");
    await refusal("profile", run("webpki"), { index: undefined, field });
  }
});

function leafExtensions({ certificate }: Issuer) {
  return [LEAF_USAGE, ext.aki(certificate.extensions.subjectKeyIdentifier ?? Uint8Array.of(1))];
}

function offCurve(publicKey: Uint8Array): Uint8Array {
  return Uint8Array.from(publicKey, (byte, i) => (i === publicKey.length - 1 ? byte ^ 1 : byte));
}

function weakKeys(): Uint8Array[] {
  const spki = { format: "der", type: "spki" } as const;
  const pairs = [
    generateKeyPairSync("rsa", { modulusLength: 1024 }),
    generateKeyPairSync("rsa", { modulusLength: 2044 }),
    generateKeyPairSync("rsa", { modulusLength: 2052 }),
    generateKeyPairSync("ec", { namedCurve: "prime192v1" }),
    generateKeyPairSync("ec", { namedCurve: "prime256v1", paramEncoding: "explicit" }),
    generateKeyPairSync("ed448"),
    generateKeyPairSync("rsa-pss", { modulusLength: 2048 }),
  ];
  return pairs.map(({ publicKey }) => new Uint8Array(publicKey.export(spki)));
}
