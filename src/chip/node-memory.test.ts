import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import fc from "fast-check";

import { fromHex, Reader, toHex, UsageError } from "../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../crypto/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { A71chChip } from "./a71ch/index.ts";
import { CHIP_ERRORS, type ChipErrorCode } from "./index.ts";
import { nodeChipCrypto, SealedFileMemory, type StateDisk } from "./node.ts";

const DEEP = process.env["HAWSER_DEEP"] === "1";
const KEY = new Uint8Array(32).fill(7);
const FILE = "/state/chip";
/** The two that are set are provoked in `chip.test.ts` and `node.test.ts`. */
const provoked = new Set<ChipErrorCode>(["status-word", "cannot-listen"]);

/** The base point, whose scalar is 1. */
const G =
  "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

class PowerCut extends Error {}

/**
 * A disk whose power goes away after so many steps. Each byte written is a step, and so is each whole operation; a
 * replacement that was cut may or may not have reached the disk.
 */
class CuttableDisk implements StateDisk {
  readonly files = new Map<string, Uint8Array>();
  steps = 0;
  cutAt = Number.POSITIVE_INFINITY;
  lateReplace = false;

  read(path: string): Uint8Array | undefined {
    return this.files.get(path)?.slice();
  }

  mode(): number {
    return 0o600;
  }

  write(path: string, bytes: Uint8Array): void {
    this.#step();
    for (let length = 0; length <= bytes.length; length++) {
      this.files.set(path, bytes.slice(0, length));
      this.#step();
    }
  }

  replace(from: string, to: string): void {
    this.#step();
    if (this.steps + 1 >= this.cutAt && !this.lateReplace) this.#step();
    this.files.set(to, this.files.get(from) ?? assert.fail());
    this.files.delete(from);
    this.#step();
  }

  #step(): void {
    this.steps++;
    if (this.steps >= this.cutAt) throw new PowerCut("the power is gone");
  }
}

function isCode(error: unknown, ...codes: ChipErrorCode[]): boolean {
  const found = codes.find((code) => error instanceof UsageError && error.code === code);
  if (found) provoked.add(found);
  return found !== undefined;
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "hawser-chip-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function newChip(memory: SealedFileMemory, seed = "memory test"): A71chChip {
  const entropy = new SeededEntropy(nodeHash, seed);
  return new A71chChip({ crypto: nodeChipCrypto, entropy, clock: new VirtualClock(), variant: "A", memory });
}

test("SealedFileMemory leaves old or new contents wherever the power is cut", () => {
  const [old, next] = [new Uint8Array(90).fill(1), new Uint8Array(130).fill(2)];
  const whole = new CuttableDisk();
  const memory = (disk: StateDisk) => new SealedFileMemory({ file: FILE, key: KEY, disk });
  memory(whole).store(old);
  const before = new Map(whole.files);
  const first = whole.steps;
  const again = memory(whole);
  again.load();
  again.store(next);
  const steps = whole.steps - first;
  const seen = { old: 0, new: 0 };
  for (const lateReplace of [false, true]) {
    for (let cutAt = 1; cutAt <= steps; cutAt++) {
      const disk = new CuttableDisk();
      for (const [path, bytes] of before) disk.files.set(path, bytes);
      const victim = memory(disk);
      victim.load();
      Object.assign(disk, { cutAt, lateReplace });
      assert.throws(
        () => victim.store(next),
        (error) => isCode(error, "state-disk"),
      );
      disk.cutAt = Number.POSITIVE_INFINITY;
      const survivor = memory(disk);
      const image = survivor.load() ?? assert.fail();
      seen[image.length === old.length ? "old" : "new"]++;
      assert.deepEqual(image, image.length === old.length ? old : next, `cut at ${cutAt}`);
      // What the cut left behind is not in the way, and the process that survived its disk may go on too.
      for (const each of [survivor, memory(disk)]) {
        each.load();
        each.store(old);
        assert.deepEqual(memory(disk).load(), old);
      }
      if (cutAt % 20 === 0) assert.doesNotThrow(() => newerThan(victim, disk));
    }
  }
  assert.ok(seen.old > 150 && seen.new >= 1, JSON.stringify(seen));
});

/** A process whose write failed sees that others have written since. */
function newerThan(victim: SealedFileMemory, disk: CuttableDisk): void {
  const other = new SealedFileMemory({ file: FILE, key: KEY, disk });
  other.load();
  other.store(new Uint8Array(5));
  other.store(new Uint8Array(6));
  assert.throws(
    () => victim.store(new Uint8Array(7)),
    (error) => isCode(error, "state-shared"),
  );
}

test("SealedFileMemory makes its first file and its key file so that a cut leaves them whole or absent", () => {
  const image = new Uint8Array(20).fill(3);
  const whole = new CuttableDisk();
  new SealedFileMemory({ file: FILE, disk: whole }).store(image);
  for (let cutAt = 1; cutAt <= whole.steps; cutAt++) {
    const disk = new CuttableDisk();
    disk.cutAt = cutAt;
    const attempt = () => new SealedFileMemory({ file: FILE, disk }).store(image);
    assert.throws(attempt, (error) => isCode(error, "state-disk"));
    disk.cutAt = Number.POSITIVE_INFINITY;
    const memory = new SealedFileMemory({ file: FILE, disk });
    const found = memory.load();
    assert.ok(found === undefined || toHex(found) === toHex(image));
    if (!found) memory.store(image);
    assert.deepEqual(new SealedFileMemory({ file: FILE, disk }).load(), image);
  }
});

/** Every kind of change of an A71CH, in an order in which each is possible. */
const CHANGES = [
  "8012000000",
  `8012010061${"00".repeat(31)}01${G}00`,
  `8022000041${G}00`,
  "8062000000",
  "80620000040000000900",
  `803200011000112233445566778899aabbccddeeff00`,
  `804200011000112233445566778899aabbccddeeff00`,
  "807200000301020300",
  "8073002002002000",
  "8092000502616200",
  "8013000000",
  "8014010000",
  "8023000000",
  "8043000000",
  "8064000000",
  "809400ea00",
  "803200011000112233445566778899aabbccddeeff00",
  "8092000100",
  "809300dd00",
  "8092000200",
] as const;

test(`A71chChip whose power is cut in the write of any change holds what was before or after it (${DEEP ? "every byte" : "a seeded sample"})`, () => {
  let [disk, cuts] = [new CuttableDisk(), 0];
  const power = (on: CuttableDisk) => newChip(new SealedFileMemory({ file: FILE, key: KEY, disk: on }));
  const imageIn = (on: CuttableDisk) =>
    toHex(new SealedFileMemory({ file: FILE, key: KEY, disk: on }).load() ?? assert.fail());
  power(disk);
  const sample = new SeededEntropy(nodeHash, "cuts");
  for (const change of CHANGES) {
    const before = new Map(disk.files);
    const copy = () => {
      const made = new CuttableDisk();
      for (const [path, bytes] of before) made.files.set(path, bytes);
      return made;
    };
    const whole = copy();
    const chip = power(whole);
    assert.equal(toHex(chip.exchange(fromHex(change))), "9000", change);
    const { steps } = whole;
    assert.ok(steps > 1000, `${steps} steps`);
    const some = Array.from({ length: 6 }, () => 1 + (new Reader(sample.bytes(2)).u16() % steps));
    const all = Array.from({ length: steps }, (_, i) => i + 1);
    const at = [...(DEEP ? all : [1, 2, ...some]), steps - 2, steps - 1, steps];
    const [old, next] = [imageIn(copy()), imageIn(whole)];
    for (const cutAt of at) {
      for (const lateReplace of [false, true]) {
        const victim = copy();
        const dying = power(victim);
        Object.assign(victim, { cutAt, lateReplace });
        assert.equal(toHex(dying.exchange(fromHex(change))), "6f00", "what is not stored has not happened");
        victim.cutAt = Number.POSITIVE_INFINITY;
        const found = imageIn(victim);
        assert.ok(found === old || sameChange(found, next, change), `${change}, cut at ${cutAt} of ${steps}`);
        cuts++;
      }
    }
    disk = whole;
  }
  assert.ok(cuts >= CHANGES.length * 22);
});

/** A new key is another one each time, in a chip whose entropy went on; all else is the same. */
function sameChange(found: string, next: string, change: string): boolean {
  return found === next || (change === "8012000000" && found.length === next.length);
}

test(`SealedFileMemory refuses a state file with any bit flipped (${DEEP ? "each" : "a seeded sample"})`, () => {
  const disk = new CuttableDisk();
  newChip(new SealedFileMemory({ file: FILE, key: KEY, disk })).exchange(fromHex("8012000000"));
  const whole = disk.files.get(FILE) ?? assert.fail();
  const refuses = (bit: number) => {
    const flipped = whole.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    disk.files.set(FILE, flipped);
    const start = () => newChip(new SealedFileMemory({ file: FILE, key: KEY, disk }));
    assert.throws(start, (error) => isCode(error, "state-damaged", "state-version"), `bit ${bit}`);
  };
  const bits = whole.length * 8;
  // The header and the seal always, the ciphertext between them by sample.
  for (let bit = 0; bit < 25 * 8; bit++) refuses(bit);
  for (let bit = bits - 128; bit < bits; bit++) refuses(bit);
  if (DEEP) for (let bit = 0; bit < bits; bit++) refuses(bit);
  else fc.assert(fc.property(fc.nat(bits - 1), refuses), { numRuns: 300, seed: 1 });
});

test("SealedFileMemory refuses a state file that was cut short, prolonged, or replaced by anything else", () => {
  const disk = new CuttableDisk();
  const memory = () => new SealedFileMemory({ file: FILE, key: KEY, disk });
  memory().store(new Uint8Array(40));
  const whole = disk.files.get(FILE) ?? assert.fail();
  const refuses = (bytes: Uint8Array) => {
    disk.files.set(FILE, bytes);
    assert.throws(
      () => memory().load(),
      (error) => isCode(error, "state-damaged", "state-version"),
    );
  };
  for (let length = 0; length < whole.length; length++) refuses(whole.subarray(0, length));
  refuses(Uint8Array.of(...whole, 0));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), refuses), { numRuns: 200 });
});

test("SealedFileMemory keeps a chip over processes, in files that only their owner can read", (t) => {
  const file = join(folder(t), "deep", "state");
  const chip = newChip(new SealedFileMemory({ file }));
  assert.equal(toHex(chip.exchange(fromHex("8012000000"))), "9000");
  assert.deepEqual(readdirSync(join(file, "..")).sort(), ["state", "state.key"]);
  for (const path of [file, `${file}.key`]) assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(join(file, "..")).mode & 0o777, 0o700);
  const again = newChip(new SealedFileMemory({ file }), "another seed");
  assert.equal(again.uniqueId, chip.uniqueId);
  assert.deepEqual(again.exchange(fromHex("8011000000")), chip.exchange(fromHex("8011000000")));
  const key = fromHex(readFileSync(`${file}.key`, "utf8").trim());
  assert.equal(newChip(new SealedFileMemory({ file, key })).uniqueId, chip.uniqueId);
});

test("OE-01 SealedFileMemory leaves no scalar on the disk, neither generated nor injected", (t) => {
  const path = folder(t);
  const entropy = new SeededEntropy(nodeHash, "memory test");
  entropy.bytes(8);
  const generated = Buffer.from(entropy.bytes(32));
  const chip = newChip(new SealedFileMemory({ file: join(path, "state") }));
  chip.exchange(fromHex("8012000000"));
  chip.exchange(fromHex("8013010000"));
  for (const name of readdirSync(path)) {
    const bytes = readFileSync(join(path, name));
    assert.equal(bytes.indexOf(generated), -1, name);
    assert.equal(bytes.toString("latin1").indexOf(generated.toString("hex")), -1, name);
  }
});

test("SealedFileMemory refuses a key that is missing, open to others, malformed, or another", (t) => {
  const file = join(folder(t), "state");
  newChip(new SealedFileMemory({ file }));
  const keyFile = `${file}.key`;
  const good = readFileSync(keyFile);
  const refused = (code: ChipErrorCode) =>
    assert.throws(
      () => newChip(new SealedFileMemory({ file })),
      (error) => isCode(error, code),
    );
  chmodSync(keyFile, 0o640);
  refused("state-key");
  chmodSync(keyFile, 0o600);
  for (const text of ["zz", "00", ""]) {
    writeFileSync(keyFile, text);
    refused("state-key");
  }
  writeFileSync(keyFile, "11".repeat(32));
  refused("state-damaged");
  rmSync(keyFile);
  refused("state-key");
  assert.throws(() => new SealedFileMemory({ file, key: new Uint8Array(16) }), { code: "state-key" });
  writeFileSync(keyFile, good, { mode: 0o600 });
  newChip(new SealedFileMemory({ file }));
});

test("SealedFileMemory says so when another process uses the same file, and when the disk does not serve", (t) => {
  const path = folder(t);
  const file = join(path, "state");
  const [one, two] = [newChip(new SealedFileMemory({ file })), newChip(new SealedFileMemory({ file }))];
  assert.equal(toHex(one.exchange(fromHex("8012000000"))), "9000");
  assert.equal(toHex(two.exchange(fromHex("8012000000"))), "6f00");
  assert.equal(toHex(one.exchange(fromHex("8012000000"))), "9000");
  const memory = new SealedFileMemory({ file });
  memory.load();
  rmSync(file);
  assert.throws(
    () => memory.store(new Uint8Array(1)),
    (error) => isCode(error, "state-shared"),
  );
  mkdirSync(join(path, "is-a-folder"));
  const blocked = new SealedFileMemory({ file: join(path, "is-a-folder"), key: KEY });
  assert.throws(
    () => blocked.load(),
    (error) => isCode(error, "state-disk"),
  );
});

test("every code of CHIP_ERRORS is provoked, here, in node-control.test.ts or in restricted.test.ts", () => {
  const here = (Object.keys(CHIP_ERRORS) as ChipErrorCode[]).filter(
    (code) => !/^(control|snapshot|restricted)-/.test(code),
  );
  const missing = here.filter((code) => !provoked.has(code));
  assert.deepEqual(missing, []);
});
