import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { test } from "node:test";

import { nodeVerifier } from "../../crypto/node.ts";
import { certificateFromPem, createCsr, csrToPem, nameFromAttributes, signedBy } from "../../pki/index.ts";
import { newIssuing, newSigner } from "../registry/fixtures.test.ts";
import { newApi } from "./fixtures.test.ts";

test("CreateKeysAndCertificate gives a key pair and a certificate for it; the private key is in no table", async (t) => {
  const issuing = await newIssuing();
  const api = await newApi(t, { issuing });
  const created = await api.call("CreateKeysAndCertificate", { setAsActive: true });
  const certificate = certificateFromPem(created.certificatePem);
  assert.equal(created.certificateId, certificate.id);
  assert.equal(certificate.subject.text, "CN=AWS IoT Certificate");
  assert.equal(new Date(certificate.validity.notAfter).toISOString(), "2049-12-31T23:59:59.000Z");
  assert.ok(await signedBy(certificate, issuing.issuer.certificate, nodeVerifier));
  const { PublicKey, PrivateKey } = created.keyPair;
  const spki = createPublicKey(createPrivateKey(PrivateKey)).export({ format: "der", type: "spki" });
  assert.deepEqual(new Uint8Array(spki), certificate.publicKey.der);
  assert.equal(createPublicKey(PublicKey).export({ format: "der", type: "spki" }).equals(spki), true);
  const { certificateDescription } = await api.call("DescribeCertificate", { certificateId: created.certificateId });
  assert.deepEqual(
    [certificateDescription.status, certificateDescription.certificateMode, certificateDescription.caCertificateId],
    ["ACTIVE", "DEFAULT", undefined],
  );
  const secret = PrivateKey.split("\n").slice(1, -2).join("");
  const rows = await api.registry.store.read.selectFrom("certificates").selectAll().execute();
  const events = await api.registry.store.read.selectFrom("ledger_events").selectAll().execute();
  assert.equal(rows.length, 1);
  assert.ok(!JSON.stringify([rows, events, api.ledger.events({})]).includes(secret.slice(0, 40)));
});

test("CreateCertificateFromCsr issues for the key and subject of a request: the key stays where it is", async (t) => {
  const issuing = await newIssuing();
  const api = await newApi(t, { issuing });
  for (const curve of ["P-256", "P-384"]) {
    const signer = newSigner(curve);
    const subject = nameFromAttributes([["CN", `chip on ${curve}`]]);
    const certificateSigningRequest = csrToPem(await createCsr({ subject, signer }));
    const { certificatePem, certificateId } = await api.call("CreateCertificateFromCsr", { certificateSigningRequest });
    const certificate = certificateFromPem(certificatePem);
    assert.deepEqual(certificate.publicKey.der, signer.publicKey);
    assert.equal(certificate.subject.text, subject.text);
    assert.ok(await signedBy(certificate, issuing.issuer.certificate, nodeVerifier));
    const { certificateDescription } = await api.call("DescribeCertificate", { certificateId });
    assert.equal(certificateDescription.status, "INACTIVE");
  }
});

test("CreateCertificateFromCsr refuses what it cannot read, what another key signed, weak keys and subjects that name nobody", async (t) => {
  const api = await newApi(t);
  const signer = newSigner();
  const good = csrToPem(await createCsr({ subject: nameFromAttributes([["CN", "d"]]), signer }));
  const other = newSigner();
  const forged = csrToPem(
    await createCsr({
      subject: nameFromAttributes([["CN", "d"]]),
      signer: { ...signer, sign: (algorithm, content) => other.sign(algorithm, content) },
    }),
  );
  const nobody = csrToPem(await createCsr({ subject: nameFromAttributes([["O", "Example"]]), signer }));
  const cases: [string, RegExp][] = [
    ["hello", /cannot be used: no CERTIFICATE REQUEST block/],
    [good.slice(0, 60) + good.slice(70), /certificateSigningRequest cannot be used/],
    [forged, /not signed by the key in it/],
    [nobody, /is refused:.*subject/],
  ];
  for (const [certificateSigningRequest, message] of cases) {
    await assert.rejects(api.call("CreateCertificateFromCsr", { certificateSigningRequest }), {
      type: "InvalidRequestException",
      message,
    });
  }
  assert.equal(api.registry.directory.counts.certificates, 0);
});

test("Publish gives bytes as they came to the broker, with its MQTT 5 properties, and needs a signature for iotdata", async (t) => {
  const api = await newApi(t);
  const payload = Uint8Array.of(0, 255, 10, 13);
  const userProperties = btoa('[{"site":"A"},{"line":"7"}]');
  const { message } = await api.call("Publish", {
    topic: "a/b c/x",
    qos: 1,
    retain: true,
    payload,
    userProperties,
    payloadFormatIndicator: "UNSPECIFIED_BYTES",
    contentType: "application/octet-stream",
    responseTopic: "r",
    correlationData: Uint8Array.of(1, 2),
    messageExpiry: 30,
  });
  assert.equal(message, "OK");
  const [call] = api.calls;
  assert.deepEqual(call, {
    name: "publish",
    input: {
      topic: "a/b c/x",
      payload,
      qos: 1,
      retain: true,
      origin: "api",
      properties: {
        payloadFormatIndicator: 0,
        messageExpiryIntervalS: 30,
        contentType: "application/octet-stream",
        responseTopic: "r",
        correlationData: Uint8Array.of(1, 2),
        userProperties: [
          ["site", "A"],
          ["line", "7"],
        ],
      },
    },
  });
  await api.call("Publish", { topic: "empty" });
  assert.deepEqual(api.calls[1]?.input, {
    topic: "empty",
    payload: new Uint8Array(0),
    qos: 0,
    retain: false,
    properties: {},
    origin: "api",
  });
});

test("Publish refuses reserved topics, topics and payloads beyond the broker's limits, and properties of a wrong form", async (t) => {
  const api = await newApi(t);
  const cases: [Parameters<typeof api.call<"Publish">>[1], string, RegExp][] = [
    [{ topic: "$aws/events/x" }, "InvalidRequestException", /is reserved$/],
    [{ topic: "é".repeat(129) }, "InvalidRequestException", /at most 256 bytes, not 258$/],
    [{ topic: "a/".repeat(8) }, "InvalidRequestException", /at most 7 slashes, not 8$/],
    [{ topic: "a", userProperties: "e30=" }, "InvalidRequestException", /userProperties must be base64 of/],
    [{ topic: "a", userProperties: btoa('[{"a":1}]') }, "InvalidRequestException", /userProperties must be base64 of/],
    [{ topic: "a", userProperties: "*" }, "InvalidRequestException", /userProperties must be base64 of/],
    [
      { topic: "a", payload: new Uint8Array(128 * 1024 + 1) },
      "RequestEntityTooLargeException",
      /has 131073 bytes, at most 131072/,
    ],
  ];
  for (const [input, type, message] of cases) await assert.rejects(api.call("Publish", input), { type, message });
  assert.deepEqual(api.calls, []);
});
