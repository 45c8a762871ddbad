import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";

import { listThings } from "../registry/index.ts";
import { newWorld } from "../registry/fixtures.test.ts";
import { FleetIndex } from "./index.ts";

const THINGS = 2500;
const CHUNK = 500;

test("A search and a filtered list read many things in pieces, and let others have their turn in between", async (t) => {
  const { registry, clock } = await newWorld(t);
  const rows = Array.from({ length: THINGS }, (_, i) => ({
    name: `t-${String(i).padStart(4, "0")}`,
    id: `${i}`,
    attributes: JSON.stringify({ parity: i % 2 === 0 ? "even" : "odd" }),
    version: 1,
    created_at: 0,
    type: null,
    billing_group: null,
  }));
  await registry.store.write(async (queries) => {
    for (let at = 0; at < THINGS; at += CHUNK) {
      await queries
        .insertInto("things")
        .values(rows.slice(at, at + CHUNK))
        .execute();
    }
  });
  const service = new FleetIndex(registry, { connected: () => new Map() });
  await service.configure({ things: "REGISTRY" } as const);
  const limit = THINGS;
  const attribute = { name: "parity", value: "even", isPrefix: false };
  const searches = [
    async () => (await service.things("attributes.parity:even", { limit })).rows.map(({ thing }) => thing.name),
    async () => (await listThings(registry, { limit }, { attribute })).rows.map(({ name }) => name),
  ];
  for (const search of searches) {
    const state = { isDone: false };
    const found = search().finally(() => (state.isDone = true));
    let turns = 0;
    for (; !state.isDone; turns++) {
      for (let i = 0; i < 20 && !state.isDone; i++) await setImmediate();
      clock.advance(1);
    }
    assert.deepEqual(
      await found,
      rows.filter((_, i) => i % 2 === 0).map(({ name }) => name),
    );
    assert.ok(turns > 2, `${turns} turns for three pieces`);
  }
});
