import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";

import fc from "fast-check";

import { MemorySessionStore, type SessionStore, type StoredMessage, type StoredState } from "../broker/index.ts";
import { openStore } from "./node.ts";
import type { Store } from "./port.ts";
import { openSessionStore } from "./session-store.ts";

function temporary(t: TestContext): string {
  const parent = mkdtempSync(join(tmpdir(), "hawser-sessions-"));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  return join(parent, "data");
}

const session = (clientId: string, expiryS = 3600) => ({
  clientId,
  principalId: `p-${clientId}`,
  protocolVersion: 5 as const,
  expiryS,
  disconnectedAt: undefined,
});

const message = (topic: string, text = ""): StoredMessage => ({
  topic,
  payload: new TextEncoder().encode(text),
  qos: 1,
  retain: false,
  properties: {},
  expiresAt: undefined,
});

/** A state without the order of its parts. */
function sorted({ sessions, retained, wills }: StoredState): unknown {
  const by =
    <T>(key: (each: T) => string) =>
    (a: T, b: T) =>
      key(a) < key(b) ? -1 : 1;
  return {
    sessions: sessions
      .map((each) => ({
        ...each,
        subscriptions: [...each.subscriptions].sort(by((sub) => sub.filter)),
        queue: [...each.queue].sort((a, b) => a.seq - b.seq),
        received: [...each.received].sort((a, b) => a.packetId - b.packetId),
      }))
      .sort(by((each) => each.clientId)),
    retained: [...retained].sort(by((each) => each.topic)),
    wills: [...wills].sort(by((each) => each.clientId)),
  };
}

async function reopened(store: Store, directory: string): Promise<{ store: Store; state: StoredState }> {
  await store.close();
  const again = await openStore({ directory });
  return { store: again, state: (await openSessionStore(again)).load() };
}

test("openSessionStore brings back a session with subscriptions, queue and every property of its messages", async (t) => {
  const directory = temporary(t);
  const store = await openStore({ directory });
  const sessions = await openSessionStore(store);
  const full: StoredMessage = {
    topic: "a/ü",
    payload: Uint8Array.of(0, 255, 1),
    qos: 1,
    retain: true,
    properties: {
      payloadFormatIndicator: 1,
      contentType: "text/plain",
      responseTopic: "r",
      correlationData: Uint8Array.of(9, 8),
      userProperties: [
        ["k", "1"],
        ["k", "2"],
      ],
    },
    expiresAt: 1_767_225_600_123.5,
  };
  const subscription = {
    filter: "a/#",
    qos: 2 as const,
    noLocal: true,
    retainAsPublished: true,
    identifier: 268_435_455,
  };
  const sent = {
    ...queued(7, full),
    qos: 2 as const,
    packetId: 65_535,
    isReleased: true,
    identifiers: [1, 268_435_455],
  };
  const will = { clientId: "w", principalId: "p", message: full, expiryS: 4_294_967_295, delayS: 9 };
  sessions.putSession({ ...session("c"), disconnectedAt: 1_767_225_600_000.25, expiryS: 4_294_967_295 });
  sessions.putSubscription("c", subscription);
  sessions.enqueue("c", sent);
  sessions.putReceived("c", { packetId: 3, message: full });
  sessions.putWill(will);
  const retained = { ...full, modifiedAt: 1_767_000_000_000.5 };
  sessions.putRetained(retained);
  await sessions.commit();
  assert.equal(sessions.commit(), undefined);
  const { store: again, state } = await reopened(store, directory);
  t.after(() => again.close());
  assert.deepEqual(state, {
    sessions: [
      {
        ...session("c", 4_294_967_295),
        disconnectedAt: 1_767_225_600_000.25,
        subscriptions: [subscription],
        queue: [sent],
        received: [{ packetId: 3, message: full }],
      },
    ],
    retained: [retained],
    wills: [will],
  });
});

test("a message in many queues is kept once, and goes with the last of them", async (t) => {
  const directory = temporary(t);
  const store = await openStore({ directory });
  t.after(() => store.close());
  const sessions = await openSessionStore(store);
  const rows = async () => (await store.read.selectFrom("mqtt_messages").select("id").execute()).length;
  const shared = message("t", "for all");
  for (const clientId of ["a", "b", "c"]) {
    sessions.putSession(session(clientId));
    sessions.enqueue(clientId, queued(1, shared));
  }
  await sessions.commit();
  assert.equal(await rows(), 1);
  sessions.dequeue("a", 1);
  sessions.putSession(session("d"));
  sessions.enqueue("d", queued(1, shared));
  await sessions.commit();
  assert.equal(await rows(), 1);
  sessions.dequeue("b", 1);
  sessions.deleteSession("c");
  await sessions.commit();
  assert.equal(await rows(), 1);
  sessions.dequeue("d", 1);
  await sessions.commit();
  assert.equal(await rows(), 0);
  sessions.enqueue("a", queued(2, shared));
  await sessions.commit();
  assert.equal(await rows(), 1);
});

test("what is queued and acknowledged between two commits never reaches the disk", async (t) => {
  const store = await openStore({ directory: temporary(t) });
  t.after(() => store.close());
  const sessions = await openSessionStore(store);
  sessions.putSession(session("a"));
  sessions.enqueue("a", queued(1, message("t")));
  sessions.dequeue("a", 1);
  await sessions.commit();
  assert.deepEqual(await store.read.selectFrom("mqtt_queue").selectAll().execute(), []);
  assert.deepEqual(await store.read.selectFrom("mqtt_messages").selectAll().execute(), []);
});

type Op = (store: SessionStore) => void;

const queued = (seq: number, of: StoredMessage) => ({
  seq,
  message: of,
  qos: 1 as const,
  identifiers: [],
  isReleased: false,
});

const clients = fc.constantFrom("a", "b", "c");
const topics = fc.constantFrom("x", "y");
const shared = [message("x", "one"), message("y", "two"), message("x", "three")];

/** Operations in the broker's manner: sequence numbers only rise, except that a new session begins at 1. */
const operations: fc.Arbitrary<Op[]> = fc
  .array(
    fc.record({
      kind: fc.constantFrom(
        "put",
        "put",
        "delete",
        "subscribe",
        "unsubscribe",
        "enqueue",
        "enqueue",
        "dequeue",
        "update",
        "receive",
        "release",
        "will",
        "no will",
        "retain",
        "forget",
      ),
      clientId: clients,
      topic: topics,
      n: fc.integer({ min: 0, max: 2 }),
    }),
    { maxLength: 30 },
  )
  .map((steps) => {
    const queues = new Map<string, { next: number; live: number[]; messages: Map<number, StoredMessage> }>();
    return steps.flatMap(({ kind, clientId, topic, n }): Op[] => {
      const queue = queues.get(clientId);
      const stored = shared[n] ?? message(topic);
      switch (kind) {
        case "put":
          queues.set(clientId, queue ?? { next: 1, live: [], messages: new Map() });
          return [(store) => store.putSession(session(clientId, n + 1))];
        case "delete":
          queues.delete(clientId);
          return [(store) => store.deleteSession(clientId)];
        case "retain":
          return [(store) => store.putRetained({ ...stored, topic, retain: true, modifiedAt: n })];
        case "forget":
          return [(store) => store.deleteRetained(topic)];
        case "will":
          return [(store) => store.putWill({ clientId, principalId: "p", message: stored, expiryS: n, delayS: n })];
        case "no will":
          return [(store) => store.deleteWill(clientId)];
      }
      if (!queue) return [];
      if (kind === "subscribe") {
        const subscription = {
          filter: topic,
          qos: n > 0 ? (1 as const) : (0 as const),
          noLocal: n > 1,
          retainAsPublished: false,
        };
        return [(store) => store.putSubscription(clientId, subscription)];
      }
      if (kind === "unsubscribe") return [(store) => store.deleteSubscription(clientId, topic)];
      if (kind === "enqueue") {
        const seq = queue.next++;
        queue.live.push(seq);
        queue.messages.set(seq, stored);
        return [(store) => store.enqueue(clientId, queued(seq, stored))];
      }
      if (kind === "receive") return [(store) => store.putReceived(clientId, { packetId: n + 1, message: stored })];
      if (kind === "release") return [(store) => store.deleteReceived(clientId, n + 1)];
      if (kind === "update") {
        const seq = queue.live[n % Math.max(1, queue.live.length)];
        const known = seq === undefined ? undefined : queue.messages.get(seq);
        if (seq === undefined || !known) return [];
        return [(store) => store.updateQueued(clientId, { ...queued(seq, known), packetId: n + 1, isReleased: n > 1 })];
      }
      const [seq] = queue.live.splice(n % Math.max(1, queue.live.length), 1);
      return seq === undefined ? [] : [(store) => store.dequeue(clientId, seq)];
    });
  });

test("openSessionStore keeps what a store in memory keeps, however commits fall and even where some fail", async (t) => {
  const directory = temporary(t);
  let store = await openStore({ directory });
  t.after(() => store.close());
  const commits = fc.array(fc.constantFrom("wait", "go on", "none", "none", "fail"), { minLength: 30, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(operations, commits, async (ops, pattern) => {
      const memory = new MemorySessionStore();
      const flaw = { fails: false };
      const flawed: Store = {
        ...store,
        write: (work, committed) =>
          flaw.fails ? Promise.reject(new RangeError("disk full")) : store.write(work, committed),
      };
      const sessions = await openSessionStore(flawed);
      sessions.load();
      for (const [i, op] of ops.entries()) {
        op(memory);
        op(sessions);
        const how = pattern[i] ?? "none";
        flaw.fails = how === "fail";
        const committed = how === "none" ? undefined : sessions.commit();
        if (how === "fail") await committed?.catch(() => undefined);
        if (how === "wait") await committed;
        if (how === "go on") committed?.catch(() => undefined);
      }
      flaw.fails = false;
      await sessions.commit();
      const { store: again, state } = await reopened(store, directory);
      store = again;
      assert.deepEqual(sorted(state), sorted(memory.load()));
      const counts = await Promise.all([
        store.read.selectFrom("mqtt_messages").select("id").execute(),
        store.read.selectFrom("mqtt_queue").select("message_id").distinct().execute(),
      ]);
      assert.equal(counts[0].length, counts[1].length);
      const cleanup = await openSessionStore(store);
      for (const each of cleanup.load().sessions) cleanup.deleteSession(each.clientId);
      for (const topic of ["x", "y"]) cleanup.deleteRetained(topic);
      for (const clientId of ["a", "b", "c"]) cleanup.deleteWill(clientId);
      await cleanup.commit();
    }),
    { numRuns: 60 },
  );
});

test("a queued message whose commit was acknowledged survives kill -9", async (t) => {
  const directory = temporary(t);
  const here = (name: string) => JSON.stringify(join(import.meta.dirname, name));
  const script = `
    import { openStore } from ${here("node.ts")};
    import { openSessionStore } from ${here("session-store.ts")};
    const store = await openStore({ directory: ${JSON.stringify(directory)} });
    const sessions = await openSessionStore(store);
    sessions.load();
    const payload = new Uint8Array(10);
    sessions.putSession({ clientId: "c", principalId: "p", protocolVersion: 4, expiryS: 60, disconnectedAt: undefined });
    for (let seq = 1; ; seq++) {
      const message = { topic: "t/" + seq, payload, qos: 1, retain: false, properties: {}, expiresAt: undefined };
      sessions.enqueue("c", { seq, message, qos: 1 });
      if (seq > 10) sessions.dequeue("c", seq - 10);
      await sessions.commit();
      process.stdout.write(seq + "\\n");
    }`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let last = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    if (last === 100) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  const store = await openStore({ directory });
  t.after(() => store.close());
  const queue = (await openSessionStore(store)).load().sessions[0]?.queue ?? [];
  assert.ok(last >= 100);
  const seqs = queue.map((each) => each.seq);
  assert.ok(seqs.length === 10 && (seqs.at(-1) ?? 0) >= last, `${last}: ${seqs.join()}`);
});
