import assert from "node:assert/strict";
import { test } from "node:test";

import { World, type Client } from "./harness.test.ts";
import { AWS_PROFILE, SPEC_PROFILE, type Admission } from "./index.ts";

const DENIED: Admission = { admit: false, cause: "certificate-pending", reply: "close" };

test("CONNECT at level 4 and 5 is answered with CONNACK, and what the gatekeeper was asked is what was sent", async () => {
  const world = new World();
  const client = world.client(4);
  const connack = await client.connect("d1", {
    username: "u",
    password: Buffer.from("pw"),
    keepalive: 40,
    will: { topic: "gone", payload: Buffer.from("x"), qos: 1, retain: true },
  });
  assert.deepEqual([connack?.returnCode, connack?.sessionPresent], [0, false]);
  const { peer, password, ...request } = world.requests[0] ?? assert.fail();
  assert.deepEqual(request, {
    clientId: "d1",
    protocolVersion: 4,
    cleanStart: true,
    keepAliveS: 40,
    username: "u",
    will: { topic: "gone", qos: 1, retain: true },
  });
  assert.equal(Buffer.from(password ?? []).toString(), "pw");
  assert.equal(peer.connection, "c1");
});

test("CONNACK tells an MQTT 5 client our limits: maximum QoS, receive maximum, packet size, aliases", async () => {
  const world = new World();
  const connack = await world.client(5).connect("d1", { properties: { sessionExpiryInterval: 7200 } });
  assert.deepEqual(
    { ...connack?.properties },
    {
      sessionExpiryInterval: 3600,
      receiveMaximum: 100,
      maximumQoS: 1,
      maximumPacketSize: 128 * 1024 + 2048,
      topicAliasMaximum: 8,
      subscriptionIdentifiersAvailable: false,
    },
  );
});

test("an empty client id is assigned, told to MQTT 5 clients, and refused with clean session 0", async () => {
  const world = new World();
  const connack = await world.client(5).connect("");
  assert.match(connack?.properties?.assignedClientIdentifier ?? "", /^\$GEN\/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/);
  assert.equal(world.requests[0]?.clientId, connack?.properties?.assignedClientIdentifier);
  const old = world.client(4);
  // mqtt-packet does not write such a packet.
  await old.raw(0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0, 0, 60, 0, 0);
  assert.equal(old.takeAll("connack")[0]?.returnCode, 2);
  assert.equal(old.ended, "end");
  assert.deepEqual(world.causes(), ["mqtt-malformed"]);
});

test("a client id over the limit is refused with 0x85, or 2 for MQTT 3.1.1", async () => {
  const world = new World();
  const five = await world.client(5).connect("é".repeat(65));
  assert.equal(five?.reasonCode, 0x85);
  const four = await world.client(4).connect("x".repeat(129));
  assert.equal(four?.returnCode, 2);
  assert.deepEqual(world.causes(), ["mqtt-limit", "mqtt-limit"]);
  assert.equal((await world.client(4).connect("x".repeat(128)))?.returnCode, 0);
});

test("a refused CONNECT closes, with CONNACK where asked for, and always with 0x87 for MQTT 5", async () => {
  const cases = [
    { version: 4, reply: "close", code: undefined },
    { version: 4, reply: "connack", code: 5 },
    { version: 5, reply: "close", code: 0x87 },
    { version: 5, reply: "connack", code: 0x87 },
  ] as const;
  for (const { version, reply, code } of cases) {
    const world = new World({ admit: async () => ({ admit: false, cause: "no-policy", reply }) });
    const client = world.client(version);
    const connack = await client.connect("d1");
    assert.equal(version === 5 ? connack?.reasonCode : connack?.returnCode, code);
    assert.equal(client.ended, "end");
    assert.deepEqual(world.causes(), [], "the gatekeeper writes its own refusals");
    assert.deepEqual(world.broker.sessions(), []);
  }
});

test("what an MQTT 3.1.1 client is told whom no policy lets in is a setting: 5, 7 or nothing", async () => {
  for (const [unauthorizedReturnCode, code] of [
    [5, 5],
    [7, 7],
    ["none", undefined],
  ] as const) {
    const settings = { ...AWS_PROFILE, unauthorizedReturnCode };
    const admit = async () => ({ admit: false, cause: "no-policy", reply: "connack" }) as const;
    const world = new World({ settings, admit });
    const client = world.client(4);
    assert.equal((await client.connect("d1"))?.returnCode, code);
    assert.equal(client.ended, "end");
    assert.equal((await world.client(5).connect("d1"))?.reasonCode, 0x87, "MQTT 5 has one word for it");
  }
});

test("a gatekeeper that fails lets nobody in: CONNACK 3 or 0x88", async () => {
  const world = new World({ admit: () => Promise.reject(new RangeError("index gone")) });
  assert.equal((await world.client(4).connect("d1"))?.returnCode, 3);
  assert.equal((await world.client(5).connect("d2"))?.reasonCode, 0x88);
  const warnings = world.ledger.events({ kinds: ["process"] });
  assert.match(JSON.stringify(warnings), /index gone/);
});

test("a connection that is gone before it was admitted leaves no session behind", async () => {
  let admit: (admission: Admission) => void = () => undefined;
  const world = new World({ admit: () => new Promise((resolve) => (admit = resolve)) });
  const client = world.client(4);
  await client.connect("d1");
  await client.drop();
  admit({ admit: true, authority: { principalId: "p", may: () => ({ allowed: true }) } });
  await world.settle();
  assert.deepEqual(world.broker.sessions(), []);
  assert.deepEqual(client.take(), []);
});

test("packets before CONNACK close the connection in the aws profile, and wait in the spec profile", async () => {
  const publish = (client: Client) =>
    client.bytes({ cmd: "publish", topic: "a", payload: "early", qos: 1, messageId: 3, dup: false, retain: false });
  const connect = (client: Client) =>
    client.bytes({ cmd: "connect", clientId: "d1", protocolVersion: 4, keepalive: 60 });
  for (const profile of [AWS_PROFILE, SPEC_PROFILE]) {
    for (const isGlued of [true, false]) {
      const world = new World({ settings: profile });
      const client = world.client(4);
      if (isGlued) client.connection.receive(Buffer.concat([connect(client), publish(client)]));
      else {
        client.connection.receive(connect(client));
        client.connection.receive(publish(client));
      }
      assert.equal(client.isPaused, true, "not read while the gatekeeper thinks");
      await world.settle();
      const kinds = client.take().map((packet) => packet.cmd);
      if (profile === AWS_PROFILE) {
        assert.deepEqual([kinds, client.ended, world.causes()], [[], "end", ["mqtt-malformed"]]);
      } else assert.deepEqual([kinds, client.isPaused], [["connack", "puback"], false]);
    }
  }
});

test("what waits for CONNACK is bounded", async () => {
  const world = new World({ settings: SPEC_PROFILE, admit: () => new Promise(() => undefined) });
  const client = world.client(4);
  await client.connect("d1");
  client.connection.receive(new Uint8Array(600_000));
  assert.equal(client.ended, undefined);
  client.connection.receive(new Uint8Array(600_000));
  assert.equal(client.ended, "end");
});

test("a version that is not served is told so: MQTT 3.1, a bridge's bit, MQTT 6", async () => {
  const rest = [0x02, 0, 60, 0, 1, 0x61];
  const mqtt = [0, 4, 0x4d, 0x51, 0x54, 0x54];
  const mqisdp = [0, 6, 0x4d, 0x51, 0x49, 0x73, 0x64, 0x70];
  for (const header of [
    [...mqisdp, 3],
    [...mqtt, 0x84],
    [...mqtt, 6],
  ]) {
    const world = new World();
    const client = world.client(4);
    await client.raw(0x10, header.length + rest.length, ...header, ...rest);
    assert.equal(client.takeAll("connack")[0]?.returnCode, 1);
    assert.equal(client.ended, "end");
    assert.deepEqual(world.causes(), ["mqtt-malformed"]);
  }
});

test("a first packet other than CONNECT closes at its first byte, a second CONNECT is a violation", async () => {
  const world = new World();
  const stranger = world.client(4);
  await stranger.raw(0x16);
  assert.deepEqual([stranger.ended, stranger.writes.length], ["end", 0]);
  const twice = await world.connected("d1", { protocolVersion: 5 });
  await twice.connect("d1");
  assert.equal(twice.ended, "end");
  assert.deepEqual(world.causes(), ["mqtt-malformed", "mqtt-malformed"]);
});

test("CONNECT over 8 KiB is refused before its body arrives", async () => {
  const world = new World();
  const client = world.client(4);
  await client.raw(0x10, 0x80, 0x41);
  assert.equal(client.ended, "end");
  const [refusal] = world.refusals();
  assert.deepEqual([refusal?.cause, refusal?.evidence["reasonCode"]], ["mqtt-limit", 0x95]);
});

test("CONNECT whose fields break the format is malformed, each in its own way", async () => {
  const mqtt = [0, 4, 0x4d, 0x51, 0x54, 0x54];
  const bodies: Record<string, number[]> = {
    "another protocol": [0, 4, 0x48, 0x54, 0x54, 0x50, 4, 2, 0, 60, 0, 1, 0x61],
    "reserved flag": [...mqtt, 4, 3, 0, 60, 0, 1, 0x61],
    "will QoS 3": [...mqtt, 4, 0x1e, 0, 60, 0, 1, 0x61, 0, 1, 0x62, 0, 0],
    "will flags without will": [...mqtt, 4, 0x22, 0, 60, 0, 1, 0x61],
    "password without user name": [...mqtt, 4, 0x42, 0, 60, 0, 1, 0x61, 0, 1, 0x62],
    "bytes left over": [...mqtt, 4, 2, 0, 60, 0, 1, 0x61, 0],
    "ends within the client id": [...mqtt, 4, 2, 0, 60, 0, 9, 0x61],
    "client id is not UTF-8": [...mqtt, 4, 2, 0, 60, 0, 1, 0xff],
    "client id holds a null character": [...mqtt, 4, 2, 0, 60, 0, 1, 0],
    "property length of five bytes": [...mqtt, 5, 2, 0, 60, 0x80, 0x80, 0x80, 0x80, 1, 0, 1, 0x61],
    "unknown property": [...mqtt, 5, 2, 0, 60, 2, 0x7f, 0, 0, 1, 0x61],
    "property given twice": [...mqtt, 5, 2, 0, 60, 10, 0x11, 0, 0, 0, 9, 0x11, 0, 0, 0, 9, 0, 1, 0x61],
    "flag of 2": [...mqtt, 5, 2, 0, 60, 2, 0x17, 2, 0, 1, 0x61],
    "will property in CONNECT": [...mqtt, 5, 2, 0, 60, 5, 0x18, 0, 0, 0, 1, 0, 1, 0x61],
    "properties that end within a property": [...mqtt, 5, 2, 0, 60, 2, 0x11, 0, 0, 1, 0x61],
    "authentication data that ends early": [...mqtt, 5, 2, 0, 60, 3, 0x16, 0, 9, 0, 1, 0x61],
    "receive maximum 0": [...mqtt, 5, 2, 0, 60, 3, 0x21, 0, 0, 0, 1, 0x61],
    "maximum packet size 0": [...mqtt, 5, 2, 0, 60, 5, 0x27, 0, 0, 0, 0, 0, 1, 0x61],
  };
  for (const [name, body] of Object.entries(bodies)) {
    const world = new World();
    const client = world.client(4);
    await client.raw(0x10, body.length, ...body);
    assert.equal(client.ended, "end", name);
    assert.deepEqual(world.causes(), ["mqtt-malformed"], name);
    assert.equal(world.requests.length, 0, name);
  }
});

test("enhanced authentication is refused with 0x8C", async () => {
  const connack = await new World().client(5).connect("d1", { properties: { authenticationMethod: "SCRAM" } });
  assert.equal(connack?.reasonCode, 0x8c);
});

test("keep alive out of range is replaced and told to MQTT 5 clients", async () => {
  const cases = [
    [0, 1200],
    [10, 30],
    [60, undefined],
    [5000, 1200],
  ] as const;
  for (const [asked, told] of cases) {
    const connack = await new World().client(5).connect("d1", { keepalive: asked });
    assert.equal(connack?.properties?.serverKeepAlive, told);
  }
});

test("silence of one and a half times the keep alive closes, a packet in time does not", async () => {
  for (const protocolVersion of [4, 5] as const) {
    const world = new World();
    const client = await world.connected("d1", { protocolVersion, keepalive: 40 });
    await world.advance(59_000);
    await client.send({ cmd: "pingreq" });
    assert.equal(client.takeAll("pingresp").length, 1);
    await world.advance(59_999);
    assert.equal(client.ended, undefined);
    await world.advance(1);
    assert.equal(client.ended, "end");
    assert.equal(client.takeAll("disconnect")[0]?.reasonCode, protocolVersion === 5 ? 0x8d : undefined);
    const [refusal] = world.refusals();
    assert.deepEqual([refusal?.cause, refusal?.clientId, refusal?.address], ["keep-alive-expired", "d1", "192.0.2.1"]);
    assert.deepEqual(refusal?.evidence, { keepAliveS: 40, silentMs: 60_000 });
  }
});

test("keep alive 0 never expires where the profile says so", async () => {
  const world = new World({ settings: SPEC_PROFILE });
  const client = await world.connected("d1", { keepalive: 0 });
  await world.advance(1e9);
  assert.equal(client.ended, undefined);
});

test("a connection without CONNECT is closed after the connect timeout", async () => {
  const world = new World();
  const client = world.client(4);
  await client.raw(0x10);
  await world.advance(10_000);
  assert.equal(client.ended, "end");
  assert.deepEqual(world.causes(), ["connect-timeout"]);
});

test("connections over the limit are refused with 0x97, or 3 for MQTT 3.1.1", async () => {
  const world = new World({ limits: { connections: 1 } });
  const first = await world.connected("d1");
  assert.equal((await world.client(5).connect("d2"))?.reasonCode, 0x97);
  assert.equal((await world.client(4).connect("d3"))?.returnCode, 3);
  await first.drop();
  assert.equal((await world.client(4).connect("d3"))?.returnCode, 0);
});

test("a will that is not authorised, reserved or of QoS 2 is refused with CONNECT", async () => {
  const will = { topic: "gone", payload: Buffer.from("x"), qos: 1 as const, retain: true };
  for (const denied of ["iot:Publish", "iot:RetainPublish"]) {
    const world = new World({
      may: (action) =>
        action === denied
          ? { allowed: false, cause: "policy-denies-publish", evidence: { action } }
          : { allowed: true },
    });
    const connack = await world.client(5).connect("d1", { will });
    assert.equal(connack?.reasonCode, 0x87);
    assert.deepEqual(world.refusals()[0]?.evidence, { action: denied });
  }
  const world = new World();
  assert.equal((await world.client(5).connect("d1", { will: { ...will, qos: 2 } }))?.reasonCode, 0x9b);
  assert.equal((await world.client(5).connect("d1", { will: { ...will, topic: "a/+" } }))?.reasonCode, 0x90);
  assert.equal((await world.client(5).connect("d1", { will: { ...will, topic: "$aws/x" } }))?.reasonCode, 0x90);
  const old = world.client(4);
  assert.equal(await old.connect("d1", { will: { ...will, qos: 2 } }), undefined);
  assert.equal(old.ended, "end");
});

test("a will whose response topic holds a wildcard is refused", async () => {
  const will = { topic: "gone", payload: Buffer.from("x"), properties: { responseTopic: "a/#" } };
  assert.equal((await new World().client(5).connect("d1", { will }))?.reasonCode, 0x82);
});

test("an authority that fails lets nobody in, and the failure reaches the trace", async () => {
  const may = () => {
    throw new RangeError("policies are gone");
  };
  const world = new World({ may });
  const client = world.client(5);
  const will = { topic: "gone", payload: Buffer.from("x") };
  assert.equal(await client.connect("d1", { will }), undefined);
  assert.equal(client.ended, "end");
  assert.match(JSON.stringify(world.ledger.events({ kinds: ["process"] })), /policies are gone/);
});

test("a second connection with the same client id takes over, the first is told 0x8E or closed", async () => {
  for (const protocolVersion of [4, 5] as const) {
    const world = new World();
    const first = await world.connected("d1", { protocolVersion });
    const second = await world.connected("d1", { protocolVersion });
    assert.equal(first.ended, "end");
    assert.equal(first.takeAll("disconnect")[0]?.reasonCode, protocolVersion === 5 ? 0x8e : undefined);
    assert.equal(second.ended, undefined);
    const [refusal] = world.refusals();
    assert.deepEqual([refusal?.cause, refusal?.connection], ["client-id-taken-over", "c1"]);
    assert.equal(world.broker.sessions().length, 1);
    assert.equal(world.broker.sessions()[0]?.connection?.id, "c2");
    await first.drop();
    assert.equal(world.broker.sessions()[0]?.connected, true);
  }
});

test("packets that a server does not take end the connection with 0x82", async () => {
  for (const bytes of [
    [0x50, 2, 0, 1],
    [0x62, 2, 0, 1],
    [0x70, 2, 0, 1],
    [0xf0, 0],
    [0xd0, 0],
    [0x20, 2, 0, 0],
  ]) {
    const world = new World();
    const client = await world.connected("d1", { protocolVersion: 5 });
    await client.raw(...bytes);
    assert.equal(client.ended, "end");
    const code = client.takeAll("disconnect")[0]?.reasonCode;
    assert.ok(code === 0x82 || code === 0x81, `${bytes.join(" ")} gave ${code}`);
    assert.deepEqual(world.causes(), ["mqtt-malformed"]);
  }
});

test("closeSessions ends the live connections of a principal at once, with the cause as its refusal", async () => {
  const world = new World();
  const kept = await world.connected("d1", { protocolVersion: 5, username: "cert-1" });
  const other = await world.connected("d2", { username: "cert-2" });
  const closed = world.broker.closeSessions(({ principalId }) => principalId === "cert-1", {
    cause: "certificate-revoked",
    evidence: { status: "REVOKED" },
  });
  assert.equal(closed, 1);
  assert.deepEqual([kept.ended, other.ended], ["end", undefined]);
  const disconnect = kept.takeAll("disconnect")[0];
  assert.deepEqual([disconnect?.reasonCode, disconnect?.properties?.reasonString], [0x87, "certificate-revoked"]);
  const [refusal] = world.refusals();
  assert.deepEqual(
    [refusal?.cause, refusal?.certificate, refusal?.evidence],
    ["certificate-revoked", "cert-1", { status: "REVOKED" }],
  );
});

test("Broker.stop tells MQTT 5 clients 0x8B and refuses further work", async () => {
  const world = new World();
  const client = await world.connected("d1", { protocolVersion: 5 });
  await world.broker.stop();
  assert.equal(client.takeAll("disconnect")[0]?.reasonCode, 0x8b);
  assert.throws(() => world.client(4), { code: "broker-stopped" });
  assert.throws(() => world.broker.publish({ topic: "a", payload: new Uint8Array(), qos: 0 }, "test"), {
    code: "broker-stopped",
  });
  await world.broker.stop();
});

test("Broker.stop leaves no timer behind that could act on a stopped broker", async () => {
  const world = new World();
  const heard: string[] = [];
  world.broker.onPublish(({ topic }) => heard.push(topic));
  const will = { topic: "gone", payload: Buffer.from("x"), properties: { willDelayInterval: 50 } };
  const properties = { sessionExpiryInterval: 100 };
  await (await world.connected("d1", { protocolVersion: 5, clean: false, properties, will })).drop();
  await world.broker.stop();
  await world.advance(200_000);
  assert.equal(heard.includes("gone"), false);
  assert.equal(world.broker.sessions().length, 1);
});

test("a denied first contact leaves nothing to take over", async () => {
  const world = new World({ admit: async (request) => (request.username === "bad" ? DENIED : undefined!) });
  const good = await world.connected("d1");
  await world.client(4).connect("d1", { username: "bad" });
  assert.equal(good.ended, undefined);
});
