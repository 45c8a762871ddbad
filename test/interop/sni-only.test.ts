/** Multi-account registration as AWS's tools and mosquitto do it: no proof of possession, and SNI tells the account. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import type { OperationInput, OperationName } from "../../src/cloud/operations/index.ts";
import { callOperation } from "../../src/cloud/api/node-client.ts";
import { startCloud } from "../../src/cloud/node.ts";
import { requirePeer } from "./peers.ts";

/** CONNECT of MQTT 5 with client id dev1. */
const CONNECT = Uint8Array.from(Buffer.from("101100044d5154540502003c00000464657631", "hex"));

test("T-23 the AWS CLI registers a CA in SNI_ONLY mode; devices come in by name with their leaf alone, and not without it", async (t) => {
  for (const peer of ["aws", "openssl", "mosquitto_pub"]) if (!requirePeer(t, peer)) return;
  const directory = mkdtempSync(join(tmpdir(), "hawser-sni-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const listen = { host: "127.0.0.1", apiPort: 0, mqttPort: 0, serverNames: ["iot.example"] };
  const cloud = await startCloud({ directory: join(directory, "data"), ...listen });
  t.after(() => cloud.close());
  const { accessKeyId, secretAccessKey } = cloud.accessKey;
  const keys = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  const env = { ...process.env, ...keys, AWS_DEFAULT_REGION: cloud.account.region, AWS_EC2_METADATA_DISABLED: "true" };
  const run = (program: string, line: string) =>
    new Promise<{ ok: boolean; text: string }>((resolve) => {
      const child = execFile(program, line.split(" "), { cwd: directory, env, timeout: 20_000 }, (error, out, err) =>
        resolve({ ok: !error, text: out + err }),
      );
      child.stdin?.end();
    });
  const aws = async (line: string) => {
    const { ok, text } = await run("aws", `--endpoint-url ${cloud.api} --output text iot ${line}`);
    assert.ok(ok, text);
    return text.trim();
  };
  const newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
  await run("openssl", `req -x509 ${newKey} -keyout ca.key -subj /CN=SharedCA -days 30 -out ca.pem`);
  await run("openssl", `req -new ${newKey} -keyout device.key -subj /CN=dev1 -out device.csr`);
  await run("openssl", "x509 -req -in device.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out device.pem");

  const registration = "register-ca-certificate --ca-certificate file://ca.pem --certificate-mode SNI_ONLY";
  const proven = `--endpoint-url ${cloud.api} iot ${registration} --verification-certificate file://ca.pem`;
  assert.match((await run("aws", proven)).text, /InvalidRequestException.*verificationCertificate must be absent/);
  const more = "--set-as-active --allow-auto-registration --query certificateId";
  const caId = await aws(`${registration} ${more}`);
  const mode = "--query certificateDescription.certificateMode";
  assert.equal(await aws(`describe-ca-certificate --certificate-id ${caId} ${mode}`), "SNI_ONLY");

  const refusals = () => cloud.ledger.events({ kinds: ["refusal"] });
  /** openssl asks for this server name, or for none, says CONNECT, and shows what comes back. */
  const connect = async (name: string) => {
    const before = refusals().length;
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = cloud.ledger.subscribe((event) => event.kind === "refusal" && resolve());
    const session = `s_client -connect 127.0.0.1:${cloud.mqtt.port} -cert device.pem -key device.key -quiet ${name}`;
    const client = spawn("openssl", session.split(" "), { cwd: directory, stdio: ["pipe", "ignore", "ignore"] });
    client.stdin.write(CONNECT);
    await promise;
    end();
    client.kill();
    return refusals().slice(before);
  };
  for (const name of ["-noservername", "-servername other.example"]) {
    const [refusal] = await connect(name);
    assert.ok(refusal?.kind === "refusal");
    assert.deepEqual([refusal.cause, refusal.clientId], ["sni-required", "dev1"]);
  }
  const target = { endpoint: cloud.api, region: cloud.account.region, credentials: cloud.accessKey };
  const call = <Name extends OperationName>(name: Name, input: OperationInput<Name>) =>
    callOperation(target, name, input);
  const devices = async () => (await call("ListCertificatesByCA", { caCertificateId: caId })).certificates;
  assert.deepEqual(await devices(), []);
  const [first] = await connect("-servername iot.example");
  assert.ok(first?.kind === "refusal" && first.cause !== "sni-required");
  const [device] = await devices();
  assert.ok(device);
  const { certificateId, certificateArn } = device;
  const { certificateDescription } = await call("DescribeCertificate", { certificateId });
  const { status, certificateMode } = certificateDescription;
  assert.deepEqual([status, certificateMode], ["PENDING_ACTIVATION", "SNI_ONLY"]);
  const policyDocument = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}';
  await call("CreatePolicy", { policyName: "all", policyDocument });
  await call("AttachPolicy", { policyName: "all", target: certificateArn });
  await call("UpdateCertificate", { certificateId, newStatus: "ACTIVE" });
  const client = `--cafile ${cloud.caFile} --cert device.pem --key device.key -p ${cloud.mqtt.port} -q 1 -t a/b -i dev1 -m x`;
  const published = await run("mosquitto_pub", `${client} -h localhost`);
  assert.ok(published.ok, published.text);
  const [without] = await connect("-noservername");
  assert.ok(without?.kind === "refusal" && without.cause === "sni-required");
});
