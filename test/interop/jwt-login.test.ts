/** AN-7648: TLS authenticates the server, a token the device; mosquitto and curl carry tokens that jose signs. */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { SignJWT } from "jose";
import { connectAsync, type IDisconnectPacket } from "mqtt";

import { finished, hawser, words } from "../../scripts/programs.ts";
import { apiAccess } from "../../src/cli/api-access.ts";
import { requirePeer } from "./peers.ts";

test("MQ-20 MQ-21 MQ-22 MQ-23 MQ-27 MQ-44 MQ-45 a device without a client certificate logs in by token, to MQTT and to HTTPS", async (t) => {
  for (const peer of ["openssl", "mosquitto_pub", "curl"]) if (!requirePeer(t, peer)) return;
  const directory = mkdtempSync(join(tmpdir(), "hawser-jwt-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const openssl = (line: string) => void execFileSync("openssl", line.split(" "), { cwd: directory, stdio: "pipe" });
  const run = (argv: readonly string[]) => finished(hawser([...argv, "--json"], { cwd: directory }));
  const typed = (program: string, args: readonly string[]) =>
    new Promise<{ status: number; output: string }>((resolve) => {
      execFile(program, args, { cwd: directory, timeout: 20_000 }, (error, stdout, stderr) => {
        resolve({ status: error ? Number(error.code ?? 1) : 0, output: stdout + stderr });
      });
    });
  const cloud = hawser(words`up --data cloud --api-port 0 --mqtt-port 0 --https-port 0 --json`, { cwd: directory });
  t.after(() => cloud.stop("SIGKILL"));
  const facts = await cloud.json<{ mqtt: string; https: readonly string[]; caFile: string }>({ event: "listening" });

  openssl("ecparam -genkey -name prime256v1 -noout -out ca.key");
  openssl("req -x509 -new -key ca.key -sha256 -subj /CN=JWT_CA -days 30 -out cert_CA.pem");
  openssl("ecparam -genkey -name prime256v1 -noout -out device.key");
  openssl("req -new -key device.key -subj /CN=EXAMPLE_DEVICE -out device.csr");
  openssl("x509 -req -in device.csr -CA cert_CA.pem -CAkey ca.key -CAcreateserial -days 30 -sha256 -out csr_cert.pem");
  await run(words`cloud registry create sensors --ca cert_CA.pem --data cloud`);
  const listed = await run(words`cloud registry list --data cloud`);
  assert.match(listed.join(), /"registryName":"sensors".*"caSubjects":\["CN=JWT_CA"\]/);

  const awsOf = (argv: readonly string[]) =>
    finished(hawser(["aws", "--data", "cloud", "--", ...argv], { cwd: directory }));
  const aws = (line: string) => awsOf(line.split(" "));
  const registered = await aws(
    "iot register-certificate-without-ca --certificate-pem file://csr_cert.pem --status ACTIVE",
  );
  const { certificateArn } = JSON.parse(registered.join("")) as { certificateArn: string };
  await aws("iot create-thing --thing-name EXAMPLE_DEVICE");
  await aws(`iot attach-thing-principal --thing-name EXAMPLE_DEVICE --principal ${certificateArn}`);
  const { call } = apiAccess({ data: join(directory, "cloud") });
  const policyDocument = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}`;
  await call("CreatePolicy", { policyName: "any", policyDocument });
  await call("AttachPolicy", { policyName: "any", target: certificateArn });

  const key = createPrivateKey(readFileSync(join(directory, "device.key")));
  const now = Math.floor(Date.now() / 1000);
  const token = (aud: string, sub: string, exp = now + 600) =>
    new SignJWT({ aud, sub, iat: now, exp }).setProtectedHeader({ alg: "ES256" }).sign(key);
  const good = await token("sensors", "EXAMPLE_DEVICE");
  const port = facts.mqtt.slice(facts.mqtt.lastIndexOf(":") + 1);
  const publish = (password: string) =>
    typed("mosquitto_pub", [
      ...words`--cafile ${facts.caFile} -h localhost -p ${port} -i EXAMPLE_DEVICE -u unused -P ${password}`,
      ...words`-q 1 -t a/b -m hello`,
    ]);
  const accepted = await publish(good);
  assert.equal(accepted.status, 0, accepted.output);
  const elsewhere = await publish(await token("elsewhere", "EXAMPLE_DEVICE"));
  assert.notEqual(elsewhere.status, 0);
  await cloud.line(/"event":"refusal","cause":"jwt-audience"/);
  const [answer = ""] = await run(words`why EXAMPLE_DEVICE --data cloud`);
  assert.match(answer, /jwt-audience.*registries.*sensors/s);

  const [https = ""] = facts.https;
  const post = (credential: string) =>
    typed("curl", [
      ...words`-sS --cacert ${facts.caFile} --data x -H`,
      `Authorization: Bearer ${credential}`,
      `${https}/topics/a/b?qos=1`,
    ]);
  assert.match((await post(good)).output, /"message":"OK"/);
  assert.match((await post(`${good.slice(0, -8)}AAAAAAAA`)).output, /"cause":"jwt-signature"/);

  // A session ends with its token; the client hears why.
  const exp = Math.floor(Date.now() / 1000) + 2;
  const client = await connectAsync(`mqtts://localhost:${port}`, {
    ca: readFileSync(facts.caFile),
    clientId: "EXAMPLE_DEVICE",
    username: "unused",
    password: await token("sensors", "EXAMPLE_DEVICE", exp),
    protocolVersion: 5,
    reconnectPeriod: 0,
  });
  const packet = await new Promise<IDisconnectPacket>((resolve) => client.once("disconnect", resolve));
  t.diagnostic(`F-16: closed ${Date.now() - exp * 1000} ms after the token's end`);
  assert.equal(packet.reasonCode, 0x87);
  assert.equal(packet.properties?.reasonString, "jwt-expired");
  assert.ok(Date.now() >= exp * 1000, "not before its end");
  await client.endAsync(true);
  await cloud.stop();
});
