import assert from "node:assert/strict";
import { test } from "node:test";

import { newLeaf, newRoot } from "./fixtures.test.ts";
import { checkServerIdentity, ipAddressText, parseIpAddress } from "./index.ts";

const root = await newRoot();
const certificate = await newLeaf(root, "server", "CN=only.example.net", {
  names: { dns: ["Example.com", "*.iot.example.com"], ip: ["192.0.2.7", "2001:db8::7"] },
});
const nameless = await newLeaf(root, "device", "CN=example.com");

test("checkServerIdentity accepts host names and IP addresses of the subjectAltName", () => {
  assert.equal(checkServerIdentity(certificate, "example.COM"), "Example.com");
  assert.equal(checkServerIdentity(certificate, "example.com."), "Example.com");
  assert.equal(checkServerIdentity(certificate, "a1b2-ats.iot.example.com"), "*.iot.example.com");
  assert.equal(checkServerIdentity(certificate, "192.0.2.7"), "192.0.2.7");
  assert.equal(checkServerIdentity(certificate, "[2001:DB8:0::7]"), "2001:db8::7");
});

test("checkServerIdentity refuses name-mismatch: CN, bare domain, two labels for one wildcard, other addresses", () => {
  const wrong = ["only.example.net", "iot.example.com", "a.b.iot.example.com", "example.org", "192.0.2.8", "::1"];
  for (const name of wrong) {
    assert.throws(
      () => checkServerIdentity(certificate, name),
      { name: "CertificateError", code: "name-mismatch" },
      name,
    );
  }
  assert.throws(() => checkServerIdentity(nameless, "example.com"), { code: "name-mismatch" });
});

test("checkServerIdentity refuses invalid-name where the caller asks for no name at all", () => {
  for (const name of ["", "*.iot.example.com", "exa mple.com", "exämple.com", "a..b", "-a.com", "1.2.3", "1.2.3.04"]) {
    assert.throws(() => checkServerIdentity(certificate, name), { name: "UsageError", code: "invalid-name" }, name);
  }
});

test("checkServerIdentity refuses a wildcard below a public suffix where the caller knows them", () => {
  const isPublicSuffix = (name: string) => name === "iot.example.com";
  assert.equal(checkServerIdentity(certificate, "example.com", { isPublicSuffix }), "Example.com");
  const wide = () => checkServerIdentity(certificate, "a.iot.example.com", { isPublicSuffix });
  assert.throws(wide, { name: "CertificateError", code: "name-mismatch" });
});

test("ipAddressText writes each address in the one way of RFC 5952", () => {
  const texts = [
    "::",
    "::1",
    "1::",
    "2001:db8::1",
    "2001:db8:0:1:1:1:1:1",
    "2001:0:0:1::1",
    "2001:db8::1:0:0:1",
    "1:2:3:4:5:6:7:8",
    "1::10:0:0:0",
    "10::",
    "0:1:2:3:4:5:6:0",
    "192.0.2.1",
  ];
  for (const text of texts) assert.equal(ipAddressText(parseIpAddress(text) ?? assert.fail(text)), text);
});

test("parseIpAddress reads the forms of RFC 4291 and nothing else", () => {
  const good = { "::": 16, "::ffff:192.0.2.1": 16, "1:2:3:4:5:6:7:8": 16, "1::8": 16, "0.0.0.0": 4 };
  for (const [text, length] of Object.entries(good)) assert.equal(parseIpAddress(text)?.length, length, text);
  assert.deepEqual(
    parseIpAddress("::ffff:192.0.2.1"),
    Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 1),
  );
  const bad = [
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    ":1",
    "1:",
    "12345::",
    "1.2.3",
    "256.1.1.1",
    "1:2:3:4:5:6:7::8",
  ];
  for (const text of bad) assert.equal(parseIpAddress(text), undefined, text);
});
