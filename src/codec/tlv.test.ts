import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import {
  concat,
  decode,
  DecodeError,
  encode,
  fromHex,
  longLength,
  optionalTag,
  rest,
  tagged,
  tlvStruct,
  toHex,
  u16,
  u32,
} from "./index.ts";

const record = tlvStruct({
  id: tagged(0x41, u32),
  size: optionalTag(0x42, u16),
  data: longLength(tagged(0x43, rest)),
});

function codeOf(hex: string): string {
  try {
    decode(record, fromHex(hex));
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
    return error.code;
  }
  return "no error";
}

test("tlvStruct gives back what it wrote", () => {
  const value = fc.record(
    {
      id: fc.integer({ min: 0, max: 0xffffffff }),
      size: fc.integer({ min: 0, max: 0xffff }),
      data: fc.uint8Array({ maxLength: 700 }),
    },
    { requiredKeys: ["id", "data"], noNullPrototype: true },
  );
  fc.assert(fc.property(value, (fields) => assert.deepEqual(decode(record, encode(record, fields)), fields)));
});

test("tlvStruct reads fields in any order and lengths in every form", () => {
  const expected = { id: 0x01020304, data: fromHex("aa") };
  for (const hex of ["4104010203044301aa", "4301aa410401020304", "4181040102030443820001aa"]) {
    assert.deepEqual(decode(record, fromHex(hex)), expected);
  }
  assert.equal(toHex(encode(record, expected)), "41040102030443820001aa");
  const long = tlvStruct({ data: tagged(0x43, rest) });
  assert.equal(toHex(encode(long, { data: new Uint8Array(0x80) })).slice(0, 6), "438180");
  assert.equal(toHex(encode(long, { data: new Uint8Array(0x100) })).slice(0, 8), "43820100");
  assert.throws(() => encode(long, { data: new Uint8Array(0x10000) }), { code: "length" });
});

test("tlvStruct refuses tags that are unknown, repeated or missing, and lengths that do not fit", () => {
  const whole = "41040102030443820001aa";
  assert.equal(codeOf(`${whole}5000`), "value");
  assert.equal(codeOf(`${whole}4300`), "value");
  assert.equal(codeOf("410401020304"), "truncated");
  assert.equal(codeOf("4305aa"), "truncated");
  assert.equal(codeOf("4383000001aa"), "length");
  assert.equal(codeOf("4105010203040543820001aa"), "trailing");
});

test("tlvStruct throws only DecodeError, whatever the bytes are", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (tail) => {
      try {
        decode(record, concat(fromHex("41"), tail));
      } catch (error) {
        assert.ok(error instanceof DecodeError);
      }
    }),
  );
});
