import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { utf8Bytes } from "../../codec/index.ts";
import { VirtualClock } from "../../crypto/index.ts";
import { temporary } from "../registry/fixtures.test.ts";
import type { Store } from "../store/index.ts";
import { openStore } from "../store/node.ts";
import { FunctionLogs, type FunctionLogLimits } from "./function-logs.ts";
import type { RunResult } from "./runtime.ts";

async function fixture(t: TestContext, limits: Partial<FunctionLogLimits> = {}) {
  const directory = temporary(t);
  const clock = new VirtualClock();
  const opened = await openStore({ directory });
  t.after(() => opened.close());
  const disk = { writes: 0, fails: false };
  const store: Store = {
    ...opened,
    write: (work, committed) => {
      disk.writes++;
      return disk.fails ? Promise.reject(new RangeError("disk full")) : opened.write(work, committed);
    },
  };
  const rows = () => opened.read.selectFrom("function_logs").selectAll().orderBy("id").execute();
  return { clock, disk, rows, open: () => FunctionLogs.open({ store, clock, limits }) };
}

const ran = (log: string | Uint8Array): RunResult => ({
  outcome: "succeeded",
  payload: "1",
  durationMs: 1,
  maxMemoryBytes: 1,
  log: typeof log === "string" ? utf8Bytes(log) : log,
});

const texts = async (logs: FunctionLogs, name: string, limit = 100) =>
  (await logs.runs(name, { limit })).map(({ log }) => log);

test("FunctionLogs keeps each function's runs apart, over a restart, and goes on numbering", async (t) => {
  const { clock, open } = await fixture(t);
  const first = await open();
  first.add("f", "r1", ran("one"));
  clock.advance(1000);
  first.add("g", "r2", ran("other"));
  first.add("f", "r3", ran(Uint8Array.of(0x61, 0xff, 0, 0x62)));
  await first.close();
  const again = await open();
  again.add("f", "r4", ran("three"));
  const runs = await again.runs("f", { limit: 10 });
  assert.deepEqual(
    runs.map(({ id, time, requestId, log }) => [id, time - clock.now(), requestId, log]),
    [
      [1, -1000, "r1", "one"],
      [3, 0, "r3", "a\ufffd\0b"],
      [4, 0, "r4", "three"],
    ],
  );
  assert.deepEqual(await texts(again, "f", 1), ["three"]);
  assert.deepEqual(
    (await again.runs("f", { after: 1, limit: 1 })).map(({ id }) => id),
    [3],
  );
  await again.forget("f");
  assert.deepEqual([await texts(again, "f"), await texts(again, "g")], [[], ["other"]]);
});

test("logs gather for half a second and are then written together", async (t) => {
  const { clock, disk, open, rows } = await fixture(t);
  const logs = await open();
  for (let n = 0; n < 100; n++) logs.add("f", `r${n}`, ran("x"));
  assert.equal(disk.writes, 0);
  clock.advance(500);
  assert.equal(disk.writes, 1);
  await logs.close();
  assert.equal((await rows()).length, 100);
  assert.equal(disk.writes, 1);
});

test("a function keeps a bounded number of runs and of bytes, the newest, and takes no other's place", async (t) => {
  for (const [limits, size, most] of [
    [{ runs: 20 }, 1, 22],
    [{ bytes: 20_000 }, 872, 22],
  ] as const) {
    const { open, rows } = await fixture(t, limits);
    const logs = await open();
    logs.add("quiet", "r", ran("still here"));
    for (let n = 0; n < 100; n++) {
      logs.add("f", `r${n}`, ran("x".repeat(size)));
      await logs.close();
    }
    const kept = (await rows()).filter((row) => row.function === "f");
    assert.ok(kept.length >= 19 && kept.length <= most, String(kept.length));
    assert.equal(kept.at(-1)?.request, "r99");
    assert.deepEqual(await texts(logs, "quiet"), ["still here"]);
  }
});

test("what a flood prints beyond the bound of what may wait is not kept, and a full disk stops nobody", async (t) => {
  const { disk, open } = await fixture(t, { waitingBytes: 1000 });
  const logs = await open();
  for (let n = 0; n < 10; n++) logs.add("f", `r${n}`, ran("x".repeat(272)));
  assert.equal((await texts(logs, "f")).length, 2);
  disk.fails = true;
  logs.add("f", "lost", ran("x"));
  await logs.close();
  disk.fails = false;
  logs.add("f", "kept", ran("y"));
  assert.deepEqual(await texts(logs, "f", 1), ["y"]);
});
