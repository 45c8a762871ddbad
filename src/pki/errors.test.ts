/** Every error code of this room, provoked: the record has one entry a code, or it does not compile. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";

import { fromHex, HawserError } from "../codec/index.ts";
import { nodeVerifier } from "../crypto/node.ts";
import { parseDer } from "./der.ts";
import { derElement } from "./der-write.ts";
import {
  CA_USAGE,
  DAY,
  ext,
  forge,
  forgeCa,
  forgeDer,
  generalName,
  LEAF_USAGE,
  newCa,
  newLeaf,
  newRoot,
  newSigner,
  NOW,
  oidDer,
  VALIDITY,
} from "./fixtures.test.ts";
import {
  checkServerIdentity,
  createCsr,
  issueCrl,
  nameFromText,
  parseCertificate,
  parseCrl,
  parseCsr,
  PKI_ERRORS,
  revocationOf,
  validatePath,
  type Issuer,
  type PathOptions,
  type PkiErrorCode,
  type Revocation,
} from "./index.ts";
import { nameOf } from "./name.ts";

const root = await newRoot();
const ca = await newCa(root, "CN=Intermediate");
const leaf = await newLeaf(ca, "server", "CN=server", { names: { dns: ["a.example"] } });
const [RFC_MISMATCH, SHA1] = [fromHex("300a06082a8648ce3d040303"), fromHex("300906072a8648ce3d0401")];

const validate = (chain: readonly Uint8Array[], more: Partial<PathOptions> = {}) =>
  validatePath({
    chain,
    anchors: [root.certificate],
    time: NOW,
    purpose: "serverAuth",
    verifier: nodeVerifier,
    conformance: "deployed",
    ...more,
  });
const good = [leaf.der, ca.certificate.der];
const aki = ({ certificate }: Issuer) => ext.aki(certificate.extensions.subjectKeyIdentifier ?? Uint8Array.of(1));

const REVOKED: Revocation = { time: NOW, reason: "keyCompromise" };
const listOf = (issuer: Issuer, revoked: ReadonlyMap<string, Revocation> = new Map()) =>
  issueCrl({ issuer, revoked, number: 1, thisUpdate: NOW, nextUpdate: NOW + DAY });
const readList = async () => parseCrl(await listOf(ca), ca.certificate, nodeVerifier);

const PROVOKE: Readonly<Record<PkiErrorCode, () => unknown>> = {
  "malformed-certificate": () => validate([fromHex("3000")]),
  "duplicate-extension": async () => parseCertificate(await forgeDer(ca, { extensions: [LEAF_USAGE, LEAF_USAGE] })),
  "algorithm-mismatch": async () => parseCertificate(await forgeDer(ca, { outerAlgorithm: RFC_MISMATCH })),
  "empty-chain": () => validate([]),
  "unknown-issuer": () => validate([leaf.der]),
  "bad-signature": async () => validate([(await forge({ ...ca, signer: newSigner() })).der, ca.certificate.der]),
  "not-yet-valid": () => validate(good, { time: VALIDITY.notBefore - 1 }),
  expired: () => validate(good, { time: VALIDITY.notAfter + 1000 }),
  "not-a-ca": async () => {
    const signer = newSigner();
    const device = { certificate: await newLeaf(ca, "device", "CN=device", {}, signer), signer };
    return validate([(await forge(device)).der, device.certificate.der, ca.certificate.der]);
  },
  "path-length": async () => {
    const low = await forgeCa(ca, { subject: "CN=Low", extensions: [ext.ca(), CA_USAGE] });
    return validate([(await forge(low)).der, low.certificate.der, ca.certificate.der]);
  },
  "key-usage": () => validate([ca.certificate.der]),
  "extended-key-usage": () => validate(good, { purpose: "clientAuth" }),
  "unknown-critical-extension": async () =>
    validate([(await forge(ca, { extensions: [ext.any("1.2.3.4", true)] })).der, ca.certificate.der]),
  "name-constraints": async () => {
    const narrow = await forgeCa(ca, {
      subject: "CN=Narrow",
      extensions: [ext.ca(), CA_USAGE, ext.nameConstraints([generalName("dns:a.example")])],
    });
    const stray = await forge(narrow, { extensions: [ext.dns("b.example")] });
    return validate([stray.der, narrow.certificate.der], { anchors: [ca.certificate] });
  },
  policy: () => validate(good, { policies: { initialExplicitPolicy: true } }),
  "key-identifier": async () => validate([leaf.der, (await newCa(root, "CN=Intermediate")).certificate.der]),
  revoked: async () => validate(good, { crls: [await listOf(ca, new Map([[leaf.serialNumber, REVOKED]]))] }),
  "revocation-unknown": () => validate(good, { revocation: "required" }),
  "crl-stale": async () => validate(good, { crls: [await listOf(ca)], time: NOW + 2 * DAY }),
  "crl-scope": async () => revocationOf({ ...(await readList()), scope: { only: "cas", uris: undefined } }, leaf),
  "stapled-response": () => validate(good, { staples: [fromHex("30030a0103")] }),
  "weak-algorithm": async () => validate([(await forge(ca, { algorithm: SHA1 })).der, ca.certificate.der]),
  "weak-key": async () => {
    const { publicKey } = generateKeyPairSync("ed448");
    const weak = await forge(ca, { publicKey: new Uint8Array(publicKey.export({ format: "der", type: "spki" })) });
    return validate([weak.der, ca.certificate.der]);
  },
  profile: async () => validate([(await forge(ca, { extensions: [LEAF_USAGE] })).der], { conformance: "rfc5280" }),
  "too-deep": () => validate(good, { limits: { maxIntermediates: 0 } }),
  "too-much-work": () => validate(good, { limits: { maxSignatureChecks: 1 } }),
  "name-mismatch": () => checkServerIdentity(leaf, "b.example"),
  "invalid-name": () => nameFromText("device-1"),
  "request-signature": async () => {
    const { publicKey } = newSigner();
    const liar = { ...newSigner(), publicKey };
    return parseCsr(await createCsr({ subject: nameFromText("CN=x"), signer: liar }), nodeVerifier);
  },
  lint: () => newLeaf(ca, "device", "O=nameless"),
  "issuing-key": () => newRoot("CN=R", {}, newSigner("secp521r1")),
  "signer-mismatch": () => newLeaf({ ...ca, signer: newSigner() }, "device", "CN=d"),
  "not-representable": () => {
    const smiley = derElement(0x30, oidDer("2.5.4.3"), derElement(0x1c, fromHex("0001f600")));
    const subject = nameOf(parseDer(derElement(0x30, derElement(0x31, smiley))));
    return newLeaf(ca, "device", "", { subject });
  },
};

for (const [code, provoke] of Object.entries(PROVOKE)) {
  test(`${code} is provoked, and its cause and cure are told`, async () => {
    await assert.rejects(
      async () => provoke(),
      (error) => error instanceof HawserError && error.code === code,
    );
    const { cause, cure } = PKI_ERRORS[code as PkiErrorCode];
    assert.ok(cause.length > 20 && cure.length > 20);
  });
}

test("a CertificateError names the certificate, the field and the rule", async () => {
  const low = await forge(ca, { extensions: [aki(ca), ext.keyUsage("0204")] });
  await assert.rejects(validate([low.der, ca.certificate.der]), {
    code: "key-usage",
    index: 0,
    subject: "CN=forged",
    field: "keyUsage",
    rule: "RFC 5280, section 4.2.1.12: consistent key usage",
    message:
      "certificate 0 (CN=forged) keyUsage: keyCertSign where digitalSignature or keyEncipherment or keyAgreement is needed",
  });
});
