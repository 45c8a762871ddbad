import assert from "node:assert/strict";
import { test } from "node:test";

import { VirtualClock } from "../../crypto/index.ts";
import { World } from "./harness.test.ts";
import { Message } from "./message.ts";
import { OutboundFlow } from "./outbound-flow.ts";
import { Presence } from "./presence.ts";
import { AWS_PROFILE, MemorySessionStore, SPEC_PROFILE, type SessionStore } from "./index.ts";

const KEPT = { protocolVersion: 5, clean: false, properties: { sessionExpiryInterval: 3600 } } as const;

test("a persistent session keeps subscriptions and QoS 1 messages, a clean one nothing", async () => {
  for (const connect of [{ clean: false }, KEPT]) {
    const world = new World();
    const client = await world.connected("d", connect);
    await client.subscribe("a", 1);
    await client.drop();
    const publisher = await world.connected("p");
    for (const qos of [0, 1] as const) await publisher.publish("a", `qos${qos}`, { qos });
    const [facts] = world.broker.sessions();
    assert.deepEqual([facts?.connected, facts?.queued, facts?.subscriptions], [false, 1, [{ filter: "a", qos: 1 }]]);
    const again = world.client(connect === KEPT ? 5 : 4);
    assert.equal((await again.connect("d", connect))?.sessionPresent, true);
    assert.deepEqual(again.messages(), ["a=qos1"]);
    const clean = world.client(connect === KEPT ? 5 : 4);
    assert.equal((await clean.connect("d", { clean: true }))?.sessionPresent, false);
    await publisher.publish("a", "x", { qos: 1 });
    assert.deepEqual(clean.messages(), []);
  }
});

test("what was not acknowledged is sent again with DUP and the same identifier after a resume", async () => {
  const world = new World();
  const client = await world.connected("d", { clean: false });
  await client.subscribe("a", 1);
  const publisher = await world.connected("p");
  for (const payload of ["1", "2", "3"]) await publisher.publish("a", payload, { qos: 1 });
  const sent = client.takeAll("publish");
  await client.send({ cmd: "puback", messageId: sent[1]?.messageId ?? 0 });
  await client.drop();
  await publisher.publish("a", "4", { qos: 1 });
  const again = await world.connected("d", { clean: false });
  assert.deepEqual(
    again.takeAll("publish").map(({ payload, dup, messageId }) => [String(payload), dup, messageId]),
    [
      ["1", true, sent[0]?.messageId],
      ["3", true, sent[2]?.messageId],
      ["4", false, 4],
    ],
  );
});

test("what the client acknowledges before it is sent again stays sent, and its packet identifier is free", async () => {
  const world = new World();
  const kept = { protocolVersion: 5, clean: false } as const;
  const client = await world.connected("d", { ...kept, properties: { sessionExpiryInterval: 60 } });
  await client.subscribe("a", 1);
  const publisher = await world.connected("p");
  for (const payload of ["1", "2", "3"]) await publisher.publish("a", payload, { qos: 1 });
  const [first, second] = client.takeAll("publish");
  await client.drop();
  const again = await world.connected("d", { ...kept, properties: { sessionExpiryInterval: 60, receiveMaximum: 1 } });
  const payloads = () => again.takeAll("publish").map(({ payload }) => String(payload));
  assert.deepEqual(payloads(), ["1"], "the others wait for room");
  await again.send({ cmd: "puback", messageId: second?.messageId ?? 0 });
  assert.deepEqual(payloads(), [], "there is no more room than before");
  await again.send({ cmd: "puback", messageId: first?.messageId ?? 0 });
  assert.deepEqual(payloads(), ["3"]);
});

test("at most as many messages are in flight as the client's Receive Maximum allows, in order", async () => {
  const world = new World();
  const client = await world.connected("d", { protocolVersion: 5, properties: { receiveMaximum: 2 } });
  await client.subscribe("a", 1);
  const publisher = await world.connected("p");
  for (const payload of ["1", "2", "3", "4", "5"]) await publisher.publish("a", payload, { qos: 1 });
  const got: string[] = [];
  for (let round = 0; round < 5; round++) {
    const sent = client.takeAll("publish");
    assert.ok(sent.length <= 2);
    got.push(...sent.map(({ payload }) => String(payload)));
    for (const { messageId } of sent.slice(0, 1)) await client.send({ cmd: "puback", messageId: messageId ?? 0 });
    for (const { messageId } of sent.slice(1))
      await client.send({ cmd: "puback", messageId: messageId ?? 0, reasonCode: 0x97 });
  }
  assert.deepEqual(got, ["1", "2", "3", "4", "5"]);
  const [facts] = world.broker.sessions();
  assert.deepEqual([facts?.inFlight, facts?.queued], [0, 0]);
});

test("the window is the server's own limit for clients that name none, and unknown PUBACKs are ignored", async () => {
  const world = new World({ limits: { inFlight: 3 } });
  const client = await world.connected("d");
  await client.subscribe("a", 1);
  const publisher = await world.connected("p");
  for (let i = 0; i < 5; i++) await publisher.publish("a", String(i), { qos: 1 });
  assert.equal(client.takeAll("publish").length, 3);
  await client.send({ cmd: "puback", messageId: 999 });
  assert.equal(client.takeAll("publish").length, 0);
  assert.equal(client.ended, undefined);
});

test("a session ends when its expiry has passed since the connection ended", async () => {
  const world = new World();
  const client = await world.connected("d", { ...KEPT, properties: { sessionExpiryInterval: 100 } });
  await client.subscribe("a", 1);
  await world.advance(1_000_000_000 % 1000);
  await client.drop();
  await world.advance(99_999);
  assert.equal(world.broker.sessions().length, 1);
  await world.advance(1);
  assert.equal(world.broker.sessions().length, 0);
  assert.equal((await world.client(5).connect("d", KEPT))?.sessionPresent, false);
});

test("a resume in time stops the expiry; one beyond what a timer can hold still works", async () => {
  const world = new World({ settings: SPEC_PROFILE });
  const client = await world.connected("d", { ...KEPT, properties: { sessionExpiryInterval: 3_000_000 } });
  await client.drop();
  await world.advance(2_999_999_000);
  const again = await world.connected("d", { ...KEPT, keepalive: 0 });
  await world.advance(10_000_000);
  assert.equal(world.broker.sessions()[0]?.connected, true);
  await again.drop();
  await world.advance(3_600_000);
  assert.deepEqual(world.broker.sessions(), []);
  const forever = await world.connected("e", { ...KEPT, properties: { sessionExpiryInterval: 0xffff_ffff } });
  await forever.drop();
  await world.advance(1e12);
  assert.equal(world.broker.sessions().length, 1);
});

test("DISCONNECT may shorten the session's expiry, but not raise it from 0", async () => {
  const world = new World();
  const client = await world.connected("d", KEPT);
  await client.send({ cmd: "disconnect", reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
  assert.equal(client.ended, "end");
  assert.deepEqual(world.broker.sessions(), []);
  const clean = await world.connected("e", { protocolVersion: 5 });
  await clean.send({ cmd: "disconnect", reasonCode: 0, properties: { sessionExpiryInterval: 5 } });
  assert.equal(clean.takeAll("disconnect")[0]?.reasonCode, 0x82);
});

test("a session cannot be resumed by the other version in the aws profile, and can in the spec profile", async () => {
  for (const settings of [AWS_PROFILE, SPEC_PROFILE]) {
    const world = new World({ settings });
    const client = await world.connected("d", { clean: false });
    await client.subscribe("a", 1);
    await client.drop();
    const connack = await world.client(5).connect("d", KEPT);
    assert.equal(connack?.sessionPresent, settings === SPEC_PROFILE);
  }
});

test("who resumes a session keeps only the subscriptions that policies still allow", async () => {
  let allowsSecret = true;
  const store = new MemorySessionStore();
  const world = new World({
    store,
    may: (action, resource) =>
      action === "iot:Subscribe" && resource === "secret" && !allowsSecret
        ? { allowed: false, cause: "policy-denies-subscribe", evidence: { resource } }
        : { allowed: true },
  });
  const client = await world.connected("d", { clean: false });
  await client.subscribe("secret", 1);
  await client.subscribe("open", 1);
  await client.drop();
  allowsSecret = false;
  await world.connected("d", { clean: false });
  assert.deepEqual(world.broker.sessions()[0]?.subscriptions, [{ filter: "open", qos: 1 }]);
  assert.deepEqual(
    store.load().sessions[0]?.subscriptions.map(({ filter }) => filter),
    ["open"],
  );
  assert.deepEqual(world.causes(), ["policy-denies-subscribe"]);
});

test("the queue of a session that is away is bounded: the newest are dropped, and it is told once", async () => {
  const world = new World({ limits: { queuedMessages: 3 } });
  const client = await world.connected("d", { clean: false });
  await client.subscribe("a", 1);
  await client.drop();
  const publisher = await world.connected("p");
  for (let i = 0; i < 6; i++) await publisher.publish("a", String(i), { qos: 1 });
  assert.equal(publisher.takeAll("puback").length, 6);
  assert.deepEqual(world.causes(), ["mqtt-limit"]);
  assert.equal(world.refusals()[0]?.device, "d");
  const again = await world.connected("d", { clean: false });
  assert.deepEqual(again.messages(), ["a=0", "a=1", "a=2"]);
});

test("a will is published when the connection ends without DISCONNECT, and not after it", async () => {
  const will = { topic: "gone/d", payload: Buffer.from("bye"), qos: 1 as const, retain: true };
  const endings: Record<string, [boolean, (client: Awaited<ReturnType<World["connected"]>>) => Promise<void>]> = {
    "transport lost": [true, (client) => client.drop()],
    "protocol broken": [true, (client) => client.raw(0x00, 0x00)],
    "keep alive": [true, (client) => client.world.advance(90_000)],
    "DISCONNECT 0": [false, (client) => client.send({ cmd: "disconnect", reasonCode: 0 })],
    "DISCONNECT 4": [true, (client) => client.send({ cmd: "disconnect", reasonCode: 4 })],
  };
  for (const [name, [isPublished, end]] of Object.entries(endings)) {
    const world = new World();
    const watcher = await world.connected("w", { keepalive: 1000 });
    await watcher.subscribe("gone/+", 1);
    const client = await world.connected("d", { protocolVersion: 5, will });
    await end(client);
    await world.settle();
    assert.deepEqual(watcher.messages(), isPublished ? ["gone/d=bye"] : [], name);
    assert.equal(world.broker.retained, isPublished ? 1 : 0, name);
  }
});

test("a will with a delay waits, is forgotten when the client returns, and comes with the session's end at the latest", async () => {
  const connect = (willDelayInterval: number, sessionExpiryInterval: number) => ({
    protocolVersion: 5 as const,
    clean: false,
    properties: { sessionExpiryInterval },
    will: { topic: "gone", payload: Buffer.from("bye"), properties: { willDelayInterval } },
  });
  const world = new World();
  const watcher = await world.connected("w", { keepalive: 1000 });
  await watcher.subscribe("gone", 1);
  await (await world.connected("d", connect(50, 100))).drop();
  await world.advance(49_999);
  assert.deepEqual(watcher.messages(), []);
  const again = await world.connected("d", connect(50, 100));
  await world.advance(10_000);
  assert.deepEqual(watcher.messages(), []);
  await again.drop();
  await world.advance(50_000);
  assert.deepEqual(watcher.messages(), ["gone=bye"]);
  await (await world.connected("d", connect(50, 20))).drop();
  await world.advance(20_000);
  assert.deepEqual(watcher.messages(), ["gone=bye"]);
  await (await world.connected("d", connect(50, 100))).drop();
  await world.connected("d", { protocolVersion: 5, clean: true });
  assert.deepEqual(watcher.messages(), ["gone=bye"]);
  await world.advance(100_000);
  assert.deepEqual(watcher.messages(), []);
});

test("a will keeps its properties and expires as it says", async () => {
  const world = new World();
  const watcher = await world.connected("w", {
    protocolVersion: 5,
    clean: false,
    properties: { sessionExpiryInterval: 3600 },
  });
  await watcher.subscribe("gone", 1);
  const properties = { messageExpiryInterval: 30, contentType: "t", userProperties: { a: ["1", "2"], b: "3" } };
  const client = await world.connected("d", {
    protocolVersion: 5,
    will: { topic: "gone", payload: Buffer.from("x"), properties },
  });
  await client.drop();
  const [got] = watcher.takeAll("publish");
  assert.deepEqual(
    [got?.properties?.contentType, got?.properties?.messageExpiryInterval, { ...got?.properties?.userProperties }],
    ["t", 30, properties.userProperties],
  );
});

test("a will's user properties keep their order", async () => {
  const world = new World();
  const watcher = await world.connected("w", { protocolVersion: 5 });
  await watcher.subscribe("g", 1);
  const pair = (name: number, value: number) => [0x26, 0, 1, name, 0, 1, value];
  const block = [...pair(0x62, 0x31), ...pair(0x61, 0x32), ...pair(0x62, 0x33)];
  const will = [block.length, ...block, 0, 1, 0x67, 0, 1, 0x78];
  const body = [0, 4, 0x4d, 0x51, 0x54, 0x54, 5, 0x06, 0, 60, 0, 0, 1, 0x64, ...will];
  const client = world.client(5);
  await client.raw(0x10, body.length, ...body);
  const seen: unknown[] = [];
  world.broker.onPublish(({ topic, properties }) => topic === "g" && seen.push(properties.userProperties));
  await client.drop();
  assert.deepEqual(seen, [
    [
      ["b", "1"],
      ["a", "2"],
      ["b", "3"],
    ],
  ]);
  assert.ok(Buffer.concat(watcher.writes).includes(Buffer.from(block)));
});

test("presence events tell who came and went, with one version number for both", async () => {
  const world = new World();
  const watcher = await world.connected("w", { keepalive: 1000 });
  await watcher.subscribe("$aws/events/presence/#", 1);
  const presence = () =>
    watcher.takeAll("publish").map(({ topic, payload }): { topic: string; [name: string]: unknown } => ({
      topic,
      ...(JSON.parse(String(payload)) as object),
    }));
  const client = await world.connected("d");
  await client.send({ cmd: "disconnect" });
  const [came, went] = presence();
  assert.match(String(came?.["sessionIdentifier"]), /^[0-9a-f-]{36}$/);
  assert.deepEqual(came, {
    topic: "$aws/events/presence/connected/d",
    clientId: "d",
    timestamp: world.clock.now(),
    eventType: "connected",
    sessionIdentifier: came?.["sessionIdentifier"],
    principalIdentifier: "principal-of-d",
    ipAddress: "192.0.2.1",
    versionNumber: 0,
  });
  assert.deepEqual(went, {
    topic: "$aws/events/presence/disconnected/d",
    clientId: "d",
    timestamp: world.clock.now(),
    eventType: "disconnected",
    sessionIdentifier: came?.["sessionIdentifier"],
    principalIdentifier: "principal-of-d",
    clientInitiatedDisconnect: true,
    disconnectReason: "CLIENT_INITIATED_DISCONNECT",
    versionNumber: 0,
  });
  await world.connected("d");
  await world.connected("d");
  world.broker.closeSessions(({ clientId }) => clientId === "d", { cause: "certificate-inactive" });
  await world.advance(0);
  assert.deepEqual(
    presence().map(({ eventType, versionNumber, disconnectReason }) => [eventType, versionNumber, disconnectReason]),
    [
      ["connected", 1, undefined],
      ["disconnected", 1, "DUPLICATE_CLIENTID"],
      ["connected", 2, undefined],
      ["disconnected", 2, "SERVER_INITIATED_DISCONNECT"],
    ],
  );
  await world.advance(3600_000);
});

test("subscription events name what changed, and connect_failed who was not allowed to connect", async () => {
  const world = new World({
    admit: ({ clientId }) =>
      clientId === "no"
        ? Promise.resolve({ admit: false, cause: "policy-denies-connect", reply: "connack" } as const)
        : undefined,
  });
  const heard: Record<string, unknown>[] = [];
  world.broker.onPublish(({ topic, payload }) => {
    if (/subscriptions|connect_failed/.test(topic))
      heard.push({ topic, ...JSON.parse(new TextDecoder().decode(payload)) });
  });
  const client = await world.connected("d");
  const subscriptions = ["a", "b/#", "c/#/d"].map((topic) => ({ topic, qos: 1 as const }));
  await client.send({ cmd: "subscribe", messageId: 1, subscriptions });
  await client.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["a", "never"] });
  await client.send({ cmd: "unsubscribe", messageId: 3, unsubscriptions: ["never"] });
  await world.client().connect("no");
  assert.deepEqual(
    heard.map(({ topic, eventType, topics, connectFailureReason }) => [
      topic,
      eventType,
      topics ?? connectFailureReason,
    ]),
    [
      ["$aws/events/subscriptions/subscribed/d", "subscribed", ["a", "b/#"]],
      ["$aws/events/subscriptions/unsubscribed/d", "unsubscribed", ["a"]],
      ["$aws/events/presence/connect_failed/no", "connect_failed", "AUTHORIZATION_FAILED"],
    ],
  );
});

test("presence version numbers begin anew after an hour, and client ids with wildcards have no events", async () => {
  const world = new World();
  const events: string[] = [];
  world.broker.onPublish(({ topic, payload }) => events.push(`${topic} ${Buffer.from(payload).toString()}`));
  for (const pause of [0, 3600_000]) {
    await world.advance(pause);
    await (await world.connected("d")).drop();
  }
  assert.equal(events.filter((event) => event.includes('"versionNumber":0')).length, 4);
  await world.connected("a+b");
  assert.equal(events.length, 4);
});

test("presence remembers the version numbers of a bounded number of clients, the latest", () => {
  const presence = new Presence({ clock: new VirtualClock(), publish: () => undefined });
  const connect = (clientId: string) => presence.connected({ clientId, principalId: "", sessionIdentifier: "" }, "");
  for (const clientId of ["first", "second", "first"]) connect(clientId);
  for (let i = 0; i < 99_999; i++) connect(`c${i}`);
  assert.deepEqual([connect("first"), connect("second")], [2, 0]);
});

test("persistent sessions and retained messages survive a restart through the store", async () => {
  const store = new MemorySessionStore();
  const clock = new VirtualClock();
  const before = new World({ store, clock });
  const client = await before.connected("d", KEPT);
  await client.subscribe("a/+", 1);
  await client.subscribe("b", 1);
  await client.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["b"] });
  const publisher = await before.connected("p", { protocolVersion: 5 });
  await publisher.publish("a/1", "acknowledged", { qos: 1 });
  await client.send({ cmd: "puback", messageId: 1 });
  await publisher.publish("a/2", "in flight", { qos: 1, properties: { contentType: "t" } });
  await client.drop();
  await publisher.publish("a/3", "queued", { qos: 1, properties: { messageExpiryInterval: 100 } });
  await publisher.publish("a/4", "expires", { qos: 1, properties: { messageExpiryInterval: 10 } });
  await publisher.publish("r", "retained", { retain: true });
  await publisher.publish("gone", "retained", { retain: true });
  await publisher.publish("gone", "", { retain: true });
  await before.connected("clean");
  clock.advance(20_000);

  const after = new World({ store, clock });
  assert.deepEqual(
    after.broker.sessions().map(({ clientId, subscriptions, queued }) => [clientId, subscriptions, queued]),
    [["d", [{ filter: "a/+", qos: 1 }], 2]],
  );
  const again = after.client(5);
  assert.equal((await again.connect("d", KEPT))?.sessionPresent, true);
  const got = again.takeAll("publish");
  assert.deepEqual(
    got.map(({ topic, payload, properties }) => [topic, String(payload), { ...properties }]),
    [
      ["a/2", "in flight", { contentType: "t" }],
      ["a/3", "queued", { messageExpiryInterval: 80 }],
    ],
  );
  assert.equal((await again.subscribe("r", 1)).filter((packet) => packet.cmd === "publish").length, 1);
  assert.equal((await again.subscribe("gone", 1)).filter((packet) => packet.cmd === "publish").length, 0);
  for (const { messageId } of got) await again.send({ cmd: "puback", messageId: messageId ?? 0 });
  await again.drop();
  assert.deepEqual(
    store.load().sessions.map(({ queue }) => queue.length),
    [0],
  );
  await after.advance(3600_000);
  assert.deepEqual(store.load().sessions, []);
});

test("a session's time goes on over a restart; one that was connected begins it then", async () => {
  const store = new MemorySessionStore();
  const clock = new VirtualClock();
  const before = new World({ store, clock });
  await (await before.connected("away", KEPT)).drop();
  clock.advance(3_000_000);
  await before.connected("here", { ...KEPT, keepalive: 1000 });
  const after = new World({ store, clock });
  await after.advance(600_000);
  assert.deepEqual(
    after.broker.sessions().map(({ clientId }) => clientId),
    ["here"],
  );
  await after.advance(3_000_000);
  assert.deepEqual(after.broker.sessions(), []);
});

/** A store whose commits end when the test says so. */
function slowStore() {
  const inner = new MemorySessionStore();
  const commits: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const store: SessionStore = Object.assign(Object.create(inner) as SessionStore, {
    commit: () => new Promise<void>((resolve, reject) => commits.push({ resolve, reject })),
  });
  const { constructor: _, commit: __, ...methods } = Object.getOwnPropertyDescriptors(MemorySessionStore.prototype);
  for (const [name, { value }] of Object.entries(methods)) {
    Object.assign(store, { [name]: (value as (...args: unknown[]) => unknown).bind(inner) });
  }
  return { store, commits };
}

test("CONNACK of a session that is kept, or with a will, waits until it is durable, and what follows waits behind it", async () => {
  const { store, commits } = slowStore();
  const world = new World({ store });
  const settleCommits = async () => {
    for (const commit of commits.splice(0)) commit.resolve();
    await world.settle();
  };
  const plain = await world.connected("plain");
  assert.equal(commits.length, 0, "nothing is promised");
  const will = { topic: "w", payload: Buffer.from("gone"), qos: 0 as const, retain: false };
  for (const promise of [{ clean: false }, { will }]) {
    const client = world.client(4);
    assert.equal(await client.connect("d", promise), undefined);
    // Packets may come before CONNACK as far as the client is concerned; their answers stay behind it.
    await client.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 0 }] });
    await plain.publish("a", "x");
    assert.deepEqual(client.take(), []);
    await settleCommits();
    await settleCommits();
    const kinds = client.take().map(({ cmd }) => cmd);
    assert.equal(kinds[0], "connack");
    assert.deepEqual(new Set(kinds), new Set(["connack", "publish", "suback"]));
    await client.drop();
    await settleCommits();
  }
  const failing = world.client(4);
  await failing.connect("d", { clean: false });
  commits.shift()?.reject(new RangeError("disk full"));
  await world.settle();
  assert.deepEqual([failing.takeAll("connack"), failing.ended], [[], "destroy"]);
});

test("PUBACK waits until what it promises is durable, in order, with one commit for a turn", async () => {
  const { store, commits } = slowStore();
  const world = new World({ store });
  const client = await world.connected("d", { clean: false });
  const publisher = await world.connected("p", { protocolVersion: 5 });
  const settleCommits = async () => {
    for (const commit of commits.splice(0)) commit.resolve();
    await world.settle();
  };
  await settleCommits();
  assert.equal(client.takeAll("connack").length, 1);
  await client.subscribe("a", 1);
  assert.deepEqual(client.take(), [], "SUBACK of a persistent session waits too");
  await settleCommits();
  await client.drop();
  await settleCommits();
  const publish = (topic: string, messageId: number) =>
    publisher.bytes({ cmd: "publish", topic, payload: "x", qos: 1, messageId, dup: false, retain: false });
  publisher.connection.receive(publish("nobody", 1));
  publisher.connection.receive(publish("a", 2));
  publisher.connection.receive(publish("a", 3));
  publisher.connection.receive(publish("nobody", 4));
  await world.settle();
  assert.deepEqual(
    publisher.takeAll("puback").map(({ messageId }) => messageId),
    [1],
  );
  assert.equal(commits.length, 1);
  publisher.connection.receive(publish("a", 5));
  await world.settle();
  assert.equal(commits.length, 2);
  commits.shift()?.resolve();
  await world.settle();
  assert.deepEqual(
    publisher.takeAll("puback").map(({ messageId }) => messageId),
    [2, 3, 4],
  );
  await settleCommits();
  assert.deepEqual(
    publisher.takeAll("puback").map(({ messageId }) => messageId),
    [5],
  );
});

test("a turn that writes nothing to the store commits nothing", async () => {
  const { store, commits } = slowStore();
  const world = new World({ store });
  const client = await world.connected("d");
  await client.subscribe("a", 1);
  await client.publish("a", "x", { qos: 1 });
  assert.equal(client.takeAll("puback").length, 1);
  assert.equal(commits.length, 0);
});

test("a client whose acknowledgement waits for the store is not taken for silent", async () => {
  const { store, commits } = slowStore();
  const world = new World({ store });
  const client = await world.connected("d", { keepalive: 30 });
  await client.publish("r", "x", { qos: 1, retain: true });
  await world.advance(100_000);
  assert.equal(client.ended, undefined);
  for (const commit of commits) commit.resolve();
  await world.settle();
  assert.equal(client.takeAll("puback").length, 1);
  await world.advance(45_000);
  assert.equal(client.ended, "end");
});

test("a packet identifier in flight is not given to another message", () => {
  const flow = new OutboundFlow();
  const message = new Message({ topic: "a", payload: new Uint8Array(), qos: 1, retain: false });
  const first = flow.send(
    { message, qos: 1, identifiers: [], isReleased: false, retain: false, seq: 1, stored: undefined, sentAt: 0 },
    0,
  );
  const others = new Set<number>();
  for (let i = 0; i < 70_000; i++) {
    const id = flow.send(undefined, 0);
    others.add(id);
    assert.equal(flow.inFlight, 2);
    flow.acknowledge(id);
  }
  assert.deepEqual([first, others.has(first), others.size], [1, false, 65_534]);
  assert.equal(flow.acknowledge(7), undefined);
});

test("messages that cannot be made durable are not acknowledged: the publisher is closed with 0x80", async () => {
  const { store, commits } = slowStore();
  const world = new World({ store });
  await world.connected("d", { clean: false });
  const publisher = await world.connected("p", { protocolVersion: 5 });
  for (const commit of commits.splice(0)) commit.resolve();
  await world.settle();
  await publisher.publish("r", "x", { qos: 1, retain: true });
  commits.shift()?.reject(new RangeError("disk full"));
  await world.settle();
  assert.deepEqual(
    publisher.take().map((packet) => [packet.cmd, "reasonCode" in packet && packet.reasonCode]),
    [["disconnect", 0x80]],
  );
  assert.match(JSON.stringify(world.ledger.events({ kinds: ["process"] })), /disk full/);
});

test("more unacknowledged QoS 1 messages than Receive Maximum end an MQTT 5 connection with 0x93, and pause a 3.1.1 one", async () => {
  const { store, commits } = slowStore();
  const world = new World({ store, limits: { inFlight: 3 } });
  const five = await world.connected("p5", { protocolVersion: 5 });
  const four = await world.connected("p4");
  for (const client of [five, four]) {
    for (let messageId = 1; messageId <= 4; messageId++)
      await client.publish("r", "x", { qos: 1, retain: true, messageId });
  }
  assert.equal(five.takeAll("disconnect")[0]?.reasonCode, 0x93);
  assert.deepEqual([four.ended, four.isPaused], [undefined, true]);
  for (let round = 0; round < 5; round++) {
    for (const commit of commits.splice(0)) commit.resolve();
    await world.settle();
  }
  assert.deepEqual([four.takeAll("puback").length, four.isPaused], [4, false]);
});
