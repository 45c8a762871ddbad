/** The broker over the store on disk: what it acknowledged is there after its process is gone. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { VirtualClock } from "../../crypto/index.ts";
import { World, type Client } from "../broker/harness.test.ts";
import { openStore } from "./node.ts";
import type { Store } from "./port.ts";
import { openSessionStore } from "./session-store.ts";

function temporary(t: TestContext): string {
  const parent = mkdtempSync(join(tmpdir(), "hawser-broker-"));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  return join(parent, "data");
}

type Life = { readonly world: World; readonly store: Store };

async function begin(t: TestContext, directory: string, clock: VirtualClock): Promise<Life> {
  const store = await openStore({ directory });
  t.after(() => store.close());
  return { world: new World({ store: await openSessionStore(store), clock }), store };
}

/** Lets commits end and what waited for them leave. */
async function durable({ world, store }: Life): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await world.settle();
    // Answered behind every write that came before it.
    await store.write(async () => undefined);
  }
  await world.settle();
}

async function step(life: Life, act: Promise<unknown>): Promise<void> {
  await act;
  await durable(life);
}

const KEPT = { protocolVersion: 5, clean: false, properties: { sessionExpiryInterval: 3600 } } as const;

test("a broker over the store on disk brings back sessions, queues and retained messages after it is gone", async (t) => {
  const directory = temporary(t);
  const clock = new VirtualClock();
  const life = await begin(t, directory, clock);
  const { world, store } = life;
  const client = await world.connected("d", KEPT);
  await step(life, client.subscribe("a/+", 1));
  const publisher = await world.connected("p", { protocolVersion: 5 });
  await step(life, publisher.publish("a/1", "acknowledged", { qos: 1 }));
  await step(life, client.send({ cmd: "puback", messageId: 1 }));
  await step(life, publisher.publish("a/2", "in flight", { qos: 1, properties: { contentType: "t" } }));
  await step(life, client.drop());
  await step(life, publisher.publish("a/3", "queued", { qos: 1, properties: { messageExpiryInterval: 100 } }));
  await step(life, publisher.publish("r", "kept", { qos: 1, retain: true }));
  assert.equal(publisher.takeAll("puback").length, 4);
  // The broker is not stopped: this is how a crash looks from the disk.
  await store.close();
  clock.advance(20_000);
  const after = await begin(t, directory, clock);
  const again: Client = after.world.client(5);
  assert.equal(await again.connect("d", KEPT), undefined, "CONNACK waits for the disk as well");
  await durable(after);
  const [connack, ...messages] = again.take();
  assert.equal(connack?.cmd === "connack" && connack.sessionPresent, true);
  assert.deepEqual(
    messages.map((packet) => {
      assert.ok(packet.cmd === "publish");
      return [packet.topic, String(packet.payload), packet.dup, { ...packet.properties }];
    }),
    [
      ["a/2", "in flight", true, { contentType: "t" }],
      ["a/3", "queued", false, { messageExpiryInterval: 80 }],
    ],
  );
  const { modifiedAt } = after.world.broker.retainedMessage("r") ?? {};
  assert.equal(modifiedAt, clock.now() - 20_000, "since when it is retained is kept as well");
  const got = await again.subscribe("r", 1);
  await durable(after);
  const retained = [...got, ...again.take()].filter((packet) => packet.cmd === "publish");
  assert.deepEqual(
    retained.map((packet) => String(packet.payload)),
    ["kept"],
  );
});

test("a broker acknowledges a QoS 1 publish only once the store has it", async (t) => {
  const life = await begin(t, temporary(t), new VirtualClock());
  const { world, store } = life;
  const client = await world.connected("d", { clean: false });
  await step(life, client.subscribe("a", 1));
  await step(life, client.drop());
  const publisher = await world.connected("p");
  await publisher.publish("a", "x", { qos: 1 });
  assert.deepEqual(publisher.takeAll("puback"), []);
  await durable(life);
  assert.equal(publisher.takeAll("puback").length, 1);
  assert.equal((await store.read.selectFrom("mqtt_queue").selectAll().execute()).length, 1);
});
