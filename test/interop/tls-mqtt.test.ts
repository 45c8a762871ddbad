/** MQTT.js over our stream, against mosquitto with TLS and client certificates. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { MqttClient } from "mqtt";

import { chipOperations, type ChipOperation } from "../../src/agent/node.ts";
import { nodeSe05xCrypto } from "../../src/chip/node.ts";
import { Se05xChip } from "../../src/chip/se05x/index.ts";
import { SeededEntropy } from "../../src/crypto/index.ts";
import { nodeClock, nodeHash } from "../../src/crypto/node.ts";
import { localTransport } from "../../src/host/index.ts";
import { Se05x } from "../../src/host/se05x/index.ts";
import { connect, open, type ConnectOptions } from "../../src/tls/node.ts";
import { chainPem, keyPem, newHierarchy } from "../tls/hierarchy.ts";
import { requirePeer } from "./peers.ts";

async function startMosquitto(t: TestContext, hierarchy: Awaited<ReturnType<typeof newHierarchy>>): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "hawser-mosquitto-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const server = await hierarchy.server();
  writeFileSync(join(folder, "cert.pem"), chainPem(server.chain));
  writeFileSync(join(folder, "key.pem"), keyPem(server.key));
  writeFileSync(join(folder, "ca.pem"), chainPem([hierarchy.root.certificate.der]));
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, "close");
  const settings = [
    // Started by root, it would become a user who may not read these files; otherwise this line changes nothing.
    "user root",
    `listener ${port} 127.0.0.1`,
    `certfile ${folder}/cert.pem`,
    `keyfile ${folder}/key.pem`,
    `cafile ${folder}/ca.pem`,
    "require_certificate true",
    "use_identity_as_username true",
    "tls_version tlsv1.2",
  ];
  writeFileSync(join(folder, "mosquitto.conf"), `${settings.join("\n")}\n`);
  const child = spawn("mosquitto", ["-v", "-c", join(folder, "mosquitto.conf")], { stdio: ["ignore", "pipe", "pipe"] });
  t.after(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null) await once(child, "exit");
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => (output += String(bytes)));
  child.once("exit", () => (output += "ended"));
  while (!output.includes("running")) {
    assert.ok(!output.includes("ended"), output);
    await Promise.race([once(child.stdout, "data"), once(child.stderr, "data"), once(child, "exit")]);
  }
  return port;
}

test("AW-01 OE-02 MQTT.js publishes and receives over our stream through mosquitto", { timeout: 20_000 }, async (t) => {
  if (!requirePeer(t, "mosquitto")) return;
  const hierarchy = await newHierarchy();
  const port = await startMosquitto(t, hierarchy);
  const device = await hierarchy.device();
  const options: ConnectOptions = {
    host: "127.0.0.1",
    port,
    servername: "localhost",
    ca: [hierarchy.root.certificate.der],
    certificate: device.chain,
    signer: device.signer,
  };
  const connected = await connect(options);
  const subscriber = new MqttClient(() => connected, { clientId: "subscriber", reconnectPeriod: 0 });
  const publisher = new MqttClient(() => open(options), { clientId: "publisher", reconnectPeriod: 0 });
  await subscriber.subscribeAsync("plant/+", { qos: 1 });
  const received: string[] = [];
  const all = new Promise<void>((resolve) => {
    subscriber.on("message", (topic, payload) => {
      received.push(`${topic} ${payload.toString()}`);
      if (received.length === 10) resolve();
    });
  });
  for (let i = 0; i < 10; i++) await publisher.publishAsync("plant/1", `reading ${i}`, { qos: 1 });
  await all;
  assert.deepEqual(
    received,
    Array.from({ length: 10 }, (_, i) => `plant/1 reading ${i}`),
  );
  await Promise.all([publisher.endAsync(), subscriber.endAsync()]);
});

test("A5-22 A5-28 A5-30 A5-35 a device publishes through mosquitto, its A5000 doing every operation of the handshake", async (t) => {
  if (!requirePeer(t, "mosquitto")) return;
  const hierarchy = await newHierarchy();
  const port = await startMosquitto(t, hierarchy);
  const entropy = new SeededEntropy(nodeHash, "mosquitto");
  const part = await Se05xChip.open({ model: "a5000", crypto: nodeSe05xCrypto, entropy, clock: nodeClock });
  const element = await Se05x.open(localTransport(part), { hash: nodeHash, clock: nodeClock });
  const certificate = await hierarchy.deviceFor(await element.generateKeyPair(0));
  const operations = new Set<ChipOperation>(["random", "key-share", "premaster", "master", "sign", "verify", "chain"]);
  const stream = await connect({
    host: "127.0.0.1",
    port,
    servername: "localhost",
    ca: [hierarchy.root.certificate.der],
    certificate,
    signer: await element.signer(0),
    ...chipOperations({ element, operations, agreementSlot: 3, clock: nodeClock }),
  });
  assert.equal(stream.facts.protocol, "TLSv1.2");
  const client = new MqttClient(() => stream, { clientId: "a5000", reconnectPeriod: 0 });
  await client.subscribeAsync("plant/+", { qos: 1 });
  const received = new Promise<string>((resolve) =>
    client.once("message", (_, payload) => resolve(payload.toString())),
  );
  await client.publishAsync("plant/a5000", "reading", { qos: 1 });
  assert.equal(await received, "reading");
  await client.endAsync();
});
