import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { concat, DecodeError, fromHex, toHex } from "../codec/index.ts";
import {
  APDU_ERRORS,
  CommandSet,
  command,
  decodeCommand,
  decodeResponse,
  describeStatusWord,
  encodeCommand,
  encodeResponse,
  STATUS_WORDS,
  verificationCounts,
} from "./index.ts";

const byte = fc.integer({ min: 0, max: 255 });
const anyCommand = fc
  .record(
    {
      cla: byte,
      ins: byte,
      p1: byte,
      p2: byte,
      data: fc.uint8Array({ maxLength: 255 }),
      le: fc.option(fc.integer({ min: 1, max: 256 }), { nil: undefined }),
    },
    { noNullPrototype: true },
  )
  .map(({ le, ...rest }) => (le === undefined ? rest : { ...rest, le }));

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
    return error.code;
  }
  return "no error";
}

test("decodeCommand gives back what encodeCommand wrote, in all four cases", () => {
  fc.assert(fc.property(anyCommand, (apdu) => assert.deepEqual(decodeCommand(encodeCommand(apdu)), apdu)));
});

test("encodeCommand writes the four cases of ISO/IEC 7816-4, section 5.1", () => {
  const header = { cla: 0x80, ins: 0x71, p1: 1, p2: 2 };
  const none = new Uint8Array(0);
  assert.equal(toHex(encodeCommand({ ...header, data: none })), "80710102");
  assert.equal(toHex(encodeCommand({ ...header, data: none, le: 256 })), "8071010200");
  assert.equal(toHex(encodeCommand({ ...header, data: fromHex("aabb") })), "8071010202aabb");
  assert.equal(toHex(encodeCommand({ ...header, data: fromHex("aabb"), le: 16 })), "8071010202aabb10");
  assert.equal(
    codeOf(() => encodeCommand({ ...header, data: new Uint8Array(256) })),
    "length",
  );
  assert.equal(
    codeOf(() => encodeCommand({ ...header, data: none, le: 257 })),
    "length",
  );
});

test("decodeCommand refuses truncated, over-long and extended commands with a DecodeError", () => {
  for (const hex of ["", "80", "807100", "8071000002aa", "8071000000aa", "807100000000010a", "8071000001aa0000"]) {
    assert.throws(() => decodeCommand(fromHex(hex)), DecodeError, hex);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void codeOf(() => decodeCommand(bytes))));
});

test("decodeResponse gives back what encodeResponse wrote, and wants a status word", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 256 }), fc.integer({ min: 0, max: 0xffff }), (data, sw) => {
      assert.deepEqual(decodeResponse(encodeResponse({ data, sw })), { data, sw });
    }),
  );
  assert.equal(
    codeOf(() => decodeResponse(fromHex("90"))),
    "truncated",
  );
  assert.equal(
    codeOf(() => decodeResponse(new Uint8Array(259))),
    "length",
  );
});

test("describeStatusWord knows each listed word and says so of others", () => {
  assert.equal(describeStatusWord(0x6985).name, "conditions-not-satisfied");
  assert.equal(describeStatusWord(0x1234).name, "unlisted");
  for (const entry of Object.values(STATUS_WORDS)) assert.ok(entry.meaning.length > 3 && entry.cure.length > 3);
});

test("CommandSet says with a code and a status word why no row fits", () => {
  const set = new CommandSet({
    one: command({ name: "One", ins: 0x01, p1: 0x05, p2: 0x00 }),
    two: command({ name: "Two", ins: 0x02, p1: 0x00, p2: 0x00, malformed: 0x6a80, unverified: true }),
  });
  const refusals: [string, keyof typeof APDU_ERRORS, number][] = [
    ["00010500", "unknown-command", 0x6e00],
    ["80030500", "unknown-command", 0x6d00],
    ["80010400", "wrong-parameters", 0x6a86],
    ["8001050001aa", "wrong-request", 0x6700],
    ["8002000001aa", "wrong-request", 0x6a80],
  ];
  for (const [hex, code, reply] of refusals) {
    assert.throws(() => set.recognise(decodeCommand(fromHex(hex))), { name: "ProtocolError", code, reply }, hex);
  }
  const elsewhere = "out-of-step" satisfies keyof typeof APDU_ERRORS;
  assert.deepEqual(new Set([...refusals.map(([, code]) => code), elsewhere]), new Set(Object.keys(APDU_ERRORS)));
  assert.deepEqual(verificationCounts(set.table), { verified: 1, unverified: 1 });
});

test("encodeCommand leaves the length of data to the reader: one byte more or less never decodes to the same", () => {
  fc.assert(
    fc.property(anyCommand, byte, (apdu, extra) => {
      const bytes = encodeCommand(apdu);
      for (const changed of [bytes.subarray(0, -1), concat(bytes, Uint8Array.of(extra))]) {
        try {
          assert.notDeepEqual(decodeCommand(changed), apdu);
        } catch (error) {
          assert.ok(error instanceof DecodeError, String(error));
        }
      }
    }),
  );
});
