import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { concat, fromHex, HawserError, toHex } from "../../codec/index.ts";
import { nodeVerifier } from "../../crypto/node.ts";
import { TAG } from "../der.ts";
import { derElement } from "../der-write.ts";
import { DAY, ext, forge, LEAF_USAGE, newCa, newSigner, NOW } from "../fixtures.test.ts";
import { KEY_PURPOSE, nameFromText, type Issuer } from "../index.ts";
import { certIdDer, keyHash } from "./cert-id.ts";
import {
  asked,
  ca,
  explicit,
  extension,
  leaf,
  NONCE_OID,
  other,
  respond,
  root,
  time,
  UNKNOWN,
} from "./fixtures.test.ts";
import { checkOcspResponse, OCSP_ERRORS, ocspRequest, type OcspCheck, type OcspErrorCode } from "./index.ts";

const check = (der: Uint8Array, more: Partial<OcspCheck> = {}) =>
  checkOcspResponse(der, { ...asked, time: NOW, verifier: nodeVerifier, ...more });

/** A responder that the CA delegated to. */
async function delegate(more: Parameters<typeof forge>[1] = {}, issuer: Issuer = ca): Promise<Issuer> {
  const signer = newSigner();
  const extensions = [LEAF_USAGE, ext.eku(KEY_PURPOSE.OCSPSigning)];
  const certificate = await forge(issuer, {
    subject: "CN=Responder",
    extensions,
    publicKey: signer.publicKey,
    ...more,
  });
  return { certificate, signer };
}

test("ocspRequest is the DER of RFC 6960 for one certificate", () => {
  const request = toHex(ocspRequest({ certificates: [asked], nonce: fromHex("00112233") }));
  const id = certIdDer(asked, "sha1");
  const length = (extra: number) => (id.length + extra).toString(16).padStart(2, "0");
  assert.match(toHex(id), /^30[0-9a-f]{2}300906052b0e03021a05000414[0-9a-f]{40}0414[0-9a-f]{40}02/);
  // OCSPRequest { tbsRequest { requestList { Request { CertID } }, [2] { Extensions { Extension { nonce } } } } }
  assert.ok(request.endsWith("a2173015301306092b06010505073001020406040400112233"));
  assert.ok(request.includes(`30${length(2)}30${length(0)}${toHex(id)}a2`));
  assert.ok(!toHex(ocspRequest({ certificates: [asked] })).includes("2b0601050507300102"));
});

test("checkOcspResponse gives good, revoked with time and reason, and unknown", async () => {
  const good = await check(await respond());
  assert.deepEqual([good.status, good.thisUpdate, good.nextUpdate], ["good", NOW, NOW + DAY]);
  assert.equal(good.responder.id, ca.certificate.id);
  const revoked = await check(await respond({ answer: explicit(1, time(NOW - DAY), explicit(0, fromHex("0a0101"))) }));
  assert.ok(revoked.status === "revoked");
  assert.deepEqual(revoked.revocation, { time: NOW - DAY, reason: "keyCompromise" });
  const plain = await check(await respond({ answer: explicit(1, time(NOW - DAY)) }));
  assert.ok(plain.status === "revoked" && plain.revocation.reason === "unspecified");
  assert.equal((await check(await respond({ answer: UNKNOWN }))).status, "unknown");
});

test("checkOcspResponse takes every hash and both ways to name a responder, and the worst of several answers", async () => {
  for (const hash of ["sha1", "sha256", "sha384", "sha512"] as const) {
    assert.equal((await check(await respond({ hash }))).status, "good");
  }
  const responderId = explicit(2, derElement(TAG.octetString, keyHash(ca.certificate)));
  assert.equal((await check(await respond({ responderId }))).status, "good");
  const revoked = derElement(TAG.sequence, certIdDer(asked, "sha256"), explicit(1, time(NOW)), time(NOW));
  assert.equal((await check(await respond({ more: [revoked] }))).status, "revoked");
});

test("checkOcspResponse takes a delegated responder, and refuses ocsp-responder for everybody else", async () => {
  const responder = await delegate();
  const by = async (signer: Issuer, certificates = [signer.certificate.der]) =>
    check(await respond({ signer, certificates }));
  assert.equal((await by(responder)).responder.id, responder.certificate.id);
  assert.equal((await by(responder, [other.der, fromHex("3000"), responder.certificate.der])).status, "good");
  const refused: Record<string, Issuer> = {
    "no purpose": await delegate({ extensions: [LEAF_USAGE] }),
    "any purpose": await delegate({ extensions: [ext.eku(KEY_PURPOSE.anyExtendedKeyUsage)] }),
    "other usage": await delegate({ extensions: [ext.keyUsage("0308"), ext.eku(KEY_PURPOSE.OCSPSigning)] }),
    expired: await delegate({ validity: { notBefore: NOW - 2 * DAY, notAfter: NOW - DAY } }),
    "not yet valid": await delegate({ validity: { notBefore: NOW + DAY, notAfter: NOW + 2 * DAY } }),
    critical: await delegate({ extensions: [ext.eku(KEY_PURPOSE.OCSPSigning), ext.any("1.2.3.4", true)] }),
    "issued by the CA above": await delegate({}, root),
    "issued by a namesake": await delegate({}, await newCa(root, "CN=Intermediate")),
  };
  for (const [why, signer] of Object.entries(refused)) {
    await assert.rejects(by(signer), { name: "OcspError", code: "ocsp-responder" }, why);
  }
  await assert.rejects(by(responder, []), { code: "ocsp-responder" });
});

test("checkOcspResponse relies on a response within its time and the skew, not outside", async () => {
  const der = await respond();
  const [skew, end] = [5 * 60_000, NOW + DAY];
  for (const at of [NOW - skew, NOW, end, end + skew]) await check(der, { time: at });
  await assert.rejects(check(der, { time: NOW - skew - 1 }), { code: "ocsp-not-yet-valid" });
  await assert.rejects(check(der, { time: end + skew + 1 }), { code: "ocsp-stale" });
  await assert.rejects(check(der, { time: end + 1, maxSkewMs: 0 }), { code: "ocsp-stale" });
  await assert.rejects(check(await respond({ producedAt: NOW + DAY })), { code: "ocsp-not-yet-valid" });
  const endless = await respond({ nextUpdate: undefined });
  await check(endless, { time: NOW + DAY });
  await assert.rejects(check(endless, { time: NOW + 2 * DAY }), { code: "ocsp-stale" });
  await check(endless, { time: NOW + 2 * DAY, maxAgeMs: 3 * DAY });
});

test("checkOcspResponse refuses a response with any one byte changed", async () => {
  const responder = await delegate();
  const nonce = Uint8Array.from({ length: 32 }, (_, i) => i);
  const extensions = [extension(NONCE_OID, derElement(TAG.octetString, nonce))];
  const der = await respond({ signer: responder, certificates: [responder.certificate.der], extensions });
  await check(der, { nonce });
  await fc.assert(
    fc.asyncProperty(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      const changed = Uint8Array.from(der, (byte, i) => (i === at ? byte ^ flip : byte));
      await assert.rejects(check(changed, { nonce }), (error) => error instanceof HawserError);
    }),
    { numRuns: 300 },
  );
});

test("checkOcspResponse refuses every strict prefix, and a byte too many", async () => {
  const der = await respond();
  for (let length = 0; length < der.length; length += 3) {
    await assert.rejects(check(der.subarray(0, length)), { name: "DecodeError" });
  }
  await assert.rejects(check(concat(der, Uint8Array.of(0))), { name: "DecodeError", code: "trailing" });
});

test("checkOcspResponse refuses what is malformed inside", async () => {
  const malformed: Record<string, Uint8Array> = {
    "no answer": await respond({ answer: fromHex("8300") }),
    "good with contents": await respond({ answer: fromHex("800100") }),
    "no reason": await respond({ answer: explicit(1, time(NOW), explicit(0, fromHex("0a0107"))) }),
    "nextUpdate first": await respond({ nextUpdate: NOW - 1000 }),
    "no responder": await respond({ responderId: explicit(3, fromHex("0400")) }),
    "key hash of another type": await respond({ responderId: explicit(2, fromHex("0500")) }),
    "no status": await respond({ status: 4 }),
    "no bytes": fromHex("30030a0100"),
    "nine certificates": await respond({ certificates: Array.from({ length: 9 }, () => leaf.der) }),
  };
  for (const [why, der] of Object.entries(malformed)) await assert.rejects(check(der), { name: "DecodeError" }, why);
});

const PROVOKE: Readonly<Record<OcspErrorCode, () => unknown>> = {
  "ocsp-question": () => ocspRequest({ certificates: [] }),
  "ocsp-status": async () => check(await respond({ status: 3 })),
  "ocsp-type": async () => check(await respond({ type: "1.3.6.1.5.5.7.48.1.9" })),
  "ocsp-unrelated": async () => check(await respond({ certificate: other })),
  "ocsp-responder": async () => check(await respond({ signer: root })),
  "ocsp-signature": async () => check(await respond({ signer: { certificate: ca.certificate, signer: newSigner() } })),
  "ocsp-not-yet-valid": async () => check(await respond({ thisUpdate: NOW + DAY / 2 })),
  "ocsp-stale": async () => check(await respond({ thisUpdate: NOW - 2 * DAY, nextUpdate: NOW - DAY })),
  "ocsp-nonce": async () => check(await respond(), { nonce: Uint8Array.of(1) }),
  "ocsp-critical-extension": async () =>
    check(await respond({ extensions: [extension("1.2.3", fromHex("0500"), true)] })),
};

for (const [code, provoke] of Object.entries(PROVOKE)) {
  test(`${code} is provoked, and its cause and cure are told`, async () => {
    await assert.rejects(
      async () => provoke(),
      (error) => error instanceof HawserError && error.code === code,
    );
    const { cause, cure } = OCSP_ERRORS[code as OcspErrorCode];
    assert.ok(cause.length > 20 && cure.length > 20);
  });
}

test("each ocsp refusal has its neighbours: SHA-1, other nonces, doubled extensions, long nonces, a namesake's key", async () => {
  await assert.rejects(check(await respond({ algorithm: fromHex("300906072a8648ce3d0401") })), {
    code: "ocsp-signature",
  });
  const nonce = (...bytes: number[]) => extension(NONCE_OID, derElement(TAG.octetString, Uint8Array.from(bytes)));
  await assert.rejects(check(await respond({ extensions: [nonce(2)] }), { nonce: Uint8Array.of(1) }), {
    code: "ocsp-nonce",
  });
  await check(await respond({ extensions: [nonce(1)] }), { nonce: Uint8Array.of(1) });
  const twice = { extensions: [nonce(1), nonce(1)] };
  await assert.rejects(check(await respond(twice)), { code: "ocsp-critical-extension" });
  const single = [extension("1.2.3", fromHex("0500"), true)];
  await assert.rejects(check(await respond({ single })), { code: "ocsp-critical-extension" });
  for (const length of [0, 129]) {
    const question = { certificates: [asked], nonce: new Uint8Array(length) };
    assert.throws(() => ocspRequest(question), { name: "UsageError", code: "ocsp-question" });
  }
  const namesake = await newCa(root, "CN=Intermediate");
  await assert.rejects(check(await respond(), { issuer: namesake.certificate }), { code: "ocsp-unrelated" });
  assert.equal(nameFromText("CN=Intermediate").canonical, namesake.certificate.subject.canonical);
});
