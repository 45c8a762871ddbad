/** DeleteConnection: an operator ends a client's connection, with or without its will and its session. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { World } from "./harness.test.ts";
import { MemorySessionStore } from "./index.ts";

const WILL = { topic: "gone", payload: Buffer.from("w"), qos: 1 as const, retain: false };

async function worldOf(store = new MemorySessionStore()) {
  const world = new World({ store });
  const reasons: unknown[] = [];
  world.broker.onPublish(({ topic, payload }) => {
    if (!topic.startsWith("$aws/events/presence/disconnected/")) return;
    reasons.push((JSON.parse(Buffer.from(payload).toString()) as Record<string, unknown>)["disconnectReason"]);
  });
  const watcher = await world.connected("watcher");
  await watcher.subscribe("gone", 1);
  return { world, watcher, reasons };
}

test("a client is told 0x98, its will is published and its session stays", async () => {
  const { world, watcher, reasons } = await worldOf();
  const client = world.client(5);
  await client.connect("d", { clean: false, properties: { sessionExpiryInterval: 99 }, will: WILL });
  await client.subscribe("a", 1);
  assert.equal(await world.broker.disconnect("d"), true);
  await world.settle();
  assert.equal(client.takeAll("disconnect").at(0)?.reasonCode, 0x98);
  assert.deepEqual([client.ended, watcher.messages(), reasons], ["end", ["gone=w"], ["API_INITIATED_DISCONNECT"]]);
  assert.equal(await world.broker.disconnect("d"), false, "it is away");
  const again = world.client(5);
  assert.equal((await again.connect("d", { clean: false }))?.sessionPresent, true);
});

test("the will is not published where that is not wanted, and the session goes where that is", async () => {
  const store = new MemorySessionStore();
  const { world, watcher } = await worldOf(store);
  const client = await world.connected("d", { clean: false, will: WILL });
  await client.subscribe("a", 1);
  assert.equal(await world.broker.disconnect("d", { cleanSession: true, withWill: false }), true);
  await world.settle();
  assert.deepEqual([client.ended, watcher.messages()], ["end", []]);
  const again = world.client(4);
  assert.equal((await again.connect("d", { clean: false }))?.sessionPresent, false);
  const left = store.load();
  assert.deepEqual([left.wills, left.sessions.map(({ subscriptions }) => subscriptions.length)], [[], [0]]);
});

test("the session of a client that is away ends, and its delayed will with it or without", async () => {
  for (const withWill of [true, false]) {
    const { world, watcher } = await worldOf();
    const client = world.client(5);
    const will = { ...WILL, properties: { willDelayInterval: 60 } };
    await client.connect("d", { clean: false, properties: { sessionExpiryInterval: 99 }, will });
    await client.drop();
    assert.equal(await world.broker.disconnect("d"), false, "nothing is to end without cleanSession");
    assert.deepEqual(watcher.messages(), []);
    assert.equal(await world.broker.disconnect("d", { cleanSession: true, withWill }), true);
    await world.settle();
    await world.advance(100_000);
    assert.deepEqual(watcher.messages(), withWill ? ["gone=w"] : []);
    assert.equal(await world.broker.disconnect("d", { cleanSession: true }), false);
  }
  const { world } = await worldOf();
  assert.equal(await world.broker.disconnect("nobody", { cleanSession: true }), false);
});
