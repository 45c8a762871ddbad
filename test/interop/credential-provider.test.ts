/** The credential provider: curl trades a certificate, and aws, AWS's device SDK and MQTT.js use what it gets. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { SignatureV4 } from "@smithy/signature-v4";
import { auth, iot, mqtt5 } from "aws-iot-device-sdk-v2";
import { connectAsync } from "mqtt";
import { WebSocket } from "ws";

import { sha256Of } from "../../src/cloud/api/client.ts";
import { callOperation } from "../../src/cloud/api/node-client.ts";
import type { OperationInput, OperationName } from "../../src/cloud/operations/index.ts";
import { startCloud } from "../../src/cloud/node.ts";
import { nodeClock, nodeHash } from "../../src/crypto/node.ts";
import { requirePeer } from "./peers.ts";

const POLICY = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Action: ["iot:Connect", "iot:Subscribe", "iot:Receive"], Resource: "*" },
    { Effect: "Allow", Action: "iot:Publish", Resource: "arn:aws:iot:*:*:topic/allowed/*" },
    { Effect: "Allow", Action: "iot:AssumeRoleWithCertificate", Resource: "arn:aws:iot:*:*:rolealias/camera" },
  ],
});

type Credentials = { accessKeyId: string; secretAccessKey: string; sessionToken: string; expiration: string };
type World = Awaited<ReturnType<typeof world>>;

async function world(t: TestContext, clock = nodeClock) {
  const folder = mkdtempSync(join(tmpdir(), "hawser-credentials-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const options = { host: "127.0.0.1", apiPort: 0, mqttPort: 0, httpsPorts: [0], serverNames: [], clock };
  const start = () => startCloud({ ...options, directory: join(folder, "cloud") });
  let cloud = await start();
  t.after(() => cloud.close());
  const call = <Name extends OperationName>(name: Name, input: OperationInput<Name>) => {
    const target = { endpoint: cloud.api, region: cloud.account.region, credentials: cloud.accessKey };
    return callOperation(target, name, input);
  };
  const device = await call("CreateKeysAndCertificate", { setAsActive: true });
  await call("CreatePolicy", { policyName: "device", policyDocument: POLICY });
  await call("AttachPolicy", { policyName: "device", target: device.certificateArn });
  await call("CreateRoleAlias", { roleAlias: "camera", roleArn: "arn:aws:iam::123456789012:role/any" });
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  writeFileSync(files.cert, device.certificatePem);
  writeFileSync(files.key, device.keyPair.PrivateKey, { mode: 0o600 });
  return {
    call,
    device,
    files,
    folder,
    get cloud() {
      return cloud;
    },
    get port() {
      return cloud.httpsPorts[0] ?? 0;
    },
    async restart() {
      await cloud.close();
      cloud = await start();
    },
  };
}

function run(program: string, args: readonly string[], env = process.env): Promise<{ failed: boolean; out: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { env, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ failed: error !== null, out: `${stdout}${stderr}` }),
    );
  });
}

async function obtain({ cloud, files, port }: World): Promise<Credentials> {
  const own = ["--cacert", cloud.caFile, "--cert", files.cert, "--key", files.key];
  const { out } = await run("curl", ["-sS", ...own, `https://localhost:${port}/role-aliases/camera/credentials`]);
  return (JSON.parse(out) as { credentials: Credentials }).credentials;
}

test("AWS's device SDK connects over a WebSocket that it signs with temporary credentials", async (t) => {
  if (!requirePeer(t, "curl")) return;
  const it = await world(t);
  const { accessKeyId, secretAccessKey, sessionToken } = await obtain(it);
  const builder = iot.AwsIotMqtt5ClientConfigBuilder.newWebsocketMqttBuilderWithSigv4Auth("localhost", {
    credentialsProvider: auth.AwsCredentialsProvider.newStatic(accessKeyId, secretAccessKey, sessionToken),
    region: it.cloud.account.region,
  });
  builder.withCertificateAuthorityFromPath(undefined, it.cloud.caFile).withPort(it.port);
  const client = new mqtt5.Mqtt5Client(builder.build());
  const connected = once(client, "connectionSuccess");
  const failed = once(client, "connectionFailure").then(([{ error }]) => assert.fail(String(error)));
  client.start();
  await Promise.race([connected, failed]);
  failed.catch(() => undefined);
  const puback = await client.publish({ topicName: "allowed/sdk", payload: "x", qos: mqtt5.QoS.AtLeastOnce });
  assert.equal(puback?.reasonCode, mqtt5.PubackReasonCode.Success);
  const stopped = once(client, "stopped");
  client.stop();
  await stopped;
  client.close();
});

/** Runs aws with temporary credentials, against the control plane or the HTTPS listener. */
function aws({ cloud, folder }: World, keys: Credentials, endpoint: string, ...args: readonly string[]) {
  return run("aws", [...args, "--endpoint-url", endpoint], {
    PATH: process.env["PATH"],
    HOME: folder,
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    AWS_SESSION_TOKEN: keys.sessionToken,
    AWS_DEFAULT_REGION: cloud.account.region,
    AWS_CA_BUNDLE: cloud.caFile,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_PAGER: "",
  });
}

test("curl gets credentials for a certificate: aws publishes with them as the device may, and lists nothing", async (t) => {
  if (!requirePeer(t, "curl") || !requirePeer(t, "aws")) return;
  const it = await world(t);
  const keys = await obtain(it);
  const https = `https://localhost:${it.port}`;
  const publish = (endpoint: string, topic: string) =>
    aws(it, keys, endpoint, "iot-data", "publish", "--topic", topic, "--payload", "e30=");
  const allowed = await publish(https, "allowed/camera");
  assert.equal(allowed.failed, false, allowed.out);
  const denied = await publish(https, "elsewhere");
  assert.match(denied.out, /\(ForbiddenException\).*No attached policy allows iot:Publish on this topic/);
  const listed = await aws(it, keys, it.cloud.api, "iot", "list-things");
  assert.match(
    listed.out,
    /\(AccessDeniedException\).*not authorized to perform ListThings with temporary credentials/,
  );
  const who = await aws(it, keys, it.cloud.api, "sts", "get-caller-identity", "--query", "Arn", "--output", "text");
  assert.equal(who.out.trim(), it.device.certificateArn);
  await it.restart();
  const after = await publish(it.cloud.api, "allowed/camera");
  assert.equal(after.failed, false, `after a restart: ${after.out}`);
  await it.call("UpdateCertificate", { certificateId: it.device.certificateId, newStatus: "REVOKED" });
  assert.match((await publish(it.cloud.api, "allowed/camera")).out, /\(ForbiddenException\).*revoked/i);
});

/** A WebSocket's URL; AWS's SDKs append the token after signing, other signers sign it. */
async function signedUrl({ cloud, port }: World, keys: Credentials, isTokenSigned: boolean): Promise<string> {
  const { accessKeyId, secretAccessKey, sessionToken } = keys;
  const credentials = isTokenSigned ? { accessKeyId, secretAccessKey, sessionToken } : { accessKeyId, secretAccessKey };
  const { region } = cloud.account;
  const signer = new SignatureV4({ credentials, region, service: "iotdevicegateway", sha256: sha256Of(nodeHash) });
  const host = `localhost:${port}`;
  const { query = {} } = await signer.presign(
    { method: "GET", protocol: "wss:", hostname: "localhost", port, path: "/mqtt", query: {}, headers: { host } },
    { expiresIn: 300 },
  );
  const all = { ...query, "X-Amz-Security-Token": sessionToken };
  const pairs = Object.entries(all).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `wss://${host}/mqtt?${pairs.join("&")}`;
}

test("MQTT over WebSocket by a URL signed with temporary credentials is the certificate's session, and ends with it", async (t) => {
  if (!requirePeer(t, "curl")) return;
  const it = await world(t);
  const keys = await obtain(it);
  const ca = readFileSync(it.cloud.caFile);
  const options = { protocolVersion: 5, reconnectPeriod: 0, wsOptions: { ca } } as const;
  const first = await connectAsync(await signedUrl(it, keys, true), { ...options, clientId: "signed" });
  const second = await connectAsync(await signedUrl(it, keys, false), { ...options, clientId: "appended" });
  for (const client of [first, second]) {
    await client.publishAsync("allowed/x", "x", { qos: 1 });
    await assert.rejects(client.publishAsync("elsewhere", "x", { qos: 1 }), /Not authorized/);
  }
  const url = await signedUrl(it, keys, false);
  const [withoutToken = ""] = url.split("&X-Amz-Security-Token");
  const other = await obtain(it);
  for (const each of [withoutToken, `${withoutToken}&X-Amz-Security-Token=${encodeURIComponent(other.sessionToken)}`]) {
    const refused = new WebSocket(each, "mqtt", { ca });
    const [, response] = (await once(refused, "unexpected-response")) as [unknown, IncomingMessage];
    assert.equal(response.statusCode, 403);
    response.resume();
  }
  const closed = [first, second].map((client) => new Promise<void>((resolve) => client.once("close", resolve)));
  await it.call("UpdateCertificate", { certificateId: it.device.certificateId, newStatus: "INACTIVE" });
  await Promise.all(closed);
  await assert.rejects(connectAsync(url, { ...options, clientId: "late" }), /Not authorized|closed|Bad/i);
  const causes = it.cloud.ledger
    .events({ kinds: ["refusal"] })
    .flatMap((each) => (each.kind === "refusal" ? [each.cause] : []));
  assert.deepEqual([...new Set(causes)].sort(), ["certificate-inactive", "policy-denies-publish", "session-token"]);
});

test("a WebSocket ends with the temporary credentials that opened it, and why is in the ledger", async (t) => {
  if (!requirePeer(t, "curl")) return;
  let ahead = 0;
  const ends: (() => void)[] = [];
  const clock: typeof nodeClock = {
    ...nodeClock,
    now: () => nodeClock.now() + ahead,
    after(ms, task) {
      if (ms > 3_500_000 && ms <= 3_600_000) ends.push(task);
      return nodeClock.after(ms, task);
    },
  };
  const it = await world(t, clock);
  const keys = await obtain(it);
  const url = await signedUrl(it, keys, false);
  const wsOptions = { ca: readFileSync(it.cloud.caFile) };
  ends.length = 0;
  const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0, wsOptions, clientId: "late" });
  const closed = new Promise<void>((resolve) => client.once("close", resolve));
  ahead = 3_600_000;
  assert.equal(ends.length, 1);
  ends[0]?.();
  await closed;
  const last = it.cloud.ledger.events({ kinds: ["refusal"] }).at(-1);
  assert.ok(last?.kind === "refusal" && last.cause === "session-expired");
  assert.equal(last.evidence["certificateId"], it.device.certificateId);
});
