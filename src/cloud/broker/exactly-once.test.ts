import assert from "node:assert/strict";
import { test } from "node:test";

import { VirtualClock } from "../../crypto/index.ts";
import { World, type Client } from "./harness.test.ts";
import { MemorySessionStore, SPEC_PROFILE } from "./index.ts";

const KEPT = { clean: false, protocolVersion: 5, properties: { sessionExpiryInterval: 3600 } } as const;
const spec = (more: { store?: MemorySessionStore; clock?: VirtualClock } = {}) =>
  new World({ settings: SPEC_PROFILE, ...more });

const release = (client: Client, messageId: number) => client.send({ cmd: "pubrel", messageId });
const received = (client: Client, messageId: number) => client.send({ cmd: "pubrec", messageId });
const complete = (client: Client, messageId: number) => client.send({ cmd: "pubcomp", messageId });

test("a QoS 2 message goes out once, when it is released, however often it is sent and released", async () => {
  for (const protocolVersion of [4, 5] as const) {
    const world = spec();
    const [to, from] = [await world.connected("to"), await world.connected("from", { protocolVersion })];
    await to.subscribe("a", 2);
    for (const dup of [false, true]) {
      await from.publish("a", "x", { qos: 2, messageId: 9, dup });
      assert.deepEqual(
        from.take().map((packet) => packet.cmd),
        ["pubrec"],
      );
    }
    assert.deepEqual(to.messages(), []);
    await release(from, 9);
    assert.equal(from.takeAll("pubcomp").length, 1);
    const [sent] = to.takeAll("publish");
    assert.deepEqual([sent?.qos, sent?.dup, String(sent?.payload)], [2, false, "x"]);
    await release(from, 9);
    assert.equal(from.takeAll("pubcomp")[0]?.reasonCode ?? 0, protocolVersion === 5 ? 0x92 : 0);
    assert.deepEqual(to.messages(), []);
    await from.publish("a", "y", { qos: 2, messageId: 9 });
    await release(from, 9);
    assert.deepEqual(to.messages(), ["a=y"]);
    // Only a reconnect asks for repetitions: a client that goes on and on is stuck.
    for (const dup of [false, true, true]) await from.publish("a", "z", { qos: 2, messageId: 9, dup });
    assert.equal(from.ended, "end");
  }
});

test("PUBREC is answered by PUBREL, PUBCOMP ends the flight, a PUBREC that refuses ends it at once", async () => {
  const world = spec();
  const [to, from] = [await world.connected("to", { protocolVersion: 5 }), await world.connected("from")];
  await to.subscribe("a", 2);
  const send = async (text: string) => {
    await from.publish("a", text, { qos: 2 });
    await release(from, 7);
    return to.takeAll("publish")[0]?.messageId ?? 0;
  };
  const first = await send("1");
  await received(to, first);
  await received(to, first);
  assert.deepEqual(
    to.takeAll("pubrel").map(({ messageId }) => messageId),
    [first, first],
  );
  assert.equal(world.broker.sessions().find(({ clientId }) => clientId === "to")?.inFlight, 1);
  await complete(to, first);
  const second = await send("2");
  await to.send({ cmd: "pubrec", messageId: second, reasonCode: 0x80 });
  assert.deepEqual(to.take(), []);
  assert.equal(world.broker.sessions().find(({ clientId }) => clientId === "to")?.inFlight, 0);
  await received(to, 4711);
  assert.equal(to.takeAll("pubrel")[0]?.reasonCode, 0x92);
});

test("after a restart QoS 1 and 2 go on where they were: same identifiers, DUP, PUBREL for what was received", async () => {
  const [store, clock] = [new MemorySessionStore(), new VirtualClock()];
  const before = spec({ store, clock });
  const to = await before.connected("to", KEPT);
  await to.subscribe("a", 2);
  const from = await before.connected("from", KEPT);
  for (const [messageId, qos] of [
    [1, 2],
    [2, 1],
    [3, 2],
  ] as const) {
    await from.publish("a", String(messageId), { qos, messageId });
    if (qos === 2) await release(from, messageId);
  }
  const ids = to.takeAll("publish").map(({ messageId }) => messageId ?? 0);
  await received(to, ids[0] ?? 0);
  await from.publish("a", "unreleased", { qos: 2, messageId: 4 });

  const after = spec({ store, clock });
  const again = after.client(5);
  assert.equal((await again.connect("to", KEPT))?.sessionPresent, true);
  assert.deepEqual(
    again.take().map((packet) => [packet.cmd, packet.messageId, packet.cmd === "publish" && packet.dup]),
    [
      ["pubrel", ids[0], false],
      ["publish", ids[1], true],
      ["publish", ids[2], true],
    ],
  );
  const publisher = after.client(5);
  await publisher.connect("from", KEPT);
  await publisher.publish("a", "unreleased", { qos: 2, messageId: 4, dup: true });
  await release(publisher, 4);
  const last = again.takeAll("publish");
  assert.deepEqual(
    last.map(({ payload, dup }) => [String(payload), dup]),
    [["unreleased", false]],
  );
  assert.ok(!ids.includes(last[0]?.messageId ?? 0));
  await complete(again, ids[0] ?? 0);
  await again.send({ cmd: "puback", messageId: ids[1] ?? 0 });
  for (const id of [ids[2] ?? 0, last[0]?.messageId ?? 0]) {
    await received(again, id);
    await complete(again, id);
  }
  assert.deepEqual(
    store.load().sessions.map(({ queue, received: left }) => [queue.length, left.length]),
    [
      [0, 0],
      [0, 0],
    ],
  );
});

test("a will outlives a crash: published at the next start, or later where its delay says so", async () => {
  const [store, clock] = [new MemorySessionStore(), new VirtualClock()];
  const before = spec({ store, clock });
  const will = { topic: "w", payload: Buffer.from("now"), qos: 2, retain: true } as const;
  await before.connected("gone", { will });
  await before.connected("late", {
    ...KEPT,
    will: { ...will, payload: Buffer.from("later"), properties: { willDelayInterval: 60 } },
  });
  const polite = await before.connected("polite", { will: { ...will, payload: Buffer.from("never") } });
  await polite.send({ cmd: "disconnect" });

  const after = spec({ store, clock });
  const watcher = await after.connected("watcher");
  await watcher.subscribe("w", 1);
  const heard: string[] = [];
  after.broker.onPublish(({ payload, origin, clientId }) =>
    heard.push(`${origin} ${clientId} ${String.fromCharCode(...payload)}`),
  );
  after.broker.publishLeftWills();
  await after.advance(59_000);
  assert.deepEqual(watcher.messages(), ["w=now"]);
  await after.advance(2000);
  assert.deepEqual(watcher.messages(), ["w=later"]);
  assert.deepEqual(heard, ["will gone now", "will late later"]);
  assert.deepEqual(store.load().wills, []);
});

test("who resumes with a smaller receive maximum is sent again what was in flight only as far as that allows", async () => {
  const world = spec();
  const to = await world.connected("to", KEPT);
  await to.subscribe("a", 2);
  const from = await world.connected("from");
  for (let i = 0; i < 5; i++) await from.publish("a", String(i), { qos: 1 });
  assert.equal(to.messages().length, 5);
  await to.drop();
  const again = world.client(5);
  await again.connect("to", { ...KEPT, properties: { ...KEPT.properties, receiveMaximum: 2 } });
  const order: string[] = [];
  for (let round = 0; round < 5; round++) {
    const got = again.takeAll("publish");
    assert.ok(got.length <= 2);
    for (const { messageId, payload } of got) {
      order.push(String(payload));
      await again.send({ cmd: "puback", messageId: messageId ?? 0 });
    }
  }
  assert.deepEqual(order, ["0", "1", "2", "3", "4"]);
});
