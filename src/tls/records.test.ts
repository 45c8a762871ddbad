import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { concat } from "../codec/index.ts";
import { encodeRecord, RecordReader } from "./records.ts";

const record = fc.record(
  {
    type: fc.integer({ min: 20, max: 23 }),
    version: fc.constantFrom(0x0301, 0x0303),
    fragment: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 900, maxLength: 3000 })),
  },
  { noNullPrototype: true },
);
/** Where the stream is cut, as shares of what is left, and whether records are wanted after each piece. */
const cuts = fc.array(fc.record({ share: fc.double({ min: 0, max: 1, noNaN: true }), reads: fc.boolean() }), {
  maxLength: 30,
});

test("RecordReader gives the same records however the stream is cut, and uses nobody's memory after keep", () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 8 }), cuts, (records, pieces) => {
      const stream = concat(...records.map((each) => encodeRecord(each)));
      const reader = new RecordReader();
      const found: unknown[] = [];
      const read = () => {
        for (let next = reader.next(); next; next = reader.next()) {
          found.push({ ...next, fragment: next.fragment.slice() });
        }
      };
      let at = 0;
      for (const { share, reads } of [...pieces, { share: 1, reads: true }]) {
        const piece = stream.slice(at, at + Math.ceil(share * (stream.length - at)));
        at += piece.length;
        reader.push(piece);
        if (reads) read();
        reader.keep();
        piece.fill(0xee);
      }
      assert.deepEqual(found, records);
      assert.equal(reader.next(), undefined);
    }),
    { numRuns: 300 },
  );
});

test("RecordReader judges a header before the rest of the record has come", () => {
  const reader = new RecordReader();
  reader.push(Uint8Array.of(0x16, 3));
  reader.keep();
  assert.equal(reader.next(), undefined);
  reader.push(Uint8Array.of(3, 0x40, 1));
  assert.throws(() => reader.next(), { code: "record-too-long" });
});
