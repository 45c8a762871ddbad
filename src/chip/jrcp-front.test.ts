import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { DecodeError, fromHex, toHex } from "../codec/index.ts";
import { JrcpFront } from "./jrcp-front.ts";
import type { Card } from "./ports.ts";

const ATR = "3b9f96803fc7a08031e073f6215751a200000000";

/** A card that gives captured answers. */
const captured: Card = {
  readerName: "SE05x",
  reset: () => fromHex(ATR),
  exchange: (command) => fromHex(toHex(command).startsWith("00a4") ? "0702006fff010b9000" : "41027fff9000"),
};

/** Everything a front answers to these bytes, cut at these places; "end" where it lets the client go. */
function answers(stream: Uint8Array, cuts: readonly number[] = []): string[] {
  const front = new JrcpFront(captured.readerName);
  const said: string[] = [];
  let at = 0;
  for (const end of [...cuts].sort((a, b) => a - b).concat(stream.length)) {
    front.push(stream.subarray(at, end));
    at = Math.max(at, end);
    for (let request = front.next(); request; request = front.next()) {
      const reply = request(captured);
      said.push("end" in reply ? "end" : toHex(reply.bytes));
    }
  }
  return said;
}

// Origin: an unmodified NXP host program over JRCP v2 and a server that it accepted.
const SESSION: readonly (readonly [string, string])[] = [
  ["04ff0000", "04ff00104a5243502050726f746f636f6c20322b"],
  ["a5feff0000000002000100", "a5feff000000000900012105534530357800"],
  ["a5feff0000000002000100", "a5feff000000000900012105534530357800"],
  ["a5312100000000040000000000", `a531210000000014${ATR}00`],
  ["a50121000000001600a4040010a00000039654530000000103000000000000", "a5012100000000090702006fff010b900000"],
  ["a501210000000008800400220341010100", "a50121000000000641027fff900000"],
];

test("JrcpFront answers a captured JRCP v2 session byte for byte, however it is cut", () => {
  const stream = fromHex(SESSION.map(([sent]) => sent).join(""));
  const expected = SESSION.map(([, answered]) => answered);
  assert.deepEqual(answers(stream), expected);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 12 }), (cuts) => {
      assert.deepEqual(answers(stream, cuts), expected);
    }),
    { numRuns: 60 },
  );
});

test("JrcpFront answers clients of JRCP v1 that lock and unlock the chip, as NXP's ssscli does for a user's session", () => {
  const stream = ["0000000400000100", "30000000", "010000058004000000", "31000000"].join("");
  const said = [`00000014${ATR}`, "30000000", "0100000641027fff9000", "31000000"];
  assert.deepEqual(answers(fromHex(stream)), said);
  assert.deepEqual(answers(fromHex(stream), [9, 11, 14]), said, "however it is cut");
});

test("JrcpFront tells JRCP v1 by its first byte, and terminal information of v1 from the greeting of v2", () => {
  assert.deepEqual(answers(fromHex("0000000400000100010000058004000000")), [`00000014${ATR}`, "0100000641027fff9000"]);
  assert.deepEqual(answers(fromHex("04000000")), ["04000000"], "nothing is told of the terminal in v1");
  assert.deepEqual(answers(fromHex("04ff0001aa07000000")), ["04ff0000", "07000000"]);
  for (const type of ["02", "03", "05", "06", "40", "50"]) assert.deepEqual(answers(fromHex(`${type}000000`)), ["end"]);
});

test("JrcpFront answers warm resets and simulator messages of JRCP v2, never with an empty payload", () => {
  assert.deepEqual(answers(fromHex("a53021000000000000")), [`a530210000000014${ATR}00`]);
  assert.deepEqual(answers(fromHex("a5ee210000000002160000")), ["a5ee210000000002160000"]);
  assert.deepEqual(answers(fromHex("a5ee21000000000000")), ["a5ee2100000000010000"]);
  assert.deepEqual(answers(fromHex("a57721000000000000")), ["end"]);
});

test("JrcpFront takes a payload of JRCP v2 as long as v1 can say, and no longer", () => {
  const asked = fromHex(`a50121000000ffff${"80".repeat(0xffff)}00`);
  assert.deepEqual(answers(asked), ["a50121000000000641027fff900000"]);
  assert.throws(() => answers(fromHex("a501210000010000")), DecodeError);
});

test("JrcpFront takes any bytes for requests or throws a DecodeError", () => {
  const start = fc.constantFrom("", "04ff0000", "a5", "a50121000000", "04ff");
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 60 }), (first, bytes) => {
      try {
        answers(fromHex(first + toHex(bytes)));
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
      }
    }),
    { numRuns: 300 },
  );
});
