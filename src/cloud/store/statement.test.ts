import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { columns, Statement, type ThingRow } from "./index.ts";
import { openStore } from "./node.ts";
import { RowsStatement } from "./rows-statement.ts";

async function storeOf(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), "statement-"));
  const store = await openStore({ directory });
  t.after(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });
  return store;
}

const THING: ThingRow = {
  name: "a",
  id: "1",
  attributes: "{}",
  version: 1,
  created_at: 5,
  type: null,
  billing_group: null,
};
const INSERT = new Statement<ThingRow>((queries, of) =>
  queries
    .insertInto("things")
    .values(columns(of, ["name", "id", "attributes", "version", "created_at", "type", "billing_group"])),
);

test("Statement is built once and runs with the values of each time, null among them", async (t) => {
  const store = await storeOf(t);
  let built = 0;
  const ofVersion = new Statement<{ version: number; least: string }, ThingRow>((queries, of) => {
    built++;
    const things = queries.selectFrom("things").selectAll().where("version", "=", of.version).orderBy("name");
    return things.where("name", ">=", of.least).where("created_at", "=", 5);
  });
  await store.write(async (queries) => {
    assert.equal(await INSERT.change(queries, THING), 1);
    assert.equal(await INSERT.change(queries, { ...THING, name: "b", type: "lamp" }), 1);
    await INSERT.change(queries, { ...THING, name: "c", version: 2 });
    await INSERT.change(queries, { ...THING, name: "d", created_at: 6 });
  });
  const names = async (version: number, least: string) =>
    (await ofVersion.all(store.read, { version, least })).map(({ name }) => name);
  assert.deepEqual(await names(1, "a"), ["a", "b"]);
  assert.deepEqual(await names(1, "b"), ["b"]);
  assert.deepEqual(await names(2, "a"), ["c"]);
  assert.deepEqual({ ...(await ofVersion.first(store.read, { version: 1, least: "a" })) }, THING);
  assert.equal(await ofVersion.first(store.read, { version: 3, least: "a" }), undefined);
  assert.equal(built, 1);
});

test("Statement tells how many rows it has changed, and the store undoes them with their work", async (t) => {
  const store = await storeOf(t);
  const rename = new Statement<{ name: string; type: string | null }>((queries, of) =>
    queries
      .updateTable("things")
      .set(columns(of, ["type"]))
      .where("name", "=", of.name),
  );
  await store.write((queries) => INSERT.change(queries, THING));
  const failing = store.write(async (queries) => {
    assert.equal(await rename.change(queries, { name: "a", type: "lamp" }), 1);
    assert.equal(await rename.change(queries, { name: "z", type: "lamp" }), 0);
    throw new TypeError("no");
  });
  await assert.rejects(failing, TypeError);
  const [row] = await store.read.selectFrom("things").select("type").execute();
  assert.equal(row?.type, null);
  await assert.rejects(store.write((queries) => INSERT.change(queries, THING)));
});

test("RowsStatement writes and deletes any number of rows, each with its own values, and builds few statements", async (t) => {
  const store = await storeOf(t);
  let built = 0;
  const insert = new RowsStatement<ThingRow>(
    // In an order that is not the rows' own.
    ["version", "name", "id", "type", "attributes", "created_at", "billing_group"],
    (queries, rows) => {
      built++;
      // What it is built with lasts as long as the process: nobody's row may be in it.
      const values: readonly unknown[] = rows.flatMap((row) => Object.values(row));
      assert.ok(values.every((value) => typeof value === "object" && value !== null));
      assert.equal(new Set(values).size, 7, "a stand-in for each column");
      return queries.insertInto("things").values(rows);
    },
  );
  const remove = new RowsStatement<Pick<ThingRow, "name" | "version">>(["name", "version"], (queries, rows) =>
    queries.deleteFrom("things").where((eb) =>
      eb(
        eb.refTuple("name", "version"),
        "in",
        rows.map((row) => eb.tuple(row.name, row.version)),
      ),
    ),
  );
  const rows = Array.from({ length: 1000 }, (_, i) => {
    return { ...THING, name: `thing-${i}`, version: i, type: i % 3 ? "lamp" : null };
  });
  const stored = () => store.read.selectFrom("things").selectAll().orderBy("version").execute();
  await store.write(async (queries) => {
    await insert.run(queries, []);
    for (const [from, to] of [
      [0, 1],
      [1, 600],
      [600, 1000],
    ])
      await insert.run(queries, rows.slice(from, to));
  });
  assert.deepEqual(
    (await stored()).map((row) => ({ ...row })),
    rows,
  );
  assert.equal(built, 4);
  // A name or a version alone is not enough.
  const wrong = [
    { name: "thing-1", version: 2 },
    { name: "thing-2", version: 1 },
  ];
  await store.write((queries) => remove.run(queries, [...wrong, ...rows.slice(5, 998)]));
  assert.deepEqual(
    (await stored()).map(({ version }) => version),
    [0, 1, 2, 3, 4, 998, 999],
  );
});
