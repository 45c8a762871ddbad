/** MQTT.js, which many devices and dashboards use, against our broker: MQTT 3.1.1 and 5, plain and over TLS. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test, type TestContext } from "node:test";

import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from "mqtt";

import { brokerWorld, type BrokerWorld } from "./broker-world.ts";

/** An MQTT.js client; its listeners are there before anything arrives. */
class Device {
  readonly client: MqttClient;
  readonly errors: string[] = [];
  sessionPresent: boolean | undefined;
  readonly #messages: string[] = [];
  #waiting: (() => void) | undefined;

  constructor(t: TestContext, world: BrokerWorld, options: IClientOptions & { readonly isTls?: boolean }) {
    const { isTls = false, ...more } = options;
    const { ca, cert, key } = world.files;
    const identity = { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) };
    const url = isTls ? `mqtts://localhost:${world.tls}` : `mqtt://127.0.0.1:${world.plain}`;
    this.client = connect(url, { reconnectPeriod: 0, ...(isTls ? identity : {}), ...more });
    this.client.on("connect", (connack) => (this.sessionPresent = connack.sessionPresent));
    this.client.on("error", (error) => this.errors.push(error.message));
    this.client.on("message", (topic: string, payload: Buffer, packet: IPublishPacket) => {
      this.#messages.push(`${topic} ${payload.toString()} ${packet.qos}${packet.retain ? " retained" : ""}`);
      this.#waiting?.();
    });
    t.after(() => this.client.endAsync(true));
  }

  /** The next messages, as soon as there are so many. */
  async messages(count: number): Promise<string[]> {
    while (this.#messages.length < count) await new Promise<void>((resolve) => (this.#waiting = resolve));
    return this.#messages.splice(0);
  }
}

for (const protocolVersion of [4, 5] as const) {
  for (const isTls of [false, true]) {
    const how = `protocol level ${protocolVersion}, ${isTls ? "TLS" : "plain"}`;

    test(`AW-47 MQTT.js publishes and receives with both QoS, retained messages and wildcards, ${how}`, async (t) => {
      const world = await brokerWorld(t);
      const subscriber = new Device(t, world, { protocolVersion, isTls, clientId: "s" });
      const publisher = new Device(t, world, { protocolVersion, isTls, clientId: "p" });
      const granted = await subscriber.client.subscribeAsync({ "a/+": { qos: 1 }, "b/#": { qos: 2 } });
      assert.deepEqual(
        granted.map(({ qos }) => qos),
        [1, 1],
      );
      await publisher.client.publishAsync("a/1", "x", { qos: 0 });
      await publisher.client.publishAsync("a/2", "x", { qos: 1 });
      await publisher.client.publishAsync("b/c/d", "x", { qos: 1 });
      await publisher.client.publishAsync("state", "kept", { qos: 1, retain: true });
      assert.deepEqual(await subscriber.messages(3), ["a/1 x 0", "a/2 x 1", "b/c/d x 1"]);
      await subscriber.client.subscribeAsync("state", { qos: 1 });
      assert.deepEqual(await subscriber.messages(1), ["state kept 1 retained"]);
    });

    test(`MQTT.js resumes its session and is sent what it missed, ${how}`, async (t) => {
      const world = await brokerWorld(t);
      const properties = protocolVersion === 5 ? { properties: { sessionExpiryInterval: 600 } } : {};
      const session = { protocolVersion, isTls, clientId: "d", clean: false, ...properties };
      const first = new Device(t, world, session);
      await first.client.subscribeAsync("inbox", { qos: 1 });
      assert.equal(first.sessionPresent, false);
      const gone = world.nextEvent((event) => event.kind === "mqtt.packet" && event.packet === "disconnect");
      await first.client.endAsync();
      await gone;
      const publisher = new Device(t, world, { protocolVersion, isTls, clientId: "p" });
      for (const text of ["1", "2"]) await publisher.client.publishAsync("inbox", text, { qos: 1 });
      const again = new Device(t, world, session);
      assert.deepEqual(await again.messages(2), ["inbox 1 1", "inbox 2 1"]);
      assert.equal(again.sessionPresent, true);
    });

    test(`MQTT.js's will is published when its connection breaks, ${how}`, async (t) => {
      const world = await brokerWorld(t);
      const watcher = new Device(t, world, { protocolVersion, isTls, clientId: "w" });
      await watcher.client.subscribeAsync("gone", { qos: 1 });
      const will = { topic: "gone", payload: Buffer.from("bye"), qos: 1 as const, retain: false };
      const device = new Device(t, world, { protocolVersion, isTls, clientId: "d", will });
      await device.client.subscribeAsync("x");
      device.client.stream.destroy();
      assert.deepEqual(await watcher.messages(1), ["gone bye 1"]);
    });
  }
}

test("MQTT.js with automatic topic aliases and a thousand QoS 1 messages in both directions loses none", async (t) => {
  const world = await brokerWorld(t);
  const options = { protocolVersion: 5 as const, properties: { receiveMaximum: 10 } };
  const subscriber = new Device(t, world, { ...options, clientId: "s" });
  const publisher = new Device(t, world, {
    protocolVersion: 5,
    clientId: "p",
    autoUseTopicAlias: true,
    autoAssignTopicAlias: true,
  });
  await subscriber.client.subscribeAsync("many/#", { qos: 1 });
  const sent = Array.from({ length: 1000 }, (_, i) => `many/${i % 12} ${i} 1`);
  await Promise.all(
    sent.map((line) => {
      const [topic = "", payload = ""] = line.split(" ");
      return publisher.client.publishAsync(topic, payload, { qos: 1 });
    }),
  );
  assert.deepEqual(await subscriber.messages(1000), sent);
});

test("MQTT.js is told why it was refused and why it was closed", async (t) => {
  const world = await brokerWorld(t);
  const stranger = new Device(t, world, { protocolVersion: 5, clientId: "x", username: "stranger" });
  await new Promise<void>((resolve) => stranger.client.once("close", () => resolve()));
  assert.match(stranger.errors.join(), /Not authorized/i);
  const device = new Device(t, world, { protocolVersion: 5, clientId: "d" });
  await device.client.subscribeAsync("a");
  const told = new Promise<number | undefined>((resolve) => {
    device.client.once("disconnect", (packet) => resolve(packet.reasonCode));
  });
  assert.equal(
    world.broker.closeSessions(({ clientId }) => clientId === "d", { cause: "certificate-revoked" }),
    1,
  );
  assert.equal(await told, 0x87);
});
