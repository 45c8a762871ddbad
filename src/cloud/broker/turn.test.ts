import assert from "node:assert/strict";
import { test } from "node:test";

import { World, type Client } from "./harness.test.ts";

type Pair = { readonly publisher: Client; readonly subscriber: Client; readonly message: Uint8Array };

async function pairs(world: World, count: number, qos: 0 | 1): Promise<Pair[]> {
  const made: Pair[] = [];
  for (let i = 0; i < count; i++) {
    const subscriber = await world.connected(`s${i}`);
    await subscriber.subscribe(`t/${i}`, qos);
    const publisher = await world.connected(`p${i}`);
    const ids = qos === 1 ? { messageId: 7 } : {};
    const packet = { cmd: "publish", topic: `t/${i}`, payload: "x", qos, dup: false, retain: false, ...ids } as const;
    made.push({ publisher, subscriber, message: publisher.bytes(packet) });
  }
  return made;
}

const writesOf = (clients: readonly Client[]): number[] => clients.map(({ writes }) => writes.length);

test("after a turn in which many connections had one packet each, packets leave at the end of each read", async () => {
  const world = new World();
  const all = await pairs(world, 20, 1);
  const subscribers = all.map(({ subscriber }) => subscriber);
  const before = writesOf(subscribers);
  for (const { publisher, message } of all) publisher.connection.receive(message);
  assert.deepEqual(writesOf(subscribers), before, "the first turn is not known to be sparse");
  world.turn();
  assert.deepEqual(
    writesOf(subscribers),
    before.map((count) => count + 1),
  );
  for (const { publisher, subscriber, message } of all) {
    const [had, told] = [subscriber.writes.length, publisher.writes.length];
    publisher.connection.receive(message);
    assert.deepEqual([subscriber.writes.length, publisher.writes.length], [had + 1, told + 1]);
  }
  assert.ok(all.every(({ subscriber }) => subscriber.messages().length === 2));
});

test("one read's packets for a connection leave together in a sparse turn, too", async () => {
  const world = new World();
  const all = await pairs(world, 20, 0);
  for (const { publisher, message } of all) publisher.connection.receive(message);
  world.turn();
  const [{ publisher, subscriber, message }] = all as [Pair];
  const before = subscriber.writes.length;
  publisher.connection.receive(Buffer.concat([message, message, message]));
  assert.equal(subscriber.writes.length, before + 1);
  assert.equal(subscriber.messages().length, 4);
});

test("packets are gathered again as soon as a turn has several for its connections", async () => {
  const world = new World();
  const all = await pairs(world, 20, 0);
  for (const { publisher, message } of all) publisher.connection.receive(message);
  world.turn();
  const subscribers = all.map(({ subscriber }) => subscriber);
  for (const { publisher, message } of [...all, ...all]) publisher.connection.receive(message);
  world.turn();
  const before = writesOf(subscribers);
  for (const { publisher, message } of [...all, ...all, ...all]) publisher.connection.receive(message);
  assert.deepEqual(writesOf(subscribers), before);
  world.turn();
  assert.deepEqual(
    writesOf(subscribers),
    before.map((count) => count + 1),
  );
});

test("few connections are served once a turn, however little they have to say", async () => {
  const world = new World();
  const all = await pairs(world, 5, 0);
  const subscribers = all.map(({ subscriber }) => subscriber);
  for (let turn = 0; turn < 3; turn++) {
    const before = writesOf(subscribers);
    for (const { publisher, message } of all) publisher.connection.receive(message);
    assert.deepEqual(writesOf(subscribers), before);
    world.turn();
  }
});
