import assert from "node:assert/strict";
import { test } from "node:test";

import { concat, fromHex, toHex } from "../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../crypto/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { A71chChip } from "./a71ch/index.ts";
import { MemoryInRam } from "./index.ts";
import { nodeChipCrypto } from "./node.ts";
import { rehearse } from "./rehearsal.ts";

const entropy = () => new SeededEntropy(nodeHash, "rehearsal");

function newChip(): A71chChip {
  return new A71chChip({ crypto: nodeChipCrypto, entropy: entropy(), clock: new VirtualClock() });
}

const KEY = "5a".repeat(16);

/** A chip with something of each kind in it. */
function filledChip(): A71chChip {
  const chip = newChip();
  const commands = [
    "8012000000",
    `80320001 10${KEY}00`,
    `80420001 10${KEY}00`,
    `80320101 10${KEY}00`,
    "80620000040000000500",
  ];
  for (const command of commands) run(chip, command);
  return chip;
}

function run(chip: A71chChip, command: string): string {
  return toHex(chip.exchange(fromHex(command.replaceAll(" ", "")))).slice(-4);
}

/** Every irreversible command of the table that needs no session before it. */
const IRREVERSIBLE: Record<string, string> = {
  LockInjection: "8092000100",
  LockTransport: "8092000200",
  EndDebugMode: "809300dd00",
  DebugReset: "809400ea00",
  FreezeKeyPair: "8013000000",
  FreezePublicKey: "8023010000",
  FreezeSecret: "8043000000",
  FreezeStorage: "80730040 02 0020 00",
  SetCounter: "80620000 04 00000007 00",
  IncrementCounter: "8062000000",
  EraseKeyPair: "8014000000",
  GenerateKeyPair: "8012000000",
  SetConfigKey: `80320001 10${KEY}00`,
  SetSecret: `80420001 10${KEY}00`,
  EraseSecret: "8044000000",
};

test("consequencesOf says beforehand what each irreversible command makes impossible, and so it is afterwards", () => {
  for (const [name, command] of Object.entries(IRREVERSIBLE)) {
    const bytes = fromHex(command.replaceAll(" ", ""));
    const consequences = filledChip().consequencesOf(bytes);
    assert.ok(consequences.length > 0, name);
    for (const { impossible, undoneBy, probe } of consequences) {
      assert.match(impossible, /^to /, name);
      assert.ok(undoneBy.length > 0, name);
      if (!probe) continue;
      const chip = filledChip();
      assert.equal(toHex(chip.fork(entropy()).exchange(probe)).slice(-4), "9000", `${name}: ${impossible}, before`);
      assert.equal(run(chip, command), "9000", name);
      assert.notEqual(toHex(chip.exchange(probe)).slice(-4), "9000", `${name}: ${impossible}, after`);
    }
  }
});

test("consequencesOf names what undoes a lock: a debug reset as long as there is debug mode, then nothing", () => {
  const chip = newChip();
  const freeze = fromHex("8013000000");
  assert.match(chip.consequencesOf(freeze)[0]?.undoneBy ?? "", /debug reset/);
  run(chip, "809300dd00");
  assert.equal(chip.consequencesOf(freeze)[0]?.undoneBy, "nothing");
  for (const harmless of ["8091000300", "8095000800", "8072000001aa00", "00", "8077000000"]) {
    assert.deepEqual(chip.consequencesOf(fromHex(harmless)), [], harmless);
  }
});

test("rehearse runs commands on a copy: the chip itself does not change and its random bytes do not move", () => {
  const chip = filledChip();
  const before = chip.facts();
  const commands = ["8013000000", "8014000000", "809300dd00", "809400ea00"].map(fromHex);
  const [frozen, refused, ended, tooLate] = rehearse(chip, commands, entropy());
  assert.equal(frozen?.statusWord, 0x9000);
  assert.deepEqual(frozen.changes, { "key pair 0": { before: "present, open", after: "present, frozen" } });
  assert.deepEqual([refused?.statusWord, refused?.impossible, refused?.changes], [0x6986, [], {}]);
  assert.deepEqual(ended?.changes, { "debug mode": { before: "available", after: "ended for good" } });
  assert.equal(tooLate?.statusWord, 0x6985);
  assert.deepEqual(chip.facts(), before);
  const untouched = filledChip();
  assert.deepEqual(chip.exchange(fromHex("8095001000")), untouched.exchange(fromHex("8095001000")));
});

test("fork and restoreFrom carry keys over: a copy signs for the same public key, and a rewound chip has it back", () => {
  const chip = filledChip();
  const point = toHex(chip.exchange(fromHex("8011000000")));
  const saved = new MemoryInRam();
  chip.saveTo(saved);
  assert.equal(run(chip, "8092000100"), "9000");
  assert.equal(run(chip, "8092000200"), "9000");
  assert.equal(
    toHex(chip.fork(entropy()).exchange(fromHex("8011000000"))),
    "6985",
    "locked for transport, as the chip is",
  );
  chip.restoreFrom(saved);
  assert.equal(chip.facts()["transport lock"], "not yet set");
  assert.equal(toHex(chip.exchange(fromHex("8011000000"))), point);
  const verify = concat(fromHex("80150000"), fromHex(`20${"11".repeat(32)}00`));
  assert.equal(toHex(chip.fork(entropy()).exchange(verify)).slice(-4), "9000");
  assert.throws(() => chip.restoreFrom(new MemoryInRam()), { name: "UsageError", code: "state-version" });
  const other = new A71chChip({ crypto: nodeChipCrypto, entropy: entropy(), clock: new VirtualClock(), variant: "A" });
  assert.throws(() => other.restoreFrom(saved), { code: "state-version" });
});

test("facts and rehearsals hold no key", () => {
  const chip = filledChip();
  const told = JSON.stringify([chip.facts(), rehearse(chip, [fromHex(`8042010110${KEY}00`)], entropy())]);
  assert.ok(!told.includes("5a5a"));
});
