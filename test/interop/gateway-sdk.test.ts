/** The listener that tells MQTT, WebSocket and HTTPS apart, met by AWS's device SDK, MQTT.js, mosquitto and curl. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { test, type TestContext } from "node:test";

import { SignatureV4 } from "@smithy/signature-v4";
import { auth, iot, mqtt5 } from "aws-iot-device-sdk-v2";
import { connectAsync } from "mqtt";
import { WebSocket } from "ws";

import { callOperation } from "../../src/cloud/api/node-client.ts";
import type { OperationInput, OperationName } from "../../src/cloud/operations/index.ts";
import { startCloud } from "../../src/cloud/node.ts";
import { sha256Of } from "../../src/cloud/api/client.ts";
import { nodeHash } from "../../src/crypto/node.ts";
import { requirePeer } from "./peers.ts";

const POLICY = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Action: ["iot:Connect", "iot:Subscribe", "iot:Receive"], Resource: "*" },
    { Effect: "Allow", Action: "iot:Publish", Resource: "arn:aws:iot:*:*:topic/allowed/*" },
  ],
});

const WEBSOCKET = { protocolVersion: 5, reconnectPeriod: 0 } as const;

type World = Awaited<ReturnType<typeof world>>;

/** A cloud with an HTTPS listener and one device that is ACTIVE. */
async function world(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "hawser-gateway-"));
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
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem"), ca: cloud.caFile };
  writeFileSync(files.cert, made.certificatePem);
  writeFileSync(files.key, made.keyPair.PrivateKey, { mode: 0o600 });
  return { cloud, port, call, certificateId: made.certificateId, files };
}

/** Resolves with the next message that the cloud accepts on a topic. */
async function published(
  { cloud, files }: World,
  topic: string,
): Promise<{ next: Promise<string>; end: () => Promise<void> }> {
  const client = await connectAsync(`mqtts://localhost:${cloud.mqtt.port}`, {
    cert: readFileSync(files.cert),
    key: readFileSync(files.key),
    ca: readFileSync(files.ca),
    clientId: `listener-${topic.replaceAll("/", "-")}`,
  });
  await client.subscribeAsync(topic, { qos: 1 });
  const next = new Promise<string>((resolve) => client.once("message", (_, payload) => resolve(String(payload))));
  return { next, end: () => client.endAsync() };
}

async function presignedUrl({ cloud, port }: World): Promise<string> {
  const { region } = cloud.account;
  const signer = new SignatureV4({
    credentials: cloud.accessKey,
    region,
    service: "iotdevicegateway",
    sha256: sha256Of(nodeHash),
  });
  const host = `localhost:${port}`;
  const { query } = await signer.presign(
    { method: "GET", protocol: "wss:", hostname: "localhost", port, path: "/mqtt", query: {}, headers: { host } },
    { expiresIn: 300 },
  );
  const pairs = Object.entries(query ?? {}).map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return `wss://${host}/mqtt?${pairs.join("&")}`;
}

/** Connects AWS's client, publishes, and waits for what the cloud says to both. */
async function publishes(config: mqtt5.Mqtt5ClientConfig, topic: string): Promise<mqtt5.PubackReasonCode | undefined> {
  const client = new mqtt5.Mqtt5Client(config);
  const connected = once(client, "connectionSuccess");
  const failed = once(client, "connectionFailure").then(([{ error }]) => {
    throw new Error(String(error));
  });
  client.start();
  try {
    await Promise.race([connected, failed]);
    const puback = await client.publish({ topicName: topic, payload: "hello", qos: mqtt5.QoS.AtLeastOnce });
    return puback?.reasonCode;
  } finally {
    const stopped = once(client, "stopped");
    client.stop();
    await stopped;
    client.close();
    failed.catch(() => undefined);
  }
}

test("AWS's device SDK publishes over 443's ALPN with a certificate, and over a signed WebSocket", async (t) => {
  const it = await world(t);
  const { cloud, port, files } = it;
  const heard = await published(it, "allowed/sdk");
  const direct = iot.AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromPath(
    "localhost",
    files.cert,
    files.key,
  );
  direct.withCertificateAuthorityFromPath(undefined, files.ca).withPort(port);
  assert.equal(await publishes(direct.build(), "allowed/sdk"), mqtt5.PubackReasonCode.Success);
  assert.equal(await heard.next, "hello");
  await heard.end();

  const again = await published(it, "any/websocket");
  const { accessKeyId, secretAccessKey } = cloud.accessKey;
  const signed = iot.AwsIotMqtt5ClientConfigBuilder.newWebsocketMqttBuilderWithSigv4Auth("localhost", {
    credentialsProvider: auth.AwsCredentialsProvider.newStatic(accessKeyId, secretAccessKey),
    region: cloud.account.region,
  });
  signed.withCertificateAuthorityFromPath(undefined, files.ca).withPort(port);
  assert.equal(await publishes(signed.build(), "any/websocket"), mqtt5.PubackReasonCode.Success);
  assert.equal(await again.next, "hello");
  await again.end();
});

test("MQTT.js comes in by a presigned URL; a changed one is refused with its reason, in the ledger too", async (t) => {
  const it = await world(t);
  const options = { ...WEBSOCKET, wsOptions: { ca: readFileSync(it.files.ca) }, clientId: "browser" };
  const url = await presignedUrl(it);
  const client = await connectAsync(url, options);
  await client.publishAsync("anything/at/all", "x", { qos: 1 });
  await client.endAsync();
  const changed = url.replace(/Signature=(.)/, (_, digit: string) => `Signature=${digit === "0" ? "1" : "0"}`);
  const refused = new WebSocket(changed, "mqtt", options.wsOptions);
  const [, response] = (await once(refused, "unexpected-response")) as [unknown, IncomingMessage];
  assert.equal(response.statusCode, 403);
  assert.match(JSON.stringify(await json(response)), /signature we calculated does not match.*"cure":/);
  const [refusal] = it.cloud.ledger.events({ kinds: ["refusal"] });
  assert.ok(refusal?.kind === "refusal" && refusal.cause === "api-signature");
  assert.equal(refusal.evidence["code"], "InvalidSignatureException");
  assert.equal(refusal.evidence["protocol"], "websocket");
});

test("an access key that is switched off ends the rights of the WebSocket that it opened", async (t) => {
  const it = await world(t);
  const second = await it.call("CreateAccessKey", {});
  const world2 = { ...it, cloud: { ...it.cloud, accessKey: second } };
  const ca = readFileSync(it.files.ca);
  const client = await connectAsync(await presignedUrl(world2), {
    ca,
    clientId: "op",
    protocolVersion: 5,
    reconnectPeriod: 0,
  });
  await client.publishAsync("still/allowed", "x", { qos: 1 });
  await it.call("UpdateAccessKey", { accessKeyId: second.accessKeyId, status: "Inactive" });
  await assert.rejects(client.publishAsync("not/allowed", "x", { qos: 1 }), /Not authorized/);
  const causes = it.cloud.ledger.events({ kinds: ["refusal"] }).map((event) => event.kind === "refusal" && event.cause);
  assert.deepEqual(causes, ["api-unknown-key"]);
  await client.endAsync(true);
});

test("curl publishes over HTTPS with a certificate under the device's policies, slashes encoded or not", async (t) => {
  if (!requirePeer(t, "curl")) return;
  const it = await world(t);
  const { port, files } = it;
  const curl = (path: string, ...more: readonly string[]) =>
    new Promise<{ status: number; body: Record<string, unknown> }>((resolve, reject) => {
      const args = [
        "-sS",
        "--tlsv1.2",
        "--cacert",
        files.ca,
        "--request",
        "POST",
        "--data",
        '{"t":1}',
        "-w",
        "\n%{http_code}",
      ];
      execFile("curl", [...args, ...more, `https://localhost:${port}${path}`], (error, stdout) => {
        if (error) return reject(error);
        const at = stdout.lastIndexOf("\n");
        const body = JSON.parse(stdout.slice(0, at)) as Record<string, unknown>;
        return resolve({ status: Number(stdout.slice(at + 1)), body });
      });
    });
  const own = ["--cert", files.cert, "--key", files.key];
  for (const path of ["/topics/allowed/curl?qos=1", "/topics/allowed%2Fcurl?qos=1"]) {
    const heard = await published(it, "allowed/curl");
    const { status, body } = await curl(path, ...own);
    assert.deepEqual([status, body["message"]], [200, "OK"], JSON.stringify(body));
    assert.equal(await heard.next, '{"t":1}');
    await heard.end();
  }
  const denied = await curl("/topics/elsewhere?qos=1", ...own);
  assert.deepEqual([denied.status, denied.body["cause"]], [403, "policy-denies-publish"]);
  assert.match(String(denied.body["cure"]), /Allow iot:Publish .*:topic\/elsewhere/);
  const retained = await curl("/topics/allowed/x?retain=true", ...own);
  assert.equal(retained.body["cause"], "policy-denies-retain");
  assert.equal((await curl("/things", ...own)).status, 501);
  const stranger = await curl("/topics/allowed/curl");
  assert.equal(stranger.status, 403, "neither a certificate nor a signature");
  await it.call("UpdateCertificate", { certificateId: it.certificateId, newStatus: "INACTIVE" });
  const inactive = await curl("/topics/allowed/curl?qos=1", ...own);
  assert.deepEqual([inactive.status, inactive.body["cause"]], [403, "certificate-inactive"]);
});

test("mosquitto_pub reaches MQTT by ALPN on the same port", async (t) => {
  if (!requirePeer(t, "mosquitto_pub")) return;
  const it = await world(t);
  const { port, files } = it;
  const heard = await published(it, "allowed/alpn");
  const args = ["-h", "localhost", "-p", String(port), "--tls-alpn", "x-amzn-mqtt-ca", "--cafile", files.ca];
  const message = ["--cert", files.cert, "--key", files.key, "-q", "1", "-t", "allowed/alpn", "-m", "by alpn"];
  await new Promise<void>((resolve, reject) => {
    execFile("mosquitto_pub", [...args, ...message], { timeout: 20_000 }, (error) =>
      error ? reject(error) : resolve(),
    );
  });
  assert.equal(await heard.next, "by alpn");
  await heard.end();
});
