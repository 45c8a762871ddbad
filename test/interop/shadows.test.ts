/** Device shadows, met by AWS's device SDK over MQTT, by AWS's SDK with an access key, and by curl with a certificate. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { after, test } from "node:test";

import {
  DeleteThingShadowCommand,
  GetThingShadowCommand,
  IoTDataPlaneClient,
  ListNamedShadowsForThingCommand,
  UpdateThingShadowCommand,
} from "@aws-sdk/client-iot-data-plane";
import { iotshadow, iot, mqtt5, type mqtt_request_response } from "aws-iot-device-sdk-v2";

import { deviceWorld, type DeviceWorld } from "./device-world.ts";
import { requirePeer } from "./peers.ts";

// AWS's request-response client leaves a native handle open that keeps the process for ever, however it is closed.
after(() => void setImmediate(() => process.exit()));

/** What aws-crt calls SubscriptionStatusEventType.SubscriptionEstablished. */
const ESTABLISHED = 0;

/** AWS's MQTT 5 client, connected, and its client for shadows. */
async function sdk({ files, port }: DeviceWorld) {
  const { cert, key, ca } = files;
  const builder = iot.AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromPath("localhost", cert, key);
  builder.withCertificateAuthorityFromPath(undefined, ca).withPort(port);
  const client = new mqtt5.Mqtt5Client(builder.build());
  const connected = once(client, "connectionSuccess");
  client.start();
  await connected;
  const options = { maxRequestResponseSubscriptions: 8, maxStreamingSubscriptions: 4, operationTimeoutInSeconds: 20 };
  const shadows = iotshadow.IotShadowClientv2.newFromMqtt5(client, options);
  const closing: { close(): void }[] = [];
  const end = async () => {
    for (const each of closing) each.close();
    shadows.close();
    const stopped = once(client, "stopped");
    client.stop();
    await stopped;
    client.close();
  };
  return { shadows, closing, end };
}

test("AWS's shadow client updates, gets and deletes, and hears of deltas and documents", async (t) => {
  const world = await deviceWorld(t);
  const { shadows, closing, end } = await sdk(world);
  try {
    const thingName = "lamp";
    const deltas = shadows.createShadowDeltaUpdatedStream({ thingName });
    const documents = shadows.createNamedShadowUpdatedStream({ thingName, shadowName: "n" });
    const open = [deltas, documents].map(async (stream) => {
      const [{ type }] = (await once(stream, "subscriptionStatus")) as [{ type: number }];
      assert.equal(type, ESTABLISHED);
    });
    closing.push(deltas, documents);
    const delta = once(deltas, "incomingPublish");
    const document = once(documents, "incomingPublish");
    deltas.open();
    documents.open();
    await Promise.all(open);
    const updated = await shadows.updateShadow({ thingName, state: { desired: { led: "on" } } });
    assert.deepEqual([updated.version, updated.state], [1, { desired: { led: "on" } }]);
    const [{ message: differs }] = (await delta) as [{ message: iotshadow.model.ShadowDeltaUpdatedEvent }];
    assert.deepEqual([differs.version, differs.state], [1, { led: "on" }]);
    await shadows.updateNamedShadow({ thingName, shadowName: "n", state: { reported: { led: "off" } } });
    const [{ message: changed }] = (await document) as [{ message: iotshadow.model.ShadowUpdatedEvent }];
    assert.deepEqual([changed.current?.version, changed.current?.state], [1, { reported: { led: "off" } }]);
    const got = await shadows.getShadow({ thingName });
    assert.deepEqual(got.state, { desired: { led: "on" }, delta: { led: "on" } });
    await shadows.deleteShadow({ thingName });
    const refused = await shadows.getShadow({ thingName }).then(
      () => assert.fail("the shadow is gone"),
      (error: mqtt_request_response.ServiceError) => error,
    );
    const modeled = refused.modeledError as iotshadow.model.V2ErrorResponse;
    assert.deepEqual([modeled.code, modeled.message], [404, "No shadow exists with name: 'lamp'"]);
  } finally {
    await end();
  }
});

test("@aws-sdk/client-iot-data-plane reads and writes shadows, and knows each refusal as its class", async (t) => {
  const { cloud } = await deviceWorld(t);
  const { region } = cloud.account;
  const client = new IoTDataPlaneClient({ endpoint: cloud.api, region, credentials: cloud.accessKey });
  t.after(() => client.destroy());
  const thingName = "lamp";
  const update = (payload: object, shadowName?: string) =>
    client.send(new UpdateThingShadowCommand({ thingName, shadowName, payload: JSON.stringify(payload) }));
  await update({ state: { desired: { a: 1 } } });
  await update({ state: { desired: { a: 1 } } }, "named");
  const { payload } = await client.send(new GetThingShadowCommand({ thingName }));
  const { state } = JSON.parse(new TextDecoder().decode(payload)) as { state: unknown };
  assert.deepEqual(state, { desired: { a: 1 }, delta: { a: 1 } });
  await assert.rejects(update({ state: {}, version: 9 }), { name: "ConflictException", message: "Version conflict" });
  await assert.rejects(update({}), { name: "InvalidRequestException" });
  await assert.rejects(update({ state: { desired: { a: "x".repeat(9000) } } }), {
    name: "RequestEntityTooLargeException",
  });
  const listed = await client.send(new ListNamedShadowsForThingCommand({ thingName }));
  assert.deepEqual(listed.results, ["named"]);
  await client.send(new DeleteThingShadowCommand({ thingName, shadowName: "named" }));
  await assert.rejects(client.send(new GetThingShadowCommand({ thingName, shadowName: "named" })), {
    name: "ResourceNotFoundException",
  });
});

test("curl reads and writes a device's own shadow over HTTPS with its certificate, and no other's", async (t) => {
  if (!requirePeer(t, "curl")) return;
  const { files, port, cloud } = await deviceWorld(t);
  const curl = (...args: readonly string[]) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      const common = ["-sS", "--cacert", files.ca, "--cert", files.cert, "--key", files.key];
      const [path = "", ...more] = args;
      execFile("curl", [...common, ...more, `https://localhost:${port}${path}`], (error, stdout) =>
        error ? reject(error) : resolve(JSON.parse(stdout) as Record<string, unknown>),
      );
    });
  const updated = await curl("/things/lamp/shadow", "-d", '{"state":{"reported":{"a":1}}}');
  assert.deepEqual(updated["state"], { reported: { a: 1 } });
  assert.deepEqual((await curl("/things/lamp/shadow"))["version"], 1);
  await curl("/things/lamp/shadow?name=n", "-d", '{"state":{}}');
  assert.deepEqual((await curl("/api/things/shadow/ListNamedShadowsForThing/lamp"))["results"], ["n"]);
  assert.equal((await curl("/things/lamp/shadow?name=n", "-X", "DELETE"))["version"], 1);
  const other = await curl("/things/other/shadow");
  assert.equal(other["cause"], "policy-denies-request");
  assert.equal((await curl("/things/lamp/shadow?name=secret"))["cause"], "policy-denies-request");
  const [refusal] = cloud.ledger.events({ kinds: ["refusal"] });
  assert.ok(refusal?.kind === "refusal");
  assert.deepEqual([refusal.evidence["action"], refusal.evidence["thing"]], ["iot:GetThingShadow", "other"]);
});
