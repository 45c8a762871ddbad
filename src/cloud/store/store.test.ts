import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";

import { Kysely } from "kysely";

import { openStore } from "./node.ts";
import type { Queries, Store } from "./port.ts";
import { MIGRATIONS } from "./migrations.ts";
import { sqliteDialect } from "./sqlite-dialect.ts";

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "hawser-store-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function opened(t: TestContext, directory = join(temporary(t), "data")): Promise<Store> {
  const store = await openStore({ directory });
  t.after(() => store.close());
  return store;
}

const put = (name: string, value: string) => (queries: Queries) =>
  queries.insertInto("settings").values({ name, value }).execute();

async function settings(store: Store): Promise<Record<string, string>> {
  const rows = await store.read.selectFrom("settings").selectAll().orderBy("name").execute();
  return Object.fromEntries(rows.map((row) => [row.name, row.value]));
}

test("openStore makes a directory of mode 0700 with files of mode 0600", async (t) => {
  const directory = join(temporary(t), "data");
  const store = await opened(t, directory);
  await store.write(put("a", "1"));
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  for (const file of ["registry.sqlite", "registry.sqlite-wal", "registry.sqlite-shm", "lock.sqlite"]) {
    assert.equal(statSync(join(directory, file)).mode & 0o777, 0o600, file);
  }
});

test("openStore refuses a directory that others may read: data-directory-open", async (t) => {
  const directory = temporary(t);
  chmodSync(directory, 0o755);
  await assert.rejects(openStore({ directory }), { name: "Denied", code: "data-directory-open" });
});

test("openStore refuses a directory that is open already: data-directory-in-use", async (t) => {
  const directory = join(temporary(t), "data");
  const first = await openStore({ directory });
  await assert.rejects(openStore({ directory }), { name: "Conflict", code: "data-directory-in-use" });
  await first.close();
  await opened(t, directory);
});

test("openStore refuses a store of a newer version and leaves it as it is: schema-too-new", async (t) => {
  const directory = join(temporary(t), "data");
  await (await openStore({ directory })).close();
  const raw = new DatabaseSync(join(directory, "registry.sqlite"));
  raw.exec("update schema_version set version = 1000");
  raw.close();
  await assert.rejects(openStore({ directory }), {
    name: "UsageError",
    code: "schema-too-new",
    message: `the store has schema 1000, this version knows ${MIGRATIONS.length}`,
  });
});

test("openStore runs only the migrations that a store has not seen, and undoes one that fails", async (t) => {
  const directory = join(temporary(t), "data");
  await (await openStore({ directory })).close();
  const ran: string[] = [];
  const next = {
    name: "one more column",
    up: async (db: Kysely<unknown>) => {
      ran.push("second");
      await db.schema.alterTable("settings").addColumn("note", "text").execute();
    },
  };
  const broken = {
    name: "broken",
    up: async (db: Kysely<unknown>) => db.schema.dropTable("nil").execute(),
  };
  await assert.rejects(openStore({ directory, migrations: [...MIGRATIONS, next, broken] }), /no such table: nil/);
  await (await openStore({ directory, migrations: [...MIGRATIONS, next] })).close();
  assert.deepEqual(ran, ["second"]);
});

test("Store.write resolves with the work's result and readers see it at once", async (t) => {
  const store = await opened(t);
  await store.write(put("a", "1"));
  assert.deepEqual(await settings(store), { a: "1" });
});

test("Store.write undoes a work that throws, alone, among those that share its commit", async (t) => {
  const store = await opened(t);
  const results = await Promise.allSettled([
    store.write(put("a", "1")),
    store.write(async (queries) => {
      await put("b", "2")(queries);
      throw new TypeError("changed my mind");
    }),
    store.write(put("a", "again")),
    store.write(put("c", "3")),
  ]);
  assert.deepEqual(
    results.map((each) => each.status),
    ["fulfilled", "rejected", "rejected", "fulfilled"],
  );
  assert.deepEqual(await settings(store), { a: "1", c: "3" });
});

test("Store.write runs committed in the order of the commits, before anybody is answered", async (t) => {
  const store = await opened(t);
  const order: string[] = [];
  await Promise.all(
    ["a", "b", "c"].map(async (name) => {
      await store.write(put(name, "1"), () => order.push(`committed ${name}`));
      order.push(`answered ${name}`);
    }),
  );
  assert.deepEqual(order.slice(0, 3), ["committed a", "committed b", "committed c"]);
});

test("Store.write refuses after close: store-closed; close waits for what came before", async (t) => {
  const directory = join(temporary(t), "data");
  const store = await openStore({ directory });
  const late = store.write(put("a", "1"));
  await store.close();
  await late;
  await assert.rejects(store.write(put("b", "2")), { name: "UsageError", code: "store-closed" });
  assert.deepEqual(await settings(await opened(t, directory)), { a: "1" });
});

test("sqliteDialect serves Kysely's own transactions, streams and insert ids", async () => {
  const database = new DatabaseSync(":memory:");
  const db = new Kysely<{ n: { id: number; v: Uint8Array | null } }>({ dialect: sqliteDialect(database) });
  await db.schema
    .createTable("n")
    .addColumn("id", "integer", (c) => c.primaryKey())
    .addColumn("v", "text")
    .execute();
  const inserted = await db
    .insertInto("n")
    .values({ id: 7, v: Uint8Array.of(1, 2) })
    .executeTakeFirst();
  assert.equal(inserted.insertId, 7n);
  await assert.rejects(
    db.transaction().execute(async (tx) => {
      await tx.deleteFrom("n").execute();
      throw new TypeError("no");
    }),
    /no/,
  );
  await db.transaction().execute((tx) => tx.insertInto("n").values({ id: 8, v: null }).execute());
  const seen: unknown[] = [];
  for await (const row of db.selectFrom("n").selectAll().orderBy("id").stream()) seen.push({ ...row });
  assert.deepEqual(seen, [
    { id: 7, v: Uint8Array.of(1, 2) },
    { id: 8, v: null },
  ]);
  await db.destroy();
});

test("what Store.write acknowledged survives kill -9 at any moment", async (t) => {
  const directory = join(temporary(t), "data");
  const script = `
    import { openStore } from ${JSON.stringify(join(import.meta.dirname, "node.ts"))};
    const store = await openStore({ directory: ${JSON.stringify(directory)} });
    const from = (await store.read.selectFrom("settings").selectAll().execute()).length;
    for (let i = from; ; i++) {
      const name = String(i).padStart(6, "0");
      await store.write((q) => q.insertInto("settings").values({ name, value: name }).execute());
      process.stdout.write(name + "\\n");
    }`;
  const acknowledged: string[] = [];
  for (const killAfter of [1, 17, 60]) {
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let seen = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.push(line);
      if (++seen === killAfter) child.kill("SIGKILL");
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    assert.equal(child.signalCode, "SIGKILL");
    const store = await openStore({ directory });
    const kept = await settings(store);
    await store.close();
    assert.ok(acknowledged.length >= killAfter);
    for (const name of acknowledged) assert.equal(kept[name], name);
  }
});

test("a store that was closed is one file, which holds everything", async (t) => {
  const directory = join(temporary(t), "data");
  const store = await openStore({ directory });
  await store.write(put("a", "1"));
  await store.close();
  assert.deepEqual(readdirSync(directory).sort(), ["lock.sqlite", "registry.sqlite"]);
  assert.deepEqual(await settings(await opened(t, directory)), { a: "1" });
});

test("openStore says store-damaged where its files are not what was written, and changes nothing about them", async (t) => {
  const directory = join(temporary(t), "data");
  const store = await openStore({ directory });
  await store.write(async (queries) => {
    for (let i = 0; i < 500; i++) await put(`setting ${i}`, "x".repeat(100))(queries);
  });
  await store.close();
  const file = join(directory, "registry.sqlite");
  const whole = readFileSync(file);
  const noise = Buffer.alloc(whole.length, 0xa5);
  for (const damaged of [
    Buffer.concat([noise.subarray(0, 100), whole.subarray(100)]),
    whole.subarray(0, 5000),
    Buffer.concat([whole.subarray(0, 4096), noise.subarray(4096)]),
  ]) {
    writeFileSync(file, damaged);
    await assert.rejects(openStore({ directory }), { name: "UsageError", code: "store-damaged" });
    assert.ok(readFileSync(file).equals(damaged));
  }
  writeFileSync(file, whole);
  writeFileSync(join(directory, "lock.sqlite"), "this is no database, and long enough to be looked at");
  await assert.rejects(openStore({ directory }), { code: "store-damaged" });
  rmSync(join(directory, "lock.sqlite"));
  assert.equal(Object.keys(await settings(await opened(t, directory))).length, 500);
});

test("openStore says data-directory-unusable where a file stands in the way, and where nothing can be made", async (t) => {
  const directory = temporary(t);
  writeFileSync(join(directory, "file"), "");
  for (const each of ["file", "file/below", "/dev/null/data"]) {
    const failing = openStore({ directory: each.startsWith("/") ? each : join(directory, each) });
    await assert.rejects(failing, { name: "UsageError", code: "data-directory-unusable" }, each);
  }
});
