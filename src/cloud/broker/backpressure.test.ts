import assert from "node:assert/strict";
import { test } from "node:test";

import { World, type Client } from "./harness.test.ts";
import { MemorySessionStore } from "./index.ts";

const LIMITS = { outboundSoftBytes: 1000, outboundHardBytes: 5000, queuedMessages: 5, inFlight: 3 };

/** A subscriber whose network takes nothing: everything written stays in the sink. */
async function stalled(world: World, qos: 0 | 1, clean = true) {
  const subscriber = await world.connected("s", {
    clean,
    protocolVersion: 5,
    properties: { sessionExpiryInterval: 99 },
  });
  await subscriber.subscribe("a", qos);
  subscriber.take();
  const publisher = await world.connected("p");
  return { subscriber, publisher };
}

/** From now on the sink holds `bytes`; the connection learns it when it writes. */
async function stall(client: Client, bytes: number): Promise<void> {
  client.writableLength = bytes;
  await client.send({ cmd: "pingreq" });
  client.take();
}

test("QoS 0 is dropped while the network takes nothing, and flows again after it drained", async () => {
  const world = new World({ limits: LIMITS });
  const { subscriber, publisher } = await stalled(world, 0);
  await stall(subscriber, 1001);
  for (let i = 0; i < 100; i++) await publisher.publish("a", "x".repeat(100));
  assert.equal(subscriber.takeAll("publish").length, 0);
  assert.deepEqual(
    world.refusals().map(({ cause, evidence }) => [cause, evidence["limit"]]),
    [["mqtt-limit", "outboundSoftBytes"]],
  );
  assert.equal(subscriber.ended, undefined);
  subscriber.writableLength = 0;
  subscriber.connection.drained();
  await publisher.publish("a", "after");
  assert.deepEqual(subscriber.messages(), ["a=after"]);
});

test("within one turn QoS 0 is dropped beyond the soft bound too", async () => {
  const world = new World({ limits: LIMITS });
  const { subscriber, publisher } = await stalled(world, 0);
  const one = publisher.bytes({
    cmd: "publish",
    topic: "a",
    payload: "x".repeat(95),
    qos: 0,
    dup: false,
    retain: false,
  });
  for (let i = 0; i < 100; i++) publisher.connection.receive(one);
  await world.settle();
  assert.equal(subscriber.takeAll("publish").length, 10);
});

test("QoS 1 waits in the queue while the network takes nothing, and nothing is lost or reordered", async () => {
  const world = new World({ limits: { ...LIMITS, inFlight: 100 } });
  const { subscriber, publisher } = await stalled(world, 1);
  const one = (i: number) =>
    publisher.bytes({
      cmd: "publish",
      topic: "a",
      payload: String(i).padStart(300, "0"),
      qos: 1,
      messageId: i + 1,
      dup: false,
      retain: false,
    });
  for (let i = 0; i < 8; i++) publisher.connection.receive(one(i));
  // Chosen so that the turn ends with messages queued though the sink is empty: the end of the turn must pump.
  await world.settle();
  assert.deepEqual(
    subscriber.takeAll("publish").map(({ payload }) => Number(payload)),
    [0, 1, 2, 3, 4, 5, 6, 7],
  );
  await stall(subscriber, 2000);
  for (let i = 0; i < 4; i++) publisher.connection.receive(one(i));
  await world.settle();
  assert.equal(subscriber.takeAll("publish").length, 0);
  subscriber.writableLength = 0;
  subscriber.connection.drained();
  await world.settle();
  assert.deepEqual(
    subscriber.takeAll("publish").map(({ payload }) => Number(payload)),
    [0, 1, 2, 3],
  );
});

test("a slow consumer is cut when its queue is full, and its persistent session keeps what was queued", async () => {
  const world = new World({ limits: LIMITS });
  const { subscriber, publisher } = await stalled(world, 1, false);
  for (let i = 0; i < 9; i++) await publisher.publish("a", String(i), { qos: 1 });
  assert.equal(subscriber.ended, "destroy");
  const refusal = world.refusals().at(-1);
  assert.deepEqual(
    [refusal?.cause, refusal?.clientId, refusal?.evidence["limit"]],
    ["mqtt-limit", "s", "queued messages"],
  );
  assert.deepEqual(world.broker.sessions().map(({ clientId, inFlight, queued }) => [clientId, inFlight, queued])[0], [
    "s",
    3,
    5,
  ]);
  await publisher.publish("a", "more", { qos: 1 });
  assert.equal(publisher.ended, undefined);
  const again = world.client(5);
  await again.connect("s", { clean: false, properties: { sessionExpiryInterval: 99 } });
  assert.deepEqual(again.messages(), ["a=0", "a=1", "a=2"]);
});

test("the queue is bounded in bytes as well", async () => {
  const world = new World({ limits: { queuedBytes: 1000, inFlight: 1 } });
  const { subscriber, publisher } = await stalled(world, 1);
  for (let i = 0; i < 4; i++) await publisher.publish("a", "x".repeat(400), { qos: 1 });
  assert.equal(subscriber.ended, "destroy");
});

test("retained messages to a stalled subscriber end at the hard bound", async () => {
  const world = new World({ limits: LIMITS });
  const publisher = await world.connected("p");
  await publisher.publish("r", "x".repeat(900), { retain: true });
  const client = await world.connected("s");
  client.writableLength = 1001;
  for (let i = 0; i < 8 && client.ended === undefined; i++) await client.subscribe("r", 0);
  assert.equal(client.ended, undefined, "written each turn: only what is unsent counts");
  client.writableLength = 4500;
  await client.subscribe("r", 0);
  await client.subscribe("r", 0);
  assert.equal(client.ended, "destroy");
});

test("who does not read is not read", async () => {
  const world = new World({ limits: LIMITS });
  const client = await world.connected("d");
  client.writableLength = 1001;
  await client.send({ cmd: "pingreq" });
  assert.equal(client.isPaused, true);
  client.writableLength = 0;
  client.connection.drained();
  assert.equal(client.isPaused, false);
});

test("a client over its rate is read more slowly, loses nothing, and is not taken for silent", async () => {
  const world = new World({ limits: { publishesPerSecond: 10, bytesPerSecond: 10_000 } });
  const subscriber = await world.connected("s");
  await subscriber.subscribe("a", 0);
  const client = await world.connected("d", { keepalive: 30 });
  const one = client.bytes({ cmd: "publish", topic: "a", payload: "x", qos: 0, dup: false, retain: false });
  const batch = new Uint8Array(Buffer.concat(Array<Uint8Array>(1000).fill(one)));
  client.connection.receive(batch);
  await world.settle();
  assert.equal(subscriber.takeAll("publish").length, 1000);
  assert.equal(client.isPaused, true);
  await world.advance(98_000);
  assert.deepEqual([client.ended, client.isPaused], [undefined, true]);
  await world.advance(2000);
  assert.equal(client.isPaused, false);
  await world.advance(1000);
  client.connection.receive(one);
  assert.equal(client.isPaused, false);
  await world.advance(45_000);
  assert.equal(client.ended, "end");
});

test("an account over its rate of publishing has its publishers read more slowly, and loses nothing", async () => {
  const world = new World({ limits: { accountPublishesPerSecond: 100 } });
  const subscriber = await world.connected("s");
  await subscriber.subscribe("a", 0);
  const [one, two] = [await world.connected("one"), await world.connected("two")];
  const batch = (count: number) => {
    const publish = one.bytes({ cmd: "publish", topic: "a", payload: "x", qos: 0, dup: false, retain: false });
    return new Uint8Array(Buffer.concat(Array<Uint8Array>(count).fill(publish)));
  };
  one.connection.receive(batch(90));
  await world.settle();
  assert.deepEqual([one.isPaused, two.isPaused], [false, false]);
  two.connection.receive(batch(60));
  await world.settle();
  assert.deepEqual([one.isPaused, two.isPaused], [false, true], "who goes over it waits");
  one.connection.receive(batch(50));
  await world.settle();
  assert.equal(one.isPaused, true);
  assert.equal(subscriber.takeAll("publish").length, 200);
  await world.advance(900);
  assert.deepEqual([one.isPaused, two.isPaused], [true, true]);
  await world.advance(200);
  assert.deepEqual([one.isPaused, two.isPaused], [false, false]);
});

test("CONNECT packets over the rate of the account, or of one client id, are refused with 0x97, or 3, and do not count", async () => {
  const world = new World({ limits: { accountConnectsPerSecond: 3, connectsPerSecond: 1 } });
  assert.equal((await world.client(5).connect("a", { properties: {} }))?.reasonCode, 0);
  assert.equal((await world.client(5).connect("a"))?.reasonCode, 0x97);
  assert.equal((await world.client(4).connect("a"))?.returnCode, 3);
  assert.equal((await world.client(5).connect("b"))?.reasonCode, 0);
  assert.equal((await world.client(4).connect("c"))?.returnCode, 0);
  assert.equal((await world.client(5).connect("d"))?.reasonCode, 0x97);
  assert.deepEqual(new Set(world.causes()), new Set(["mqtt-limit"]));
  assert.deepEqual(
    world.refusals().map(({ evidence }) => evidence["rule"]),
    ["connectsPerSecond", "connectsPerSecond", "accountConnectsPerSecond"],
  );
  assert.equal(world.broker.sessions().length, 3, "who was refused ended nobody's connection");
  await world.advance(1000);
  assert.equal((await world.client(5).connect("a"))?.reasonCode, 0);
});

test("a packet that is larger than the client accepts is not sent to it, at either QoS", async () => {
  const world = new World();
  const properties = { maximumPacketSize: 60 };
  const client = await world.connected("d", { protocolVersion: 5, properties });
  await client.subscribe("a", 1);
  const publisher = await world.connected("p");
  for (const qos of [0, 1] as const) {
    await publisher.publish("a", "x".repeat(100), { qos });
    await publisher.publish("a", `small ${qos}`, { qos });
  }
  assert.deepEqual(client.messages(), ["a=small 0", "a=small 1"]);
  assert.equal(world.broker.sessions()[0]?.inFlight, 1);
});

test("a persistent session does not keep a message that its client cannot take", async () => {
  const store = new MemorySessionStore();
  const world = new World({ store });
  const properties = { maximumPacketSize: 60, sessionExpiryInterval: 99 };
  const client = await world.connected("d", { protocolVersion: 5, clean: false, properties });
  await client.subscribe("a", 1);
  const publisher = await world.connected("p");
  await publisher.publish("a", "x".repeat(100), { qos: 1 });
  await client.drop();
  assert.deepEqual(
    store.load().sessions.map(({ queue }) => queue),
    [[]],
  );
});

test("data packets are traced up to a number each second, others always, with the ids that join them", async () => {
  const world = new World();
  const client = await world.connected("d", { username: "cert" });
  for (let i = 0; i < 100; i++) await client.publish("a", "x");
  const traced = () => world.ledger.events({ kinds: ["mqtt.packet"], device: "d" });
  const publishes = traced().filter((event) => event.kind === "mqtt.packet" && event.packet === "publish");
  assert.equal(publishes.length, 20);
  const [publish] = publishes;
  assert.ok(publish?.kind === "mqtt.packet");
  assert.deepEqual(
    [publish.connection, publish.certificate, publish.direction, publish.topic, publish.bytes],
    ["c1", "cert", "received", "a", 6],
  );
  await world.advance(1000);
  await client.publish("a", "x");
  await client.send({ cmd: "disconnect" });
  const names = traced().map((event) => (event.kind === "mqtt.packet" ? event.packet : ""));
  assert.deepEqual(
    names.filter((name) => name !== "publish"),
    ["connect", "connack", "disconnect"],
  );
  assert.equal(names.filter((name) => name === "publish").length, 21);
});
