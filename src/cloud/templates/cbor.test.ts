import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { DecodeError, type Json, fromHex, toHex } from "../../codec/index.ts";
import { decodeCbor, encodeCbor } from "./cbor.ts";

/** RFC 8949, appendix A: examples that JSON can say, with the encodings that we choose. */
const EXAMPLES: readonly [Json, string][] = [
  [0, "00"],
  [23, "17"],
  [24, "1818"],
  [1000, "1903e8"],
  [1000000, "1a000f4240"],
  [1000000000000, "1b000000e8d4a51000"],
  [-1, "20"],
  [-1000, "3903e7"],
  [1.1, "fb3ff199999999999a"],
  [-4.1, "fbc010666666666666"],
  [false, "f4"],
  [true, "f5"],
  [null, "f6"],
  ["", "60"],
  ["IETF", "6449455446"],
  ["\u6c34", "63e6b0b4"],
  [[1, [2, 3], [4, 5]], "8301820203820405"],
  [{ a: 1, b: [2, 3] }, "a26161016162820203"],
];

test("CBOR is written and read as in the examples of RFC 8949", () => {
  for (const [value, hex] of EXAMPLES) {
    assert.equal(toHex(encodeCbor(value)), hex);
    assert.deepEqual(decodeCbor(fromHex(hex)), value);
  }
  assert.equal(decodeCbor(fromHex("fa47c35000")), 100000);
  for (const hex of [
    "",
    "18",
    "a1",
    "a10000",
    "c074",
    "40",
    "f97c00",
    "5f",
    "9f01ff",
    "fb7ff0000000000000",
    "0000",
    "1bffffffffffffffff",
    "61ff",
    "a2616101616102",
    "9a00ffffff",
  ]) {
    assert.throws(() => decodeCbor(fromHex(hex)), DecodeError, hex);
  }
  assert.throws(() => decodeCbor(new Uint8Array(40).fill(0x81)), { message: /deeper than 16/ });
});

test("any JSON value comes back from CBOR, and any bytes give a value or a DecodeError", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), (text) => {
      const value = JSON.parse(text) as Json;
      assert.deepEqual(decodeCbor(encodeCbor(value)), value);
    }),
    { numRuns: 200 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        decodeCbor(bytes);
      } catch (error) {
        assert.ok(error instanceof DecodeError);
      }
    }),
    { numRuns: 500 },
  );
});
