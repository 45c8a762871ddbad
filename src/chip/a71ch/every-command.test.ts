/**
 * Walks every instruction with parameters and lengths that are legal and that are not, against a table of its own: what
 * is legal was written down from the data sheet's rows a second time, so that a wrong row of the command table shows.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { A71CH_COMMANDS, A71CH_VARIANTS, type A71chVariant } from "../../apdu/a71ch/index.ts";
import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { nodeChipCrypto } from "../node.ts";
import { A71chChip } from "./index.ts";

const DEEP = process.env["HAWSER_DEEP"] === "1";

/** One form of an instruction: which P1 and P2 it takes, and how many bytes. `short` is the word for wrong lengths. */
type Form = {
  readonly p1: (value: number) => boolean;
  readonly p2: (value: number) => boolean;
  readonly lengths: (length: number) => boolean;
};

const is =
  (...values: readonly number[]) =>
  (value: number) =>
    values.includes(value);
const below = (end: number) => (value: number) => value < end;
const from = (start: number) => (value: number) => value >= start;
const any = () => true;
const form = (p1: Form["p1"], p2: Form["p2"], lengths: Form["lengths"]): Form => ({ p1, p2, lengths });

function sheet(variant: A71chVariant): ReadonlyMap<number, readonly Form[]> {
  const { keyPairs, publicKeys, symmetricSecrets, storageBytes } = A71CH_VARIANTS[variant];
  const pair = below(keyPairs);
  const open = below(publicKeys);
  const secret = below(symmetricSecrets);
  /** One to four secrets in a row that are there. */
  const group = (value: number) => {
    const [blocks, first] = [value >> 4, value & 0x0f];
    return blocks >= 1 && blocks <= 4 && first + blocks <= symmetricSecrets;
  };
  const none = is(0);
  const byCode = (slot: Form["p1"]) => [form(slot, is(0x00), none), form(slot, is(0x10), is(16))];
  const keyForms = (slot: Form["p1"]) => [form(slot, is(0x01), is(16)), form(slot, is(0x02), is(24))];
  const running = [0x00, 0x01, 0x02, 0x03].map((p2) => (p1: Form["p1"]) => form(p1, is(p2), any));
  const withinStorage = below(storageBytes >> 8);
  return new Map([
    [0x11, [form(pair, is(0, 1), none)]],
    [0x12, [form(pair, is(0), is(0, 97, 105)), form(pair, is(0x10), is(16))]],
    [0x13, byCode(pair)],
    [0x14, byCode(pair)],
    [0x15, [form(pair, is(0), is(32))]],
    [0x16, [form(pair, group, is(97))]],
    [0x17, [form(pair, is(0), is(65))]],
    [0x21, [form(open, is(0), none)]],
    [0x22, [form(open, is(0), is(65, 72))]],
    [0x23, byCode(open)],
    [0x24, byCode(open)],
    [0x25, [form(open, is(2), from(32)), form(is(0), is(1), from(97))]],
    [0x32, keyForms(below(3))],
    [0x42, keyForms(secret)],
    [0x43, byCode(secret)],
    [0x44, byCode(secret)],
    [0x46, [form(group, is(0), is(32))]],
    [0x47, running.map((each) => each(group))],
    [0x61, [form(below(2), is(0), none)]],
    [0x62, [form(below(2), is(0), is(0, 4))]],
    [0x64, [form(below(2), is(0), none)]],
    [0x71, [form(withinStorage, any, is(2))]],
    [0x72, [form(withinStorage, any, from(1))]],
    [0x73, [form(withinStorage, any, is(2))]],
    [0x91, [form(is(0), is(1, 3, 4, 6), none), form(is(0, 1), is(2), none), form(is(0, 1, 2), is(5), none)]],
    [0x92, [form(is(0), is(1, 2), none), form(is(0), is(3), is(16)), form(is(0), is(5), below(25))]],
    [0x93, [form(is(0), is(0xdd), none)]],
    [0x94, [form(is(0), is(0xea), none)]],
    [0x95, [form(is(0), from(1), none), form(is(1), is(0), none)]],
    [0x96, running.map((each) => each(is(0)))],
    [0x50, [form(any, is(0), is(8))]],
    [0xfe, [form(any, any, any)]],
  ]);
}

const PARAMETERS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 0x0f, 0x10, 0x11, 0x18, 0x20, 0x21, 0x27, 0x41, 0x45, 0x50, 0x51, 0x81];
const MORE = [0xdd, 0xea, 0xff];
const LENGTHS = [0, 1, 2, 3, 4, 8, 15, 16, 17, 23, 24, 25, 31, 32, 33, 40, 64, 65, 66, 70, 71, 72, 73, 96, 97, 98, 105];
const LONGER = [106, 128, 239, 240, 255];

/** Status words that say that the form was wrong, not what it was about. */
const WRONG_FORM = [0x6d00, 0x6e00, 0x6700, 0x6a86];
/** Instructions whose wrong lengths are bad data. A71CH status words */
const BAD_DATA = [0x71, 0x73];
/** HKDF and PUT KEY have lengths in their data; secrets.test.ts and secure-channel.test.ts have them. */
const ELSEWHERE = new Set([0x45, 0xd8]);

function freshChip(variant: A71chVariant): A71chChip {
  const entropy = new SeededEntropy(nodeHash, "every command");
  return new A71chChip({ crypto: nodeChipCrypto, entropy, clock: new VirtualClock(), variant });
}

function statusOf(chip: A71chChip, command: readonly number[], length: number): number {
  const data = length === 0 ? [] : [length, ...new Uint8Array(length).fill(0x01)];
  const answer = chip.exchange(Uint8Array.of(...command, ...data, 0x00));
  return ((answer.at(-2) ?? 0) << 8) | (answer.at(-1) ?? 0);
}

for (const variant of ["A", "B"] as const) {
  test(`A71chChip ${variant} takes each instruction in its legal forms alone, and says of every other what is wrong with it`, (t) => {
    const forms = sheet(variant);
    let walked = 0;
    for (const [ins, legal] of forms) {
      const chip = freshChip(variant);
      for (const p1 of [...PARAMETERS, ...MORE]) {
        for (const p2 of [...PARAMETERS, ...MORE]) {
          const fitting = legal.filter((each) => each.p1(p1) && each.p2(p2));
          for (const length of [...LENGTHS, ...LONGER]) {
            // A sample of what is wrong in both ways: it is refused for its parameters, whatever the length.
            if (!DEEP && fitting.length === 0 && (p1 + p2 + length) % 23 !== 0) continue;
            const sw = statusOf(chip, [0x80, ins, p1, p2], length);
            const where = `${ins.toString(16)} ${p1.toString(16)} ${p2.toString(16)}, ${length} bytes: ${sw.toString(16)}`;
            const isBeyondEnd =
              ins === 0x72 && length > 0 && p1 * 256 + p2 + length > A71CH_VARIANTS[variant].storageBytes;
            if (isBeyondEnd) assert.equal(sw, 0x6a86, where);
            else if (fitting.some((each) => each.lengths(length))) assert.ok(!WRONG_FORM.includes(sw), where);
            else if (fitting.length > 0) assert.equal(sw, BAD_DATA.includes(ins) ? 0x6a80 : 0x6700, where);
            else assert.ok([0x6a86, 0x6700, 0x6a80].includes(sw), where);
            walked++;
          }
        }
      }
    }
    t.diagnostic(`${walked} commands`);
  });
}

test("A71chChip knows no other instruction and no other class, and the walk leaves none out", () => {
  const chip = freshChip("B");
  const forms = sheet("B");
  for (let ins = 0; ins <= 0xff; ins++) {
    const known = forms.has(ins) || ELSEWHERE.has(ins);
    assert.equal(statusOf(chip, [0x80, ins, 0xfc, 0xfc], 0) === 0x6d00, !known, ins.toString(16));
    for (const cla of [0x81, 0x90, 0xc0, 0xff]) assert.equal(statusOf(chip, [cla, ins, 0, 0], 0), 0x6e00);
  }
  const inTable = new Set(Object.values(A71CH_COMMANDS).flatMap(({ cla, ins }) => (cla === 0x80 ? [ins] : [])));
  assert.deepEqual(inTable, new Set([...forms.keys(), ...ELSEWHERE].filter((ins) => inTable.has(ins))));
  assert.equal(inTable.size, forms.size + ELSEWHERE.size);
});
