import assert from "node:assert/strict";
import { test } from "node:test";

import { fromHex, utf8Bytes } from "../codec/index.ts";
import { nodeVerifier } from "../crypto/node.ts";
import { contextTag, TAG } from "./der.ts";
import { derElement } from "./der-write.ts";
import { DAY, ext, forge, forgeCa, LEAF_USAGE, newCa, newRoot, newSigner, NOW, oidDer } from "./fixtures.test.ts";
import {
  CertificateError,
  CrlSet,
  EXTENSION,
  issueCrl,
  parseCrl,
  revocationOf,
  validatePath,
  type Certificate,
  type Issuer,
  type PathOptions,
  type Revocation,
} from "./index.ts";
import { ca, explicit, leaf, other, respond, root, time, UNKNOWN } from "./ocsp/fixtures.test.ts";

const KEY_COMPROMISE: Revocation = { time: NOW - DAY, reason: "keyCompromise" };

function listOf(
  issuer: Issuer,
  revoked: readonly Certificate[] = [],
  more: Partial<Parameters<typeof issueCrl>[0]> = {},
) {
  const entries = new Map(revoked.map(({ serialNumber }) => [serialNumber, KEY_COMPROMISE]));
  return issueCrl({ issuer, revoked: entries, number: 1, thisUpdate: NOW - DAY, nextUpdate: NOW + DAY, ...more });
}

const validate = (more: Partial<PathOptions> = {}, chain: readonly Certificate[] = [leaf, ca.certificate]) =>
  validatePath({
    chain: chain.map(({ der }) => der),
    anchors: [root.certificate],
    time: NOW,
    purpose: "serverAuth",
    verifier: nodeVerifier,
    ...more,
  });

test("validatePath refuses revoked, with the reason, for what a list of the issuer names, leaf or CA", async () => {
  const revoked = { code: "revoked", reason: "keyCompromise", field: "serialNumber" };
  await assert.rejects(validate({ crls: [await listOf(ca, [leaf])] }), { ...revoked, index: 0 });
  await assert.rejects(validate({ crls: [await listOf(root, [ca.certificate])] }), { ...revoked, index: 1 });
  await validate({ crls: [await listOf(ca, [other]), await listOf(root, [leaf])] });
  await validate({ crls: [await listOf(ca, [leaf])], revocation: "off" });
  const crls = new CrlSet([await listOf(ca, [leaf])]);
  await assert.rejects(validate({ crls }), revoked);
  assert.equal((await validate({ crls: new CrlSet([await listOf(ca)]) })).signatureChecks, 3);
});

test("validatePath with revocation required wants every certificate but the anchor spoken for", async () => {
  const [low, high] = [await listOf(ca), await listOf(root)];
  await validate({ crls: [low, high], revocation: "required" });
  await assert.rejects(validate({ crls: [low], revocation: "required" }), { code: "revocation-unknown", index: 1 });
  await assert.rejects(validate({ crls: [high], revocation: "required" }), { code: "revocation-unknown", index: 0 });
  await validate({ crls: [high], revocation: "required", staples: [await respond()] });
  await validate({ crls: [], revocation: "if-present" });
});

test("validatePath refuses crl-stale before thisUpdate, after nextUpdate, and where there is none", async () => {
  const crls = [await listOf(ca)];
  await validate({ crls, time: NOW - DAY });
  await validate({ crls, time: NOW + DAY + 999 });
  for (const at of [NOW + DAY + 1000, NOW - DAY - 1]) {
    const forgiving = { crls, time: at, revocation: "if-present" as const, anchors: [ca.certificate] };
    const early = at < NOW - DAY ? "not-yet-valid" : "crl-stale";
    await assert.rejects(validate(forgiving, [leaf]), { code: early });
  }
  const future = await listOf(ca, [], { thisUpdate: NOW + 1000, nextUpdate: NOW + DAY });
  await assert.rejects(validate({ crls: [future] }), { code: "crl-stale", field: "thisUpdate" });
  const endless = await forgeCrl(ca, { nextUpdate: undefined });
  await assert.rejects(validate({ crls: [endless] }), { code: "crl-stale", field: "nextUpdate" });
  // Once revoked, revoked: an old list may say so.
  const old = await listOf(ca, [leaf], { thisUpdate: NOW - DAY / 2, nextUpdate: NOW - 1000 });
  await assert.rejects(validate({ crls: [old] }), { code: "revoked" });
});

test("validatePath goes by the newest list that is signed, and a broken one beside it harms nobody", async () => {
  const held = new Map([[leaf.serialNumber, { time: NOW - DAY, reason: "certificateHold" as const }]]);
  const old = await listOf(ca, [], { revoked: held });
  const newer = await listOf(ca, [], { thisUpdate: NOW - 1000, number: 2 });
  const forged = await listOf(
    { certificate: ca.certificate, signer: { ...newSigner(), publicKey: ca.signer.publicKey } },
    [leaf],
  );
  await assert.rejects(validate({ crls: [old] }), { code: "revoked", reason: "certificateHold" });
  for (const crls of [
    [old, newer],
    [newer, old],
    [forged, newer],
  ])
    await validate({ crls });
  await assert.rejects(validate({ crls: [forged] }), { code: "bad-signature", index: 0 });
});

test("validatePath refuses a list of an issuer without cRLSign, without number, or with unknown critical extensions", async () => {
  const signsNoLists = await forgeCa(root, {
    subject: "CN=L",
    extensions: [ext.ca(), ext.keyUsage("0204"), ext.ski(Uint8Array.of(1)), aki(root)],
  });
  const below = await forge(signsNoLists, { extensions: [LEAF_USAGE, ext.aki(Uint8Array.of(1))] });
  const chain = [below, signsNoLists.certificate];
  await assert.rejects(validate({ crls: [await listOf(signsNoLists)] }, chain), { code: "key-usage", index: 0 });
  await assert.rejects(validate({ crls: [await forgeCrl(ca, {})] }), { code: "profile", field: "cRLNumber" });
  await validate({ crls: [await forgeCrl(ca, {})], conformance: "deployed" });
  for (const oid of [EXTENSION.deltaCRLIndicator, EXTENSION.cRLNumber, "1.2.3.4"]) {
    const crls = [await forgeCrl(ca, { extensions: [extension(oid, true, fromHex("020101"))] })];
    await assert.rejects(validate({ crls }), { code: "unknown-critical-extension", index: 0 }, oid);
  }
  assert.throws(() => new CrlSet([fromHex("3000")]), { name: "DecodeError" });
});

test("validatePath takes a list signed by another key of the CA's name on a path to the same anchor, and no other", async () => {
  const signer = newSigner();
  const lister = (usage: string, issuer = root) =>
    forge(issuer, {
      subject: "CN=Intermediate",
      publicKey: signer.publicKey,
      extensions: [ext.keyUsage(usage), ext.ski(Uint8Array.of(9)), aki(issuer)],
    });
  const good = await lister("0102");
  const crls = [await listOf({ certificate: good, signer }, [leaf])];
  await assert.rejects(validate({ crls }, [leaf, ca.certificate, good]), { code: "revoked", index: 0 });
  await assert.rejects(validate({ crls }, [leaf, ca.certificate]), { code: "unknown-issuer", index: 0 });
  const unauthorised = await lister("0780");
  await assert.rejects(validate({ crls }, [leaf, ca.certificate, unauthorised]), { code: "unknown-issuer" });
  const elsewhere = await newRoot("CN=Elsewhere");
  const foreign = await lister("0102", elsewhere);
  const anchors = [root.certificate, elsewhere.certificate];
  await assert.rejects(validate({ crls, anchors }, [leaf, ca.certificate, foreign]), { code: "unknown-issuer" });
  const revokedToo = [...crls, await listOf(root, [good])];
  await assert.rejects(validate({ crls: revokedToo }, [leaf, ca.certificate, good]), { code: "unknown-issuer" });
  const limits = { maxSignatureChecks: 3 };
  await assert.rejects(validate({ crls, limits }, [leaf, ca.certificate, good]), { code: "too-much-work" });
});

test("validatePath applies lists to the certificates that they are about, and refuses crl-scope", async () => {
  const at = (uri: string) => fullName(derElement(contextTag(6, "primitive"), utf8Bytes(uri)));
  const pointed = await forge(ca, {
    extensions: [
      LEAF_USAGE,
      aki(ca),
      ext.any(
        EXTENSION.cRLDistributionPoints,
        false,
        derElement(TAG.sequence, derElement(TAG.sequence, at("http://a.example/1.crl"))),
      ),
    ],
  });
  assert.deepEqual(pointed.extensions.crlDistributionPoints, ["http://a.example/1.crl"]);
  const scoped = async (...idp: Uint8Array[]) => {
    const value = derElement(TAG.sequence, ...idp);
    const extensions = [extension(EXTENSION.issuingDistributionPoint, true, value), NUMBER];
    return [await forgeCrl(ca, { extensions, revoked: [leaf, pointed] })];
  };
  const [users, cas] = [fromHex("8101ff"), fromHex("8201ff")];
  const chain = [pointed, ca.certificate];
  await assert.rejects(validate({ crls: await scoped(users) }), { code: "revoked" });
  await assert.rejects(validate({ crls: await scoped(at("http://a.example/1.crl")) }, chain), { code: "revoked" });
  for (const idp of [cas, at("http://a.example/2.crl")]) {
    const crls = await scoped(idp);
    await validate({ crls }, chain);
    const strict = { crls, revocation: "required" as const, anchors: [ca.certificate] };
    await assert.rejects(validate(strict, chain), { code: "revocation-unknown" });
    const list = await parseCrl(crls[0] ?? assert.fail(), ca.certificate, nodeVerifier);
    assert.throws(() => revocationOf(list, pointed), { name: "CertificateError", code: "crl-scope" });
  }
  const directory = fullName(explicit(4, root.certificate.subject.der));
  for (const idp of [fromHex("83020780"), fromHex("8401ff"), fromHex("8501ff"), directory]) {
    await assert.rejects(validate({ crls: await scoped(idp) }), { code: "crl-scope", index: 0 });
  }
  for (const idp of [[], [users, cas], [fromHex("810100")], [fromHex("8102ffff")]]) {
    await assert.rejects(
      scoped(...idp).then((crls) => validate({ crls })),
      { name: "DecodeError" },
    );
  }
});

test("validatePath believes a stapled response, and refuses revoked, unknown and stapled-response", async () => {
  await validate({ staples: [await respond()], revocation: "if-present" });
  const revoked = await respond({ answer: explicit(1, time(NOW - DAY), explicit(0, fromHex("0a0104"))) });
  await assert.rejects(validate({ staples: [revoked] }), { code: "revoked", reason: "superseded", index: 0 });
  await assert.rejects(validate({ staples: [await respond({ answer: UNKNOWN })] }), { code: "revocation-unknown" });
  const unrelated = validate({ staples: [await respond({ certificate: other })] });
  await assert.rejects(unrelated, (error) => {
    assert.ok(error instanceof CertificateError && error.code === "stapled-response" && error.index === 0);
    return error.cause instanceof Error && "code" in error.cause && error.cause.code === "ocsp-unrelated";
  });
  await assert.rejects(validate({ staples: [fromHex("3000")] }), { code: "stapled-response" });
  await validate({ staples: [undefined, undefined] });
  // A good response does not outweigh a list.
  await assert.rejects(validate({ staples: [await respond()], crls: [await listOf(ca, [leaf])] }), { code: "revoked" });
});

test("validatePath refuses a certificate that demands a staple where it was asked for and none came", async () => {
  const feature = ext.any(EXTENSION.tlsFeature, false, fromHex("3003020105"));
  const demanding = await forge(ca, { extensions: [LEAF_USAGE, aki(ca), feature] });
  const chain = [demanding, ca.certificate];
  await validate({}, chain);
  await validate({ staples: [await respond({ certificate: demanding })] }, chain);
  for (const staples of [[], [undefined]]) {
    await assert.rejects(validate({ staples }, chain), { code: "stapled-response", field: "tlsFeature", index: 0 });
  }
  await validate({ staples: [], revocation: "off" }, chain);
  const other17 = ext.any(EXTENSION.tlsFeature, false, fromHex("3003020111"));
  await validate({ staples: [] }, [await forge(ca, { extensions: [LEAF_USAGE, aki(ca), other17] }), ca.certificate]);
  const odd = ext.any(EXTENSION.tlsFeature, false, fromHex("3000"));
  await assert.rejects(forge(ca, { extensions: [LEAF_USAGE, aki(ca), odd] }), { name: "DecodeError", code: "length" });
});

test("validatePath finds a path around a revoked CA", async () => {
  const twin = await newCa(root, "CN=Intermediate", {}, ca.signer);
  const crls = [await listOf(root, [ca.certificate])];
  const path = await validate({ crls }, [leaf, ca.certificate, twin.certificate]);
  assert.equal(path.certificates[1]?.id, twin.certificate.id);
});

function aki({ certificate }: Issuer) {
  return ext.aki(certificate.extensions.subjectKeyIdentifier ?? Uint8Array.of(1));
}

/** DistributionPointName within its field, which is tagged explicitly for it is a CHOICE. */
function fullName(name: Uint8Array): Uint8Array {
  return explicit(0, explicit(0, name));
}

function extension(oid: string, critical: boolean, value: Uint8Array): Uint8Array {
  const flag = critical ? fromHex("0101ff") : new Uint8Array(0);
  return derElement(TAG.sequence, oidDer(oid), flag, derElement(TAG.octetString, value));
}

const NUMBER = extension(EXTENSION.cRLNumber, false, fromHex("020101"));

/** A list that nobody here would issue. */
async function forgeCrl(
  issuer: Issuer,
  parts: { extensions?: Uint8Array[]; revoked?: readonly Certificate[]; nextUpdate?: number | undefined },
): Promise<Uint8Array> {
  const { extensions = [], revoked = [] } = parts;
  const nextUpdate = "nextUpdate" in parts ? parts.nextUpdate : NOW + DAY;
  const nothing = new Uint8Array(0);
  const entry = ({ serialNumber }: Certificate) =>
    derElement(TAG.sequence, derElement(TAG.integer, fromHex(serialNumber)), time(NOW - DAY));
  const algorithm = fromHex("300a06082a8648ce3d040302");
  const tbs = derElement(
    TAG.sequence,
    fromHex("020101"),
    algorithm,
    issuer.certificate.subject.der,
    time(NOW - DAY),
    nextUpdate === undefined ? nothing : time(nextUpdate),
    revoked.length === 0 ? nothing : derElement(TAG.sequence, ...revoked.map(entry)),
    extensions.length === 0 ? nothing : explicit(0, derElement(TAG.sequence, ...extensions)),
  );
  const signature = await issuer.signer.sign("ecdsa_sha256", tbs);
  return derElement(TAG.sequence, tbs, algorithm, derElement(TAG.bitString, Uint8Array.of(0), signature));
}
