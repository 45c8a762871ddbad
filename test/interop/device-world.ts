import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import type { OperationInput, OperationName } from "../../src/cloud/operations/index.ts";
import { callOperation } from "../../src/cloud/api/node-client.ts";
import { startCloud } from "../../src/cloud/node.ts";

const ARN = "arn:aws:iot:*:*";

/** What the device may: anything over MQTT, and over HTTPS what concerns the thing `lamp` and its shadow `n`. */
const POLICY = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Action: ["iot:Connect", "iot:Publish", "iot:Subscribe", "iot:Receive"], Resource: "*" },
    { Effect: "Allow", Action: "iot:*", Resource: [`${ARN}:thing/lamp`, `${ARN}:thing/lamp/n`] },
  ],
});

export type DeviceWorld = Awaited<ReturnType<typeof deviceWorld>>;

/** A cloud with an HTTPS listener, the thing `lamp`, and one device that is ACTIVE. */
export async function deviceWorld(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "hawser-device-"));
  const cloud = await startCloud({
    directory: join(folder, "cloud"),
    host: "127.0.0.1",
    apiPort: 0,
    mqttPort: 0,
    httpsPorts: [0],
    serverNames: [],
  });
  t.after(async () => {
    await cloud.close();
    rmSync(folder, { recursive: true });
  });
  const [port = 0] = cloud.httpsPorts;
  const target = { endpoint: cloud.api, region: cloud.account.region, credentials: cloud.accessKey };
  const call = <Name extends OperationName>(name: Name, input: OperationInput<Name>) =>
    callOperation(target, name, input);
  const made = await call("CreateKeysAndCertificate", { setAsActive: true });
  await call("CreatePolicy", { policyName: "device", policyDocument: POLICY });
  await call("AttachPolicy", { policyName: "device", target: made.certificateArn });
  await call("CreateThing", { thingName: "lamp" });
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem"), ca: cloud.caFile };
  writeFileSync(files.cert, made.certificatePem);
  writeFileSync(files.key, made.keyPair.PrivateKey, { mode: 0o600 });
  return { cloud, port, call, files, folder };
}
