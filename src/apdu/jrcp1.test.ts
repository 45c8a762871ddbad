import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { concat, DecodeError, fromHex, toHex } from "../codec/index.ts";
import { encodeJrcp1, JRCP1_RESET_REQUEST, JRCP1_TYPE, Jrcp1Parser, type Jrcp1Frame } from "./index.ts";

const frame: fc.Arbitrary<Jrcp1Frame> = fc.record(
  {
    type: fc.integer({ min: 0, max: 255 }),
    node: fc.integer({ min: 0, max: 255 }),
    payload: fc.uint8Array({ maxLength: 300 }),
  },
  { noNullPrototype: true },
);

function all(parser: Jrcp1Parser): Jrcp1Frame[] {
  const frames: Jrcp1Frame[] = [];
  for (let next = parser.next(); next; next = parser.next()) frames.push(next);
  return frames;
}

test("Jrcp1Parser gives the same frames however the stream is cut", () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 90 })), (frames, cuts) => {
      const stream = concat(...frames.map(encodeJrcp1));
      const parser = new Jrcp1Parser();
      const found: Jrcp1Frame[] = [];
      let at = 0;
      for (const cut of [...cuts, stream.length]) {
        parser.push(stream.subarray(at, at + cut));
        found.push(...all(parser));
        at += cut;
      }
      assert.deepEqual(found, frames);
      assert.equal(parser.pendingBytes, 0);
    }),
  );
});

test("Jrcp1Parser refuses a payload over its limit as soon as the header is there, and says where", () => {
  const parser = new Jrcp1Parser({ maxPayload: 16 });
  parser.push(encodeJrcp1({ type: 1, node: 0, payload: new Uint8Array(16) }));
  assert.equal(all(parser).length, 1);
  parser.push(fromHex("01000011"));
  assert.throws(() => parser.next(), { name: "DecodeError", code: "length", at: 22 });
});

test("Jrcp1Parser takes any bytes without throwing anything but DecodeError", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
      const parser = new Jrcp1Parser({ maxPayload: 64 });
      try {
        for (const chunk of chunks) {
          parser.push(chunk);
          for (const { payload } of all(parser)) assert.ok(payload.length <= 64);
        }
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
      }
    }),
  );
});

test("encodeJrcp1 refuses a payload that its header cannot name", () => {
  const payload = new Uint8Array(0x1_0000);
  assert.throws(() => encodeJrcp1({ type: 1, node: 0, payload }), { name: "DecodeError", code: "length" });
  assert.equal(encodeJrcp1({ type: 1, node: 0, payload: payload.subarray(1) }).length, 0x1_0003);
});

test("encodeJrcp1 writes the frames that NXP's A71CH Configure tool was captured with", () => {
  assert.equal(toHex(encodeJrcp1(JRCP1_RESET_REQUEST)), "0000000400000100");
  const select = fromHex("00a4040005613731636800");
  assert.equal(
    toHex(encodeJrcp1({ type: JRCP1_TYPE.apdu, node: 0, payload: select })),
    "0100000b00a4040005613731636800",
  );
  const parser = new Jrcp1Parser();
  parser.push(fromHex("000000143b9f96803fc7a08031e073f6215751a20000000001000006013100009000"));
  assert.deepEqual(
    all(parser).map(({ type, payload }) => [type, toHex(payload)]),
    [
      [JRCP1_TYPE.reset, "3b9f96803fc7a08031e073f6215751a200000000"],
      [JRCP1_TYPE.apdu, "013100009000"],
    ],
  );
});

test("Jrcp1Parser keeps no copy of bytes that it may have for its own", () => {
  const parser = new Jrcp1Parser();
  const chunk = fromHex("01000002aabb0100");
  parser.pushOwn(chunk);
  const payload = parser.next()?.payload ?? assert.fail();
  assert.equal(payload.buffer, chunk.buffer);
  parser.pushOwn(fromHex("0001cc"));
  assert.deepEqual(all(parser), [{ type: 1, node: 0, payload: fromHex("cc") }]);
});

test("Jrcp1Parser gives payloads that share no memory with what was pushed", () => {
  const parser = new Jrcp1Parser();
  const chunk = Buffer.from("0100000290009000", "hex");
  parser.push(chunk.subarray(0, 6));
  chunk.fill(0xff);
  const payload = parser.next()?.payload ?? assert.fail();
  assert.deepEqual(payload, Uint8Array.of(0x90, 0x00));
});
