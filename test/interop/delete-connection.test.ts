/** DeleteConnection by AWS's SDK, and what MQTT.js hears of it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { DeleteConnectionCommand, IoTDataPlaneClient } from "@aws-sdk/client-iot-data-plane";
import { connectAsync, type IDisconnectPacket } from "mqtt";

import { deviceWorld } from "./device-world.ts";

test("AWS's SDK ends the connection of an MQTT.js client, with 0x98, and its session with it", async (t) => {
  const { cloud, files } = await deviceWorld(t);
  const { region } = cloud.account;
  const sdk = new IoTDataPlaneClient({ endpoint: cloud.api, region, credentials: cloud.accessKey });
  t.after(() => sdk.destroy());
  const tls = { cert: readFileSync(files.cert), key: readFileSync(files.key), ca: readFileSync(files.ca) };
  const options = { ...tls, protocolVersion: 5, clientId: "lamp", clean: false, reconnectPeriod: 0 } as const;
  const session = { properties: { sessionExpiryInterval: 600 } };
  const connect = () => connectAsync(`mqtts://localhost:${cloud.mqtt.port}`, { ...options, ...session });
  const end = async (how: { cleanSession?: boolean } = {}) => {
    const client = await connect();
    t.after(() => client.endAsync(true));
    await client.subscribeAsync("a", { qos: 1 });
    const told = new Promise<IDisconnectPacket>((resolve) => client.once("disconnect", resolve));
    const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
    await sdk.send(new DeleteConnectionCommand({ clientId: "lamp", ...how }));
    const { reasonCode } = await told;
    await closed;
    return reasonCode;
  };
  assert.equal(await end(), 0x98);
  const again = { name: "ResourceNotFoundException", $metadata: { httpStatusCode: 404 } };
  await assert.rejects(
    sdk.send(new DeleteConnectionCommand({ clientId: "lamp" })),
    ({ name, $metadata }: typeof again) => {
      return name === again.name && $metadata.httpStatusCode === 404;
    },
  );
  assert.equal(await end({ cleanSession: true }), 0x98);
  const gone = new DeleteConnectionCommand({ clientId: "lamp", cleanSession: true });
  await assert.rejects(sdk.send(gone), { name: "ResourceNotFoundException" });
});
