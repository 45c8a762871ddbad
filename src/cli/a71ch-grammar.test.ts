import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { fromHex, UsageError } from "../codec/index.ts";
import { A71CH_TOOL_ERRORS, exitStatusOf } from "./a71ch-errors.ts";
import { A71CH_FORMS, a71chUsage, parseA71chCommand } from "./a71ch-grammar.ts";

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

test("parseA71chCommand gives the documented exit status for each way to mistype a command", () => {
  const statuses: Record<string, number> = {
    "": 33,
    sail: 21,
    "info sail": 21,
    info: 33,
    "gen pair": 33,
    "gen pair -x": 33,
    "gen pair -i 0": 32,
    "gen pair -x 256": 30,
    "gen pair -x -1": 30,
    "gen pair -x one": 34,
    "gen pair -x 0x1": 34,
    "gen pair -x 0 -x 0": 33,
    "set pair -k key.pem -x 0": 32,
    "set pair -x 0 -w 00": 32,
    "set sym -x 0 -h 00": 34,
    [`set sym -x 0 -h ${"0x".repeat(16)}`]: 34,
    "refpem -c 30 -x 0 -r ref": 30,
    "lock gp -h 0100 -n 0": 30,
    "obj write -x 0 -f data.txt -t hex_8": 34,
    "transport unlock -h 00": 34,
    "apdu -cmd 80 -sw 9000": 34,
  };
  for (const [line, status] of Object.entries(statuses)) assert.equal(statusOf(line), status, line);
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

test("a71chUsage lists every command with its options in order", () => {
  const usage = a71chUsage("a71chConfig");
  assert.equal(usage.split("\n").length, Object.keys(A71CH_FORMS).length + 1);
  assert.match(usage, /refpem -c <10\|20> -x <int> \[-k <keyfile.pem>\] -r <ref_keyfile.pem>/);
  assert.match(usage, /wcrt -x <int> \[-c <certfile.crt> \| -h <hex> \| -p <certfile.pem>\] \[-n <int>\]/);
});
