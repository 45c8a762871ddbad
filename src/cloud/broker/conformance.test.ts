/** What the OASIS texts ask for beyond QoS 1, in the spec profile. */
import assert from "node:assert/strict";
import { test } from "node:test";

import type { Packet } from "mqtt-packet";

import { World, type Client } from "./harness.test.ts";
import { SPEC_PROFILE, type Authenticator } from "./index.ts";

const FIVE = { protocolVersion: 5 } as const;
const KEPT = { ...FIVE, clean: false, properties: { sessionExpiryInterval: 3600 } } as const;
const world = (more: object = {}) => new World({ settings: SPEC_PROFILE, ...more });
const ids = (packets: readonly Packet[]) => packets.map(({ messageId }) => messageId ?? 0);

async function subscribed(client: Client, topic: string, more: object = {}, properties?: object): Promise<number[]> {
  const subscriptions = [{ topic, qos: 2 as const, ...more }];
  await client.send({ cmd: "subscribe", messageId: 9, subscriptions, ...(properties ? { properties } : {}) });
  return client.takeAll("suback").flatMap(({ granted }) => granted.map(Number));
}

test("a shared subscription gives each message to one member in turn, at its own QoS, live ones only", async () => {
  const w = world();
  const members = [await w.connected("m1", FIVE), await w.connected("m2", FIVE), await w.connected("m3")];
  const qos = [0, 1, 2] as const;
  for (const [i, member] of members.entries()) await subscribed(member, "$share/g/s/+", { qos: qos[i] ?? 0 });
  const other = await w.connected("other");
  await subscribed(other, "s/#");
  const from = await w.connected("from");
  await from.publish("s/r", "before", { retain: true });
  for (let i = 0; i < 6; i++) await from.publish("s/1", String(i), { qos: 1, messageId: i + 1 });
  const got = members.map((member) => member.takeAll("publish"));
  // The retained message went to the first member's turn as a live one.
  assert.deepEqual(
    got.map((packets) => packets.map(({ payload, qos: at, retain }) => `${String(payload)}@${at}${retain ? "r" : ""}`)),
    [
      ["before@0", "2@0", "5@0"],
      ["0@1", "3@1"],
      ["1@1", "4@1"],
    ],
  );
  assert.equal(other.messages().length, 7);
  const late = await w.connected("late", FIVE);
  await subscribed(late, "$share/h/s/r");
  assert.deepEqual(late.messages(), []);
  await members[0]?.send({ cmd: "unsubscribe", messageId: 3, unsubscriptions: ["$share/g/s/+"] });
  for (let i = 0; i < 4; i++) await from.publish("s/1", "x");
  assert.deepEqual(
    members.map((member) => member.messages().length),
    [0, 2, 2],
  );
});

test("a share's name that is empty or holds a wildcard, and No Local on a share, end the connection", async () => {
  for (const [filter, code, nl] of [
    ["$share//a", 0x81, false],
    ["$share/g+/a", 0x81, false],
    ["$share/g#/a", 0x81, false],
    ["$share/g", 0x81, false],
    ["$share/g/", 0x81, false],
    ["$share/g/a", 0x82, true],
  ] as const) {
    const client = await world().connected("c", FIVE);
    await client.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: filter, qos: 1, nl }] });
    assert.deepEqual([client.takeAll("disconnect")[0]?.reasonCode, client.ended], [code, "end"], filter);
  }
});

test("a shared message in flight stays its member's: redelivered to it, never to another, not even when refused", async () => {
  const w = world();
  const first = await w.connected("first", KEPT);
  await subscribed(first, "$share/g/a");
  const from = await w.connected("from");
  await from.publish("a", "x", { qos: 2, messageId: 1 });
  await from.send({ cmd: "pubrel", messageId: 1 });
  const second = await w.connected("second", FIVE);
  await subscribed(second, "$share/g/a");
  await first.drop();
  const again = w.client(5);
  await again.connect("first", KEPT);
  const [redelivered] = again.takeAll("publish");
  assert.deepEqual([redelivered?.dup, second.messages()], [true, []]);
  await again.send({ cmd: "pubrec", messageId: redelivered?.messageId ?? 0, reasonCode: 0x80 });
  await again.send({ cmd: "disconnect", properties: { sessionExpiryInterval: 0 } });
  assert.deepEqual(second.messages(), []);
  // Who is away keeps its queue, as long as nobody is there.
  await second.drop();
});

test("subscription identifiers of all matching subscriptions come with the message, the retained one's too", async () => {
  const w = world();
  const client = await w.connected("c", FIVE);
  await subscribed(client, "a/#", {}, { subscriptionIdentifier: 1 });
  await subscribed(client, "a/b", {}, { subscriptionIdentifier: 268_435_455 });
  await subscribed(client, "+/b");
  await client.publish("a/b", "x", { qos: 1, retain: true });
  const identifiers = () =>
    client.takeAll("publish").map(({ properties }) => [properties?.subscriptionIdentifier].flat());
  assert.deepEqual(
    identifiers().map((each) => each.map(Number).toSorted((a, b) => a - b)),
    [[1, 268_435_455]],
  );
  await subscribed(client, "a/b", {}, { subscriptionIdentifier: 7 });
  await client.publish("a/b", "y", { qos: 0 });
  assert.deepEqual(
    identifiers().map((each) => each.map(Number).toSorted((a, b) => a - b)),
    [[1, 7]],
  );
  await client.send({
    cmd: "subscribe",
    messageId: 2,
    subscriptions: [{ topic: "a/b", qos: 1 }],
    properties: { subscriptionIdentifier: 8 },
  });
  assert.deepEqual(identifiers(), [[8]]);
  const zero = await w.connected("zero", FIVE);
  await zero.raw(0x82, 9, 0, 1, 2, 0x0b, 0, 0, 1, 0x61, 1);
  assert.equal(zero.takeAll("disconnect")[0]?.reasonCode, 0x81);
});

test("topics go out by alias as far as the client allows, anew on each connection, and not to who allows none", async () => {
  const w = world();
  const properties = { topicAliasMaximum: 2, sessionExpiryInterval: 60 };
  const client = await w.connected("c", { ...FIVE, clean: false, properties });
  const plain = await w.connected("plain", FIVE);
  for (const each of [client, plain]) await subscribed(each, "#", { qos: 0 });
  const from = await w.connected("from");
  const send = async () => {
    for (const topic of ["a", "b", "c", "a", "b", "c"]) await from.publish(topic, "x");
  };
  const seen = (each: Client) =>
    each.takeAll("publish").map(({ topic, properties: p }) => `${topic}:${p?.topicAlias ?? ""}`);
  await send();
  assert.deepEqual(seen(client), ["a:1", "b:2", "c:", ":1", ":2", "c:"]);
  assert.deepEqual(seen(plain), ["a:", "b:", "c:", "a:", "b:", "c:"]);
  await client.drop();
  const again = w.client(5);
  await again.connect("c", { ...FIVE, clean: false, properties });
  await send();
  assert.deepEqual(seen(again).slice(0, 4), ["a:1", "b:2", "c:", ":1"]);
});

/** Asks for two words: the first must be "one", the second is the identity. */
const twoWords: Authenticator = {
  method: "words",
  begin: () => {
    let first: string | undefined;
    return {
      async next(data) {
        const word = String.fromCharCode(...data);
        if (first === undefined) {
          first = word;
          return { outcome: "continue", data: Uint8Array.of(0x3f) };
        }
        if (first !== "one") return { outcome: "refuse", cause: "no-policy", evidence: { first } };
        return { outcome: "success", identity: word, data: Uint8Array.of(0x21) };
      },
    };
  },
};

const auth = (reasonCode: number, word: string, method = "words"): Packet => ({
  cmd: "auth",
  reasonCode,
  properties: { authenticationMethod: method, authenticationData: Buffer.from(word) },
});
const opening = (word: string) => ({
  properties: { authenticationMethod: "words", authenticationData: Buffer.from(word) },
});

test("enhanced authentication: AUTH asks and answers, CONNACK ends it, the gatekeeper hears who it was", async () => {
  const w = world({ authenticators: [twoWords] });
  const client = w.client(5);
  assert.equal(await client.connect("c", opening("one")), undefined);
  const [asked] = client.takeAll("auth");
  assert.deepEqual(
    [asked?.reasonCode, asked?.properties?.authenticationMethod, String(asked?.properties?.authenticationData)],
    [0x18, "words", "?"],
  );
  await client.send(auth(0x18, "alice"));
  const [connack] = client.takeAll("connack");
  assert.deepEqual(
    [connack?.reasonCode, connack?.properties?.authenticationMethod, String(connack?.properties?.authenticationData)],
    [0, "words", "!"],
  );
  assert.deepEqual(w.requests[0]?.authenticated, { method: "words", identity: "alice" });
  await client.send(auth(0x19, "one"), { cmd: "pingreq" });
  assert.deepEqual(
    client
      .take()
      .map(({ cmd }) => cmd)
      .sort(),
    ["auth", "pingresp"],
  );
  await client.send(auth(0x18, "alice"));
  assert.equal(client.takeAll("auth")[0]?.reasonCode, 0);
  await client.send(auth(0x19, "wrong"));
  await client.send(auth(0x18, "alice"));
  assert.deepEqual([client.takeAll("disconnect")[0]?.reasonCode, client.ended], [0x87, "end"]);
});

test("enhanced authentication that fails, changes its method, is not supported or comes unasked ends the connection", async () => {
  const refused = world({ authenticators: [twoWords] }).client(5);
  await refused.connect("c", opening("two"));
  await refused.send(auth(0x18, "alice"));
  assert.deepEqual([refused.takeAll("connack")[0]?.reasonCode, refused.ended], [0x87, "end"]);
  const unknown = world().client(5);
  assert.equal((await unknown.connect("c", opening("one")))?.reasonCode, 0x8c);
  for (const packet of [auth(0x18, "x", "other"), auth(0x19, "x"), { cmd: "pingreq" } as const]) {
    const client = world({ authenticators: [twoWords] }).client(5);
    await client.connect("c", opening("one"));
    client.take();
    await client.send(packet);
    assert.deepEqual(
      [client.ended, client.takeAll("connack").filter(({ reasonCode }) => reasonCode === 0)],
      ["end", []],
    );
  }
  const plain = await world({ authenticators: [twoWords] }).connected("plain", FIVE);
  await plain.send(auth(0x19, "one"));
  assert.equal(plain.takeAll("disconnect")[0]?.reasonCode, 0x82);
  const dataOnly = world().client(5);
  const connack = await dataOnly.connect("c", { properties: { authenticationData: Buffer.from("x") } });
  assert.equal(connack?.reasonCode, 0x82);
  const leaves = world({ authenticators: [twoWords] }).client(5);
  await leaves.connect("c", opening("one"));
  await leaves.send({ cmd: "disconnect" });
  assert.equal(leaves.ended, "end");
});

test("reserved bits of every packet's first byte must be as they are written", async () => {
  for (const header of [0x41, 0x51, 0x60, 0x71, 0x80, 0xa0, 0xc1, 0xe1, 0xf1, 0x00]) {
    for (const protocolVersion of [4, 5] as const) {
      const client = await world().connected("c", { protocolVersion });
      await client.raw(header, 2, 0, 1);
      assert.equal(client.ended, "end", `0x${header.toString(16)}`);
    }
  }
});

test("a topic is compared byte by byte, its byte order mark and letters of either composition included", async () => {
  const w = world();
  const client = await w.connected("c");
  await subscribed(client, "\uFEFFé/A");
  for (const topic of ["é/A", "\uFEFFe\u0301/A", "\uFEFFé/a", "\uFEFFé/A"]) await client.publish(topic, "x");
  assert.deepEqual(client.messages(), ["\uFEFFé/A=x"]);
});

test("with no quota left everything but PUBLISH goes on, and what waited follows the acknowledgements", async () => {
  const w = world();
  const client = await w.connected("c", { ...FIVE, properties: { receiveMaximum: 1 } });
  await subscribed(client, "a");
  const from = await w.connected("from");
  for (const text of ["1", "2"]) await from.publish("a", text, { qos: 1 });
  const [first] = client.takeAll("publish");
  await client.send({ cmd: "pingreq" });
  assert.deepEqual(
    client.take().map(({ cmd }) => cmd),
    ["pingresp"],
  );
  assert.deepEqual(await subscribed(client, "b"), [2]);
  await client.publish("b", "own", { qos: 0 });
  assert.deepEqual(client.messages(), ["b=own"]);
  await client.send({ cmd: "puback", messageId: first?.messageId ?? 0 });
  assert.deepEqual(client.messages(), ["a=2"]);
});

test("UNSUBSCRIBE completes what was begun: in flight QoS 1 and 2 messages run to their end", async () => {
  const w = world();
  const client = await w.connected("c", KEPT);
  await subscribed(client, "a");
  const from = await w.connected("from");
  for (const qos of [1, 2] as const) await from.publish("a", String(qos), { qos, messageId: qos });
  await from.send({ cmd: "pubrel", messageId: 2 });
  const [one = 0, two = 0] = ids(client.takeAll("publish"));
  await client.send({ cmd: "unsubscribe", messageId: 5, unsubscriptions: ["a", "a"] });
  const [unsuback] = client.takeAll("unsuback");
  assert.deepEqual([unsuback?.messageId, unsuback?.granted], [5, [0, 0x11]]);
  await from.publish("a", "late", { qos: 1, messageId: 3 });
  await client.drop();
  const again = w.client(5);
  await again.connect("c", KEPT);
  assert.deepEqual(ids(again.takeAll("publish")), [one, two]);
  await again.send({ cmd: "puback", messageId: one });
  await again.send({ cmd: "pubrec", messageId: two });
  assert.deepEqual(ids(again.takeAll("pubrel")), [two]);
  await again.send({ cmd: "pubcomp", messageId: two });
  assert.equal(w.broker.sessions().find(({ clientId }) => clientId === "c")?.inFlight, 0);
});

test("expiry neither stops a QoS 2 flow nor a message that was sent, and drops what waits too long", async () => {
  const w = world();
  const client = await w.connected("c", KEPT);
  await subscribed(client, "a");
  const from = await w.connected("from", FIVE);
  const short = { messageExpiryInterval: 5 };
  await from.publish("a", "sent", { qos: 2, messageId: 1, properties: short });
  await from.send({ cmd: "pubrel", messageId: 1 });
  const [sent] = client.takeAll("publish");
  await client.drop();
  await from.publish("a", "waits", { qos: 1, messageId: 2, properties: short });
  await from.publish("a", "unreleased", { qos: 2, messageId: 3, properties: short });
  await w.advance(6000);
  from.take();
  await from.send({ cmd: "pubrel", messageId: 3 });
  assert.equal(from.takeAll("pubcomp")[0]?.reasonCode ?? 0, 0);
  const again = w.client(5);
  await again.connect("c", KEPT);
  const got = again.takeAll("publish");
  assert.deepEqual(
    got.map(({ payload, messageId, dup }) => [String(payload), messageId, dup]),
    [["sent", sent?.messageId, true]],
  );
});

test("after its PUBACK or PUBCOMP an identifier makes a new message, whatever DUP says; a refusing PUBREC too", async () => {
  const w = world({
    may: (action: string, topic: string) =>
      action === "iot:Publish" && topic === "no"
        ? { allowed: false, cause: "policy-denies-publish", evidence: {} }
        : { allowed: true },
  });
  const client = await w.connected("c", FIVE);
  await subscribed(client, "a");
  const from = await w.connected("from", FIVE);
  for (const dup of [false, true]) await from.publish("a", "1", { qos: 1, messageId: 4, dup });
  await from.publish("no", "x", { qos: 2, messageId: 5 });
  assert.equal(from.takeAll("pubrec")[0]?.reasonCode, 0x87);
  await from.publish("a", "2", { qos: 2, messageId: 5, dup: true });
  await from.send({ cmd: "pubrel", messageId: 5 });
  assert.deepEqual(
    client.takeAll("publish").map(({ payload, dup }) => [String(payload), dup]),
    [
      ["1", false],
      ["1", false],
      ["2", false],
    ],
  );
});

test("subscribing again replaces: another QoS, retained messages once more, and nothing twice", async () => {
  const w = world();
  const client = await w.connected("c");
  await client.publish("a", "r", { retain: true, qos: 1 });
  client.take();
  const seen = () =>
    client.takeAll("publish").map(({ payload, qos, retain }) => `${String(payload)}@${qos}${retain ? "r" : ""}`);
  for (const qos of [2, 0, 1] as const) {
    await client.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos }] });
    await client.publish("a", "live", { qos: 2, messageId: 8 });
    await client.send({ cmd: "pubrel", messageId: 8 });
    assert.deepEqual(seen(), [`r@${Math.min(qos, 1)}r`, `live@${qos}`]);
  }
});

test("Retain As Published keeps the RETAIN flag of live messages, or clears it", async () => {
  const w = world();
  const [keeps, clears] = [await w.connected("k", FIVE), await w.connected("c", FIVE)];
  await subscribed(keeps, "a", { rap: true });
  await subscribed(clears, "a", { rap: false });
  for (const retain of [true, false]) await keeps.publish("a", "x", { retain });
  assert.deepEqual(
    keeps.takeAll("publish").map(({ retain }) => retain),
    [true, false],
  );
  assert.deepEqual(
    clears.takeAll("publish").map(({ retain }) => retain),
    [false, false],
  );
});

test("messages of one topic and QoS keep their order to everybody, also when they are sent again", async () => {
  const w = world();
  const client = await w.connected("c", { ...KEPT, properties: { ...KEPT.properties, receiveMaximum: 4 } });
  await subscribed(client, "a");
  const from = await w.connected("from");
  for (let i = 1; i <= 9; i++) {
    await from.publish("a", String(i), { qos: 2, messageId: i });
    await from.send({ cmd: "pubrel", messageId: i });
  }
  const first = client.messages();
  await client.drop();
  const again = w.client(5);
  await again.connect("c", KEPT);
  const order = again.messages();
  assert.deepEqual(
    [first, order],
    [[1, 2, 3, 4].map((n) => `a=${n}`), [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `a=${n}`)],
  );
});

test("who asks is told where its responses go, who does not is not; a PUBACK says that nobody subscribed", async () => {
  const w = world();
  const asks = w.client(5);
  const told = await asks.connect("asks", { properties: { requestResponseInformation: true } });
  assert.equal(told?.properties?.responseInformation, "responses/asks/");
  const silent = await w.client(5).connect("silent", {});
  assert.equal(silent?.properties?.responseInformation, undefined);
  await asks.publish("nobody", "x", { qos: 1 });
  assert.equal(asks.takeAll("puback")[0]?.reasonCode, 0x10);
  await subscribed(asks, "somebody");
  await asks.publish("somebody", "x", { qos: 1 });
  assert.equal(asks.takeAll("puback")[0]?.reasonCode ?? 0, 0);
});

test("reason strings go to who asked for them, and the spec profile tells nobody else", async () => {
  for (const asked of [true, false, undefined]) {
    const w = world({ settings: { ...SPEC_PROFILE, refusedFilters: ["test/nosubscribe"] } });
    const client = w.client(5);
    await client.connect("c", asked === undefined ? {} : { properties: { requestProblemInformation: asked } });
    await client.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "test/nosubscribe", qos: 1 }] });
    const [suback] = client.takeAll("suback");
    assert.deepEqual([suback?.granted, suback?.properties?.reasonString !== undefined], [[0x80], asked === true]);
  }
});

test("what breaks SUBSCRIBE's options, or names no filter or an impossible one, is malformed", async () => {
  for (const [protocolVersion, options] of [
    [4, [0x03, 0x04, 0x80]],
    [5, [0x03, 0x30, 0x40, 0x80]],
  ] as const) {
    for (const option of options) {
      const client = await world().connected("c", { protocolVersion });
      await client.raw(
        0x82,
        protocolVersion === 5 ? 7 : 6,
        0,
        1,
        ...(protocolVersion === 5 ? [0] : []),
        0,
        1,
        0x61,
        option,
      );
      assert.equal(client.ended, "end", `${protocolVersion} 0x${option.toString(16)}`);
    }
  }
  for (const cmd of ["subscribe", "unsubscribe"] as const) {
    for (const topic of ["", "a/#/b", "a#", "a+/b"]) {
      const client = await world().connected("c", FIVE);
      if (cmd === "subscribe") await client.send({ cmd, messageId: 1, subscriptions: [{ topic, qos: 0 }] });
      else await client.send({ cmd, messageId: 1, unsubscriptions: [topic] });
      assert.deepEqual([client.takeAll("disconnect")[0]?.reasonCode, client.ended], [0x81, "end"], `${cmd} ${topic}`);
    }
  }
});

test("MQTT 3.1 is served as 3.1.1 without Session Present, with DUP on a repeated PUBREL", async () => {
  const w = world();
  const connect = [0x10, 15, 0, 6, 0x4d, 0x51, 0x49, 0x73, 0x64, 0x70, 3, 0, 0, 60, 0, 1, 0x61];
  for (let round = 0; round < 2; round++) {
    const client = w.client(4);
    await client.raw(...connect);
    assert.equal(client.takeAll("connack")[0]?.sessionPresent, false);
    await client.publish("a", "x", { qos: 2, messageId: 1 });
    client.take();
    await client.raw(0x6a, 2, 0, 1);
    assert.equal(client.takeAll("pubcomp").length, 1);
  }
});
