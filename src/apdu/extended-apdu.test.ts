import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { DecodeError, fromHex, toHex } from "../codec/index.ts";
import { decodeExtendedCommand, decodeLongResponse, encodeExtendedCommand, MAX_EXTENDED_LE } from "./index.ts";

const byte = fc.integer({ min: 0, max: 255 });

test("decodeExtendedCommand gives back what encodeExtendedCommand wrote, short and extended", () => {
  const command = fc
    .record({
      cla: byte,
      ins: byte,
      p1: byte,
      p2: byte,
      data: fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ minLength: 256, maxLength: 900 })),
      le: fc.option(fc.integer({ min: 1, max: MAX_EXTENDED_LE }), { nil: undefined }),
    })
    .map(({ le, ...command }) => (le === undefined ? command : { ...command, le }));
  fc.assert(
    fc.property(command, (apdu) =>
      assert.deepEqual({ ...decodeExtendedCommand(encodeExtendedCommand(apdu)) }, { ...apdu }),
    ),
  );
});

test("decodeExtendedCommand reads the forms that NXP's host programs and its RTP server send", () => {
  // Captured: data with an extended Lc and Le. se05x.md, section 4.1: Le alone, extended and short.
  const read = decodeExtendedCommand(fromHex("8002000000000a41047fff0206430200120000"));
  assert.deepEqual([toHex(read.data), read.le], ["41047fff020643020012", MAX_EXTENDED_LE]);
  const list = decodeExtendedCommand(fromHex("80020b2500037e"));
  assert.deepEqual([list.data.length, list.le], [0, 0x37e]);
  assert.equal(decodeExtendedCommand(fromHex("8004002009")).le, 9);
  assert.equal(decodeExtendedCommand(fromHex("8004002000")).le, 256);
});

test("decodeExtendedCommand refuses every cut of an extended command, and a byte behind it", () => {
  const whole = encodeExtendedCommand({ cla: 0x80, ins: 1, p1: 2, p2: 3, data: new Uint8Array(300) });
  // Five and seven bytes are whole commands themselves: a Le alone, short and extended.
  for (const length of [1, 3, 6, 8, 100, whole.length - 1]) {
    assert.throws(() => decodeExtendedCommand(whole.subarray(0, length)), DecodeError, `${length} bytes`);
  }
  assert.throws(() => decodeExtendedCommand(Uint8Array.of(...whole, 0)), DecodeError);
  assert.throws(() => decodeExtendedCommand(Uint8Array.of(...whole, 0, 0, 0)), DecodeError);
});

test("decodeLongResponse takes answers over 256 bytes and refuses one without room for a status word", () => {
  const { data, sw } = decodeLongResponse(Uint8Array.of(...new Uint8Array(800), 0x90, 0x00));
  assert.deepEqual([data.length, sw], [800, 0x9000]);
  assert.throws(() => decodeLongResponse(Uint8Array.of(0x90)), DecodeError);
  assert.throws(() => decodeLongResponse(new Uint8Array(MAX_EXTENDED_LE + 3)), DecodeError);
});
