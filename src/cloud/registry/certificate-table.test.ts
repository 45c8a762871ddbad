import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { HawserError, toHex } from "../../codec/index.ts";
import { SeededEntropy } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { CertificateTable } from "./certificate-table.ts";
import type { CertificateEntry } from "./entries.ts";
import { SharedValues } from "./shared-values.ts";

const newTable = (seed = "table") => new CertificateTable(new SeededEntropy(nodeHash, seed));
const ids = new SeededEntropy(nodeHash, "ids");
const newId = () => toHex(ids.bytes(32));

function entryOf(id: string, more: Partial<CertificateEntry> = {}): CertificateEntry {
  const nothing = { caId: undefined, mode: "DEFAULT" as const, registeredAt: 0, policies: [], things: [] };
  return { id, status: "ACTIVE", ...nothing, ...more };
}

const name = fc.constantFrom("A", "B", "C");
const anyEntry = fc.record({
  status: fc.constantFrom("ACTIVE", "INACTIVE", "REVOKED", "PENDING_ACTIVATION", "PENDING_TRANSFER"),
  caId: fc.option(fc.constantFrom("ca-1", "ca-2"), { nil: undefined }),
  mode: fc.constantFrom("DEFAULT", "SNI_ONLY"),
  registeredAt: fc.oneof(fc.integer({ min: 0, max: 4_102_444_800_000 }), fc.double({ noNaN: true })),
  policies: fc.uniqueArray(name),
  things: fc.uniqueArray(name),
});

test("CertificateTable holds what was put, and nothing that was removed, as a Map does", () => {
  // A few ids that come again and again; many of them want the same place, and only their last word differs.
  const same = newId().slice(0, 56);
  const few = [...Array.from({ length: 8 }, newId), ...Array.from({ length: 8 }, () => same + newId().slice(56))];
  const act = fc.record({ id: fc.constantFrom(...few), entry: fc.option(anyEntry, { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(act, { minLength: 20, maxLength: 120 }), fc.string(), (acts, seed) => {
      const [table, model] = [newTable(seed), new Map<string, CertificateEntry>()];
      for (const { id, entry } of acts) {
        table.set(id, entry && { id, ...entry });
        if (entry) model.set(id, { id, ...entry });
        else model.delete(id);
        assert.deepEqual(table.get(id), model.get(id));
      }
      assert.deepEqual(
        few.map((id) => table.get(id)),
        few.map((id) => model.get(id)),
      );
      assert.equal(table.size, model.size);
      const profile = ({ status, caId, mode, policies }: CertificateEntry) =>
        JSON.stringify([status, caId, mode, policies]);
      assert.equal(table.profiles, new Set(Array.from(model.values(), profile)).size, "what nobody has is not kept");
    }),
    { numRuns: 150, seed: 20_260_102 },
  );
});

test("CertificateTable grows to thousands, and each is found while others go and come", () => {
  const table = newTable();
  const all = Array.from({ length: 6000 }, (_, i) => entryOf(newId(), { registeredAt: i, things: [`thing-${i}`] }));
  for (const each of all) table.set(each.id, each);
  assert.equal(table.size, all.length);
  const gone = all.filter((_, i) => i % 3 !== 0);
  for (const each of gone) table.set(each.id, undefined);
  for (const [i, each] of all.entries()) assert.deepEqual(table.get(each.id), i % 3 === 0 ? each : undefined);
  const moved = gone.map((each, i) => ({ ...each, things: [`again-${i}`] }));
  for (const each of moved) table.set(each.id, each);
  for (const each of moved) assert.deepEqual(table.get(each.id), each);
  assert.equal(table.size, all.length);
  for (const each of all) table.set(each.id, undefined);
  for (const each of all) assert.equal(table.get(each.id), undefined);
  assert.equal(table.size, 0);
});

test("CertificateTable tells ids apart that differ in one digit, wherever that is", () => {
  const table = newTable();
  const id = "0123456789abcdef".repeat(4);
  table.set(id, entryOf(id));
  for (let at = 0; at < id.length; at++) {
    const other = id.slice(0, at) + (id[at] === "0" ? "1" : "0") + id.slice(at + 1);
    assert.equal(table.get(other), undefined, `digit ${at}`);
  }
  for (const none of ["", "0", id.slice(1), `${id}0`, id.toUpperCase(), id.replace("a", "g"), id.replace("a", "š")]) {
    assert.equal(table.get(none), undefined, none);
    assert.throws(
      () => table.set(none, entryOf(none)),
      (error) => error instanceof HawserError && error.code === "invalid-request",
    );
  }
  assert.equal(table.size, 1);
});

test("CertificateTable gives lists of its own, that no change of the caller's reaches", () => {
  const table = newTable();
  const [one, other] = [newId(), newId()];
  const [policies, things] = [["P"], ["T", "U"]];
  table.set(one, entryOf(one, { policies, things }));
  table.set(other, entryOf(other, { policies }));
  policies.push("Q");
  things.push("V");
  assert.deepEqual(table.get(one), entryOf(one, { policies: ["P"], things: ["T", "U"] }));
  assert.equal(table.get(one)?.policies, table.get(other)?.policies, "what is the same is kept once");
});

test("SharedValues keeps a value for as long as it is used, and gives its number to another then", () => {
  const values = new SharedValues<string>();
  assert.equal(values.at(0), undefined);
  const [a, b] = [values.take("a", () => "A"), values.take("b", () => "B")];
  assert.equal(
    values.take("a", () => assert.fail("it is known")),
    a,
  );
  values.release(a);
  assert.deepEqual([values.at(a), values.at(b), values.size], ["A", "B", 2]);
  values.release(a);
  assert.deepEqual([values.at(a), values.at(b), values.size], [undefined, "B", 1]);
  values.release(a);
  values.release(0);
  assert.equal(
    values.take("c", () => "C"),
    a,
  );
  assert.deepEqual([values.at(a), values.take("a", () => "A")], ["C", 3]);
});
