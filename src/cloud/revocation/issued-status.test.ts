import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { nodeVerifier } from "../../crypto/node.ts";
import { fromHex, toBase64 } from "../../codec/index.ts";
import { certificateFromPem, parseCrl, type Certificate } from "../../pki/index.ts";
import { checkOcspResponse, ocspRequest } from "../../pki/ocsp/index.ts";
import { certificateToPem } from "../../pki/index.ts";
import { type PageHandlers, pageExchange } from "../operations/index.ts";
import { DAY, newCa, newIssuing, newLeaf, newSigner, newWorld } from "../registry/fixtures.test.ts";
import {
  deleteCertificate,
  issueWithNewKey,
  registerCertificateWithoutCa,
  updateCertificate,
} from "../registry/index.ts";
import { IssuedStatus, pointersUnder, revocationPages, Revocations } from "./index.ts";

async function world(t: TestContext) {
  const { registry, clock } = await newWorld(t);
  const issuing = await newIssuing();
  const revocations = await Revocations.open(registry);
  const { issuer } = issuing;
  const open = () => IssuedStatus.open({ registry, issuer, revocations, newSigner });
  const issued = await open();
  const issue = async (order: Parameters<typeof issueWithNewKey>[2] = {}, from = issuing) =>
    certificateFromPem((await issueWithNewKey(registry, from, order)).certificatePem);
  const asked = async (certificate: Certificate, by = issued) => {
    const about = { certificate, issuer: issuer.certificate };
    const answer = await by.ocsp(ocspRequest({ certificates: [about], nonce: fromHex("aa".repeat(16)) }));
    const checked = await checkOcspResponse(answer, { ...about, time: clock.now(), verifier: nodeVerifier });
    return checked.status === "revoked" ? checked.revocation : checked.status;
  };
  const listed = async () => parseCrl(await issued.crl(), issuer.certificate, nodeVerifier);
  return { registry, clock, issuing, revocations, issued, open, issue, asked, listed };
}

test("IssuedStatus tells revoked, deleted and denied certificates of the cloud's own CA apart, by OCSP and by CRL", async (t) => {
  const { registry, clock, revocations, issue, asked, listed } = await world(t);
  const [good, revoked, deleted, denied] = [await issue(), await issue(), await issue(), await issue()];
  for (const each of [good, revoked, deleted, denied]) assert.equal(await asked(each), "good");
  assert.equal((await listed()).revoked.size, 0);
  clock.advance(DAY);
  const time = clock.now();
  await updateCertificate(registry, revoked.id, "REVOKED", "keyCompromise");
  await deleteCertificate(registry, deleted.id);
  await revocations.deny(denied.id, "reported stolen");
  clock.advance(1000);
  const said = [
    [revoked, { time, reason: "keyCompromise" }],
    [deleted, { time, reason: "cessationOfOperation" }],
    [denied, { time, reason: "privilegeWithdrawn" }],
  ] as const;
  for (const [certificate, revocation] of said) assert.deepEqual(await asked(certificate), revocation);
  assert.deepEqual([...(await listed()).revoked.entries()].length, 3);
  for (const [{ serialNumber }, revocation] of said)
    assert.deepEqual((await listed()).revoked.get(serialNumber), revocation);
  assert.equal(await asked(good), "good");
  await updateCertificate(registry, good.id, "INACTIVE");
  assert.equal(await asked(good), "good", "INACTIVE is no revocation");

  // AWS lets a REVOKED certificate come back; a deleted one does not.
  await updateCertificate(registry, revoked.id, "ACTIVE");
  await revocations.allow(denied.id);
  assert.deepEqual([await asked(revoked), await asked(denied)], ["good", "good"]);
  assert.deepEqual([...(await listed()).revoked.keys()], [deleted.serialNumber]);
  // The first reason stays: deleting what was revoked says nothing new.
  await updateCertificate(registry, revoked.id, "REVOKED", "superseded");
  await deleteCertificate(registry, revoked.id);
  assert.equal(((await asked(revoked)) as { reason: string }).reason, "superseded");
});

test("IssuedStatus calls unknown what it never issued, and a namesake's certificate no business of its own", async (t) => {
  const { registry, issuing, asked } = await world(t);
  const unrecorded = await newLeaf({ issuer: issuing.issuer });
  assert.equal(await asked(unrecorded), "unknown");
  await registerCertificateWithoutCa(registry, { certificatePem: certificateToPem(unrecorded) });
  assert.equal(await asked(unrecorded), "unknown", "registered, and not issued here");
});

test("a list of the cloud's own CA has a higher number whenever it says something else, and drops what has ended", async (t) => {
  const { registry, clock, issue, listed, open } = await world(t);
  const short = await issue({ notAfter: clock.now() + 10 * DAY });
  const numbers = [(await listed()).number];
  clock.advance(DAY / 4);
  numbers.push((await listed()).number);
  await updateCertificate(registry, short.id, "REVOKED");
  numbers.push((await listed()).number);
  clock.advance(DAY / 2);
  numbers.push((await listed()).number);
  assert.deepEqual(numbers, ["01", "01", "02", "03"]);
  clock.advance(10 * DAY);
  assert.equal((await listed()).revoked.size, 0);
  const again = await open();
  assert.ok(await again.crl());
});

test("IssuedStatus has its delegate certified anew before its week is over", async (t) => {
  const { clock, issue, asked } = await world(t);
  const certificate = await issue();
  for (let day = 0; day < 15; day++) {
    assert.equal(await asked(certificate), "good");
    clock.advance(DAY);
  }
});

test("IssuedStatus.open notes once what was issued before serial numbers were kept", async (t) => {
  const { registry, open, issue, asked } = await world(t);
  const [old, revoked] = [await issue(), await issue()];
  await updateCertificate(registry, revoked.id, "REVOKED");
  await registerCertificateWithoutCa(registry, {
    certificatePem: certificateToPem(await newLeaf({ issuer: await newCa("Device CA") })),
  });
  await registry.store.write(async (queries) => {
    await queries.updateTable("certificates").set({ serial: null }).execute();
    await queries.deleteFrom("withdrawn_serials").execute();
    await queries.deleteFrom("settings").where("name", "=", "serials-noted").execute();
  });
  assert.equal(await asked(old), "unknown");
  const reopened = await open();
  assert.equal(await asked(old, reopened), "good");
  assert.equal(((await asked(revoked, reopened)) as { reason: string }).reason, "unspecified");
  const serials = await registry.store.read.selectFrom("certificates").select("serial").execute();
  assert.equal(serials.filter(({ serial }) => serial === null).length, 1, "the namesake's is not ours");
});

test("certificates point to OCSP and CRL where the cloud was told its address, and say nothing of it where not", async (t) => {
  const { issuing, issue } = await world(t);
  const oids = (certificate: Certificate) => certificate.extensions.all.map(({ oid }) => oid);
  const pointing = ["2.5.29.31", "1.3.6.1.5.5.7.1.1"];
  assert.ok(!oids(await issue()).some((oid) => pointing.includes(oid)));
  const pointers = pointersUnder("http://pki.example", issuing.issuer.certificate.id);
  const certificate = await issue({}, { ...issuing, pointers });
  assert.deepEqual(certificate.extensions.crlDistributionPoints, [pointers.crl]);
  assert.deepEqual(oids(certificate).slice(-2), pointing);
});

test("the pages answer OCSP by POST and by GET, lists by their CA's id, and 404 for others", async (t) => {
  const { issued, revocations, issue, clock, issuing } = await world(t);
  const handlers = revocationPages(issued, revocations) as PageHandlers;
  const page = async (method: string, path: string, body: Uint8Array = new Uint8Array(0)) => {
    const exchange = pageExchange({ method, path, query: "", headers: [], address: "127.0.0.1" }, handlers);
    assert.ok(exchange && "complete" in exchange);
    return exchange.complete(body);
  };
  const about = { certificate: await issue(), issuer: issuing.issuer.certificate };
  const request = ocspRequest({ certificates: [about] });
  const inPath = toBase64(request);
  const check = { ...about, time: clock.now(), verifier: nodeVerifier };
  for (const [method, path, body] of [
    ["POST", "/hawser/v1/ocsp", request],
    ["GET", `/hawser/v1/ocsp/${encodeURIComponent(inPath)}`, undefined],
    ["GET", `/hawser/v1/ocsp/${inPath}`, undefined],
    ["GET", `/hawser/v1/ocsp/${inPath.replaceAll("=", "")}`, undefined],
  ] as const) {
    const answer = await page(method, path, body);
    assert.equal(answer.headers["Content-Type"], "application/ocsp-response");
    assert.equal((await checkOcspResponse(answer.body, check)).status, "good");
  }
  for (const bad of ["/hawser/v1/ocsp/AAAA", "/hawser/v1/ocsp/%F0%9F%98%80", "/hawser/v1/ocsp/a"])
    assert.deepEqual([...(await page("GET", bad)).body], [0x30, 3, 0x0a, 1, 1]);
  const { id } = issuing.issuer.certificate;
  const list = await page("GET", `/hawser/v1/crl/${id}.crl`);
  assert.equal((await parseCrl(list.body, issuing.issuer.certificate, nodeVerifier)).revoked.size, 0);
  for (const name of [id, `${"0".repeat(64)}.crl`, "..%2F..%2Fetc", `${id}.crl%00`])
    assert.equal((await page("GET", `/hawser/v1/crl/${name}`)).status, 404, name);
  assert.deepEqual((await page("GET", "/hawser/v1/issuer.crt")).body, issuing.issuer.certificate.der);
});
