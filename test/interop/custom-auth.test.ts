/** Custom authorizers in the data plane: AWS's device SDK over MQTT and WebSocket, mosquitto's client, curl. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { test, type TestContext } from "node:test";

import { iot, mqtt5 } from "aws-iot-device-sdk-v2";
import { zipSync } from "fflate";

import { deviceWorld } from "./device-world.ts";
import { requirePeer } from "./peers.ts";

/** Lets in who says "open sesame" or whose token says so, as `dev`, for topics below its client id. */
const HANDLER = `exports.handler = async ({ token, signatureVerified, protocolData: { mqtt = {} } }) => ({
  isAuthenticated:
    Buffer.from(mqtt.password ?? "", "base64").toString() === "open sesame" || (signatureVerified && token === "t+1/="),
  principalId: "dev",
  policyDocuments: [{ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "iot:*", Resource: "*" }] }],
  disconnectAfterInSeconds: 3600,
  refreshAfterInSeconds: 300,
});`;
const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const TOKEN = "t+1/=";
const SIGNATURE = sign("sha256", Buffer.from(TOKEN), privateKey).toString("base64");

async function world(t: TestContext) {
  const it = await deviceWorld(t);
  const { FunctionArn } = await it.call("CreateFunction", {
    FunctionName: "auth",
    Runtime: "nodejs22.x",
    Role: "arn:aws:iam::123456789012:role/r",
    Handler: "index.handler",
    Code: { ZipFile: zipSync({ "index.js": new TextEncoder().encode(HANDLER) }) },
  });
  const permission = { StatementId: "s", Action: "lambda:InvokeFunction", Principal: "iot.amazonaws.com" };
  await it.call("AddPermission", { FunctionName: "auth", ...permission });
  const common = { authorizerFunctionArn: FunctionArn, status: "ACTIVE" } as const;
  await it.call("CreateAuthorizer", { authorizerName: "open", ...common, signingDisabled: true });
  const tokenSigningPublicKeys = { k: publicKey.export({ format: "pem", type: "spki" }) };
  const keys = { tokenKeyName: "tok", tokenSigningPublicKeys };
  await it.call("CreateAuthorizer", { authorizerName: "signed", ...common, ...keys });
  return it;
}

/** Connects AWS's client; gives the reason code of CONNACK. */
async function reasonOf(builder: iot.AwsIotMqtt5ClientConfigBuilder, port: number, ca: string): Promise<number> {
  const client = new mqtt5.Mqtt5Client(
    builder
      .withCertificateAuthorityFromPath(undefined, ca)
      .withPort(port)
      .withConnectProperties({ clientId: "dev1", keepAliveIntervalSeconds: 60 })
      .build(),
  );
  const done = Promise.race([once(client, "connectionSuccess"), once(client, "connectionFailure")]);
  client.start();
  try {
    const [{ connack, error }] = (await done) as [{ connack?: mqtt5.ConnackPacket; error?: Error }];
    return connack?.reasonCode ?? assert.fail(String(error));
  } finally {
    const stopped = once(client, "stopped");
    client.stop();
    await stopped;
    client.close();
  }
}

test("AWS's device SDK comes in by custom authorizer, over MQTT by ALPN, on 8883's listener, and by WebSocket", async (t) => {
  const { cloud, port, files } = await world(t);
  const secret = { authorizerName: "open", username: "dev", password: Buffer.from("open sesame") };
  const signed = {
    authorizerName: "signed",
    tokenKeyName: "tok",
    tokenValue: encodeURIComponent(TOKEN),
    username: "d",
  };
  const { AwsIotMqtt5ClientConfigBuilder: Builder } = iot;
  const direct = (config: iot.MqttConnectCustomAuthConfig) =>
    Builder.newDirectMqttBuilderWithCustomAuth("localhost", config);
  const socket = (config: iot.MqttConnectCustomAuthConfig) =>
    Builder.newWebsocketMqttBuilderWithCustomAuth("localhost", config);
  assert.equal(await reasonOf(direct(secret), port, files.ca), 0);
  assert.equal(await reasonOf(direct(secret), cloud.mqtt.port, files.ca), 0);
  assert.equal(await reasonOf(direct({ ...signed, tokenSignature: SIGNATURE }), port, files.ca), 0);
  assert.equal(await reasonOf(socket(secret), port, files.ca), 0);
  const encoded = encodeURIComponent(SIGNATURE);
  assert.equal(await reasonOf(socket({ ...signed, tokenSignature: encoded }), port, files.ca), 0);
  const wrong = { ...secret, password: Buffer.from("sesame") };
  assert.equal(await reasonOf(direct(wrong), port, files.ca), mqtt5.ConnectReasonCode.NotAuthorized);
  assert.equal(await reasonOf(socket(wrong), port, files.ca), mqtt5.ConnectReasonCode.NotAuthorized);
  const forged = { ...signed, tokenSignature: SIGNATURE.replace(/^./, (c) => (c === "A" ? "B" : "A")) };
  assert.equal(await reasonOf(direct(forged), port, files.ca), mqtt5.ConnectReasonCode.NotAuthorized);
  const causes = cloud.ledger.events({ kinds: ["refusal"] }).map((event) => event.kind === "refusal" && event.cause);
  assert.deepEqual(new Set(causes), new Set(["authorizer-denied", "authorizer-signature"]));
});

test("curl publishes over HTTPS with an authorizer's token in headers, and is told why where it is refused", async (t) => {
  if (!requirePeer(t, "curl")) return;
  const { port, files } = await world(t);
  const curl = (...headers: readonly string[]) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      const args = ["-sS", "--cacert", files.ca, "-d", "x", ...headers.flatMap((header) => ["-H", header])];
      execFile("curl", [...args, `https://localhost:${port}/topics/a%2Fb?qos=1`], (error, stdout) =>
        error ? reject(error) : resolve(JSON.parse(stdout) as Record<string, unknown>),
      );
    });
  const named = "x-amz-customauthorizer-name: signed";
  const good = await curl(named, `x-amz-customauthorizer-signature: ${SIGNATURE}`, `tok: ${TOKEN}`);
  assert.equal(good["message"], "OK");
  const other = await curl(named, `x-amz-customauthorizer-signature: ${SIGNATURE}`, "tok: another");
  assert.equal(other["cause"], "authorizer-signature");
  assert.equal((await curl("x-amz-customauthorizer-name: nobody"))["cause"], "authorizer-unknown");
});

test("mosquitto_pub comes in by an authorizer that its user name tells", async (t) => {
  if (!requirePeer(t, "mosquitto_pub")) return;
  const { cloud, files } = await world(t);
  const publish = (password: string) =>
    new Promise<number>((resolve) => {
      const to = ["-h", "localhost", "-p", String(cloud.mqtt.port), "--cafile", files.ca, "-i", "dev1"];
      const who = ["-u", "dev?x-amz-customauthorizer-name=open", "-P", password];
      execFile("mosquitto_pub", [...to, ...who, "-q", "1", "-t", "a/b", "-m", "x"], { timeout: 20_000 }, (error) =>
        resolve(error ? 1 : 0),
      );
    });
  assert.deepEqual([await publish("open sesame"), await publish("wrong")], [0, 1]);
});

test("a domain's default authorizer decides where a client names none: AWS's device SDK over MQTT and WebSocket, curl", async (t) => {
  if (!requirePeer(t, "curl")) return;
  const { cloud, port, files, call } = await world(t);
  const secret = { username: "dev", password: Buffer.from("open sesame") };
  const { AwsIotMqtt5ClientConfigBuilder: Builder } = iot;
  const direct = (config: iot.MqttConnectCustomAuthConfig) =>
    Builder.newDirectMqttBuilderWithCustomAuth("localhost", config);
  const nobody = await reasonOf(direct(secret), port, files.ca);
  assert.equal(nobody, mqtt5.ConnectReasonCode.NotAuthorized);
  const authorizerConfig = { defaultAuthorizerName: "open", allowAuthorizerOverride: false };
  const domain = { domainConfigurationName: "d", domainName: "localhost" };
  await call("CreateDomainConfiguration", { ...domain, authorizerConfig });
  assert.equal(await reasonOf(direct(secret), port, files.ca), 0);
  assert.equal(await reasonOf(direct(secret), cloud.mqtt.port, files.ca), 0);
  const socket = Builder.newWebsocketMqttBuilderWithCustomAuth("localhost", secret);
  assert.equal(await reasonOf(socket, port, files.ca), 0);
  const wrong = { ...secret, password: Buffer.from("sesame") };
  assert.equal(await reasonOf(direct(wrong), port, files.ca), mqtt5.ConnectReasonCode.NotAuthorized);
  const signed = { authorizerName: "signed", tokenKeyName: "tok", tokenValue: encodeURIComponent(TOKEN) };
  const other = direct({ ...signed, tokenSignature: SIGNATURE, username: "d" });
  assert.equal(await reasonOf(other, port, files.ca), mqtt5.ConnectReasonCode.NotAuthorized);
  const causes = cloud.ledger.events({ kinds: ["refusal"] }).map((event) => event.kind === "refusal" && event.cause);
  assert.ok(causes.includes("authorizer-denied") && causes.includes("authorizer-not-allowed"), String(causes));
  const named = { domainConfigurationName: "d", authorizerConfig: { defaultAuthorizerName: "signed" } };
  await call("UpdateDomainConfiguration", named);
  const publish = (...headers: readonly string[]) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      const args = ["-sS", "--cacert", files.ca, "-d", "x", ...headers.flatMap((header) => ["-H", header])];
      execFile("curl", [...args, `https://localhost:${port}/topics/a?qos=1`], (error, stdout) =>
        error ? reject(error) : resolve(JSON.parse(stdout) as Record<string, unknown>),
      );
    });
  const good = await publish(`x-amz-customauthorizer-signature: ${SIGNATURE}`, `tok: ${TOKEN}`);
  assert.equal(good["message"], "OK");
  assert.equal((await publish(`tok: ${TOKEN}`))["cause"], "authorizer-signature");
  assert.equal((await publish())["cause"], "authorizer-signature");
});
