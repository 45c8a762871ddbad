import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { concat, fromHex, utf8Bytes } from "../codec/index.ts";
import { parseDer } from "./der.ts";
import { derElement } from "./der-write.ts";
import { oidDer } from "./fixtures.test.ts";
import { nameFromAttributes, nameFromText, nameValues, sameName } from "./index.ts";
import { nameOf } from "./name.ts";
import { NAME_ATTRIBUTES } from "./oids.ts";

function rdn(oid: string, tag: number, value: string | Uint8Array) {
  const bytes = typeof value === "string" ? utf8Bytes(value) : value;
  return derElement(0x31, derElement(0x30, oidDer(oid), derElement(tag, bytes)));
}
const nameDer = (...rdns: Uint8Array[]) => nameOf(parseDer(derElement(0x30, ...rdns)));
const [CN, O] = ["2.5.4.3", "2.5.4.10"];

test("nameFromText reads RFC 4514 with the last relative name first, and OpenSSL's form in order", () => {
  const name = nameFromText("CN=device-1, O=Example\\, Inc.+OU=x, C=DE");
  assert.equal(name.text, "CN=device-1,OU=x+O=Example\\, Inc.,C=DE");
  assert.ok(sameName(nameFromText("/C=DE/O=Example/CN=a/b"), nameFromText("CN=a/b,O=Example,C=DE")));
  assert.equal(nameFromText("").rdns.length, 0);
  assert.equal(nameFromText("CN=\\20a\\ ,O=\\C3\\A9").text, "CN=\\ a\\ ,O=é");
});

test("nameFromText refuses invalid-name", () => {
  for (const text of ["device", "XX=1", "CN", "/device", "CN=#0500", "CN=\\ff", "C=ä", "O=a,", "serialNumber=a@b"]) {
    assert.throws(() => nameFromText(text), { name: "UsageError", code: "invalid-name" }, text);
  }
});

test("a name's text reads back as the same name, whatever characters it holds", () => {
  const value = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" });
  const type = fc.constantFrom("CN", "O", "OU", "ST", "L", "UID");
  fc.assert(
    fc.property(fc.array(fc.tuple(type, value), { maxLength: 5 }), (attributes) => {
      const name = nameFromAttributes(attributes);
      assert.deepEqual(nameFromText(name.text).der, name.der, name.text);
      assert.doesNotMatch(name.text, /[\p{Cc}\p{Bidi_Control}]/u);
    }),
    { numRuns: 200 },
  );
});

test("sameName folds case, inner and outer white space and string type, as RFC 5280, section 7.1 says", () => {
  const base = nameDer(rdn(O, 0x13, "Example Corp"), rdn(CN, 0x0c, "A"));
  assert.ok(sameName(base, nameDer(rdn(O, 0x0c, "  example   CORP "), rdn(CN, 0x13, "a"))));
  assert.ok(sameName(nameDer(rdn(CN, 0x0c, "ﬁ")), nameDer(rdn(CN, 0x0c, "FI"))));
  assert.ok(!sameName(base, nameDer(rdn(CN, 0x0c, "A"), rdn(O, 0x13, "Example Corp"))), "order counts");
  assert.ok(!sameName(base, nameDer(rdn(O, 0x13, "ExampleCorp"), rdn(CN, 0x0c, "A"))));
  assert.ok(!sameName(nameDer(rdn(CN, 0x0c, "a,O=b")), nameDer(rdn(O, 0x0c, "b"), rdn(CN, 0x0c, "a"))));
});

test("sameName compares other string types as bytes", () => {
  assert.ok(!sameName(nameDer(rdn(CN, 0x14, "A")), nameDer(rdn(CN, 0x14, "a"))));
  assert.ok(!sameName(nameDer(rdn(CN, 0x14, "A")), nameDer(rdn(CN, 0x0c, "A"))));
  const dc = "0.9.2342.19200300.100.1.25";
  assert.ok(sameName(nameDer(rdn(dc, 0x16, "Example")), nameDer(rdn(dc, 0x16, "eXample"))));
});

test("sameName ignores the order of attributes within one relative name", () => {
  const attribute = (oid: string) => derElement(0x30, oidDer(oid), derElement(0x0c, utf8Bytes("x")));
  const multi = nameDer(derElement(0x31, attribute(CN), attribute(O)));
  assert.ok(sameName(multi, nameFromText("O=x+CN=x")));
});

test("nameValues gives every type of the list that policies may name", () => {
  const wanted =
    "Country Organization OrganizationalUnit DistinguishedNameQualifier State CommonName SerialNumber " +
    "Title Surname GivenName Initials Pseudonym GenerationQualifier";
  for (const type of wanted.split(" ")) {
    const known = NAME_ATTRIBUTES.find(({ long }) => long === type) ?? assert.fail(type);
    const name = nameFromAttributes([
      [type, "AB"],
      ["L", "elsewhere"],
      [type, "CD"],
    ]);
    assert.deepEqual(nameValues(name, known.long), ["AB", "CD"]);
  }
});

test("nameOf reads BMPString and Teletex, keeps other types as hex, and refuses broken structures", () => {
  assert.deepEqual(nameValues(nameDer(rdn(CN, 0x1e, fromHex("00e90041"))), "CommonName"), ["éA"]);
  assert.deepEqual(nameValues(nameDer(rdn(CN, 0x14, fromHex("e9"))), "CommonName"), ["é"]);
  assert.equal(nameDer(rdn("1.2.3", 0x04, "x")).text, "1.2.3=#040178");
  for (const broken of [rdn(CN, 0x1e, fromHex("d800")), derElement(0x31), derElement(0x30), fromHex("31023000")]) {
    assert.throws(() => nameDer(broken), { name: "DecodeError" });
  }
  const three = derElement(0x31, derElement(0x30, concat(oidDer(CN), fromHex("0500"), fromHex("0500"))));
  assert.throws(() => nameDer(three), { code: "trailing" });
});
