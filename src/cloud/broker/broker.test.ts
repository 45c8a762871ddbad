import assert from "node:assert/strict";
import { test } from "node:test";

import { World } from "./harness.test.ts";

for (const protocolVersion of [4, 5] as const) {
  test(`AW-47 Broker carries a message from publisher to subscriber, MQTT protocol level ${protocolVersion}`, async () => {
    const world = new World();
    const subscriber = await world.connected("s", { protocolVersion });
    const publisher = await world.connected("p", { protocolVersion });
    const [suback] = await subscriber.subscribe("room/+/temperature", 1);
    assert.deepEqual(suback?.cmd === "suback" && suback.granted, [1]);
    await publisher.publish("room/7/temperature", "21.5", { qos: 1, messageId: 77 });
    await publisher.publish("room/7/humidity", "40", { qos: 0 });
    assert.deepEqual(subscriber.messages(), ["room/7/temperature=21.5"]);
    assert.deepEqual(
      publisher.takeAll("puback").map(({ messageId }) => messageId),
      [77],
    );
  });
}
