/** Several accounts behind one port: the same CA in each, and a proxy that passes TLS on by the name that a device asks for. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { generate, parser } from "mqtt-packet";

import { callOperation } from "../../src/cloud/api/node-client.ts";
import { startCloud, type RunningCloud } from "../../src/cloud/node.ts";
import type { OperationInput, OperationName } from "../../src/cloud/operations/index.ts";
import { requirePeer } from "./peers.ts";

const CONNECT = generate({ cmd: "connect", clientId: "dev1", clean: true, keepalive: 60, protocolVersion: 5 });
/** Reason codes of CONNACK. MQTT 5.0, section 3.2.2.2 */
const [SUCCESS, NOT_AUTHORIZED] = [0x00, 0x87];

test("T-23 the same CA is registered in two accounts, and the name that a device asks HAProxy's port for chooses which knows it", async (t) => {
  for (const peer of ["haproxy", "openssl"]) if (!requirePeer(t, peer)) return;
  const directory = mkdtempSync(join(tmpdir(), "hawser-accounts-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
  const openssl = (line: string) => execFileSync("openssl", line.split(" "), { cwd: directory, stdio: "pipe" });
  openssl(`req -x509 ${newKey} -keyout ca.key -subj /CN=SharedCA -days 30 -out ca.pem`);
  openssl(`req -new ${newKey} -keyout device.key -subj /CN=dev1 -out device.csr`);
  openssl("x509 -req -in device.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out device.pem");
  const caCertificate = readFileSync(join(directory, "ca.pem"), "utf8");
  const red = await account(t, join(directory, "red"), { name: "red.iot.example", caCertificate });
  const blue = await account(t, join(directory, "blue"), { name: "blue.iot.example", caCertificate });
  assert.notEqual(red.cloud.account.id, blue.cloud.account.id);
  assert.equal(red.caId, blue.caId);
  await proxy(t, directory, { "red.iot.example": red.cloud.mqtt.port, "blue.iot.example": blue.cloud.mqtt.port });

  const statuses = async () => [await red.statuses(), await blue.statuses()];
  assert.deepEqual(await statuses(), [[], []]);
  assert.equal(await connack(directory, "red.iot.example"), NOT_AUTHORIZED);
  assert.deepEqual(await statuses(), [["PENDING_ACTIVATION"], []]);
  await red.activate();
  assert.equal(await connack(directory, "red.iot.example"), SUCCESS);
  // The other account has never heard of it, and registers it for itself.
  assert.equal(await connack(directory, "blue.iot.example"), NOT_AUTHORIZED);
  assert.deepEqual(await statuses(), [["ACTIVE"], ["PENDING_ACTIVATION"]]);
  await blue.activate();
  assert.equal(await connack(directory, "blue.iot.example"), SUCCESS);
  assert.equal(await connack(directory, "green.iot.example"), undefined);
});

type Account = {
  readonly cloud: RunningCloud;
  readonly caId: string;
  readonly statuses: () => Promise<readonly (string | undefined)[]>;
  readonly activate: () => Promise<void>;
};

/** A cloud of its own under a name of its own, with the CA in SNI_ONLY mode. */
async function account(
  t: TestContext,
  directory: string,
  { name, caCertificate }: { readonly name: string; readonly caCertificate: string },
): Promise<Account> {
  const cloud = await startCloud({ directory, host: "127.0.0.1", apiPort: 0, mqttPort: 0, serverNames: [name] });
  t.after(() => cloud.close());
  const target = { endpoint: cloud.api, region: cloud.account.region, credentials: cloud.accessKey };
  const call = <Name extends OperationName>(operation: Name, input: OperationInput<Name>) =>
    callOperation(target, operation, input);
  const { certificateId: caId } = await call("RegisterCACertificate", {
    caCertificate,
    certificateMode: "SNI_ONLY",
    setAsActive: true,
    allowAutoRegistration: true,
  });
  const devices = async () => (await call("ListCertificatesByCA", { caCertificateId: caId })).certificates;
  return {
    cloud,
    caId,
    statuses: async () => (await devices()).map(({ status }) => status),
    async activate() {
      const [device = assert.fail("nothing is registered")] = await devices();
      const policyDocument = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}';
      await call("CreatePolicy", { policyName: "all", policyDocument });
      await call("AttachPolicy", { policyName: "all", target: device.certificateArn });
      await call("UpdateCertificate", { certificateId: device.certificateId, newStatus: "ACTIVE" });
    },
  };
}

/** HAProxy at a socket in the folder: it looks at the ClientHello, and passes everything on as it came. */
async function proxy(t: TestContext, directory: string, ports: Readonly<Record<string, number>>): Promise<void> {
  const names = Object.entries(ports);
  const config = [
    "defaults",
    "  mode tcp",
    "  timeout connect 5s",
    "  timeout client 1m",
    "  timeout server 1m",
    "frontend devices",
    `  bind unix@${join(directory, "front.sock")}`,
    "  tcp-request inspect-delay 5s",
    "  tcp-request content accept if { req.ssl_hello_type 1 }",
    ...names.map(([name]) => `  use_backend ${name} if { req.ssl_sni -i ${name} }`),
    ...names.flatMap(([name, port]) => [`backend ${name}`, `  server account 127.0.0.1:${port}`]),
  ];
  writeFileSync(join(directory, "haproxy.cfg"), `${config.join("\n")}\n`);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const isThere = () => existsSync(join(directory, "front.sock")) && resolve();
  const watcher = watch(directory, isThere);
  const child = spawn("haproxy", ["-db", "-f", "haproxy.cfg"], { cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (text: Buffer) => (said += text.toString()));
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  child.once("exit", (code) => reject(new Error(`haproxy ended with ${code}: ${said}`)));
  t.after(() => {
    child.kill();
    return ended;
  });
  isThere();
  await promise.finally(() => watcher.close());
}

/** The reason code that a CONNECT under this name is answered with; undefined where the connection just ends. */
async function connack(directory: string, name: string): Promise<number | undefined> {
  const words = `s_client -unix front.sock -cert device.pem -key device.key -quiet -servername ${name}`;
  const client = spawn("openssl", words.split(" "), { cwd: directory, stdio: ["pipe", "pipe", "ignore"] });
  // Where nobody takes it, it is written into a closed pipe.
  client.stdin.on("error", () => undefined);
  client.stdin.write(CONNECT);
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const packets = parser({ protocolVersion: 5 });
  packets.on("packet", (packet) => packet.cmd === "connack" && resolve(packet.reasonCode));
  client.stdout.on("data", (data: Buffer) => packets.parse(data));
  client.once("close", () => resolve(undefined));
  return promise.finally(() => client.kill());
}
