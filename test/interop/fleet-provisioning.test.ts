/** Fleet provisioning over real sockets: MQTT.js with a claim, a CSR for a key that stays, a template, and the device's own connect. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import mqtt, { type MqttClient } from "mqtt";

import { callOperation } from "../../src/cloud/api/node-client.ts";
import { startCloud } from "../../src/cloud/node.ts";
import { nodeSigner } from "../../src/crypto/node.ts";
import { createCsr, csrToPem, nameFromAttributes } from "../../src/pki/index.ts";

const TEMPLATE = JSON.stringify({
  Parameters: { SerialNumber: { Type: "String" }, "AWS::IoT::Certificate::Id": { Type: "String" } },
  Resources: {
    thing: { Type: "AWS::IoT::Thing", Properties: { ThingName: { Ref: "SerialNumber" } } },
    certificate: { Type: "AWS::IoT::Certificate", Properties: { CertificateId: { Ref: "AWS::IoT::Certificate::Id" } } },
    policy: {
      Type: "AWS::IoT::Policy",
      Properties: {
        PolicyDocument: {
          Version: "2012-10-17",
          Statement: [{ Effect: "Allow", Action: "iot:*", Resource: "*" }],
        },
      },
    },
  },
  DeviceConfiguration: { interval: "60" },
});

type Answer = { readonly topic: string; readonly body: Record<string, string> };

async function ask(client: MqttClient, topic: string, body: object): Promise<Answer> {
  const answered = new Promise<[string, Buffer]>((resolve) => {
    client.once("message", (from, payload) => resolve([from, payload]));
  });
  await client.publishAsync(topic, JSON.stringify(body), { qos: 1 });
  const [from, payload] = await answered;
  return { topic: from, body: JSON.parse(payload.toString()) as Record<string, string> };
}

test("a device with a claim gets its own certificate by CSR and connects with it; no other claim hears of it", async (t: TestContext) => {
  const directory = mkdtempSync(join(tmpdir(), "hawser-fleet-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const cloud = await startCloud({
    directory: join(directory, "data"),
    host: "127.0.0.1",
    apiPort: 0,
    mqttPort: 0,
    serverNames: ["localhost"],
  });
  t.after(() => cloud.close());
  const target = { endpoint: cloud.api, region: cloud.account.region, credentials: cloud.accessKey };
  const provisioningRoleArn = "arn:aws:iam::123456789012:role/provisioning";
  const template = { templateName: "fleet", templateBody: TEMPLATE, provisioningRoleArn, enabled: true };
  await callOperation(target, "CreateProvisioningTemplate", template);
  const ca = readFileSync(cloud.caFile);
  const connect = async (cert: string, key: string, clientId: string): Promise<MqttClient> => {
    const { host, port } = cloud.mqtt;
    const client = await mqtt.connectAsync({
      protocol: "mqtts",
      host,
      port,
      ca,
      cert,
      key,
      clientId,
      reconnectPeriod: 0,
    });
    t.after(() => client.endAsync(true));
    return client;
  };
  const newClaim = async (clientId: string): Promise<MqttClient> => {
    const claim = await callOperation(target, "CreateProvisioningClaim", { templateName: "fleet" });
    const client = await connect(claim.certificatePem ?? "", claim.keyPair?.PrivateKey ?? "", clientId);
    for (const topic of [
      "$aws/certificates/create-from-csr/json",
      "$aws/provisioning-templates/fleet/provision/json",
    ]) {
      await client.subscribeAsync([topic, `${topic}/accepted`, `${topic}/rejected`], { qos: 1 });
    }
    return client;
  };
  const [one, other] = [await newClaim("line-1"), await newClaim("line-2")];
  const overheard: string[] = [];
  other.on("message", (topic) => overheard.push(topic));
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const subject = nameFromAttributes([["CN", "chip"]]);
  const certificateSigningRequest = csrToPem(await createCsr({ subject, signer: nodeSigner(privateKey) }));
  const created = await ask(one, "$aws/certificates/create-from-csr/json", { certificateSigningRequest });
  assert.equal(created.topic, "$aws/certificates/create-from-csr/json/accepted");
  const { certificateOwnershipToken, certificatePem = "" } = created.body;
  const provision = "$aws/provisioning-templates/fleet/provision/json";
  const refused = await ask(one, provision, { certificateOwnershipToken, parameters: {} });
  assert.deepEqual([refused.topic, refused.body["statusCode"]], [`${provision}/rejected`, 400]);
  const done = await ask(one, provision, { certificateOwnershipToken, parameters: { SerialNumber: "SN-1" } });
  assert.deepEqual(done, {
    topic: `${provision}/accepted`,
    body: { deviceConfiguration: { interval: "60" }, thingName: "SN-1" },
  });
  const device = await connect(certificatePem, privateKey.export({ format: "pem", type: "pkcs8" }), "SN-1");
  await device.publishAsync("telemetry/SN-1", "1", { qos: 1 });
  const wrong = await ask(other, provision, {});
  assert.deepEqual([wrong.topic, overheard], [`${provision}/rejected`, [`${provision}/rejected`]]);
  const { principals } = await callOperation(target, "ListThingPrincipals", { thingName: "SN-1" });
  assert.equal(principals.length, 1);
});
