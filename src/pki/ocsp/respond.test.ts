import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { concat, fromHex, toHex } from "../../codec/index.ts";
import { nodeVerifier } from "../../crypto/node.ts";
import { contextTag, TAG } from "../der.ts";
import { derElement } from "../der-write.ts";
import { DAY, newLeaf, newSigner, NOW } from "../fixtures.test.ts";
import { issueCertificate, KEY_PURPOSE, nameFromText } from "../index.ts";
import { asked, ca, extension, leaf, NONCE_OID, other, root } from "./fixtures.test.ts";
import { certIdDer } from "./cert-id.ts";
import {
  answerOcsp,
  checkOcspResponse,
  isIssuedBy,
  ocspFailure,
  ocspRequest,
  parseOcspRequest,
  type CertificateStatus,
  type OcspResponder,
} from "./index.ts";
import { parseResponse } from "./response.ts";

const HOUR = 3_600_000;
const nonce = fromHex("00112233445566778899aabbccddeeff");
const revoked: CertificateStatus = { status: "revoked", revocation: { time: NOW - DAY, reason: "keyCompromise" } };

/** A responder of the CA that calls `leaf` good and `other` revoked. */
function responder(more: Partial<OcspResponder> = {}): OcspResponder {
  const known = new Map<string, CertificateStatus>([
    [leaf.serialNumber, { status: "good" }],
    [other.serialNumber, revoked],
  ]);
  return {
    signer: ca,
    isDelegate: false,
    async statusOf(id) {
      if (!isIssuedBy(id, ca.certificate)) return undefined;
      return known.get(toHex(id.serialNumber)) ?? { status: "unknown" };
    },
    now: NOW,
    validForMs: HOUR,
    ...more,
  };
}

const check = (der: Uint8Array, certificate = leaf, more = {}) =>
  checkOcspResponse(der, { certificate, issuer: ca.certificate, time: NOW, verifier: nodeVerifier, ...more });
const statusOf = (der: Uint8Array) => {
  try {
    parseResponse(der);
    return 0;
  } catch (error) {
    return (error as { readonly wire?: number }).wire;
  }
};

async function delegate() {
  const signer = newSigner();
  const certificate = await issueCertificate({
    profile: "ocspResponder",
    subject: nameFromText("CN=Responder"),
    publicKey: signer.publicKey,
    issuer: ca,
    validity: { notBefore: NOW - HOUR, notAfter: NOW + DAY },
    entropy: { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) },
  });
  return { certificate, signer };
}

test("answerOcsp says good, revoked with time and reason, and unknown, and repeats the nonce, by CA and by delegate", async () => {
  const stranger = await newLeaf(ca, "device", "CN=never recorded");
  const certificates = [leaf, other, stranger].map((certificate) => ({ certificate, issuer: ca.certificate }));
  for (const parts of [{}, { signer: await delegate(), isDelegate: true }]) {
    for (const hash of ["sha1", "sha256", "sha384", "sha512"] as const) {
      const answer = await answerOcsp(ocspRequest({ certificates, nonce, hash }), responder(parts));
      const good = await check(answer, leaf, { nonce });
      assert.deepEqual([good.status, good.thisUpdate, good.nextUpdate], ["good", NOW, NOW + HOUR]);
      assert.equal(good.responder.id, (parts.signer ?? ca).certificate.id);
      const taken = await check(answer, other, { nonce });
      assert.deepEqual(taken.status === "revoked" && taken.revocation, { time: NOW - DAY, reason: "keyCompromise" });
      assert.equal((await check(answer, stranger, { nonce })).status, "unknown");
    }
  }
  const bare = await answerOcsp(ocspRequest({ certificates: [asked] }), responder());
  await assert.rejects(check(bare, leaf, { nonce }), { code: "ocsp-nonce" });
});

test("a certificate for the profile ocspResponder may sign answers, and nobody asks about it", async () => {
  const { certificate } = await delegate();
  assert.deepEqual(certificate.extensions.extendedKeyUsage, [KEY_PURPOSE.OCSPSigning]);
  const noCheck = certificate.extensions.all.find(({ oid }) => oid === "1.3.6.1.5.5.7.48.1.5");
  assert.deepEqual(noCheck && [noCheck.critical, toHex(noCheck.value)], [false, "0500"]);
});

test("answerOcsp leaves the reason out where it is unspecified", async () => {
  const plain = { status: "revoked", revocation: { time: NOW, reason: "unspecified" } } as const;
  const answer = await answerOcsp(ocspRequest({ certificates: [asked] }), responder({ statusOf: async () => plain }));
  assert.ok(!toHex(answer).includes("a0030a01"));
  const read = await check(answer);
  assert.deepEqual(read.status === "revoked" && read.revocation, plain.revocation);
});

test("answerOcsp is unauthorized where no certificate is of its CA, and answers unknown beside one that is", async () => {
  const foreign = { certificate: ca.certificate, issuer: root.certificate };
  assert.equal(statusOf(await answerOcsp(ocspRequest({ certificates: [foreign] }), responder())), 6);
  const mixed = parseResponse(await answerOcsp(ocspRequest({ certificates: [foreign, asked] }), responder()));
  assert.deepEqual(
    mixed.responses.map(({ answer }) => answer.status),
    ["unknown", "good"],
  );
  const strangeHash = toHex(ocspRequest({ certificates: [asked] })).replace("06052b0e03021a", "06052b0e03021b");
  assert.equal(statusOf(await answerOcsp(fromHex(strangeHash), responder())), 6);
  assert.deepEqual(
    ["tryLater", "internalError"].map((each) => statusOf(ocspFailure(each as never))),
    [3, 2],
  );
});

/** A request with these extensions, around one certificate. */
function requestWith(extensions: readonly Uint8Array[], single: readonly Uint8Array[] = []): Uint8Array {
  const wrap = (n: number, list: readonly Uint8Array[]) =>
    list.length === 0 ? new Uint8Array(0) : derElement(contextTag(n, "constructed"), derElement(TAG.sequence, ...list));
  const request = derElement(TAG.sequence, certIdDer(asked, "sha1"), wrap(0, single));
  return derElement(TAG.sequence, derElement(TAG.sequence, derElement(TAG.sequence, request), wrap(2, extensions)));
}

test("parseOcspRequest takes what RFC 6960 allows, and refuses critical, doubled and misshapen extensions", async () => {
  const inner = (length: number) => extension(NONCE_OID, derElement(TAG.octetString, new Uint8Array(length)));
  const serviceLocator = "1.3.6.1.5.5.7.48.1.7";
  const empty = derElement(TAG.sequence);
  for (const der of [
    requestWith([inner(1)]),
    requestWith([inner(128)]),
    requestWith([extension("1.3.6.1.5.5.7.48.1.4", empty)]),
    requestWith([inner(16)], [extension(serviceLocator, empty)]),
  ])
    assert.equal(parseOcspRequest(der).certIds.length, 1);
  for (const der of [
    requestWith([inner(0)]),
    requestWith([inner(129)]),
    requestWith([inner(16), inner(16)]),
    requestWith([extension(NONCE_OID, fromHex("0500"))]),
    requestWith([extension("1.3.6.1.5.5.7.48.1.4", empty, true)]),
    requestWith([], [extension(serviceLocator, empty, true)]),
    ocspRequest({ certificates: Array.from({ length: 101 }, () => asked) }),
    derElement(TAG.sequence, derElement(TAG.sequence, derElement(TAG.sequence))),
  ]) {
    assert.throws(() => parseOcspRequest(der), { name: "DecodeError" });
    assert.equal(statusOf(await answerOcsp(der, responder())), 1);
  }
});

test("answerOcsp calls every prefix and every longer request malformed, and answers any mutation", async () => {
  const request = ocspRequest({ certificates: [asked], nonce });
  for (let length = 0; length < request.length; length++)
    assert.equal(statusOf(await answerOcsp(request.slice(0, length), responder())), 1);
  assert.equal(statusOf(await answerOcsp(concat(request, Uint8Array.of(0)), responder())), 1);
  const mutation = fc.tuple(fc.nat(request.length - 1), fc.integer({ min: 1, max: 255 }));
  await fc.assert(
    fc.asyncProperty(mutation, async ([at, bits]) => {
      const changed = request.slice();
      changed[at] = (changed[at] ?? 0) ^ bits;
      assert.ok([0, 1, 6].includes(statusOf(await answerOcsp(changed, responder())) ?? -1));
    }),
    { numRuns: 200 },
  );
});
