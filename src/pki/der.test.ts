import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { concat, DecodeError, fromHex, toHex, utf8Bytes, type CodecErrorCode } from "../codec/index.ts";
import { parseDer, TAG, type DerElement } from "./der.ts";
import { DerFields, namedBitsOf, oidOf, smallIntegerOf, timeOf } from "./der-fields.ts";
import { derElement } from "./der-write.ts";
import { oidDer } from "./fixtures.test.ts";

/** What a lenient BER parser would take, or what has broken one: none of it is DER. */
const HOSTILE: readonly (readonly [what: string, hex: string, code: CodecErrorCode])[] = [
  ["nothing", "", "truncated"],
  ["an identifier alone", "30", "truncated"],
  ["a length that is cut off", "3082", "truncated"],
  ["contents that are cut off", "300302", "truncated"],
  ["a length of 4 GiB", "3084ffffffff", "truncated"],
  ["a length in eight octets", "30880000000000000000", "length"],
  ["a length in 127 octets", `30ff${"00".repeat(127)}`, "length"],
  ["indefinite length", "30800000", "value"],
  ["indefinite length of a string", "2480040100040100", "value"],
  ["a long length that fits the short form", "30810100".replace("8101", "8103") + "020100".slice(2), "value"],
  ["a length with a leading zero", `3082007f${"0500".repeat(63)}05`, "value"],
  ["bytes behind the end", "300000", "trailing"],
  ["a second element", "30003000", "trailing"],
  ["end-of-contents as an element", "30020000", "value"],
  ["a high tag number", "3f2a00", "value"],
  ["a high tag number inside", "30031f2a00", "value"],
  ["SEQUENCE in primitive form", "1000", "value"],
  ["SET in primitive form", "1100", "value"],
  ["a constructed OCTET STRING", "240404020102", "value"],
  ["a constructed BIT STRING", "230403020001", "value"],
  ["a constructed UTF8String", "2c030c0161", "value"],
  ["a constructed INTEGER", "2203020101", "value"],
  ["BOOLEAN true as 01", "010101", "value"],
  ["BOOLEAN of two octets", "0102ffff", "value"],
  ["BOOLEAN of none", "0100", "value"],
  ["INTEGER of none", "0200", "value"],
  ["INTEGER with a leading zero", "02020001", "value"],
  ["INTEGER with a leading ff", "0202ff80", "value"],
  ["ENUMERATED with a leading zero", "0a020001", "value"],
  ["NULL with contents", "050100", "value"],
  ["BIT STRING of none", "0300", "value"],
  ["BIT STRING with eight unused bits", "03020800", "value"],
  ["BIT STRING with unused bits of nothing", "030101", "value"],
  ["BIT STRING with a set unused bit", "03020101", "value"],
  ["OBJECT IDENTIFIER of none", "0600", "value"],
  ["OBJECT IDENTIFIER that is cut off", "06022a86", "value"],
  ["OBJECT IDENTIFIER with a padded arc", "06032a8001", "value"],
  ["OBJECT IDENTIFIER that begins with padding", "0603802a03", "value"],
  ["UTF8String that is not UTF-8", "0c02c080", "value"],
  ["UTF8String with half a surrogate pair", "0c03eda080", "value"],
  ["PrintableString with an at sign", "130140", "value"],
  ["PrintableString with a zero", "130361006c", "value"],
  ["NumericString with a letter", "120141", "value"],
  ["IA5String with the eighth bit", "1601e9", "value"],
  ["VisibleString with a line feed", "1a010a", "value"],
  ["UTCTime without seconds", "170b3236303130313030303058".replace("58", "5a").replace("0b", "0b"), "value"],
  ["UTCTime with an offset", `1711${toHex(utf8Bytes("260101000000+0100"))}`, "value"],
  ["GeneralizedTime with a fraction", `1811${toHex(utf8Bytes("20260101000000.5Z"))}`, "value"],
  ["GeneralizedTime without Z", `180e${toHex(utf8Bytes("20260101000000"))}`, "value"],
  ["BMPString of one octet", "1e0141", "value"],
  ["UniversalString of two octets", "1c020041", "value"],
  ["a SET out of order", "3106020102020101", "value"],
];

test("parseDer refuses each hostile input with a DecodeError that has its offset", () => {
  for (const [what, hex, code] of HOSTILE) {
    assert.throws(
      () => parseDer(fromHex(hex)),
      (error) => error instanceof DecodeError && error.code === code && error.at <= hex.length / 2,
      `${what}: ${code} expected`,
    );
  }
});

test("parseDer refuses input that is too deep, too long or of too many elements", () => {
  const nested = Array.from({ length: 17 }).reduce<Uint8Array>((inner) => derElement(0x30, inner), new Uint8Array(0));
  assert.throws(() => parseDer(nested), { code: "depth", at: 32 });
  parseDer(nested.subarray(2));
  assert.throws(() => parseDer(new Uint8Array(128 * 1024 + 1)), { code: "length" });
  const many = derElement(0x30, ...Array.from({ length: 20_000 }, () => fromHex("0500")));
  assert.throws(() => parseDer(many), { code: "length", message: /too many elements/ });
});

test("parseDer gives the raw bytes of every element, and offsets from the outermost input", () => {
  const bytes = fromHex("300a3003020105a0030c0161");
  const element = parseDer(bytes, undefined, 100);
  const [first, second] = element.children;
  assert.equal(toHex(first?.raw ?? bytes), "3003020105");
  assert.equal(second?.at, 107);
  assert.equal(toHex(second?.children[0]?.content ?? bytes), "61");
});

const leaf = fc.oneof(
  fc.boolean().map((value) => derElement(TAG.boolean, Uint8Array.of(value ? 0xff : 0))),
  fc.uint8Array({ maxLength: 300 }).map((value) => derElement(TAG.octetString, value)),
  fc.string({ maxLength: 20, unit: "grapheme" }).map((value) => derElement(TAG.utf8String, utf8Bytes(value))),
  fc.constant(fromHex("0500")),
);
const tree = fc.letrec<{ node: Uint8Array }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie("node"), { maxLength: 4 }).map((children) => derElement(TAG.sequence, ...children)),
  ),
})).node;

test("parseDer reads what was written, and no strict prefix of it", () => {
  fc.assert(
    fc.property(tree, (bytes) => {
      assert.deepEqual(rebuild(parseDer(bytes)), bytes);
      for (let length = 0; length < bytes.length; length += 3) {
        assert.throws(() => parseDer(bytes.subarray(0, length)), { name: "DecodeError", code: "truncated" });
      }
      assert.throws(() => parseDer(concat(bytes, Uint8Array.of(0))), { code: "trailing" });
    }),
  );
});

test("parseDer takes any bytes without throwing anything but DecodeError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        assert.deepEqual(rebuild(parseDer(bytes)), bytes);
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

test("DerFields names what is missing, what is wrong and what is left over", () => {
  const fields = () => new DerFields(parseDer(fromHex("30060201050c0161")), TAG.sequence, "Thing");
  assert.throws(() => new DerFields(parseDer(fromHex("3100")), TAG.sequence, "Thing"), { code: "value", at: 0 });
  assert.throws(() => fields().take("name", TAG.utf8String), { code: "value", at: 2 });
  assert.throws(() => fields().end(), { code: "trailing", at: 2 });
  const read = fields();
  assert.equal(smallIntegerOf(read.take("number"), 5), 5);
  assert.equal(read.optional(TAG.integer), undefined);
  read.take("name");
  read.end();
  assert.throws(() => read.take("more"), { code: "truncated", message: "more is missing at byte 8" });
});

test("smallIntegerOf refuses what is negative or above its bound", () => {
  for (const hex of ["0201ff", "020106", "02090100000000000000ff"]) {
    assert.throws(() => smallIntegerOf(parseDer(fromHex(hex)), 5), { code: "value" });
  }
});

test("namedBitsOf reads bits by number, with zeros behind them or without", () => {
  assert.deepEqual(namedBitsOf(parseDer(fromHex("03020106")), "bits"), [5, 6]);
  assert.deepEqual(namedBitsOf(parseDer(fromHex("0303070080")), "bits"), [8]);
  assert.deepEqual(namedBitsOf(parseDer(fromHex("030100")), "bits"), []);
  assert.deepEqual(namedBitsOf(parseDer(fromHex("03020006")), "bits"), [5, 6]);
  assert.deepEqual(namedBitsOf(parseDer(fromHex("0303000600")), "bits"), [5, 6]);
});

test("oidOf reads arcs of any size", () => {
  // ITU-T X.690, section 8.19.5: {2 999 3}
  assert.equal(oidOf(parseDer(fromHex("0603883703"))), "2.999.3");
  assert.equal(oidOf(parseDer(fromHex("06092a864886f70d01010b"))), "1.2.840.113549.1.1.11");
  assert.equal(oidOf(parseDer(oidDer("1.3.6.1.4.1.55738.666.1"))), "1.3.6.1.4.1.55738.666.1");
});

test("timeOf reads both forms and refuses instants that do not exist", () => {
  const read = (text: string) =>
    timeOf(parseDer(derElement(text.length === 13 ? TAG.utcTime : TAG.generalizedTime, utf8Bytes(text))));
  assert.equal(read("491231235959Z"), Date.UTC(2049, 11, 31, 23, 59, 59));
  assert.equal(read("500101000000Z"), Date.UTC(1950, 0, 1));
  assert.equal(read("20240229120000Z"), Date.UTC(2024, 1, 29, 12));
  assert.equal(read("99991231235959Z"), Date.UTC(9999, 11, 31, 23, 59, 59));
  for (const text of [
    "230229000000Z",
    "261301000000Z",
    "260100000000Z",
    "260101240000Z",
    "260101006000Z",
    "260101000060Z",
  ]) {
    assert.throws(() => read(text), { name: "DecodeError", code: "value" }, text);
  }
  assert.throws(() => timeOf(parseDer(fromHex("0500"))), { code: "value" });
});

function rebuild({ tag, content, children }: DerElement): Uint8Array {
  return tag & 0x20 ? derElement(tag, ...children.map(rebuild)) : derElement(tag, content);
}
