import assert from "node:assert/strict";
import { test } from "node:test";

import { VirtualClock } from "../crypto/index.ts";
import { correlated, DURABLE_KINDS, Ledger, REFUSALS, type TraceEvent } from "./index.ts";

const started = (detail: string) => ({ kind: "process" as const, what: "started" as const, detail });
const refusal = {
  kind: "refusal" as const,
  cause: "no-policy" as const,
  clientId: "d1",
  address: "127.0.0.1",
  evidence: {},
};

test("Ledger numbers events in order and stamps them with the Clock's time", () => {
  const clock = new VirtualClock(5000);
  const ledger = new Ledger({ clock });
  ledger.emit("host", started("a"));
  clock.advance(7);
  ledger.emit("cloud", started("b"), { connection: "c1" });
  assert.deepEqual(
    ledger.events().map(({ seq, time, actor, connection }) => ({ seq, time, actor, connection })),
    [
      { seq: 1, time: 5000, actor: "host", connection: undefined },
      { seq: 2, time: 5007, actor: "cloud", connection: "c1" },
    ],
  );
});

test("Ledger forgets the oldest events beyond its capacity, and hands durable ones to its sink", () => {
  const kept: TraceEvent[] = [];
  const ledger = new Ledger({
    clock: new VirtualClock(),
    capacity: 4,
    firstSeq: 100,
    durable: (event) => kept.push(event),
  });
  ledger.emit("cloud", refusal);
  for (let i = 0; i < 10; i++) ledger.emit("host", started(String(i)));
  assert.deepEqual(
    ledger.events().map((event) => event.seq),
    [107, 108, 109, 110],
  );
  assert.deepEqual(
    kept.map((event) => event.seq),
    [100],
  );
  assert.deepEqual([...DURABLE_KINDS], ["refusal", "onboarding"]);
});

test("Ledger.events filters by kind and by correlation id, and correlated adds ids", () => {
  const ledger = new Ledger({ clock: new VirtualClock() });
  const trace = correlated(ledger, { device: "d1", connection: "c1" });
  trace.emit("cloud", refusal, { connection: "c2" });
  ledger.emit("cloud", refusal, { device: "d2" });
  assert.equal(ledger.events({ device: "d1" }).length, 1);
  assert.equal(ledger.events({ connection: "c2", kinds: ["refusal"] }).length, 1);
  assert.equal(ledger.events({ connection: "c1" }).length, 0);
  assert.equal(ledger.events({ kinds: ["process"] }).length, 0);
  assert.equal(ledger.events({ sinceSeq: 2 }).length, 1);
});

test("Ledger.subscribe hears events until it is ended, and jsonLines gives one object a line", () => {
  const ledger = new Ledger({ clock: new VirtualClock() });
  const heard: number[] = [];
  const end = ledger.subscribe((event) => heard.push(event.seq));
  ledger.emit("pki", started("a"));
  end();
  ledger.emit("pki", started("b"));
  assert.deepEqual(heard, [1]);
  const lines = ledger.jsonLines().trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as TraceEvent).seq),
    [1, 2],
  );
});

test("every refusal names a cause and a cure", () => {
  for (const [name, { cause, cure }] of Object.entries(REFUSALS))
    assert.ok(cause.length > 20 && cure.length > 10, name);
});
