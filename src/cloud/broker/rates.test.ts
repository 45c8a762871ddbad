/** The rates of AWS IoT Core, on a clock that stands still: what waits, what is dropped, and who is told. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { World, type Client } from "./harness.test.ts";
import { AWS_PROFILE, AWS_RATES, MemorySessionStore, SPEC_PROFILE, type BrokerLimits } from "./index.ts";

const limitsOf = (world: World) => world.refusals().map(({ evidence }) => evidence["limit"]);
const persistent = (world: World, clientId: string) => world.connected(clientId, { clean: false });

/** A session with `count` messages that came while its client was away. */
async function waiting(world: World, count: number, filter = "a") {
  const subscriber = await persistent(world, "s");
  await subscriber.subscribe(filter, 1);
  await subscriber.drop();
  const publisher = await world.connected("p");
  for (let i = 0; i < count; i++) await publisher.publish("a", String(i), { qos: 1, messageId: i + 1 });
  return publisher;
}

/** What came since the last call, acknowledged at once. */
async function takeAndAcknowledge(client: Client): Promise<string[]> {
  const publishes = client.takeAll("publish");
  for (const { messageId } of publishes) await client.send({ cmd: "puback", messageId: messageId ?? 0 });
  return publishes.map(({ payload }) => String(payload));
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i));

test("stored messages go to a client that is back at drainsPerSecond, in order, and none is lost", async () => {
  const world = new World({ limits: { drainsPerSecond: AWS_RATES.drainsPerSecond } });
  const publisher = await waiting(world, 35);
  const subscriber = await persistent(world, "s");
  const perSecond: string[][] = [];
  for (let second = 0; second < 4; second++) {
    const came: string[] = [];
    for (let tenth = 0; tenth < 10; tenth++) {
      came.push(...(await takeAndAcknowledge(subscriber)));
      // What comes meanwhile waits behind what was stored: order is kept.
      if (second === 0 && tenth === 5) await publisher.publish("a", "live", { qos: 1 });
      await world.advance(100);
    }
    perSecond.push(came);
  }
  assert.deepEqual(perSecond, [numbers(0, 10), numbers(10, 20), numbers(20, 30), [...numbers(30, 35), "live"]]);
  await publisher.publish("a", "at once", { qos: 1 });
  assert.deepEqual(await takeAndAcknowledge(subscriber), ["at once"]);
  assert.deepEqual(world.causes(), []);
});

test("messages stored for a shared subscription are drained at sharedDrainsPerSecond", async () => {
  const limits = { drainsPerSecond: AWS_RATES.drainsPerSecond, sharedDrainsPerSecond: AWS_RATES.sharedDrainsPerSecond };
  const world = new World({ limits });
  await waiting(world, 45, "$share/g/a");
  const subscriber = await persistent(world, "s");
  const counts: number[] = [];
  for (let second = 0; second < 3; second++) {
    let count = 0;
    for (let i = 0; i < 20; i++) {
      count += (await takeAndAcknowledge(subscriber)).length;
      await world.advance(50);
    }
    counts.push(count);
  }
  assert.deepEqual(counts, [20, 20, 5]);
});

test("a drain that is cut goes on at the rate after the next connect, and after a restart from the store", async () => {
  const store = new MemorySessionStore();
  const world = new World({ store, limits: { drainsPerSecond: 10 } });
  await waiting(world, 12);
  const first = await persistent(world, "s");
  await world.advance(300);
  assert.deepEqual(await takeAndAcknowledge(first), numbers(0, 4));
  await first.drop();
  await world.advance(5000);
  const second = await persistent(world, "s");
  await world.advance(100);
  assert.deepEqual(await takeAndAcknowledge(second), numbers(4, 6));
  await world.broker.stop();
  const restarted = new World({ store, clock: world.clock, limits: { drainsPerSecond: 10 } });
  const third = await persistent(restarted, "s");
  await restarted.advance(500);
  assert.deepEqual(await takeAndAcknowledge(third), numbers(6, 12));
});

test("messages over accountQueuesPerSecond are dropped for who is away, told once, while who is there gets all", async () => {
  const world = new World({ limits: { accountQueuesPerSecond: 5 } });
  const live = await world.connected("live");
  await live.subscribe("a", 1);
  const publisher = await waiting(world, 8);
  assert.deepEqual(await takeAndAcknowledge(live), numbers(0, 8));
  const [refusal] = world.refusals();
  assert.deepEqual(
    [refusal?.cause, refusal?.clientId, limitsOf(world)],
    ["mqtt-limit", "s", ["accountQueuesPerSecond"]],
  );
  await world.advance(1000);
  await publisher.publish("a", "later", { qos: 1 });
  const subscriber = await persistent(world, "s");
  assert.deepEqual(await takeAndAcknowledge(subscriber), [...numbers(0, 5), "later"]);
  await subscriber.drop();
  for (let i = 0; i < 6; i++) await publisher.publish("a", "again", { qos: 1 });
  assert.deepEqual(
    limitsOf(world),
    ["accountQueuesPerSecond", "accountQueuesPerSecond"],
    "told anew after it was there",
  );
});

test("over deliveriesPerSecond QoS 0 is dropped and told once, QoS 1 waits and comes in order", async () => {
  const world = new World({ limits: { deliveriesPerSecond: 10 } });
  const [zero, one, publisher] = [
    await world.connected("zero"),
    await world.connected("one"),
    await world.connected("p"),
  ];
  await zero.subscribe("a", 0);
  await one.subscribe("a", 1);
  for (let i = 0; i < 25; i++) await publisher.publish("a", String(i), { qos: 1, messageId: i + 1 });
  assert.deepEqual(
    zero.messages().map((each) => each.slice(2)),
    numbers(0, 10),
  );
  assert.deepEqual(await takeAndAcknowledge(one), numbers(0, 10));
  assert.deepEqual(limitsOf(world), ["deliveriesPerSecond"]);
  await world.advance(500);
  assert.deepEqual(await takeAndAcknowledge(one), numbers(10, 15));
  await world.advance(1000);
  assert.deepEqual(await takeAndAcknowledge(one), numbers(15, 25));
  await world.advance(100);
  await publisher.publish("a", "after", { qos: 1 });
  assert.deepEqual([zero.messages(), await takeAndAcknowledge(one)], [["a=after"], ["after"]]);
  assert.deepEqual(limitsOf(world), ["deliveriesPerSecond"]);
});

test("over deliveredBytesPerSecond a client is sent less, by bytes", async () => {
  const world = new World({ limits: { deliveredBytesPerSecond: 1000 } });
  const [client, publisher] = [await world.connected("d"), await world.connected("p")];
  await client.subscribe("a", 1);
  for (let i = 0; i < 5; i++) await publisher.publish("a", "x".repeat(492), { qos: 1, messageId: i + 1 });
  assert.equal((await takeAndAcknowledge(client)).length, 2, "500 bytes each, their header included");
  for (const [ms, expected] of [
    [1, 1],
    [499, 0],
    [1, 1],
    [499, 0],
    [1, 1],
  ] as const) {
    await world.advance(ms);
    assert.equal((await takeAndAcknowledge(client)).length, expected);
  }
});

test("accountDeliveriesPerSecond holds all clients together to one rate, and nothing of QoS 1 is lost", async () => {
  const world = new World({ limits: { accountDeliveriesPerSecond: 30 } });
  const clients = [await world.connected("c1"), await world.connected("c2"), await world.connected("c3")];
  for (const client of clients) await client.subscribe("a", 1);
  const publisher = await world.connected("p");
  for (let i = 0; i < 20; i++) await publisher.publish("a", String(i), { qos: 1, messageId: i + 1 });
  const received = clients.map((): string[] => []);
  const take = async () => {
    for (const [i, client] of clients.entries()) received[i]?.push(...(await takeAndAcknowledge(client)));
    return received.flat().length;
  };
  assert.equal(await take(), 30);
  await world.advance(500);
  assert.ok((await take()) <= 45);
  for (let i = 0; i < 10; i++) {
    await world.advance(100);
    await take();
  }
  assert.deepEqual(received, [numbers(0, 20), numbers(0, 20), numbers(0, 20)]);
});

test("who retains over accountRetainsPerSecond is read more slowly, and loses nothing", async () => {
  const world = new World({ limits: { accountRetainsPerSecond: 5 } });
  const [client, other] = [await world.connected("d"), await world.connected("e")];
  const publish = (topic: string, retain: boolean) =>
    client.bytes({ cmd: "publish", topic, payload: "x", qos: 0, dup: false, retain });
  client.connection.receive(new Uint8Array(Buffer.concat(numbers(0, 10).map((each) => publish(each, true)))));
  other.connection.receive(publish("live", false));
  await world.settle();
  assert.deepEqual([client.isPaused, other.isPaused], [true, true], "the account is over it");
  assert.equal(world.broker.retained, 10);
  await world.advance(1000);
  assert.deepEqual([client.isPaused, other.isPaused], [false, false]);
});

test("a QoS 1 message without PUBACK is given up after inFlightS, and makes room for what waits", async () => {
  const world = new World({ limits: { inFlight: 2, inFlightS: 3600 } });
  const subscriber = await persistent(world, "s");
  await subscriber.subscribe("a", 1);
  const publisher = await world.connected("p", { keepalive: 0 });
  for (let i = 0; i < 4; i++) await publisher.publish("a", String(i), { qos: 1, messageId: i + 1 });
  assert.deepEqual(subscriber.messages(), ["a=0", "a=1"]);
  for (let minute = 0; minute < 60; minute++) {
    await world.advance(60_000);
    await Promise.all([subscriber, publisher].map((client) => client.send({ cmd: "pingreq" })));
  }
  await publisher.publish("a", "4", { qos: 1 });
  assert.deepEqual(subscriber.messages(), [], "an hour is not over an hour");
  await world.advance(1);
  await publisher.publish("a", "5", { qos: 1 });
  assert.deepEqual(subscriber.messages(), ["a=2", "a=3"]);
  assert.deepEqual([limitsOf(world), world.refusals()[0]?.evidence["count"]], [["inFlightS"], 2]);
  await subscriber.drop();
  const again = await persistent(world, "s");
  assert.deepEqual(again.messages(), ["a=2", "a=3"], "what was given up is gone, what was not comes again");
});

test("a retained message is forgotten after retainedS", async () => {
  const world = new World();
  const client = await world.connected("d", { keepalive: 0 });
  await client.publish("a", "x", { retain: true });
  world.clock.advance(AWS_PROFILE.limits.retainedS * 1000);
  assert.ok(world.broker.retainedMessage("a"), "three years");
  world.clock.advance(1);
  assert.equal(world.broker.retainedMessage("a"), undefined);
  assert.equal(world.broker.retained, 0);
});

test("no rate holds anybody unless it is asked for, and the spec profile gives nothing up", () => {
  for (const name of Object.keys(AWS_RATES) as (keyof typeof AWS_RATES & keyof BrokerLimits)[]) {
    assert.equal(AWS_PROFILE.limits[name], Infinity, name);
    assert.equal(SPEC_PROFILE.limits[name], Infinity, name);
  }
  const { inFlightS, retainedS, webSocketS } = SPEC_PROFILE.limits;
  assert.deepEqual([inFlightS, retainedS, webSocketS], [Infinity, Infinity, Infinity]);
});

test("a queue that a rate of ours fills costs messages, told once, and never the connection", async () => {
  const world = new World({ limits: { deliveriesPerSecond: 10, queuedMessages: 5 } });
  const [client, publisher] = [await persistent(world, "d"), await world.connected("p")];
  await client.subscribe("a", 1);
  const burst = async (from: number) => {
    const came: string[] = [];
    for (const i of numbers(from, from + 30)) {
      await publisher.publish("a", i, { qos: 1, messageId: Number(i) + 1 });
      came.push(...(await takeAndAcknowledge(client)));
    }
    for (let i = 0; i < 10; i++) {
      await world.advance(100);
      came.push(...(await takeAndAcknowledge(client)));
    }
    return came;
  };
  assert.deepEqual(await burst(0), numbers(0, 15));
  assert.deepEqual([client.ended, limitsOf(world)], [undefined, ["deliveriesPerSecond"]]);
  assert.deepEqual([publisher.ended, publisher.takeAll("puback").length], [undefined, 30]);
  await world.advance(1000);
  assert.deepEqual(await burst(100), numbers(100, 115));
  assert.deepEqual(limitsOf(world), ["deliveriesPerSecond", "deliveriesPerSecond"], "told anew after there was room");
  for (let i = 0; i < 100; i++) await world.advance(33);
  await publisher.publish("a", "after", { qos: 1 });
  assert.deepEqual(await takeAndAcknowledge(client), ["after"]);
});

test("what comes while a session is drained at the rate may fill its queue, and its client stays", async () => {
  const world = new World({ limits: { drainsPerSecond: 10, queuedMessages: 8 } });
  const publisher = await waiting(world, 6);
  const subscriber = await persistent(world, "s");
  for (let i = 6; i < 20; i++) await publisher.publish("a", String(i), { qos: 1, messageId: i + 1 });
  const came: string[] = [];
  for (let i = 0; i < 10; i++) {
    came.push(...(await takeAndAcknowledge(subscriber)));
    await world.advance(100);
  }
  assert.deepEqual(came, numbers(0, 9), "one was sent at once, eight waited");
  assert.deepEqual([subscriber.ended, limitsOf(world)], [undefined, ["drainsPerSecond"]]);
});

test("a client whose acknowledgements lie in what we are slow to read is not cut", async () => {
  const world = new World({ limits: { publishesPerSecond: 10, inFlight: 4, queuedMessages: 8 } });
  const client = await world.connected("d");
  await client.subscribe("a", 1);
  const one = client.bytes({ cmd: "publish", topic: "a", payload: "x", qos: 0, dup: false, retain: false });
  const burst = new Uint8Array(Buffer.concat(Array<Uint8Array>(20).fill(one)));
  const other = await world.connected("p");
  client.connection.receive(burst);
  await world.settle();
  assert.equal(client.isPaused, true);
  for (let i = 0; i < 20; i++) await other.publish("a", String(i), { qos: 1, messageId: i + 1 });
  assert.deepEqual([client.ended, limitsOf(world)], [undefined, ["publishesPerSecond"]]);
  await world.advance(2000);
  assert.equal(client.isPaused, false);
  await other.publish("a", "20", { qos: 1, messageId: 21 });
  assert.equal(client.ended, undefined, "it has had no time to acknowledge");
  const came = [...(await takeAndAcknowledge(client)), ...(await takeAndAcknowledge(client))];
  came.push(...(await takeAndAcknowledge(client)), ...(await takeAndAcknowledge(client)));
  assert.deepEqual(
    came.filter((payload) => payload !== "x"),
    numbers(0, 12),
  );
});

test("a client that does not acknowledge is cut for its full queue, whatever rate it has", async () => {
  const world = new World({ limits: { deliveriesPerSecond: 10, inFlight: 10, queuedMessages: 5 } });
  const [client, publisher] = [await world.connected("d"), await world.connected("p")];
  await client.subscribe("a", 1);
  for (let i = 0; i < 16; i++) await publisher.publish("a", String(i), { qos: 1, messageId: i + 1 });
  assert.deepEqual([client.ended, limitsOf(world)], ["destroy", ["queued messages"]]);
});
