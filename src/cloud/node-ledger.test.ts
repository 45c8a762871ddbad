import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { VirtualClock } from "../crypto/index.ts";
import type { EventBody, OnboardingStep } from "../trace/index.ts";
import { openLedger, type DurableLedgerOptions } from "./node-ledger.ts";
import type { Store } from "./store/index.ts";
import { openStore } from "./store/node.ts";
import { why } from "./why/index.ts";

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
    const evidence = { n };
    ledger.trace.emit("cloud", { ...refusal(""), cause: "api-unauthorized", evidence } as EventBody);
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

test("what happens within a tenth of a second is one write, and a burst waits for no clock", async (t) => {
  const { clock, counted, open, rows, settled } = await counting(t);
  const ledger = await open();
  for (let n = 0; n < 10; n++) {
    ledger.trace.emit("cloud", refusal(String(n)));
    clock.advance(9);
  }
  await settled();
  assert.deepEqual([counted.writes, (await rows()).length], [0, 0]);
  clock.advance(10);
  await settled();
  assert.deepEqual([counted.writes, (await rows()).length], [1, 10]);
  for (let n = 0; n < 1000; n++)
    ledger.trace.emit("cloud", { kind: "onboarding", step: "registered", clientId: "", caCertificate: "", detail: "" });
  await settled();
  assert.deepEqual([counted.writes, (await rows()).length], [2, 1010]);
  await ledger.close();
});

const CERTIFICATE = "ab".repeat(32);
const knock = (clientId: string): EventBody => ({
  kind: "refusal",
  cause: "certificate-inactive",
  clientId,
  address: "192.0.2.7",
  evidence: { status: "INACTIVE" },
});

/** A ledger whose writes are counted. */
async function counting(t: TestContext, options: Partial<DurableLedgerOptions> = {}) {
  const directory = directoryOf(t);
  const clock = new VirtualClock();
  const store = await openStore({ directory });
  t.after(() => store.close());
  const counted = { writes: 0 };
  const watched: Store = {
    ...store,
    write: (work, committed) => {
      counted.writes++;
      return store.write(work, committed);
    },
  };
  const open = () => openLedger({ store: watched, clock, ...options });
  const rows = () => store.read.selectFrom("ledger_events").selectAll().orderBy("seq").execute();
  /** Lets writes end that are under way. */
  const settled = () => store.write(async () => undefined);
  return { clock, counted, open, rows, settled };
}

test("a client that hammers is one row of the store; its count is written now and then, and why tells it", async (t) => {
  const { clock, counted, open, rows, settled } = await counting(t);
  const ledger = await open();
  const begin = clock.now();
  for (let n = 0; n < 5000; n++) {
    ledger.trace.emit("cloud", knock("dev1"), { device: "dev1", certificate: CERTIFICATE, connection: `c${n}` });
    if (n % 100 === 99) await settled();
    clock.advance(5);
  }
  await settled();
  // 25 seconds of it: the first, and the count after 10 and after 20.
  assert.equal(counted.writes, 3);
  assert.equal((await rows()).length, 1);
  const last = begin + 4999 * 5;
  const [live] = why("dev1", await ledger.events({}, 10_000)).findings;
  assert.deepEqual([live?.times, live?.first, live?.last], [5000, begin, last]);
  await ledger.close();
  const later = await open();
  const [kept] = why("192.0.2.7", await later.events({}, 10_000)).findings;
  assert.deepEqual(
    [kept?.cause, kept?.times, kept?.first, kept?.last, kept?.connection],
    ["certificate-inactive", 5000, begin, last, "c4999"],
  );
});

test("no refusal is counted twice, however many of them the ring still holds", async (t) => {
  for (const capacity of [1, 7, 40]) {
    const { clock, open } = await counting(t, { capacity });
    const ledger = await open();
    const begin = clock.now();
    for (let n = 1; n <= 30; n++) {
      ledger.trace.emit("cloud", knock("dev1"), { certificate: CERTIFICATE });
      const [finding] = why("dev1", await ledger.events({}, 1000)).findings;
      assert.deepEqual([finding?.times, finding?.first, finding?.last], [n, begin, clock.now()], `${capacity} ${n}`);
      clock.advance(1000);
    }
    await ledger.close();
  }
});

test("a pending device that knocks again and again adds to its rows, and its story keeps its order", async (t) => {
  const { clock, open, rows } = await counting(t, { capacity: 1 });
  const ledger = await open();
  const ids = { certificate: CERTIFICATE };
  const tell = (step: OnboardingStep) =>
    ledger.trace.emit("cloud", { kind: "onboarding", step, clientId: "dev1", caCertificate: "", detail: "" }, ids);
  tell("registered");
  for (let n = 0; n < 50; n++) {
    clock.advance(100);
    tell("event-published");
    ledger.trace.emit("cloud", { ...knock("dev1"), cause: "certificate-pending" } as EventBody, ids);
    tell("connection-dropped");
  }
  tell("activated");
  tell("connected");
  const { verdict, findings } = why("dev1", await ledger.events({}, 1000));
  assert.equal(verdict, "resolved");
  assert.equal(findings[0]?.times, 50);
  assert.deepEqual(
    findings[0]?.story.map(({ text, times }) => [text.split(" ").slice(0, 2).join(" "), times]),
    [
      ["certificate registered", 1],
      ["registration event", 50],
      ["connection dropped,", 50],
      ["certificate became", 1],
      ["connected", 1],
    ],
  );
  assert.equal((await rows()).length, 6);
  await ledger.close();
});

test("strangers that never look the same are counted together once there are too many from one address", async (t) => {
  const { clock, open, rows } = await counting(t, { capacity: 1, folds: { rowsPerWindow: 10, windowMs: 60_000 } });
  const ledger = await open();
  for (let n = 0; n < 1000; n++) {
    ledger.trace.emit("cloud", knock(`stranger-${n}`), { certificate: n.toString(16).padStart(64, "0") });
  }
  ledger.trace.emit("cloud", { ...knock("other"), address: "192.0.2.8" } as EventBody);
  await ledger.events({}, 1);
  assert.equal((await rows()).length, 12);
  const { findings } = why("192.0.2.7", await ledger.events({}, 1000), { limit: 100 });
  assert.equal(findings.length, 11);
  assert.deepEqual(
    findings.filter(({ clientId }) => clientId === "").map(({ times, certificate }) => [times, certificate]),
    [[990, undefined]],
  );
  clock.advance(60_000);
  ledger.trace.emit("cloud", knock("stranger-again"));
  await ledger.events({}, 1);
  assert.equal((await rows()).length, 13);
  await ledger.close();
});

test("the same refusal begins a new row after an hour", async (t) => {
  const { clock, open, rows } = await counting(t, { capacity: 1 });
  const ledger = await open();
  for (const minutes of [0, 59, 1, 59]) {
    clock.advance(minutes * 60_000);
    ledger.trace.emit("cloud", knock("dev1"), { certificate: CERTIFICATE });
  }
  await ledger.close();
  assert.equal((await rows()).length, 2);
  assert.equal(why("dev1", await ledger.events({}, 100)).findings[0]?.times, 4);
  await ledger.close();
});
