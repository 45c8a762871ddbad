import assert from "node:assert/strict";
import { test } from "node:test";

import { World } from "./harness.test.ts";
import { AWS_PROFILE, SPEC_PROFILE, type Published } from "./index.ts";

const deny = (what: string, cause: "policy-denies-publish" | "policy-denies-receive" | "policy-denies-retain") => ({
  may: (action: string, resource: string) =>
    action === what && resource.startsWith("secret")
      ? ({ allowed: false, cause, evidence: { action, resource } } as const)
      : ({ allowed: true } as const),
});

test("AW-50 wildcards match as MQTT says, and the aws profile's a/# does not match a", async () => {
  const table: [filter: string, topic: string, aws: boolean, spec: boolean][] = [
    ["a/b", "a/b", true, true],
    ["a/b", "a/B", false, false],
    ["a/+", "a/b", true, true],
    ["a/+", "a/b/c", false, false],
    ["a/+", "a/", true, true],
    ["+/+", "/x", true, true],
    ["a/#", "a/b/c", true, true],
    ["a/#", "a", false, true],
    ["#", "a/b", true, true],
    ["+", "a", true, true],
    ["#", "$aws/events/x", false, false],
    ["+/events/x", "$aws/events/x", false, false],
    ["$aws/events/#", "$aws/events/x", true, true],
  ];
  for (const [filter, topic, aws, spec] of table) {
    for (const settings of [AWS_PROFILE, SPEC_PROFILE]) {
      const world = new World({ settings });
      const subscriber = await world.connected("s");
      await subscriber.subscribe(filter, 0);
      world.broker.publish({ topic, payload: Buffer.from("x"), qos: 0 }, "test");
      await world.settle();
      const expected = settings === AWS_PROFILE ? aws : spec;
      assert.equal(subscriber.messages().length, expected ? 1 : 0, `${filter} ${topic} ${settings.profile}`);
    }
  }
});

test("a message that matches several subscriptions of a client comes once, with the highest QoS", async () => {
  const world = new World();
  const subscriber = await world.connected("s");
  await subscriber.subscribe("a/#", 0);
  await subscriber.subscribe("a/b", 1);
  const publisher = await world.connected("p");
  await publisher.publish("a/b", "x", { qos: 1 });
  assert.deepEqual(
    subscriber.takeAll("publish").map(({ qos, dup, retain }) => [qos, dup, retain]),
    [[1, false, false]],
  );
  await publisher.publish("a/c", "x", { qos: 1 });
  assert.deepEqual(
    subscriber.takeAll("publish").map(({ qos }) => qos),
    [0],
  );
});

test("AW-65 QoS 1 is acknowledged with the packet's identifier, and DUP is not passed on", async () => {
  const world = new World();
  const subscriber = await world.connected("s");
  await subscriber.subscribe("a", 1);
  const publisher = await world.connected("p");
  await publisher.publish("a", "x", { qos: 1, messageId: 0xffff, dup: true });
  assert.equal(publisher.takeAll("puback")[0]?.messageId, 0xffff);
  const [got] = subscriber.takeAll("publish");
  assert.deepEqual([got?.dup, got?.qos, got?.messageId], [false, 1, 1]);
});

test("properties travel from publisher to subscriber, user properties in their order", async () => {
  const world = new World();
  const subscriber = await world.connected("s", { protocolVersion: 5 });
  await subscriber.subscribe("a", 1);
  const seen: Published[] = [];
  world.broker.onPublish((message) => seen.push(message));
  const publisher = await world.connected("p", { protocolVersion: 5 });
  // Written by hand, since mqtt-packet loses the order: user properties b=1, a=2, b=3, then a content type.
  const block = [
    0x26, 0, 1, 0x62, 0, 1, 0x31, 0x26, 0, 1, 0x61, 0, 1, 0x32, 0x26, 0, 1, 0x62, 0, 1, 0x33, 3, 0, 1, 0x74,
  ];
  const body = [0, 1, 0x61, block.length, ...block, 0x70];
  await publisher.raw(0x30, body.length, ...body);
  assert.deepEqual(seen.at(-1)?.properties, {
    userProperties: [
      ["b", "1"],
      ["a", "2"],
      ["b", "3"],
    ],
    contentType: "t",
  });
  const written = Buffer.concat(subscriber.writes).toString("latin1");
  assert.ok(written.includes(Buffer.from(block.slice(0, 21)).toString("latin1")));
  await publisher.publish("a", "y", {
    properties: {
      payloadFormatIndicator: true,
      messageExpiryInterval: 100,
      responseTopic: "r",
      correlationData: Buffer.from([1, 2]),
    },
  });
  const [, got] = subscriber.takeAll("publish");
  assert.deepEqual(
    { ...got?.properties },
    {
      payloadFormatIndicator: true,
      messageExpiryInterval: 100,
      responseTopic: "r",
      correlationData: Buffer.from([1, 2]),
    },
  );
  const old = await world.connected("old");
  await old.subscribe("a", 0);
  await publisher.publish("a", "z", { properties: { contentType: "t" } });
  assert.deepEqual(old.messages(), ["a=z"]);
});

test("a topic alias stands for its topic, up to the maximum that CONNACK told", async () => {
  const world = new World();
  const subscriber = await world.connected("s");
  await subscriber.subscribe("#", 0);
  const publisher = await world.connected("p", { protocolVersion: 5 });
  await publisher.publish("a/b", "1", { properties: { topicAlias: 8 } });
  await publisher.publish("", "2", { properties: { topicAlias: 8 } });
  await publisher.publish("c", "3", { properties: { topicAlias: 8 } });
  await publisher.publish("", "4", { properties: { topicAlias: 8 } });
  assert.deepEqual(subscriber.messages(), ["a/b=1", "a/b=2", "c=3", "c=4"]);
  for (const [alias, topic, code] of [
    [9, "a", 0x94],
    [0, "a", 0x94],
    [3, "", 0x82],
    [undefined, "", 0x82],
  ] as const) {
    const client = await world.connected("q", { protocolVersion: 5 });
    await client.publish(topic, "x", alias === undefined ? {} : { properties: { topicAlias: alias } });
    assert.equal(client.takeAll("disconnect")[0]?.reasonCode, code, `${alias} ${topic}`);
  }
});

test("topics that are invalid, too long, too deep or reserved end the connection with 0x90", async () => {
  for (const topic of [
    "a/+",
    "#",
    "a".repeat(257),
    "1/2/3/4/5/6/7/8/9",
    "$aws/things/t/shadow/update/accepted",
    "$SYS/x",
  ]) {
    const world = new World();
    const client = await world.connected("d", { protocolVersion: 5 });
    await client.publish(topic, "x");
    assert.equal(client.takeAll("disconnect")[0]?.reasonCode, 0x90, topic);
    const old = await world.connected("o");
    await old.publish(topic, "x");
    assert.equal(old.ended, "end");
    assert.deepEqual(world.causes(), ["mqtt-malformed", "mqtt-malformed"]);
  }
});

test("a topic name that is not UTF-8 ends the connection with 0x81", async () => {
  const world = new World();
  const client = await world.connected("d", { protocolVersion: 5 });
  await client.raw(0x30, 5, 0, 2, 0xc3, 0x28, 0);
  assert.equal(client.takeAll("disconnect")[0]?.reasonCode, 0x81);
});

test("QoS 2, QoS 3, DUP at QoS 0, packet identifier 0 and properties out of place are refused", async () => {
  const cases: [name: string, bytes: number[], code: number][] = [
    ["QoS 2", [0x34, 6, 0, 1, 0x61, 0, 1, 0], 0x9b],
    ["QoS 3", [0x36, 6, 0, 1, 0x61, 0, 1, 0], 0x81],
    ["DUP at QoS 0", [0x38, 4, 0, 1, 0x61, 0], 0x81],
    ["identifier 0", [0x32, 6, 0, 1, 0x61, 0, 0, 0], 0x82],
    ["ends within the topic", [0x30, 3, 0, 9, 0x61], 0x81],
    ["ends before the topic", [0x30, 1, 0], 0x81],
    ["ends before the identifier", [0x32, 4, 0, 1, 0x61, 0], 0x81],
    ["no property length", [0x30, 3, 0, 1, 0x61], 0x81],
    ["ends within the properties", [0x30, 4, 0, 1, 0x61, 5], 0x81],
    ["subscription identifier", [0x30, 6, 0, 1, 0x61, 2, 0x0b, 1], 0x82],
    ["a property of CONNECT", [0x30, 7, 0, 1, 0x61, 3, 0x21, 0, 1], 0x81],
    ["payload format 2", [0x30, 6, 0, 1, 0x61, 2, 1, 2], 0x82],
    ["payload format twice", [0x30, 8, 0, 1, 0x61, 4, 1, 1, 1, 1], 0x82],
    ["response topic with a wildcard", [0x30, 8, 0, 1, 0x61, 4, 8, 0, 1, 0x23], 0x82],
    ["truncated property", [0x30, 6, 0, 1, 0x61, 2, 2, 0], 0x81],
    ["null character", [0x30, 8, 0, 1, 0x61, 4, 3, 0, 1, 0], 0x81],
  ];
  for (const [name, bytes, code] of cases) {
    const world = new World();
    const client = await world.connected("d", { protocolVersion: 5 });
    await client.raw(...bytes);
    assert.equal(client.takeAll("disconnect")[0]?.reasonCode, code, name);
    assert.equal(client.ended, "end", name);
    assert.equal(world.causes().length, 1, name);
  }
});

test("a payload over the limit ends the connection with 0x95, one of exactly 128 KiB passes", async () => {
  const world = new World();
  const client = await world.connected("d", { protocolVersion: 5 });
  const subscriber = await world.connected("s");
  await subscriber.subscribe("a", 0);
  await client.publish("a", "x".repeat(128 * 1024));
  assert.equal(subscriber.messages()[0]?.length, 128 * 1024 + 2);
  await client.publish("a", "x".repeat(128 * 1024 + 1));
  assert.equal(client.takeAll("disconnect")[0]?.reasonCode, 0x95);
  assert.deepEqual(world.causes(), ["mqtt-limit"]);
});

test("a packet over the announced maximum is refused by its length, before its body", async () => {
  const world = new World();
  const client = await world.connected("d", { protocolVersion: 5 });
  await client.raw(0x30, 0x81, 0x90, 0x08);
  assert.equal(client.takeAll("disconnect")[0]?.reasonCode, 0x95);
});

test("an unauthorised PUBLISH closes MQTT 3.1.1, gives PUBACK 0x87 at QoS 1 and DISCONNECT 0x87 at QoS 0", async () => {
  const world = new World(deny("iot:Publish", "policy-denies-publish"));
  const subscriber = await world.connected("s");
  await subscriber.subscribe("secret/#", 0);
  const old = await world.connected("d4");
  await old.publish("secret/a", "x", { qos: 1 });
  assert.deepEqual([old.ended, old.takeAll("puback")], ["end", []]);
  const five = await world.connected("d5", { protocolVersion: 5 });
  await five.publish("secret/a", "x", { qos: 1, messageId: 9 });
  const [puback] = five.takeAll("puback");
  assert.deepEqual(
    [puback?.messageId, puback?.reasonCode, puback?.properties?.reasonString],
    [9, 0x87, "policy-denies-publish"],
  );
  assert.equal(five.ended, undefined);
  await five.publish("secret/a", "x");
  assert.equal(five.takeAll("disconnect")[0]?.reasonCode, 0x87);
  assert.deepEqual(subscriber.messages(), []);
  assert.deepEqual(world.causes(), Array(3).fill("policy-denies-publish"));
  assert.deepEqual(world.refusals()[1]?.evidence, { action: "iot:Publish", resource: "secret/a" });
});

test("a message that a client may not receive is not delivered, and told once for each topic", async () => {
  const world = new World(deny("iot:Receive", "policy-denies-receive"));
  const subscriber = await world.connected("s", { clean: false });
  await subscriber.subscribe("#", 1);
  const publisher = await world.connected("p");
  for (const topic of ["secret/a", "secret/a", "open", "secret/b"]) await publisher.publish(topic, "x", { qos: 1 });
  assert.deepEqual(subscriber.messages(), ["open=x"]);
  assert.deepEqual(world.causes(), ["policy-denies-receive", "policy-denies-receive"]);
});

test("onPublish hears of client, will and system publishes with their origin, and not of refused ones", async () => {
  const world = new World(deny("iot:Publish", "policy-denies-publish"));
  const heard: string[] = [];
  const from: unknown[] = [];
  const end = world.broker.onPublish((message) => {
    const { topic, payload, qos, retain, origin, clientId, principalId, address, connection } = message;
    if (connection !== undefined) from.push([origin, address, connection]);
    heard.push([origin, clientId, principalId, topic, Buffer.from(payload).toString(), qos, retain].join(" "));
  });
  const client = await world.connected("d", { will: { topic: "gone", payload: Buffer.from("w"), qos: 1 } });
  await client.publish("a", "x", { qos: 1, retain: true });
  await client.publish("secret", "x");
  world.broker.publish(
    { topic: "$aws/events/certificates/registered/ca", payload: Buffer.from("{}"), qos: 1 },
    "onboarding",
  );
  end();
  world.broker.publish({ topic: "b", payload: Buffer.from("x"), qos: 0 }, "rule:r");
  const presence = heard.filter((line) => line.startsWith("presence")).length;
  assert.equal(presence, 2);
  assert.deepEqual(
    heard.filter((line) => !line.startsWith("presence")),
    [
      "client d principal-of-d a x 1 true",
      "will d principal-of-d gone w 1 false",
      "onboarding   $aws/events/certificates/registered/ca {} 1 false",
    ],
  );
  assert.deepEqual(from, [["client", "192.0.2.1", "c1"]]);
});

test("a system publish to something that is not a topic is our caller's mistake", () => {
  const { broker } = new World();
  for (const topic of ["", "a/+", "a\0"]) {
    assert.throws(() => broker.publish({ topic, payload: new Uint8Array(), qos: 0 }, "test"), {
      code: "bad-system-topic",
    });
  }
});

test("a listener that throws ends the publisher's connection, not the broker", async () => {
  const world = new World();
  world.broker.onPublish(({ topic }) => {
    if (topic === "boom") throw new RangeError("listener is broken");
  });
  const client = await world.connected("d", { protocolVersion: 5 });
  await client.publish("boom", "x", { qos: 1 });
  assert.deepEqual([client.takeAll("disconnect")[0]?.reasonCode, client.takeAll("puback")], [0x80, []]);
  assert.match(JSON.stringify(world.ledger.events({ kinds: ["process"] })), /listener is broken/);
  assert.equal((await world.client(4).connect("e"))?.returnCode, 0);
});

test("message expiry counts down in what is delivered, and an expired message is not", async () => {
  const world = new World();
  const subscriber = await world.connected("s", { protocolVersion: 5, properties: { sessionExpiryInterval: 3600 } });
  await subscriber.subscribe("a", 1);
  await subscriber.drop();
  const publisher = await world.connected("p", { protocolVersion: 5 });
  for (const [payload, messageExpiryInterval] of [
    ["short", 10],
    ["long", 100],
    ["too long", 0xffff_ffff],
    ["zero", 0],
  ] as const) {
    await publisher.publish("a", payload, { qos: 1, properties: { messageExpiryInterval } });
  }
  await world.advance(40_000);
  const again = await world.connected("s", {
    protocolVersion: 5,
    clean: false,
    properties: { sessionExpiryInterval: 3600 },
  });
  const got = again
    .takeAll("publish")
    .map(({ payload, properties }) => [String(payload), properties?.messageExpiryInterval]);
  assert.deepEqual(got, [
    ["long", 60],
    ["too long", 604_800 - 40],
  ]);
});

test("a message serialised once reaches receivers of both versions and both QoS with their own identifiers", async () => {
  const world = new World();
  const receivers = await Promise.all(
    [4, 5].flatMap((protocolVersion) =>
      ([0, 1] as const).map(async (qos) => {
        const client = await world.connected(`s${protocolVersion}${qos}`, {
          protocolVersion: protocolVersion as 4 | 5,
        });
        await client.subscribe("first", qos);
        await client.subscribe("a/b", qos);
        return client;
      }),
    ),
  );
  const publisher = await world.connected("p", { protocolVersion: 5 });
  await publisher.publish("first", "x", { qos: 1 });
  await publisher.publish("a/b", "payload", { qos: 1, messageId: 4711 });
  for (const receiver of receivers) {
    const [, got] = receiver.takeAll("publish");
    assert.deepEqual([got?.topic, String(got?.payload)], ["a/b", "payload"]);
    assert.equal(got?.messageId, got?.qos === 1 ? 2 : undefined);
  }
  assert.deepEqual(
    receivers.map((receiver) => receiver.writes.length),
    Array(4).fill(receivers[0]?.writes.length),
  );
});

test("all packets for one connection leave in one write at the end of the turn", async () => {
  const world = new World();
  const subscriber = await world.connected("s");
  await subscriber.subscribe("a", 0);
  const publisher = await world.connected("p");
  const before = subscriber.writes.length;
  const one = publisher.bytes({ cmd: "publish", topic: "a", payload: "x", qos: 0, dup: false, retain: false });
  for (let i = 0; i < 50; i++) publisher.connection.receive(one);
  assert.equal(subscriber.writes.length, before);
  world.turn();
  assert.equal(subscriber.writes.length, before + 1);
  assert.equal(subscriber.messages().length, 50);
});
