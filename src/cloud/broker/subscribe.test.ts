import assert from "node:assert/strict";
import { test } from "node:test";

import type { ISubscription } from "mqtt-packet";

import { World, type Client } from "./harness.test.ts";
import { AWS_PROFILE, SPEC_PROFILE } from "./index.ts";

const granted = async (client: Client, ...subscriptions: ISubscription[]) => {
  await client.send({ cmd: "subscribe", messageId: 5, subscriptions });
  return client.takeAll("suback")[0]?.granted;
};

test("SUBACK grants at most QoS 1, in the order of the filters", async () => {
  const world = new World();
  for (const protocolVersion of [4, 5] as const) {
    const client = await world.connected("d", { protocolVersion });
    const filters = [0, 1, 2].map((qos) => ({ topic: `a/${qos}`, qos: qos as 0 | 1 | 2 }));
    assert.deepEqual(await granted(client, ...filters), [0, 1, 1]);
  }
});

test("an unauthorised SUBSCRIBE is refused with 0x80 or 0x87 and the connection stays", async () => {
  const world = new World({
    may: (action, resource) =>
      action === "iot:Subscribe" && resource === "secret/#"
        ? { allowed: false, cause: "policy-denies-subscribe", evidence: { resource } }
        : { allowed: true },
  });
  const old = await world.connected("d4");
  assert.deepEqual(await granted(old, { topic: "secret/#", qos: 1 }, { topic: "a", qos: 1 }), [0x80, 1]);
  const five = await world.connected("d5", { protocolVersion: 5 });
  await five.send({ cmd: "subscribe", messageId: 5, subscriptions: [{ topic: "secret/#", qos: 1 }] });
  const [suback] = five.takeAll("suback");
  assert.deepEqual([suback?.granted, suback?.properties?.reasonString], [[0x87], "policy-denies-subscribe"]);
  assert.deepEqual([old.ended, five.ended], [undefined, undefined]);
  await five.publish("secret/a", "x");
  assert.deepEqual([old.messages(), five.messages()], [[], []]);
  assert.deepEqual(world.causes(), ["policy-denies-subscribe", "policy-denies-subscribe"]);
});

test("filters that are invalid are refused with 0x8F or 0x80", async () => {
  const world = new World();
  for (const filter of ["a/#/b", "a#", "a+", "+a/b", "", "1/2/3/4/5/6/7/8/9"]) {
    const old = await world.connected("d4");
    assert.deepEqual(await granted(old, { topic: filter, qos: 0 }), [0x80], filter);
    const five = await world.connected("d5", { protocolVersion: 5 });
    assert.deepEqual(await granted(five, { topic: filter, qos: 0 }), [0x8f], filter);
  }
});

test("more than 8 filters in one SUBSCRIBE and more than 50 subscriptions are refused with 0x97 or 0x80", async () => {
  const world = new World({ limits: { subscriptionsPerSession: 10 } });
  const filters = (count: number, from = 0) =>
    Array.from({ length: count }, (_, i) => ({ topic: `t/${from + i}`, qos: 0 as const }));
  for (const [protocolVersion, code] of [
    [4, 0x80],
    [5, 0x97],
  ] as const) {
    const client = await world.connected(`d${protocolVersion}`, { protocolVersion });
    assert.deepEqual(await granted(client, ...filters(9)), Array(9).fill(code));
    assert.deepEqual(await granted(client, ...filters(8)), Array(8).fill(0));
    assert.deepEqual(await granted(client, ...filters(3, 8)), [0, 0, code]);
    assert.deepEqual(await granted(client, ...filters(1)), [0], "replacing is not adding");
  }
  assert.ok(world.causes().every((cause) => cause === "mqtt-limit"));
});

test("subscription identifiers end the connection with 0xA1, shared subscriptions are refused with 0x9E", async () => {
  const world = new World({ settings: { ...AWS_PROFILE, sharedSubscriptions: false } });
  const five = await world.connected("d5", { protocolVersion: 5 });
  assert.deepEqual(await granted(five, { topic: "$share/g/a", qos: 0 }), [0x9e]);
  const old = await world.connected("d4");
  assert.deepEqual(await granted(old, { topic: "$share/g/a", qos: 0 }), [0x80]);
  await five.send({
    cmd: "subscribe",
    messageId: 5,
    subscriptions: [{ topic: "a", qos: 0 }],
    properties: { subscriptionIdentifier: 3 },
  });
  assert.equal(five.takeAll("disconnect")[0]?.reasonCode, 0xa1);
});

test("reserved filters that do not exist end the connection, events may be subscribed to", async () => {
  const world = new World();
  const five = await world.connected("d5", { protocolVersion: 5 });
  assert.deepEqual(await granted(five, { topic: "$aws/events/certificates/registered/+", qos: 1 }), [1]);
  await five.subscribe("$aws/rules/r/#");
  assert.equal(five.ended, "end");
  const old = await world.connected("d4");
  await old.subscribe("$SYS/#");
  assert.equal(old.ended, "end");
  assert.deepEqual(world.causes(), ["mqtt-malformed", "mqtt-malformed"]);
});

test("SUBSCRIBE and UNSUBSCRIBE without filters, with identifier 0 or wrong flags break the protocol", async () => {
  for (const bytes of [
    [0x82, 3, 0, 1, 0],
    [0xa2, 3, 0, 1, 0],
    [0x82, 7, 0, 0, 0, 0, 1, 0x61, 0],
    [0xa2, 6, 0, 0, 0, 0, 1, 0x61],
    [0x80, 7, 0, 1, 0, 0, 1, 0x61, 0],
    [0x82, 7, 0, 1, 0, 0, 1, 0x61, 3],
    [0x82, 7, 0, 1, 0, 0, 1, 0x61, 0xc0],
    [0x82, 6, 0, 1, 0, 0, 1, 0x61],
    [0x82, 7, 0, 1, 0, 0, 1, 0xff, 0],
    [0x82, 7, 0, 1, 0, 0, 1, 0, 0],
    [0x82, 1, 0],
    [0xc0, 1, 0],
    // A property of CONNECT, a subscription identifier twice, a text that ends early, a filter that ends early.
    [0x82, 10, 0, 1, 3, 0x21, 0, 1, 0, 1, 0x61, 0],
    [0x82, 11, 0, 1, 4, 0x0b, 1, 0x0b, 1, 0, 1, 0x61, 0],
    [0x82, 12, 0, 1, 5, 0x26, 0, 1, 0x61, 0, 0, 1, 0x61, 0],
    [0x82, 7, 0, 1, 0, 0, 9, 0x61, 0],
    [0xa2, 8, 0, 1, 2, 0x0b, 1, 0, 1, 0x61],
    [0xa2, 5, 0, 1, 0, 0, 9],
    // PUBACK and DISCONNECT with bytes left over, properties that do not belong, flags that are no flags.
    [0x40, 1, 0],
    [0x40, 5, 0, 1, 0, 0, 0],
    [0x40, 6, 0, 1, 0, 2, 0x0b, 1],
    [0x40, 4, 0, 1, 0x55, 0],
    [0xe0, 3, 0, 0, 0],
    [0xe0, 5, 0, 3, 0x21, 0, 1],
    [0xe0, 12, 0, 10, 0x11, 0, 0, 0, 1, 0x11, 0, 0, 0, 1],
    [0xe0, 1, 0x55],
  ]) {
    const world = new World();
    const client = await world.connected("d", { protocolVersion: 5 });
    await client.raw(...bytes);
    assert.ok([0x81, 0x82].includes(client.takeAll("disconnect")[0]?.reasonCode ?? 0), String(bytes));
    assert.equal(client.ended, "end", String(bytes));
  }
});

test("U+FFFD that was really sent is not taken for broken UTF-8", async () => {
  const client = await new World().connected("d");
  assert.deepEqual(await granted(client, { topic: "a/\uFFFD", qos: 1 }), [1]);
});

test("UNSUBSCRIBE ends delivery; UNSUBACK says 0x11 where nothing was subscribed", async () => {
  const world = new World();
  const client = await world.connected("d", { protocolVersion: 5 });
  await client.subscribe("a", 0);
  await client.send({ cmd: "unsubscribe", messageId: 6, unsubscriptions: ["a", "b"] });
  assert.deepEqual(client.takeAll("unsuback")[0]?.granted, [0, 0x11]);
  await client.publish("a", "x");
  assert.deepEqual(client.messages(), []);
  const old = await world.connected("o");
  await old.send({ cmd: "unsubscribe", messageId: 7, unsubscriptions: ["a"] });
  assert.equal(old.takeAll("unsuback")[0]?.messageId, 7);
});

test("No Local keeps a client's own messages from it, for the subscriptions that ask for it", async () => {
  const world = new World();
  const client = await world.connected("d", { protocolVersion: 5 });
  await client.subscribe("a", 1, { nl: true });
  const other = await world.connected("e", { protocolVersion: 5 });
  await client.publish("a", "own");
  await other.publish("a", "other");
  assert.deepEqual(client.messages(), ["a=other"]);
  await client.subscribe("+", 0);
  await client.publish("a", "own");
  assert.deepEqual(client.messages(), ["a=own"]);
});

test("a retained message goes to a new subscription with RETAIN 1, and to live ones with RETAIN 0", async () => {
  const world = new World();
  const live = await world.connected("live", { protocolVersion: 5 });
  await live.subscribe("a", 1);
  const asPublished = await world.connected("rap", { protocolVersion: 5 });
  await asPublished.subscribe("a", 1, { rap: true });
  const publisher = await world.connected("p");
  await publisher.publish("a", "kept", { retain: true, qos: 1 });
  const late = await world.connected("late", { protocolVersion: 5 });
  await late.subscribe("a", 0);
  const flags = [live, asPublished].map((client) => client.takeAll("publish").map(({ retain }) => retain));
  assert.deepEqual(flags, [[false], [true]]);
  const other = await world.connected("other");
  assert.deepEqual(
    (await other.subscribe("a", 1)).map((packet) =>
      packet.cmd === "publish" ? [packet.retain, packet.qos] : packet.cmd,
    ),
    ["suback", [true, 1]],
  );
  assert.equal(world.broker.retained, 1);
  await publisher.publish("a", "", { retain: true, qos: 1 });
  assert.equal(world.broker.retained, 0);
  const none = await world.connected("none");
  assert.equal((await none.subscribe("a", 1)).length, 1);
});

test("retained messages go to wildcard subscriptions in the spec profile only", async () => {
  for (const settings of [undefined, SPEC_PROFILE]) {
    const world = new World(settings ? { settings } : {});
    const publisher = await world.connected("p");
    for (const topic of ["a/b", "a/c", "b"]) await publisher.publish(topic, "x", { retain: true });
    const client = await world.connected("s");
    const got = (await client.subscribe("a/+", 1)).filter((packet) => packet.cmd === "publish").length;
    assert.equal(got, settings ? 2 : 0);
  }
});

test("Retain Handling 1 sends retained messages to new subscriptions only, 2 never", async () => {
  const world = new World();
  const publisher = await world.connected("p");
  await publisher.publish("a", "x", { retain: true });
  const client = await world.connected("s", { protocolVersion: 5 });
  const count = async (rh: number) => (await client.subscribe("a", 0, { rh })).length - 1;
  assert.deepEqual([await count(2), await count(1), await count(0)], [0, 0, 1]);
  await client.send({ cmd: "unsubscribe", messageId: 6, unsubscriptions: ["a"] });
  client.take();
  assert.deepEqual([await count(1), await count(1)], [1, 0]);
});

test("a retained message expires, and retained messages are bounded in number and bytes", async () => {
  const world = new World({ limits: { retainedMessages: 2, retainedBytes: 10 } });
  const publisher = await world.connected("p", { protocolVersion: 5 });
  await publisher.publish("a", "12345", { retain: true, properties: { messageExpiryInterval: 10 } });
  await publisher.publish("b", "12345", { retain: true });
  await publisher.publish("b", "123456", { retain: true, qos: 1 });
  assert.equal(publisher.takeAll("puback")[0]?.reasonCode, 0x97);
  await publisher.publish("b", "1", { retain: true, qos: 1 });
  assert.equal(publisher.takeAll("puback")[0]?.reasonCode, 0);
  await publisher.publish("c", "1", { retain: true, qos: 0 });
  assert.equal(publisher.takeAll("disconnect")[0]?.reasonCode, 0x97);
  const client = await world.connected("s");
  await world.advance(10_000);
  assert.equal((await client.subscribe("a", 1)).length, 1);
  assert.equal(world.broker.retained, 1);
});

test("retaining needs iot:RetainPublish besides iot:Publish, and is not possible on reserved topics", async () => {
  const world = new World({
    may: (action) =>
      action === "iot:RetainPublish"
        ? { allowed: false, cause: "policy-denies-retain", evidence: {} }
        : { allowed: true },
    settings: { ...SPEC_PROFILE, retainOnReserved: false },
  });
  const client = await world.connected("d", { protocolVersion: 5 });
  await client.publish("a", "x", { retain: true, qos: 1 });
  assert.equal(client.takeAll("puback")[0]?.reasonCode, 0x87);
  await client.publish("$x", "x", { retain: true });
  assert.equal(client.takeAll("disconnect")[0]?.reasonCode, 0x9a);
  assert.deepEqual(world.causes(), ["policy-denies-retain", "mqtt-malformed"]);
  assert.equal(world.broker.retained, 0);
});

test("reason strings are left out where the client does not want them, or where the packet would be too long", async () => {
  const world = new World({ may: () => ({ allowed: false, cause: "policy-denies-subscribe", evidence: {} }) });
  const modest = await world.connected("m", { protocolVersion: 5, properties: { requestProblemInformation: false } });
  await modest.send({ cmd: "subscribe", messageId: 5, subscriptions: [{ topic: "a", qos: 0 }] });
  assert.equal(modest.takeAll("suback")[0]?.properties, undefined);
  const tight = await world.connected("t", { protocolVersion: 5, properties: { maximumPacketSize: 20 } });
  await tight.send({ cmd: "subscribe", messageId: 5, subscriptions: [{ topic: "a", qos: 0 }] });
  const [suback] = tight.takeAll("suback");
  assert.deepEqual([suback?.granted, suback?.properties], [[0x87], undefined]);
});
