import assert from "node:assert/strict";
import { test } from "node:test";

import { fromHex, toHex } from "../../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { Ledger } from "../../trace/index.ts";
import { MemoryInRam } from "../index.ts";
import { nodeChipCrypto } from "../node.ts";
import { A71chChip } from "./index.ts";

function bench(enduranceWrites: number) {
  const clock = new VirtualClock();
  const [memory, ledger] = [new MemoryInRam(), new Ledger({ clock })];
  const entropy = new SeededEntropy(nodeHash, "wear");
  const power = () => new A71chChip({ crypto: nodeChipCrypto, entropy, clock, memory, enduranceWrites, trace: ledger });
  return { power, warnings: () => ledger.events({ kinds: ["process"] }) };
}

const ask = (chip: A71chChip, hex: string) => toHex(chip.exchange(fromHex(hex)));

test("F-28 a place of the chip's memory takes exactly 10,000 writes, then a wear-out event and 6581", () => {
  const { power, warnings } = bench(10_000);
  const chip = power();
  const increment = fromHex("8062000000");
  for (let i = 0; i < 10_000; i++) assert.equal(chip.exchange(increment).at(-2), 0x90, `write ${i + 1}`);
  assert.deepEqual(warnings(), []);
  assert.equal(ask(chip, "8062000000"), "6581");
  assert.match(String(Object(warnings()[0]).detail), /wear-out: counter 0 was written 10000 times/);
  assert.equal(ask(chip, "8061000000"), "000027109000", "the refused write has not happened");
  assert.equal(ask(chip, "8062010000"), "9000", "other places go on");
});

test("wear outlives power and a debug reset, and a write over a worn segment changes none of its segments", () => {
  const { power } = bench(2);
  const chip = power();
  // Twice over segment 1, then once over segments 0 and 1.
  for (let i = 0; i < 2; i++) assert.equal(ask(chip, "8072002002112200"), "9000");
  assert.equal(ask(chip, "8072001f02aabb00"), "6581");
  assert.equal(ask(chip, "8071001f02000300"), "0011229000");
  assert.equal(ask(chip, "809400ea00"), "9000");
  const later = power();
  assert.equal(ask(later, "8072002002112200"), "6581");
  assert.deepEqual(later.wear, [
    { place: "storage segment 1", writes: 2, enduranceWrites: 2 },
    { place: "life cycle", writes: 1, enduranceWrites: 2 },
  ]);
});
