import assert from "node:assert/strict";
import fs, { fstatSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";

import { GroupCommit } from "./group-commit.ts";
import type { openStore } from "./node.ts";
import type { Queries } from "./port.ts";

type Flush = { readonly succeed: () => void; readonly fail: (error: Error) => void };

/** A group commit over a database in memory, whose flushes end when the test says so. */
function fixture() {
  const database = new DatabaseSync(":memory:");
  database.exec("create table settings (name text primary key, value text)");
  const flushes: Flush[] = [];
  const commits = new GroupCommit(database, {
    soon: setImmediate,
    sync: () => new Promise((succeed, fail) => void flushes.push({ succeed, fail })),
  });
  /** The next flush that the queue asks for. */
  const flush = async (): Promise<Flush> => {
    for (;;) {
      const next = flushes.shift();
      if (next) return next;
      await nextTurn();
    }
  };
  return { database, commits, flushes, flush };
}

const put = (name: string) => (queries: Queries) =>
  queries.insertInto("settings").values({ name, value: name }).execute();

test("GroupCommit answers a work only after the flush of its commit, and holds no loop meanwhile", async () => {
  const { commits, flush } = fixture();
  const order: string[] = [];
  const written = commits.write(put("a"), () => order.push("committed")).then(() => order.push("answered"));
  const { succeed } = await flush();
  await nextTurn();
  assert.equal(order.length, 0);
  order.push("flushed");
  succeed();
  await written;
  assert.deepEqual(order, ["flushed", "committed", "answered"]);
  await commits.close();
});

test("works that come in while the disk is busy share the next commit and one flush", async () => {
  const { commits, flush, flushes } = fixture();
  const first = commits.write(put("a"));
  const { succeed } = await flush();
  const others = Array.from({ length: 50 }, (_, i) => commits.write(put(`b${i}`)));
  await nextTurn();
  assert.equal(flushes.length, 0);
  succeed();
  await first;
  (await flush()).succeed();
  await Promise.all(others);
  assert.equal(flushes.length, 0);
  await commits.close();
});

test("whichever works of a commit fail, the first ones or others, they alone are undone", async () => {
  for (let failing = 0; failing < 16; failing++) {
    const { database, commits, flush } = fixture();
    const fails = (i: number) => ((failing >> i) & 1) === 1;
    const works = [0, 1, 2, 3].map((i) =>
      commits.write(async (queries) => {
        await put(`w${i}`)(queries);
        if (fails(i)) throw new RangeError(`w${i}`);
      }),
    );
    const outcomes = Promise.allSettled(works);
    (await flush()).succeed();
    const expected = [0, 1, 2, 3].map((i) => (fails(i) ? "rejected" : "fulfilled"));
    assert.deepEqual(
      (await outcomes).map(({ status }) => status),
      expected,
    );
    const names = database.prepare("select name from settings order by name").all();
    assert.deepEqual(
      names.map(({ name }) => name),
      [0, 1, 2, 3].filter((i) => !fails(i)).map((i) => `w${i}`),
    );
    await commits.close();
  }
});

test("a commit that changed nothing waits for no flush", async () => {
  const { commits, flush, flushes } = fixture();
  const written = commits.write(put("a"));
  (await flush()).succeed();
  await written;
  const results = await Promise.allSettled([
    commits.write(put("a")),
    commits.write((queries) => queries.selectFrom("settings").selectAll().execute()),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["rejected", "fulfilled"],
  );
  assert.equal(flushes.length, 0);
  await commits.close();
});

test("after a flush that failed nothing is answered as written any more: disk-failed", async () => {
  const { commits, flush } = fixture();
  let committed = 0;
  const lost = commits.write(put("a"), () => committed++);
  const { fail } = await flush();
  const waiting = commits.write(put("b"), () => committed++);
  fail(Object.assign(new RangeError("i/o error"), { code: "EIO" }));
  const expected = { name: "Refused", code: "disk-failed", wire: "EIO", message: /i\/o error/ };
  await assert.rejects(lost, expected);
  await assert.rejects(waiting, expected);
  await assert.rejects(commits.write(put("c")), expected);
  assert.equal(committed, 0);
  await commits.close();
});

test("Store.write flushes SQLite's log itself, and refuses what the disk did not take: disk-failed", async (t) => {
  const directory = join(temporary(t), "data");
  const flushed: number[] = [];
  let failure: Error | null = null;
  const real = fs.fdatasync;
  t.after(() => restore(real));
  restore(((descriptor: number, done: fs.NoParamCallback) => {
    flushed.push(fstatSync(descriptor).ino);
    if (failure) done(failure);
    else real(descriptor, done);
  }) as typeof fs.fdatasync);
  // A copy of the module that has met the replacement.
  const copy = new URL("./node.ts?watched", import.meta.url).href;
  const { openStore: open } = (await import(copy)) as { openStore: typeof openStore };
  const store = await open({ directory });
  t.after(() => store.close());
  await store.write(put("a"));
  const { ino } = statSync(join(directory, "registry.sqlite-wal"));
  assert.deepEqual(flushed, [ino]);
  failure = Object.assign(new RangeError("no space left"), { code: "ENOSPC" });
  await assert.rejects(store.write(put("b")), { code: "disk-failed", wire: "ENOSPC" });
  await assert.rejects(store.write(put("c")), { code: "disk-failed" });
  assert.deepEqual(flushed, [ino, ino]);
});

function restore(fdatasync: typeof fs.fdatasync): void {
  fs.fdatasync = fdatasync;
  syncBuiltinESMExports();
}

function temporary(t: TestContext): string {
  const parent = mkdtempSync(join(tmpdir(), "hawser-commit-"));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  return parent;
}

test("disk-full: what the disk has no room for is refused and undone, and the next write goes on", async (t) => {
  const database = new DatabaseSync(":memory:");
  t.after(() => database.close());
  database.exec("create table settings (name text primary key, value text not null)");
  const pages = Number(database.prepare("pragma page_count").get()?.["page_count"]);
  const store = new GroupCommit(database, { soon: setImmediate, sync: async () => undefined });
  const write = (name: string, length: number) =>
    store.write((queries) =>
      queries
        .insertInto("settings")
        .values({ name, value: "x".repeat(length) })
        .execute(),
    );
  database.exec(`pragma max_page_count = ${pages + 2}`);
  await write("small", 10);
  const refused = { name: "Refused", code: "disk-full", wire: "ENOSPC" };
  await assert.rejects(write("large", 100_000), refused);
  await write("other", 10);
  database.exec("pragma max_page_count = 1000");
  await write("large", 100_000);
  const names = database.prepare("select name from settings order by name").all();
  assert.deepEqual(
    names.map(({ name }) => name),
    ["large", "other", "small"],
  );
});
