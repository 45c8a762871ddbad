import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { DecodeError, fromHex, toHex, utf8Bytes } from "../codec/index.ts";
import {
  crc16,
  decodeT1,
  encodeT1,
  supervisory,
  T1_ADDRESS,
  T1_RECEIVE_ERROR,
  T1_SUPERVISION,
  type T1Block,
} from "./index.ts";

const bit = fc.constantFrom(0, 1);
const information = fc.uint8Array({ maxLength: 254 });
const PLAIN = { noNullPrototype: true } as const;
const blocks: fc.Arbitrary<T1Block> = fc.oneof(
  fc.record({ kind: fc.constant("information" as const), sequence: bit, more: fc.boolean(), information }, PLAIN),
  fc.record(
    {
      kind: fc.constant("receive-ready" as const),
      sequence: bit,
      error: fc.constantFrom(...Object.values(T1_RECEIVE_ERROR)),
    },
    PLAIN,
  ),
  fc.record(
    {
      kind: fc.constant("supervisory" as const),
      what: fc.constantFrom(...Object.values(T1_SUPERVISION).filter((what) => what !== 0x04)),
      isResponse: fc.boolean(),
      information,
    },
    PLAIN,
  ),
);

function decodeCode(bytes: Uint8Array): string | undefined {
  try {
    decodeT1(T1_ADDRESS.toChip, bytes);
    return undefined;
  } catch (error) {
    return error instanceof DecodeError ? error.code : assert.fail(String(error));
  }
}

test("crc16 is the checksum of ISO/IEC 13239, and stands in a block with its low byte first", () => {
  // The check value that catalogues of such codes give.
  assert.equal(crc16(utf8Bytes("123456789")), 0x906e);
  assert.equal(toHex(encodeT1(T1_ADDRESS.toChip, supervisory(T1_SUPERVISION.interfaceReset, false))), "5acf00377f");
  const block: T1Block = { kind: "information", sequence: 1, more: true, information: fromHex("0102") };
  assert.equal(toHex(encodeT1(T1_ADDRESS.fromChip, block)).slice(0, 10), "a560020102");
});

test("decodeT1 gives every block back, and refuses every other length and every flipped bit", () => {
  fc.assert(
    fc.property(blocks, fc.nat(), (block, place) => {
      const bytes = encodeT1(T1_ADDRESS.toChip, block);
      assert.deepEqual(decodeT1(T1_ADDRESS.toChip, bytes), block);
      assert.ok(decodeCode(bytes.subarray(0, place % bytes.length)));
      assert.ok(decodeCode(Uint8Array.of(...bytes, 0)));
      const at = place % bytes.length;
      assert.ok(decodeCode(bytes.with(at, (bytes[at] ?? 0) ^ (1 << (place % 8)))));
    }),
  );
});

test("decodeT1 tells a spoilt block from one that has no business here", () => {
  const framed = (head: string) => {
    const body = fromHex(head);
    const sum = crc16(body);
    return Uint8Array.of(...body, sum & 0xff, sum >> 8);
  };
  for (const [head, code] of [
    ["a50000", "value"],
    ["5a0100", "value"],
    ["5a8300", "value"],
    ["5aa000", "value"],
    ["5a800100", "value"],
    ["5ac400", "value"],
    [`5a00ff${"00".repeat(255)}`, "length"],
  ] as const) {
    assert.equal(decodeCode(framed(head)), code, head.slice(0, 8));
  }
  assert.equal(decodeCode(fromHex("5a00000000")), "encoding");
  assert.throws(
    () => encodeT1(T1_ADDRESS.toChip, supervisory(T1_SUPERVISION.waitingTime, false, new Uint8Array(255))),
    DecodeError,
  );
});
