/** Objects by the hundred thousand, power that fails at any store, and bytes that no host sends. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import fc from "fast-check";

import { Chance } from "../../../test/chip/differential.ts";
import { bytesOf, Host, newSe05x } from "../../../test/chip/se05x.ts";
import { decodeLongResponse } from "../../apdu/index.ts";
import { SE05X_COMMAND_SET, SE05X_COMMANDS } from "../../apdu/se05x/index.ts";
import { concat, decode, fromHex, toHex, UsageError } from "../../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import type { Trace } from "../../trace/index.ts";
import { MemoryInRam, type NonVolatileMemory } from "../index.ts";
import { nodeSe05xCrypto, SealedFileMemory } from "../node.ts";
import { Se05xChip } from "./index.ts";

const A = 0x20000001;
const DEEP = process.env.HAWSER_DEEP === "1";
const OBJECTS = DEEP ? 100_000 : 1_000;

test("Se05xChip makes and deletes objects of every kind without losing a byte of its memory", async (t) => {
  const memory = new MemoryInRam();
  const { host } = await newSe05x({ model: "a5000", memory });
  const chance = new Chance("objects");
  const free = () => [1, 2, 3].map((kind) => host.send("getFreeMemory", { memory: kind }).bytes);
  const before = free();
  const size = memory.load()?.length;
  const live: number[] = [];
  for (let i = 0; i < OBJECTS; i++) {
    const objectId = A + i;
    const insFlags = chance.below(4) === 0 ? 0x80 : 0;
    const kind = chance.below(5);
    const sw =
      kind === 0
        ? host.sw("writeSymmKey", { kind: 3, objectId, value: chance.bytes(16), insFlags })
        : kind === 1
          ? host.sw("writeSymmKey", { kind: 5, objectId, value: chance.bytes(1 + chance.below(64)), insFlags })
          : kind === 2
            ? host.sw("writeBinary", { objectId, length: 1 + chance.below(200), insFlags })
            : kind === 3
              ? host.sw("writeCounter", { objectId, size: 4, insFlags })
              : host.sw("createCryptoObject", { cryptoObjectId: 1 + (i % 0xffff), context: 0x01, subtype: 0x04 });
    assert.ok(sw === "9000" || sw === "6985", sw);
    if (sw === "9000" && kind === 4) host.send("deleteCryptoObject", { cryptoObjectId: 1 + (i % 0xffff) });
    if (sw === "9000" && kind !== 4) live.push(objectId);
    if (live.length > 8) host.send("deleteObject", { objectId: live.splice(chance.below(live.length), 1)[0] ?? 0 });
  }
  for (const objectId of live) host.send("deleteObject", { objectId });
  assert.deepEqual([free(), memory.load()?.length], [before, size]);
  t.diagnostic(`${OBJECTS} objects`);
});

test("Free memory goes down by what an object takes, and up again, and what does not fit is refused whole", async () => {
  const { host } = await newSe05x({ model: "a5000" });
  const free = () => host.send("getFreeMemory", { memory: 1 }).bytes;
  const start = free();
  host.send("writeBinary", { objectId: A, length: 500 });
  const [small] = [start - free()];
  assert.ok(small >= 500 && small < 600);
  host.send("writeSymmKey", { kind: 3, objectId: A + 1, value: new Uint8Array(32) });
  host.send("deleteObject", { objectId: A });
  assert.ok(start - free() >= 32 && start - free() < 100);
  assert.equal(host.sw("writeBinary", { objectId: A, length: free() }), "6985", "the head has no room");
  assert.equal(host.send("exists", { objectId: A }).result, 2);
  const { host: other } = await newSe05x({ model: "se050" });
  const transient = () => other.send("getFreeMemory", { memory: 2 }).bytes;
  const whole = transient();
  other.send("writeSymmKey", { kind: 4, objectId: A, value: new Uint8Array(24), insFlags: 0x80 });
  assert.ok(transient() < whole);
});

test("A power cut at any store leaves the chip as before the command or as after it", async (t) => {
  const commands = [
    bytesOf("writeEcKey", { part: 0x60, objectId: A }),
    bytesOf("createCryptoObject", { cryptoObjectId: 5, context: 0x02, subtype: 0x0d }),
    bytesOf("createCurve", { curve: 0x01 }),
    bytesOf("setCurveParameter", {
      curve: 0x01,
      parameter: 0x10,
      value: fromHex("fffffffffffffffffffffffffffffffeffffffffffffffff"),
    }),
    bytesOf("writeRsaKey", { part: 0x60, form: 0x4f, objectId: A + 1, bits: 512, e: fromHex("010001") }),
    bytesOf("writePcr", { objectId: A + 2, initial: new Uint8Array(32) }),
    bytesOf("writePcr", { objectId: A + 2, data: fromHex("01") }),
    bytesOf("writeSymmKey", { kind: 5, objectId: A + 3, value: fromHex("01") }),
    bytesOf("agreeInto", { objectId: A, peerPoint: generatorOfP256, direction: 0x0f, targetId: A + 3 }),
    bytesOf("hkdfInto", { objectId: A + 3, algorithm: 0x04, length: 16, targetId: A + 3 }),
    bytesOf("deleteCryptoObject", { cryptoObjectId: 5 }),
  ];
  let cuts = 0;
  for (let cut = 0; cut < commands.length; cut++) {
    const inner = new MemoryInRam();
    let armed = false;
    const memory: NonVolatileMemory = {
      load: () => inner.load(),
      store(image) {
        if (armed) throw new Error("power failed");
        inner.store(image);
      },
    };
    const { chip, host } = await newSe05x({ memory });
    for (const [i, command] of commands.entries()) {
      if (i < cut) assert.equal(host.raw(command).sw, 0x9000, `command ${i}`);
    }
    const before = toHex(inner.load() ?? assert.fail());
    armed = true;
    assert.equal(host.raw(commands[cut] ?? assert.fail()).sw, 0x6f00, `command ${cut}`);
    assert.equal(toHex(inner.load() ?? assert.fail()), before);
    armed = false;
    chip.reset();
    // The command is carried out anew, and so is all that follows, in the chip itself and in one from its memory.
    const { host: later } = await newSe05x({ memory: inner });
    for (const command of commands.slice(cut)) assert.equal(host.raw(command).sw, 0x9000);
    assert.equal(later.raw(commands[cut] ?? assert.fail()).sw, 0x9000);
    cuts++;
  }
  t.diagnostic(`${cuts} cuts`);
});

const generatorOfP256 = fromHex(
  "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
);

test("Se05xChip answers commands of any row with any fields, whole or torn, and never fails inside", async () => {
  const { chip, host } = await newSe05x();
  host.send("writeEcKey", { part: 0x60, objectId: A });
  host.send("writeSymmKey", { kind: 3, objectId: A + 1, value: new Uint8Array(16) });
  host.send("writeSymmKey", { kind: 5, objectId: A + 2, value: new Uint8Array(16) });
  host.send("writeRsaKey", { part: 0x60, form: 0x00, objectId: A + 3, bits: 512 });
  host.send("writeEcKey", { part: 0x60, objectId: A + 4, curve: 0x40 });
  for (const [i, [context, subtype]] of [
    [1, 4],
    [2, 0x18],
    [3, 0x19],
    [4, 0xb0],
    [4, 0xf4],
  ].entries()) {
    host.send("createCryptoObject", { cryptoObjectId: i, context: context ?? 0, subtype: subtype ?? 0 });
  }
  const keep = new Set(["deleteAll", "select", "selectCardManager", "selectPlatform"]);
  const rows = Object.entries(SE05X_COMMANDS).filter(([key]) => !keep.has(key));
  const tlv = fc
    .tuple(
      fc.integer({ min: 0x41, max: 0x4b }),
      fc.oneof(fc.uint8Array({ maxLength: 70 }), ...KNOWN.map((bytes) => fc.constant(bytes))),
    )
    .map(([tag, bytes]) => concat(Uint8Array.of(tag, bytes.length), bytes));
  const command = fc.tuple(
    fc.constantFrom(...rows.map(([, row]) => row)),
    fc.array(tlv, { maxLength: 6 }),
    fc.nat(0xff),
    fc.boolean(),
  );
  fc.assert(
    fc.property(command, ([row, fields, p, isTorn]) => {
      const object = fc.sample(fc.constantFrom(0, 1, 2, 3, 4), 1)[0] ?? 0;
      const head = Uint8Array.of(0x41, 4, 0x20, 0, 0, 1 + object);
      const data = concat(head, ...fields);
      const body = isTorn ? data.slice(0, Math.max(0, data.length - (p % 5))) : data;
      const [p1, p2] = parametersOf(row, p);
      const bytes = concat(Uint8Array.of(row.cla, row.ins, p1, p2, 0, body.length >> 8, body.length & 0xff), body);
      const { sw } = decodeLongResponse(chip.exchange(bytes));
      assert.notEqual(sw, 0x6f00, `${row.name} ${toHex(bytes)}`);
    }),
    { numRuns: process.env.HAWSER_DEEP === "1" ? 100_000 : 1500, seed: 5 },
  );
});

/** Values that mean something: objects, algorithms, lengths. */
const KNOWN = [
  "20000001",
  "20000002",
  "20000003",
  "20000004",
  "0000",
  "0001",
  "0003",
  "04",
  "21",
  "28",
  "a3",
  "0d",
  "b0",
  "0010",
].map(fromHex);

/** Bytes that the row takes for P1 and P2, where one try of many finds some. */
function parametersOf(
  row: (typeof SE05X_COMMANDS)[keyof typeof SE05X_COMMANDS],
  start: number,
): readonly [number, number] {
  const found = PARAMETERS.get(row.name) ?? [];
  return found[start % Math.max(1, found.length)] ?? [start, 0];
}

const PARAMETERS = new Map<string, (readonly [number, number])[]>();
for (const row of Object.values(SE05X_COMMANDS)) {
  for (const p1 of [...Array(0x13).keys(), 0x21, 0x22, 0x41, 0x42, 0x61, 0x62]) {
    for (let p2 = 0; p2 < 0x64; p2++) {
      const isTaken = SE05X_COMMAND_SET.rowsOf(row).includes(row) && takes(row, p1, p2);
      if (isTaken) PARAMETERS.set(row.name, [...(PARAMETERS.get(row.name) ?? []), [p1, p2]]);
    }
  }
}

function takes(row: (typeof SE05X_COMMANDS)[keyof typeof SE05X_COMMANDS], p1: number, p2: number): boolean {
  try {
    decode(row.parameters, Uint8Array.of(p1, p2));
    return true;
  } catch {
    return false;
  }
}

test("Every write of an object and of the settings is counted over restarts, and beyond the endurance answers 6581", async () => {
  const memory = new MemoryInRam();
  const warnings: string[] = [];
  const opened = async () => {
    const trace: Trace = {
      isSilent: true,
      emit: (_actor, event) => {
        if (event.kind === "process") warnings.push(event.detail ?? "");
      },
    };
    const ports = { crypto: nodeSe05xCrypto, entropy: new SeededEntropy(nodeHash, "wear"), clock: new VirtualClock() };
    const chip = await Se05xChip.open({ model: "se051", ...ports, memory, enduranceWrites: 3, trace });
    return { chip, host: new Host((command) => chip.exchange(command)) };
  };
  const writesOf = (chip: Se05xChip, place: string) => chip.wear.find((each) => each.place === place)?.writes;
  const { chip, host } = await opened();
  host.send("writeBinary", { objectId: A, length: 2 });
  host.send("writeBinary", { objectId: A, data: new Uint8Array(1) });
  host.send("readObject", { objectId: A });
  assert.equal(host.sw("writeBinary", { objectId: A, offset: 9, data: new Uint8Array(1) }), "6a80");
  assert.equal(writesOf(chip, "object 20000001"), 2, "reading and refused writes wear nothing");
  const { chip: later, host: again } = await opened();
  assert.equal(writesOf(later, "object 20000001"), 2);
  again.send("writeBinary", { objectId: A, data: Uint8Array.of(7) });
  assert.equal(again.sw("writeBinary", { objectId: A, data: Uint8Array.of(8) }), "6581");
  assert.deepEqual(warnings, ["wear-out: object 20000001 was written 3 times and takes no more"]);
  assert.equal(again.send("readObject", { objectId: A }).bytes[0], 7, "the command has not happened");
  again.send("deleteObject", { objectId: A });
  assert.equal(writesOf(later, "object 20000001"), undefined);
  again.send("writeSymmKey", { kind: 3, objectId: A, value: new Uint8Array(16), insFlags: 0x80 });
  for (let i = 0; i < 5; i++) again.send("writeSymmKey", { kind: 3, objectId: A, value: new Uint8Array(16).fill(i) });
  assert.equal(writesOf(later, "object 20000001"), 1, "a value that goes without power wears nothing");
  for (const id of [1, 2, 3]) again.send("createCryptoObject", { cryptoObjectId: id, context: 1, subtype: 4 });
  assert.equal(again.sw("createCryptoObject", { cryptoObjectId: 4, context: 1, subtype: 4 }), "6581");
});

test(`F-25 a state file of an SE05x with any bit flipped is refused (${DEEP ? "each" : "a seeded sample"})`, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "se05x-state-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [file, key] = [join(folder, "chip.state"), new Uint8Array(32).fill(3)];
  const { host } = await newSe05x({ model: "a5000", memory: new SealedFileMemory({ file, key }) });
  host.send("writeSymmKey", { kind: 3, objectId: A, value: new Uint8Array(16) });
  const whole = readFileSync(file);
  const isRefused = (error: unknown) =>
    error instanceof UsageError && (error.code === "state-damaged" || error.code === "state-version");
  const refuses = (bit: number) => {
    const flipped = Uint8Array.from(whole);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    writeFileSync(file, flipped);
    assert.throws(() => new SealedFileMemory({ file, key }).load(), isRefused, `bit ${bit}`);
  };
  const bits = whole.length * 8;
  if (DEEP) for (let bit = 0; bit < bits; bit++) refuses(bit);
  else fc.assert(fc.property(fc.nat(bits - 1), refuses), { numRuns: 200, seed: 1 });
  await assert.rejects(newSe05x({ model: "a5000", memory: new SealedFileMemory({ file, key }) }), isRefused);
  writeFileSync(file, whole);
  const { host: later } = await newSe05x({ model: "a5000", memory: new SealedFileMemory({ file, key }) });
  assert.equal(later.send("exists", { objectId: A }).result, 1);
  t.diagnostic(`${DEEP ? bits : 200} of ${bits} bits`);
});
