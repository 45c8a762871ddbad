import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { DecodeError, fromHex, toHex } from "../../codec/index.ts";
import {
  decodeTable,
  encodeTable,
  entryCount,
  findPlace,
  LENGTH_IN_OBJECT,
  OBJECT_CLASS,
  tableBytes,
  type TableEntry,
} from "./object-table.ts";

const STORAGE = 4096;

const entry: fc.Arbitrary<TableEntry> = fc.record(
  {
    class: fc.constantFrom(...Object.values(OBJECT_CLASS)),
    index: fc.integer({ min: 0, max: 0xfe }),
    length: fc.integer({ min: 1, max: 500 }),
    offset: fc.integer({ min: 0, max: 100 }).map((n) => n * 32),
  },
  { noNullPrototype: true },
);

test("encodeTable writes the layout of the A71CH object table: entries downward, then updates and count", () => {
  const entries = [
    { class: OBJECT_CLASS.data, index: 0x00, length: 0x0400, offset: 0x0500 },
    { class: OBJECT_CLASS.certificate, index: 0x00, length: 0x0212, offset: 0x0000 },
    { class: OBJECT_CLASS.certificate, index: 0x01, length: 0x8000, offset: 0x0280 },
  ];
  const bytes = encodeTable({ updates: 3, entries });
  assert.equal(toHex(bytes), `${"ff".repeat(12)}0a00040005000901800002800900021200000303`);
  const sorted = [...entries].sort((a, b) => a.offset - b.offset);
  assert.deepEqual(decodeTable(bytes, STORAGE), { updates: 3, entries: sorted, slots: sorted });
});

test("decodeTable gives back what encodeTable wrote, sorted by offset", () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 60 }), fc.nat(255), (entries, updates) => {
      const bytes = encodeTable({ updates, entries });
      assert.equal(bytes.length, tableBytes(entries.length));
      assert.equal(entryCount(bytes), entries.length);
      const sorted = [...entries].sort((a, b) => a.offset - b.offset);
      assert.deepEqual(decodeTable(bytes, STORAGE), { updates, entries: sorted, slots: sorted });
    }),
  );
});

test("decodeTable takes a table that was never written, in either form, and leaves deleted entries out", () => {
  for (const byte of [0x00, 0xff]) assert.deepEqual(decodeTable(new Uint8Array(32).fill(byte), STORAGE).entries, []);
  // Two entries, and between them the place of one that was deleted.
  const bytes = fromHex(`${"ff".repeat(12)}090200100200${"ff".repeat(6)}0900001000000502`);
  assert.deepEqual(
    decodeTable(bytes, STORAGE).entries.map(({ index, offset }) => [index, offset]),
    [
      [0, 0],
      [2, 0x200],
    ],
  );
  assert.deepEqual(
    decodeTable(bytes, STORAGE).slots.map((slot) => slot?.index),
    [0, undefined, 2],
  );
});

test("decodeTable refuses objects outside the storage, and any bytes give a table or a DecodeError", () => {
  const outside = encodeTable({ updates: 0, entries: [{ class: 9, index: 0, length: 64, offset: 4064 }] });
  assert.throws(() => decodeTable(outside, STORAGE), { code: "value", at: 24 });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 128 }), (bytes) => {
      try {
        for (const { offset, length } of decodeTable(bytes, STORAGE).entries) {
          assert.ok(offset + (length & ~LENGTH_IN_OBJECT) <= STORAGE);
        }
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
      }
    }),
  );
});

test("findPlace never gives a place that is taken, frozen, or the table's", () => {
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 8 }),
      fc.array(fc.nat(127), { maxLength: 40 }),
      fc.integer({ min: 1, max: 1500 }),
      (entries, frozenAt, length) => {
        const frozen = Array.from({ length: STORAGE / 32 }, (_, i) => frozenAt.includes(i));
        const place = findPlace(entries, length, { storageBytes: STORAGE, frozen });
        if (place === undefined) return;
        assert.equal(place % 32, 0);
        const end = Math.ceil((place + length) / 32) * 32;
        assert.ok(end <= STORAGE - tableBytes(entries.length + 1));
        assert.ok(!frozen.slice(place / 32, end / 32).includes(true));
        for (const other of entries) {
          const otherEnd = Math.ceil((other.offset + other.length) / 32) * 32;
          assert.ok(otherEnd <= place || other.offset >= end);
        }
      },
    ),
    { numRuns: 500 },
  );
  const frozen = Array.from({ length: 128 }, () => false);
  assert.equal(findPlace([], 4064, { storageBytes: STORAGE, frozen }), 0);
  assert.equal(findPlace([], 4065, { storageBytes: STORAGE, frozen }), undefined);
});
