import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { VirtualClock } from "../crypto/index.ts";
import type { EventBody } from "../trace/index.ts";
import { openLedger } from "./node-ledger.ts";
import { openStore } from "./store/node.ts";

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "hawser-ledger-"));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, "data");
}

const refusal = (clientId: string): EventBody => ({
  kind: "refusal",
  cause: "no-policy",
  clientId,
  address: "127.0.0.1",
  evidence: {},
});
const started: EventBody = { kind: "process", what: "started", detail: "" };

test("refusals outlive the process, other events do not, and numbering goes on", async (t) => {
  const directory = directoryOf(t);
  const clock = new VirtualClock();
  const store = await openStore({ directory });
  const ledger = await openLedger({ store, clock });
  ledger.trace.emit("cloud", refusal("a"), { device: "a" });
  ledger.trace.emit("cloud", started);
  ledger.trace.emit("cloud", refusal("b"), { device: "b" });
  const before = await ledger.events({}, 10);
  assert.deepEqual(
    before.map(({ seq, kind }) => [seq, kind]),
    [
      [1, "refusal"],
      [2, "process"],
      [3, "refusal"],
    ],
  );
  await ledger.close();
  await store.close();
  const again = await openStore({ directory });
  t.after(() => again.close());
  const later = await openLedger({ store: again, clock });
  later.trace.emit("cloud", refusal("c"), { device: "a" });
  assert.deepEqual(
    (await later.events({}, 10)).map(({ seq }) => seq),
    [1, 3, 4],
  );
  assert.deepEqual(
    (await later.events({ device: "a" }, 10)).map(({ seq }) => seq),
    [1, 4],
  );
  assert.deepEqual(
    (await later.events({}, 1)).map(({ seq }) => seq),
    [4],
  );
});

test("a flood of one cause of refusal drives no other events out of the store", async (t) => {
  const store = await openStore({ directory: directoryOf(t) });
  t.after(() => store.close());
  const ledger = await openLedger({ store, clock: new VirtualClock(), keep: 20, capacity: 1 });
  ledger.trace.emit("cloud", refusal("device"));
  for (let n = 0; n < 200; n++) {
    ledger.trace.emit("cloud", { ...refusal(""), cause: "api-unauthorized" } as EventBody);
    await ledger.close();
  }
  const events = await ledger.events({}, 1000);
  assert.equal(events[0]?.seq, 1);
  assert.ok(events.length <= 24, String(events.length));
});

test("the store keeps a bounded number of events, the newest", async (t) => {
  const store = await openStore({ directory: directoryOf(t) });
  t.after(() => store.close());
  const ledger = await openLedger({ store, clock: new VirtualClock(), keep: 20, capacity: 1 });
  for (let n = 0; n < 100; n++) {
    ledger.trace.emit("cloud", refusal(String(n)));
    await ledger.close();
  }
  const seqs = (await ledger.events({}, 1000)).map(({ seq }) => seq);
  assert.ok(seqs.length <= 22, String(seqs.length));
  assert.equal(seqs.at(-1), 100);
});
