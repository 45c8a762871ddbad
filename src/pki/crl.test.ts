import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { concat, fromHex, HawserError, toHex, utf8Bytes } from "../codec/index.ts";
import { VirtualClock } from "../crypto/index.ts";
import { nodeVerifier } from "../crypto/node.ts";
import { Ledger } from "../trace/index.ts";
import { contextTag, TAG } from "./der.ts";
import { derElement } from "./der-write.ts";
import { DAY, ext, forgeCa, newCa, newLeaf, newRoot, newSigner, NOW, oidDer } from "./fixtures.test.ts";
import {
  crlFromPem,
  crlToPem,
  EXTENSION,
  issueCrl,
  parseCrl,
  REVOCATION_REASONS,
  revocationOf,
  type Issuer,
  type Revocation,
  type RevocationReason,
} from "./index.ts";

const root = await newRoot();
const ca = await newCa(root, "CN=Intermediate");
const times = { thisUpdate: NOW, nextUpdate: NOW + 7 * DAY };
const empty = new Map<string, Revocation>();

const parse = (der: Uint8Array, issuer: Issuer = ca) => parseCrl(der, issuer.certificate, nodeVerifier);

test("parseCrl gives back every serial, time and reason that issueCrl was told", async () => {
  const serial = fc.uint8Array({ minLength: 15, maxLength: 15 }).map((bytes) => `41${toHex(bytes)}`);
  const reason = fc.constantFrom(...(Object.keys(REVOCATION_REASONS) as RevocationReason[]));
  const time = fc.integer({ min: 0, max: 60_000_000 }).map((minutes) => minutes * 60_000);
  const entries = fc.array(fc.tuple(serial, fc.record({ time, reason }, { noNullPrototype: true })), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(entries, fc.integer({ min: 0, max: 100_000 }), async (list, number) => {
      const revoked = new Map(list);
      const read = await parse(await issueCrl({ issuer: ca, revoked, number, ...times }));
      assert.deepEqual(read.revoked, revoked);
      assert.deepEqual([read.thisUpdate, read.nextUpdate], [times.thisUpdate, times.nextUpdate]);
      assert.equal(BigInt(`0x${read.number}`), BigInt(number));
      assert.equal(read.issuer.text, "CN=Intermediate");
    }),
    { numRuns: 25 },
  );
});

test("revocationOf says when and why a certificate was revoked, and speaks for no other issuer", async () => {
  const [bad, good] = [await newLeaf(ca, "device", "CN=bad"), await newLeaf(ca, "device", "CN=good")];
  const entry = { time: NOW, reason: "keyCompromise" as const };
  const list = await parse(
    await issueCrl({ issuer: ca, revoked: new Map([[bad.serialNumber, entry]]), number: 1, ...times }),
  );
  assert.deepEqual(revocationOf(list, bad), entry);
  assert.equal(revocationOf(list, good), undefined);
  assert.throws(() => revocationOf(list, ca.certificate), { name: "CertificateError", code: "unknown-issuer" });
});

test("parseCrl refuses a list of any one byte changed", async () => {
  const revoked = new Map([["4142", { time: NOW, reason: "superseded" as const }]]);
  const der = await issueCrl({ issuer: ca, revoked, number: 5, ...times });
  await fc.assert(
    fc.asyncProperty(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      const changed = Uint8Array.from(der, (byte, i) => (i === at ? byte ^ flip : byte));
      await assert.rejects(parse(changed), (error) => error instanceof HawserError);
    }),
    { numRuns: 200 },
  );
});

test("parseCrl refuses unknown-issuer, bad-signature and key-usage", async () => {
  const der = await issueCrl({ issuer: ca, revoked: empty, number: 1, ...times });
  await assert.rejects(parse(der, root), { code: "unknown-issuer" });
  await assert.rejects(parse(der, await newCa(root, "CN=Intermediate")), { code: "unknown-issuer" });
  const liar = { certificate: ca.certificate, signer: { ...newSigner(), publicKey: ca.signer.publicKey } };
  const forged = await issueCrl({ issuer: liar, revoked: empty, number: 1, ...times });
  await assert.rejects(parse(forged), { name: "CertificateError", code: "bad-signature" });
  const signsNoLists = await forgeCa(root, { subject: "CN=L", extensions: [ext.ca(), ext.keyUsage("0204")] });
  const unwanted = await issueCrl({ issuer: signsNoLists, revoked: empty, number: 1, ...times });
  await assert.rejects(parse(unwanted, signsNoLists), { code: "key-usage" });
});

const ECDSA_SHA256 = fromHex("300a06082a8648ce3d040302");
const utc = (text: string) => derElement(TAG.utcTime, utf8Bytes(text));
const extension = (oid: string, critical: boolean, value: Uint8Array) =>
  derElement(
    TAG.sequence,
    oidDer(oid),
    critical ? fromHex("0101ff") : new Uint8Array(0),
    derElement(TAG.octetString, value),
  );

/** A list whose entries and extensions nobody here would write. */
async function forgeCrl(parts: {
  entries?: Uint8Array[];
  extensions?: Uint8Array[];
  inner?: Uint8Array;
  version?: number;
}) {
  const { entries = [], extensions = [], inner = ECDSA_SHA256, version = 1 } = parts;
  const tbs = derElement(
    TAG.sequence,
    derElement(TAG.integer, Uint8Array.of(version)),
    inner,
    ca.certificate.subject.der,
    utc("260101000000Z"),
    entries.length === 0 ? new Uint8Array(0) : derElement(TAG.sequence, ...entries),
    extensions.length === 0
      ? new Uint8Array(0)
      : derElement(contextTag(0, "constructed"), derElement(TAG.sequence, ...extensions)),
  );
  const signature = await ca.signer.sign("ecdsa_sha256", tbs);
  return derElement(TAG.sequence, tbs, ECDSA_SHA256, derElement(TAG.bitString, concat(Uint8Array.of(0), signature)));
}
const entry = (...extensions: Uint8Array[]) =>
  derElement(
    TAG.sequence,
    fromHex("020101"),
    utc("260101000000Z"),
    extensions.length === 0 ? new Uint8Array(0) : derElement(TAG.sequence, ...extensions),
  );

test("parseCrl refuses lists that cover less than they seem to, and other critical extensions", async () => {
  assert.equal((await parse(await forgeCrl({}))).number, undefined);
  for (const oid of [EXTENSION.deltaCRLIndicator, "1.2.3.4"]) {
    const list = await forgeCrl({ extensions: [extension(oid, true, fromHex("3000"))] });
    await assert.rejects(parse(list), { code: "unknown-critical-extension" }, oid);
  }
  const indirect = await forgeCrl({ entries: [entry(extension("2.5.29.29", true, fromHex("3000")))] });
  await assert.rejects(parse(indirect), { code: "unknown-critical-extension" });
  const number = extension(EXTENSION.cRLNumber, false, fromHex("020101"));
  await assert.rejects(parse(await forgeCrl({ extensions: [number, number] })), { code: "duplicate-extension" });
  const mixed = await forgeCrl({ inner: fromHex("300a06082a8648ce3d040303") });
  await assert.rejects(parse(mixed), { code: "algorithm-mismatch" });
});

test("parseCrl refuses what is malformed inside", async () => {
  const reason = (hex: string) => forgeCrl({ entries: [entry(extension(EXTENSION.reasonCode, false, fromHex(hex)))] });
  for (const hex of ["0a0107", "020101", "0a02010a"]) {
    await assert.rejects(parse(await reason(hex)), { name: "DecodeError", code: "value" });
  }
  const good = await forgeCrl({ entries: [entry()] });
  await assert.rejects(parse(concat(good, Uint8Array.of(0x30, 0))), { name: "DecodeError", code: "trailing" });
  await assert.rejects(parse(new Uint8Array(0)), { name: "DecodeError", code: "truncated" });
  await assert.rejects(parse(new Uint8Array(16 * 1024 * 1024 + 1)), { name: "DecodeError", code: "length" });
  const longer = derElement(TAG.sequence, fromHex("020101"), utc("260101000000Z"), fromHex("3000"), fromHex("0500"));
  for (const odd of [fromHex("3000"), fromHex("0500"), longer, fromHex("3003020200")]) {
    await assert.rejects(parse(await forgeCrl({ entries: [odd] })), { name: "DecodeError" });
  }
  assert.equal((await parse(await reason("0a0101"))).revoked.get("01")?.reason, "keyCompromise");
  await assert.rejects(parse(await forgeCrl({ version: 2 })), { name: "DecodeError" });
  const number = await forgeCrl({ extensions: [extension(EXTENSION.cRLNumber, false, fromHex("0400"))] });
  await assert.rejects(parse(number), { name: "DecodeError", code: "value" });
});

test("issueCrl refuses signer-mismatch, and tells the trace", async () => {
  const wrong = { certificate: ca.certificate, signer: newSigner() };
  await assert.rejects(issueCrl({ issuer: wrong, revoked: empty, number: 1, ...times }), { code: "signer-mismatch" });
  const trace = new Ledger({ clock: new VirtualClock() });
  await issueCrl({ issuer: ca, revoked: empty, number: 300, ...times, trace });
  const [event] = trace.events();
  assert.ok(event?.kind === "pki.issued" && event.what === "crl" && event.serial === "300");
});

test("crlFromPem reads what crlToPem wrote, and refuses a text without list", async () => {
  const der = await issueCrl({ issuer: ca, revoked: empty, number: 1, ...times });
  assert.deepEqual(crlFromPem(crlToPem(der)), der);
  assert.throws(() => crlFromPem(""), { code: "encoding" });
});
