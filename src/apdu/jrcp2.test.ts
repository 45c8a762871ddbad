import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { concat, DecodeError, fromHex, toHex } from "../codec/index.ts";
import { decodeReaders, encodeJrcp2, encodeReaders, JRCP2_LIST_READERS, type Jrcp2Frame, readJrcp2 } from "./index.ts";

const frame: fc.Arbitrary<Jrcp2Frame> = fc.record(
  {
    type: fc.integer({ min: 0, max: 255 }),
    node: fc.integer({ min: 0, max: 255 }),
    payload: fc.uint8Array({ maxLength: 300 }),
  },
  { noNullPrototype: true },
);

test("encodeJrcp2 and readJrcp2 agree with frames that NXP's JRCP v2 client sent and took", () => {
  // Origin: traffic of an unmodified NXP host program (JRCP v2, connect sequence) with a server that it accepted.
  assert.equal(toHex(encodeJrcp2(JRCP2_LIST_READERS)), "a5feff0000000002000100");
  const list = fromHex("a5feff000000000900012105534530357800");
  assert.deepEqual(decodeReaders(readJrcp2(list)?.frame.payload ?? list), [{ node: 0x21, name: "SE05x" }]);
  assert.equal(toHex(encodeReaders([{ node: 0x21, name: "SE05x" }])), "000121055345303578");
});

test("readJrcp2 gives what encodeJrcp2 took; every strict prefix waits for more; what follows is left alone", () => {
  fc.assert(
    fc.property(frame, fc.uint8Array({ maxLength: 9 }), (value, behind) => {
      const bytes = encodeJrcp2(value);
      assert.deepEqual(readJrcp2(concat(bytes, behind)), { frame: value, length: bytes.length });
      for (let cut = 0; cut < bytes.length; cut += Math.max(1, bytes.length >> 4)) {
        assert.equal(readJrcp2(bytes.subarray(0, cut)), undefined);
      }
    }),
    { numRuns: 50 },
  );
});

test("readJrcp2 reads over header and timing bytes, and refuses what is too long before it is there", () => {
  const bytes = fromHex("a5012102aabb00000001cc03010203ee");
  const found = readJrcp2(bytes);
  assert.deepEqual(found, { frame: { type: 1, node: 0x21, payload: fromHex("cc") }, length: 15 });
  assert.throws(() => readJrcp2(fromHex("a501210000000401")), { code: "length", at: 4 });
  assert.throws(() => readJrcp2(fromHex("a50121000000000014")), { code: "length", at: 8 });
  assert.throws(() => readJrcp2(fromHex("01")), { code: "value", at: 0 });
});

test("decodeReaders refuses other forms, and any bytes give readers or a DecodeError", () => {
  assert.throws(() => decodeReaders(fromHex("0002")), { code: "value" });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
      try {
        assert.deepEqual(toHex(encodeReaders(decodeReaders(bytes))), toHex(bytes));
      } catch (error) {
        assert.ok(error instanceof DecodeError);
      }
    }),
  );
});
