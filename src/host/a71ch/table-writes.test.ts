import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { STORAGE_CHUNK } from "../../apdu/a71ch/index.ts";
import { A71chChip } from "../../chip/a71ch/index.ts";
import { nodeChipCrypto } from "../../chip/node.ts";
import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { silentTrace } from "../../trace/index.ts";
import { A71chSession, createObject, eraseObject, listObjects } from "./index.ts";
import { decodeTable, ENTRY_BYTES, encodeEntry, OBJECT_CLASS, type TableEntry, tableBytes } from "./object-table.ts";
import { type TableChange, tableWrites } from "./table-writes.ts";

const STORAGE = 4096;

const entryOf = (index: number, offset = index): TableEntry => ({
  class: OBJECT_CLASS.data,
  index,
  length: 32,
  offset: offset * 32,
});

/** Storage whose table has these slots, deleted ones undefined; what is beyond its count is left over from before. */
function storageWith(slots: readonly (TableEntry | undefined)[]): Uint8Array {
  const storage = new Uint8Array(STORAGE).fill(0x0a);
  slots.forEach((slot, i) => storage.set(encodeEntry(slot), STORAGE - 2 - (i + 1) * ENTRY_BYTES));
  storage[STORAGE - 2] = 0xff;
  storage[STORAGE - 1] = slots.filter((slot) => slot !== undefined).length;
  return storage;
}

const tableOf = (storage: Uint8Array) => {
  const size = tableBytes(storage[STORAGE - 1] ?? 0);
  return decodeTable(storage.subarray(STORAGE - size), STORAGE);
};

/** As NXP's host library reads: so many entries as the count says, deleted ones skipped, then by offset. A71CH object table */
function readAsVendor(storage: Uint8Array): string {
  const count = storage[STORAGE - 1] ?? 0;
  const found: string[] = [];
  for (
    let at = STORAGE - 2 - ENTRY_BYTES;
    found.length < count && at >= STORAGE - tableBytes(count);
    at -= ENTRY_BYTES
  ) {
    const [kind, index, , , high = 0, low = 0] = storage.subarray(at, at + ENTRY_BYTES);
    if (kind !== 0xff && index !== 0xff) found.push(`${String(high * 256 + low).padStart(5)}:${kind}/${index}`);
  }
  return found.sort().join(" ");
}

const asText = (entries: readonly TableEntry[]) =>
  entries
    .map((each) => `${String(each.offset).padStart(5)}:${each.class}/${each.index}`)
    .sort()
    .join(" ");

/** Every state that a cut between two commands leaves. */
function cutsOf(storage: Uint8Array, change: (entries: readonly TableEntry[]) => TableChange): string[] {
  const seen = [readAsVendor(storage)];
  const table = tableOf(storage);
  for (const { offset, bytes } of tableWrites(table, change(table.entries), STORAGE)) {
    assert.ok(bytes.length > 0 && bytes.length <= STORAGE_CHUNK, `${bytes.length} bytes in one command`);
    storage.set(bytes, offset);
    seen.push(readAsVendor(storage));
    assert.equal(asText(tableOf(storage).entries), seen.at(-1), "our reader agrees with the vendor's");
  }
  return seen;
}

test("tableWrites leaves the old table or the new one at every cut, for every size and every place of the entry", () => {
  let cuts = 0;
  const fresh = entryOf(200, 121);
  for (const size of [1, 5, 36, 37, 38, 39, 40, 41, 77, 78, 79, 106]) {
    const entries = Array.from({ length: size }, (_, i) => entryOf(i));
    for (const add of [[], [fresh]]) {
      for (let gone = 0; gone <= size; gone++) {
        const wanted = [...entries.filter(({ index }) => index !== gone), ...add];
        const storage = storageWith(entries);
        const seen = cutsOf(storage, (all) => ({
          remove: all.filter(({ index }) => index === gone),
          ...(add[0] ? { add: add[0] } : {}),
        }));
        assert.ok(seen.every((each) => each === asText(entries) || each === asText(wanted)));
        assert.equal(seen.at(-1), asText(wanted), `${size} entries, without ${gone}`);
        if (wanted.length !== size || add.length > 0) assert.equal(storage[STORAGE - 2], 0, "updates go round");
        cuts += seen.length - 1;
      }
    }
  }
  assert.ok(cuts > 1500, `${cuts} cuts`);
});

test("tableWrites keeps a table with deleted entries between others readable at every cut", () => {
  const slots = fc.array(fc.boolean(), { minLength: 40, maxLength: 100 });
  fc.assert(
    fc.property(slots, fc.nat(), fc.boolean(), (kept, pick, isReplaced) => {
      const all = kept.map((isKept, i) => (isKept ? entryOf(i) : undefined));
      const storage = storageWith(all);
      // Deleted entries push others out of the part of storage that the count stands for.
      const { entries } = tableOf(storage);
      const removed = entries[pick % Math.max(1, entries.length)];
      const add = isReplaced || !removed ? [entryOf(201, 121)] : [];
      const wanted = [...entries.filter((each) => each !== removed), ...add];
      const before = readAsVendor(storage);
      const seen = cutsOf(storage, (present) => ({
        remove: present.filter(({ index }) => index === removed?.index),
        ...(add[0] ? { add: add[0] } : {}),
      }));
      assert.ok(seen.every((each) => each === before || each === asText(wanted)));
      assert.equal(seen.at(-1), asText(wanted));
    }),
    { numRuns: 60 },
  );
});

test("tableWrites takes entries of one name out one by one, and puts a new one in the place of the first", () => {
  const twins = Array.from({ length: 60 }, (_, i) => entryOf(i % 50, i));
  const storage = storageWith(twins);
  const seen = new Set(
    cutsOf(storage, (all) => ({ remove: all.filter(({ index }) => index === 7), add: entryOf(7, 121) })),
  );
  const { entries } = tableOf(storage);
  assert.deepEqual(
    entries.filter(({ index }) => index === 7),
    [entryOf(7, 121)],
  );
  assert.equal(entries.length, 59);
  assert.equal(seen.size, 3, "both, the new one beside the second, the new one alone");
});

test("a chip full of objects keeps all others when making or erasing one is cut after any command", async () => {
  const clock = new VirtualClock();
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy: new SeededEntropy(nodeHash, "full"), clock });
  let left = Number.POSITIVE_INFINITY;
  const exchange = async (command: Uint8Array) => {
    assert.ok(--left >= 0, "the cable is out");
    return chip.exchange(command);
  };
  const transport = { exchange, close: async () => undefined };
  const access = { session: new A71chSession(transport, clock, silentTrace), variant: "B" as const };
  const names = async () => new Set((await listObjects(access)).map(({ index }) => index));
  let made = 0;
  for (let full = false; !full;) {
    full = await createObject(access, { kind: "data", index: made, bytes: Uint8Array.of(made) }).then(
      () => (made++, false),
      (error: { code?: string }) => error.code === "storage-full",
    );
  }
  assert.equal(made, 107, "128 segments: 107 objects and 21 for their table");
  const whole = await names();
  for (const index of [0, 38, 39, 40, 90, 106]) {
    for (const change of ["erase", "make"] as const) {
      const [before, after] = [await names(), new Set(whole)];
      if (change === "erase") after.delete(index);
      for (let [cut, done] = [1, false]; !done; cut++) {
        left = cut;
        const work =
          change === "erase"
            ? eraseObject(access, { kind: "data", index })
            : createObject(access, { kind: "data", index, bytes: Uint8Array.of(index) });
        done = await work.then(
          () => true,
          () => false,
        );
        left = Number.POSITIVE_INFINITY;
        const now = await names();
        assert.ok(
          [before, after].some((each) => each.symmetricDifference(now).size === 0),
          `${change} ${index}, cut ${cut}`,
        );
        // The cut may have come behind the command that counts.
        done ||= after.symmetricDifference(now).size === 0;
      }
      assert.deepEqual((await names()).symmetricDifference(after), new Set());
    }
  }
});
