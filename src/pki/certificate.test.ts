import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { test } from "node:test";

import fc from "fast-check";

import { fromHex, HawserError, toHex } from "../codec/index.ts";
import { nodeVerifier } from "../crypto/node.ts";
import {
  ext,
  forge,
  forgeDer,
  generalName,
  LEAF_USAGE,
  newCa,
  newLeaf,
  newRoot,
  newSigner,
  VALIDITY,
} from "./fixtures.test.ts";
import {
  certificateFromPem,
  certificatesFromPem,
  certificateToPem,
  EXTENSION,
  keyWeakness,
  parseCertificate,
  parseCertificateContent,
  parsePublicKey,
  signedBy,
  type RawExtension,
} from "./index.ts";

const root = await newRoot("CN=Root,O=Example");
const ca = await newCa(root, "CN=Intermediate", {}, newSigner("secp384r1"));
const leaf = await newLeaf(ca, "server", "CN=server,C=DE", { names: { dns: ["a.example"], ip: ["::1"] } });

test("OE-09 parseCertificate tells who, whose key, by whom and how long, as node:crypto reads it too", () => {
  const other = new X509Certificate(leaf.der);
  assert.equal(leaf.id, other.fingerprint256.replaceAll(":", "").toLowerCase());
  assert.equal(leaf.serialNumber, other.serialNumber.toLowerCase());
  assert.equal(leaf.validity.notBefore, other.validFromDate.getTime());
  assert.equal(leaf.validity.notAfter, other.validToDate.getTime());
  assert.deepEqual(leaf.publicKey.der, new Uint8Array(other.publicKey.export({ format: "der", type: "spki" })));
  assert.equal(leaf.subject.text, "CN=server,C=DE");
  assert.equal(leaf.issuer.text, "CN=Intermediate");
  assert.equal(leaf.version, 3);
  assert.equal(leaf.signatureAlgorithm.name, "ecdsa_sha384");
  assert.deepEqual([...(leaf.extensions.keyUsage ?? [])], ["digitalSignature"]);
  assert.deepEqual(leaf.extensions.subjectAltName?.dns, ["a.example"]);
  assert.equal(other.checkIssued(new X509Certificate(ca.certificate.der)), true);
});

test("parseCertificate keeps the bytes that were signed as they were received", () => {
  assert.deepEqual(leaf.tbs, leaf.der.subarray(4, 4 + leaf.tbs.length));
  assert.equal(parseCertificateContent(leaf.tbs).serialNumber, leaf.serialNumber);
});

test("a certificate with any one byte changed is refused, or its signature no longer holds", async () => {
  const bytes = fc.tuple(fc.nat(leaf.der.length - 1), fc.integer({ min: 1, max: 255 }));
  await fc.assert(
    fc.asyncProperty(bytes, async ([at, flip]) => {
      const changed = Uint8Array.from(leaf.der, (byte, i) => (i === at ? byte ^ flip : byte));
      try {
        assert.equal(await signedBy(parseCertificate(changed), ca.certificate, nodeVerifier), false, `byte ${at}`);
      } catch (error) {
        assert.ok(error instanceof HawserError, String(error));
      }
    }),
    { numRuns: 400 },
  );
});

test("parseCertificate refuses every strict prefix, and one byte more", () => {
  for (let length = 0; length < leaf.der.length; length++) {
    assert.throws(() => parseCertificate(leaf.der.subarray(0, length)), { name: "DecodeError", code: "truncated" });
  }
  assert.throws(() => parseCertificate(Uint8Array.of(...leaf.der, 0)), { code: "trailing" });
});

test("parseCertificate reads versions 1 and 2, which OpenSSL 1 made of every request", async () => {
  const old = await forge(ca, { version: 1, subject: "CN=old" });
  assert.equal(old.version, 1);
  assert.equal(old.extensions.all.length, 0);
  assert.equal((await forge(ca, { version: 2 })).version, 2);
  await assert.rejects(forge(ca, { version: 1, extensions: [LEAF_USAGE] }), { name: "DecodeError", code: "value" });
});

test("parseCertificate refuses extensions that are malformed inside, with their offset", async () => {
  const broken: Record<string, RawExtension> = {
    "key usage without a usage": ext.keyUsage("00"),
    "key usage bit 9": ext.keyUsage("06000040"),
    "key usage of zeros": ext.keyUsage("000000"),
    "no key purpose": ext.eku(),
    "no alternative name": ext.dns(),
    "a path length of 256": ext.any("2.5.29.19", true, fromHex("30070101ff02020100")),
    "a negative path length": ext.any("2.5.29.19", true, fromHex("30060101ff0201ff")),
    "half of an issuer and serial": ext.any("2.5.29.35", false, fromHex("3003820101")),
    "a subject key identifier that is a SEQUENCE": ext.any("2.5.29.14", false, fromHex("3000")),
    "an IP address of five bytes": ext.any("2.5.29.17", false, fromHex("300787050102030405")),
    "a DNS name with the eighth bit": ext.any("2.5.29.17", false, fromHex("30038201e9")),
    "an empty DNS name": ext.any("2.5.29.17", false, fromHex("30028200")),
    "a general name of tag 9": ext.any("2.5.29.17", false, fromHex("3003890161")),
    "text where DER belongs": ext.any("2.5.29.17", false, fromHex("666f6f")),
    "an access description without a place": ext.any("1.3.6.1.5.5.7.1.1", false, fromHex("3006300406022901")),
    "BER inside": ext.any("2.5.29.19", true, fromHex("30800101ff0000")),
  };
  for (const [what, extension] of Object.entries(broken)) {
    await assert.rejects(
      forge(ca, { extensions: [extension] }),
      (error) => error instanceof HawserError && error.name === "DecodeError" && Number(Reflect.get(error, "at")) > 100,
      what,
    );
  }
});

test("parseCertificate reads names of every kind, and counts those it does not use", async () => {
  const plain = fromHex("301b8103614062820161a40230008603613a6287047f00000188022a03");
  const { extensions } = await forge(ca, {
    extensions: [ext.any("2.5.29.17", false, plain), ext.any("2.5.29.18", false, fromHex("3003820162"))],
  });
  assert.deepEqual(extensions.issuerAltName?.dns, ["b"]);
  const san = extensions.subjectAltName ?? assert.fail();
  assert.deepEqual([san.email, san.dns, san.uri, san.otherForms], [["a@b"], ["a"], ["a:b"], [8]]);
  assert.equal(san.directoryNames[0]?.rdns.length, 0);
  assert.equal(toHex(san.ip[0] ?? new Uint8Array(0)), "7f000001");
});

test("parseCertificate takes what is rare but harmless: explicit cA FALSE, zeros behind a key usage, any general name, 9999 as year", async () => {
  const caFalse = ext.any("2.5.29.19", true, fromHex("3003010100"));
  const { extensions } = await forge(ca, { extensions: [caFalse] });
  assert.deepEqual(extensions.basicConstraints, { ca: false, pathLength: undefined });
  const padded = await forge(ca, { extensions: [ext.keyUsage("000600")] });
  assert.deepEqual(padded.extensions.keyUsage, new Set(["keyCertSign", "cRLSign"]));
  const notAfter = Date.UTC(9999, 11, 31, 23, 59, 59);
  assert.equal((await forge(ca, { validity: { ...VALIDITY, notAfter } })).validity.notAfter, notAfter);
});

test("parseCertificate gives a certificate or its own errors for any changed byte of one with every extension", async () => {
  const der = await forgeDer(ca, {
    extensions: [
      ext.nameConstraints(["dns:a.example", "ip:c0000200ffffff00", "dir:O=x"].map(generalName), [
        generalName("email:b.example"),
      ]),
      ext.policies(["1.2.3", "2.5.29.32.0"]),
      ext.policyMappings([["1.2.3", "1.2.4"]]),
      ext.policyConstraints({ require: 1, inhibit: 0 }),
      ext.inhibitAnyPolicy(1),
      ext.any(EXTENSION.tlsFeature, false, fromHex("3003020105")),
      ext.any(EXTENSION.cRLDistributionPoints, false, fromHex("3010300ea00ca00a8608687474703a2f2f61")),
    ],
  });
  assert.deepEqual(parseCertificate(der).extensions.crlDistributionPoints, ["http://a"]);
  const changes = fc.tuple(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(fc.array(changes, { minLength: 1, maxLength: 2 }), (list) => {
      const changed = Uint8Array.from(der);
      for (const [at, flip] of list) changed[at] = (changed[at] ?? 0) ^ flip;
      try {
        parseCertificate(changed);
      } catch (error) {
        assert.ok(error instanceof HawserError, String(error));
      }
    }),
    { numRuns: 3000 },
  );
});

test("parseCertificate refuses duplicate-extension and algorithm-mismatch", async () => {
  const twice = await forgeDer(ca, { extensions: [LEAF_USAGE, ext.ski(Uint8Array.of(1)), LEAF_USAGE] });
  assert.throws(() => parseCertificate(twice), {
    name: "CertificateError",
    code: "duplicate-extension",
    field: "keyUsage",
  });
  const two = await forgeDer(ca, { outerAlgorithm: fromHex("300a06082a8648ce3d040303") });
  assert.throws(() => parseCertificate(two), { name: "CertificateError", code: "algorithm-mismatch" });
});

test("certificatesFromPem reads a bundle with CRLF, byte-order mark and text between", () => {
  const bundle = `\uFEFFsubject=x\r\n${certificateToPem(leaf).replaceAll("\n", "\r\n")}\r\n${certificateToPem(ca.certificate)}`;
  assert.deepEqual(
    certificatesFromPem(bundle).map(({ id }) => id),
    [leaf.id, ca.certificate.id],
  );
  assert.throws(() => certificateFromPem("nothing"), { name: "DecodeError", code: "encoding" });
});

test("parsePublicKey tells kinds, curves and sizes as node:crypto exports them", () => {
  const spki = (pair: { publicKey: { export(o: { format: "der"; type: "spki" }): Uint8Array } }) =>
    parsePublicKey(new Uint8Array(pair.publicKey.export({ format: "der", type: "spki" })));
  for (const [namedCurve, curve] of [
    ["prime256v1", "P-256"],
    ["secp384r1", "P-384"],
    ["secp521r1", "P-521"],
  ] as const) {
    const key = spki(generateKeyPairSync("ec", { namedCurve }));
    assert.equal(key.kind === "ec" && key.curve, curve);
    assert.equal(keyWeakness(key), undefined);
  }
  const rsa = spki(generateKeyPairSync("rsa", { modulusLength: 2048 }));
  assert.deepEqual(rsa.kind === "rsa" && [rsa.bits, rsa.exponent], [2048, 65537n]);
  assert.equal(keyWeakness(rsa), undefined);
  assert.equal(keyWeakness({ ...rsa, kind: "rsa", bits: 2048, exponent: 1n }), "RSA exponent 1");
  assert.equal(keyWeakness({ ...rsa, kind: "rsa", bits: 2048, exponent: 65536n }), "RSA exponent 65536");
  assert.match(keyWeakness({ ...rsa, kind: "rsa", bits: 2048, exponent: (1n << 256n) + 1n }) ?? "", /256 bits/);
  assert.equal(keyWeakness({ ...rsa, kind: "rsa", bits: 8192, exponent: 3n }), "RSA of 8192 bits");
  const compressed = fromHex(`3039301306072a8648ce3d020106082a8648ce3d030107032200${"02".padEnd(66, "a")}`);
  assert.match(keyWeakness(parsePublicKey(compressed)) ?? "", /not an uncompressed point/);
});
