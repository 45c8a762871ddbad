import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { fromHex, UsageError } from "../codec/index.ts";
import { A71CH_TOOL_ERRORS, exitStatusOf } from "./a71ch-errors.ts";
import { A71CH_FORMS, parseA71chCommand } from "./a71ch-grammar.ts";
import { a71chHelp } from "./a71ch-help.ts";

const typed = (line: string) => parseA71chCommand(line.split(" ").filter((word) => word !== ""));

/** The exit status that a line ends with before any chip is asked. */
function statusOf(line: string): number {
  try {
    typed(line);
    return 0;
  } catch (error) {
    assert.ok(error instanceof UsageError && Object.hasOwn(A71CH_TOOL_ERRORS, error.code), `${line}: ${String(error)}`);
    return exitStatusOf(error);
  }
}

test("parseA71chCommand reads the command lines of AN12131 and of the demonstration scripts", () => {
  const key32 = "00".repeat(31) + "01";
  const lines: Record<string, object> = {
    "debug reset": {},
    "set pair -x 0 -k deviceKey.key": { index: 0, keyFile: "deviceKey.key" },
    "info pair": {},
    "refpem -c 10 -x 0 -r deviceRefKey.ref_key": { keyClass: 0x10, index: 0, referenceFile: "deviceRefKey.ref_key" },
    "refpem -c 20 -x 2 -k key.pem -r ref.pem": {
      keyClass: 0x20,
      index: 2,
      keyFile: "key.pem",
      referenceFile: "ref.pem",
    },
    "wcrt -x 1 -p ca.pem -n 2": { index: 1, pemFile: "ca.pem", padding: 2 },
    "obj write -x 0 -n 32": { index: 0, segments: 32 },
    "obj update -x 0 -h 03f8 -h 456E64": { index: 0, offset: 0x3f8, data: fromHex("456e64") },
    "obj get -x 0 -h 0004 -s 0010 -f d.txt -t hex_16": { index: 0, offset: 4, size: 16, dataFile: "d.txt", digits: 32 },
    "apdu -cmd 80710000010400 -sw 6A80": { command: fromHex("80710000010400"), expected: 0x6a80 },
    [`set pair -x 1 -h ${"04".repeat(65)} -h ${key32} -w ${"aa".repeat(16)}`]: {
      index: 1,
      publicKey: fromHex("04".repeat(65)),
      privateKey: fromHex(key32),
      wrappingKey: fromHex("aa".repeat(16)),
    },
    "lock gp -h 0100 -n 4": { offset: 0x100, segments: 4 },
    "scp auth -h 21 -k scp03KeyFile.txt": { keyVersion: fromHex("21"), channelKeyFile: "scp03KeyFile.txt" },
  };
  for (const [line, given] of Object.entries(lines)) assert.deepEqual(typed(line).given, given, line);
});

test("parseA71chCommand gives the original tool's exit status for each way to mistype a command", () => {
  const key = "00".repeat(16);
  const statuses: Record<string, number> = {
    "": 33,
    sail: 21,
    "info sail": 21,
    info: 33,
    "gen pair": 33,
    "gen pair -x": 33,
    "gen pair -i 0": 32,
    "gen pair -x 256": 30,
    "gen pair -x 99999999999": 30,
    "gen pair -x -1": 30,
    "gen pair -x one": 34,
    "set pair -k key.pem -x 0": 32,
    "set pair -x 0 -w 00": 32,
    "set sym -x 0 -h 00": 34,
    [`set sym -x 0 -h ${"zz".repeat(16)}`]: 34,
    "get pub -c 30 -x 0 -k out.pem": 30,
    "get pub -c 1 -x 0 -k out.pem": 34,
    "refpem -c 0x10 -x 0 -r ref": 34,
    "refpem -c 1 -x 0 -r ref": 34,
    "info gp -h 0000 -n 0x1": 30,
    "lock gp -h 0100 -n 0": 30,
    "obj write -x 0 -f data.txt -t hex_8": 34,
    "obj write -x 0 -f data.txt -t HEX_16": 34,
    "obj write -x 0 -f": 33,
    "transport unlock -h 00": 34,
    "apdu -cmd 80 -sw 9000": 34,
    "wcrt -x 0 -h 300301": 32,
    "wcrt -x 0 -h zz000000": 32,
    "wcrt -x 0 -h 3003010 -p crt.pem": 32,
    "wcrt -x 0 -p crt.pem -n 128": 30,
    "ucrt -x 0 -p crt.pem -n 200": 30,
    "rcrt -x 0 extra": 33,
    "rcrt -x 0 -c out.crt extra": 33,
    // A key that was to be wrapped never goes out in the clear, though the original tool sends it and ends with 0.
    [`set sym -x 0 -h ${key} -w`]: 33,
    [`set sym -x 0 -h ${key} -w 00`]: 34,
  };
  for (const [line, status] of Object.entries(statuses)) assert.equal(statusOf(line), status, line);
});

test("parseA71chCommand passes over what the original tool passes over, takes what it takes, and remarks on it", () => {
  const taken: Record<string, readonly [given: object, remark: RegExp]> = {
    "gen pair -x 0x1": [{ index: 0 }, /-x 0x1 is taken as 0: numbers are decimal.*; if you mean 1, type -x 1$/],
    "gen pair -x 1.5": [{ index: 1 }, /-x 1.5 is taken as 1/],
    "gen pair -x 0 -x 1": [{ index: 0 }, /^"-x 1" was passed over: the command takes no more/],
    "debug reset now": [{}, /^"now" was passed over/],
    "info gp -h 0x20 -n 1": [{ offset: 0x20, segments: 1 }, /-h is not all hex digits, and its byte 1 is taken as 00/],
    "set gp -h 0000 -h -1+f": [{ offset: 0, data: fromHex("ff0f") }, /byte 1 is taken as ff/],
    "wcrt -x 0 -p crt.pem -n two": [
      { index: 0, pemFile: "crt.pem" },
      /^"-n two" was passed over: -n two is not a whole/,
    ],
    "wcrt -x 0 -p crt.pem -n": [{ index: 0, pemFile: "crt.pem" }, /^"-n" was passed over: -n has no value/],
    "obj get -x 0 -h 000 -s 0001": [{ index: 0 }, /^"-h 000 -s 0001" was passed over: -h has 3 hex digits/],
    "obj get -x 0 -s 0004 -h 0002": [{ index: 0, size: 4 }, /^"-h 0002" was passed over/],
    "obj write -x 0 -f d.txt -t": [{ index: 0, dataFile: "d.txt" }, /^"-t" was passed over/],
    "refpem -c 30 -x 0 -k key.pem -r ref": [
      { keyClass: 0x30, index: 0, keyFile: "key.pem", referenceFile: "ref" },
      /-c 30 is not 10\|20/,
    ],
  };
  for (const [line, [given, remark]] of Object.entries(taken)) {
    const read = typed(line);
    assert.deepEqual({ ...read.given }, given, line);
    assert.match(read.remarks.join("; "), remark, line);
  }
  assert.doesNotMatch(typed(`debug reset ${"ab".repeat(16)}`).remarks.join(), /abab/, "it may be a key");
  assert.deepEqual(typed("gen pair -x +1").remarks, []);
});

test("parseA71chCommand never fails otherwise, whatever the words are", () => {
  const flags = ["-x", "-h", "-k", "-c", "-n", "-w", "-p", "-r", "-f", "-t", "-s", "-cmd", "-sw"];
  const word = fc.oneof(
    fc.constantFrom(...Object.keys(A71CH_FORMS).flatMap((name) => name.split(" ")), ...flags, "__proto__", "nc"),
    fc.constantFrom("0", "255", "00", "10", "0100", "hex_16", "ab".repeat(16)),
    fc.string({ maxLength: 12 }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 9 }), (words) => {
      try {
        assert.ok(Object.hasOwn(A71CH_FORMS, parseA71chCommand(words).name));
      } catch (error) {
        assert.ok(error instanceof UsageError && Object.hasOwn(A71CH_TOOL_ERRORS, error.code), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test("a71chHelp lists every command with its options in order, and ends with examples that parse", () => {
  const help = a71chHelp("a71chConfig");
  for (const name of Object.keys(A71CH_FORMS)) assert.match(help, new RegExp(`^ {4}${name}( |$)`, "m"));
  assert.match(help, /refpem -c <10\|20> -x <int> \[-k <keyfile.pem>\] -r <ref_keyfile.pem>/);
  assert.match(help, /wcrt -x <int> \[-c <certfile.crt> \| -h <hex> \| -p <certfile.pem>\] \[-n <int>\]/);
  assert.match(help, /\nExamples:\n( {2}a71chConfig .*\n?)+$/);
  for (const name of Object.keys(A71CH_FORMS)) {
    const [usage = "", examples = ""] = a71chHelp("tool", name.split(" ")).split("\n\nExamples:\n");
    assert.match(usage, new RegExp(`^Usage: .*\\n {4}${name}( .*)?\\n {8}[a-z].+$`), name);
    assert.match(examples, /^ {2}tool \S.*$/, name);
    assert.deepEqual(typed(examples.replace("  tool ", "").replace(/^help .*/, "help")).remarks, [], name);
  }
  assert.equal(a71chHelp("tool", ["set"]).match(/^ {2}tool set /gm)?.length, 6);
  assert.equal(a71chHelp("tool", ["sail"]), a71chHelp("tool"), "everything, where nothing is known of it");
});
