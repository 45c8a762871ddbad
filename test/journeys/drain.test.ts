/** A cloud that is stopped finishes what it has begun: calls, functions, and messages that it acknowledged. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { connect as mqttConnect, connectAsync, type IClientOptions } from "mqtt";

import type { OperationInput, OperationName } from "../../src/cloud/operations/index.ts";
import { callOperation } from "../../src/cloud/api/node-client.ts";
import { startCloud } from "../../src/cloud/node.ts";
import { program } from "./why-world.ts";

const POLICY = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}`;
const MESSAGES = 200;

test(
  "a cloud that is stopped answers the call under way, and keeps what it acknowledged",
  { timeout: 60_000 },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "hawser-drain-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const start = () =>
      startCloud({ directory: join(folder, "cloud"), host: "127.0.0.1", apiPort: 0, mqttPort: 0, serverNames: [] });
    const cloud = await start();
    const target = { endpoint: cloud.api, region: cloud.account.region, credentials: cloud.accessKey };
    const call = <Name extends OperationName>(name: Name, input: OperationInput<Name>) =>
      callOperation(target, name, input);
    const made = await call("CreateKeysAndCertificate", { setAsActive: true });
    await call("CreatePolicy", { policyName: "any", policyDocument: POLICY });
    await call("AttachPolicy", { policyName: "any", target: made.certificateArn });
    await call("CreateFunction", {
      FunctionName: "slow",
      Runtime: "nodejs24.x",
      Role: `arn:aws:iam::${cloud.account.id}:role/functions`,
      Handler: "index.handler",
      Code: program("export const handler = () => new Promise((done) => setTimeout(() => done('finished'), 1000));"),
    });
    const connect = (port: number, clientId: string, more: Partial<IClientOptions> = {}) =>
      connectAsync(`mqtts://localhost:${port}`, {
        ca: readFileSync(cloud.caFile),
        cert: made.certificatePem,
        key: made.keyPair.PrivateKey,
        clientId,
        reconnectPeriod: 0,
        ...more,
      });
    const reader = await connect(cloud.mqtt.port, "reader", { clean: false });
    await reader.subscribeAsync("drain", { qos: 1 });
    await reader.endAsync();

    const invoked = call("Invoke", { FunctionName: "slow" });
    // Its answer shows that the call before it has arrived.
    assert.deepEqual((await call("Status", {})).sessions, { connected: 0, away: 1 });
    const writer = await connect(cloud.mqtt.port, "writer");
    const acknowledged = new Set<string>();
    for (let n = 0; n < MESSAGES; n++) {
      const text = String(n);
      writer.publish("drain", text, { qos: 1 }, (error) => void (error ?? acknowledged.add(text)));
    }
    const gone = new Promise((resolve) => writer.once("close", () => resolve(undefined)));
    await cloud.close();
    await gone;
    assert.equal(new TextDecoder().decode((await invoked).Payload), '"finished"');
    await assert.rejects(call("Status", {}), "nobody listens any more");

    const again = await start();
    t.after(() => again.close());
    const received = new Set<string>();
    const back = mqttConnect(`mqtts://localhost:${again.mqtt.port}`, {
      ca: readFileSync(again.caFile),
      cert: made.certificatePem,
      key: made.keyPair.PrivateKey,
      clientId: "reader",
      clean: false,
      reconnectPeriod: 0,
    });
    await new Promise<void>((resolve, reject) => {
      const look = () => [...acknowledged].every((text) => received.has(text)) && resolve();
      // From the first packet on: what waited comes right behind CONNACK.
      back.on("message", (_, payload) => (received.add(payload.toString()), look()));
      back.once("connect", look);
      back.once("error", reject);
    });
    await back.endAsync();
    assert.ok([...acknowledged].every((text) => received.has(text)));
  },
);
