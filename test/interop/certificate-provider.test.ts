/** A certificate provider in the fleet: MQTT.js asks with a claim and a CSR, and gets what openssl signed in the OEM's CA. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { zipSync } from "fflate";
import mqtt, { type MqttClient } from "mqtt";

import { deviceWorld } from "./device-world.ts";
import { requirePeer } from "./peers.ts";

const TOPIC = "$aws/certificates/create-from-csr/json";
const PROVISION = "$aws/provisioning-templates/fleet/provision/json";
const ROLE = "arn:aws:iam::123456789012:role/r";
const TEMPLATE = JSON.stringify({
  Parameters: { Serial: { Type: "String" }, "AWS::IoT::Certificate::Id": { Type: "String" } },
  Resources: {
    thing: { Type: "AWS::IoT::Thing", Properties: { ThingName: { Ref: "Serial" } } },
    certificate: { Type: "AWS::IoT::Certificate", Properties: { CertificateId: { Ref: "AWS::IoT::Certificate::Id" } } },
    policy: { Type: "AWS::IoT::Policy", Properties: { PolicyName: "device" } },
  },
});
/** Answers the certificate that lies in its environment, and keeps what it was asked in its log. */
const HANDLER = `exports.handler = async (event) => {
  console.log(JSON.stringify(Object.keys(event).sort()));
  return { certificatePem: process.env.PEM };
};`;

test("a device with a claim gets by CSR what the account's certificate provider signed, and connects with it", async (t: TestContext) => {
  if (!requirePeer(t, "openssl")) return;
  const { cloud, call, folder } = await deviceWorld(t);
  const openssl = (line: string) => execFileSync("openssl", line.split(" "), { cwd: folder, stdio: "pipe" });
  openssl(
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout oem.key -out oem.pem -days 9 -subj /CN=OEM",
  );
  for (const name of ["chip", "other"]) {
    openssl(
      `req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`,
    );
  }
  openssl("x509 -req -in chip.csr -CA oem.pem -CAkey oem.key -CAcreateserial -days 9 -out chip.pem");
  const file = (name: string) => readFileSync(join(folder, name), "utf8");
  await call("CreateProvisioningTemplate", {
    templateName: "fleet",
    templateBody: TEMPLATE,
    provisioningRoleArn: ROLE,
    enabled: true,
  });
  const { FunctionArn } = await call("CreateFunction", {
    FunctionName: "sign",
    Runtime: "nodejs22.x",
    Role: ROLE,
    Handler: "index.handler",
    Environment: { Variables: { PEM: file("chip.pem") } },
    Code: { ZipFile: zipSync({ "index.js": new TextEncoder().encode(HANDLER) }) },
  });
  await call("CreateCertificateProvider", {
    certificateProviderName: "oem",
    lambdaFunctionArn: FunctionArn,
    accountDefaultForOperations: ["CreateCertificateFromCsr"],
  });
  const connect = async (cert: string, key: string, clientId: string): Promise<MqttClient> => {
    const to = { protocol: "mqtts", ...cloud.mqtt, ca: readFileSync(cloud.caFile), reconnectPeriod: 0 } as const;
    const client = await mqtt.connectAsync({ ...to, cert, key, clientId });
    t.after(() => client.endAsync(true));
    return client;
  };
  const claim = await call("CreateProvisioningClaim", { templateName: "fleet" });
  const device = await connect(claim.certificatePem ?? "", claim.keyPair?.PrivateKey ?? "", "line-1");
  for (const topic of [TOPIC, PROVISION]) {
    await device.subscribeAsync([topic, `${topic}/accepted`, `${topic}/rejected`], { qos: 1 });
  }
  const ask = async (topic: string, body: object) => {
    const answered = new Promise<readonly [string, Record<string, string>]>((resolve) => {
      device.once("message", (from, payload) =>
        resolve([from, JSON.parse(payload.toString()) as Record<string, string>]),
      );
    });
    await device.publishAsync(topic, JSON.stringify(body), { qos: 1 });
    return answered;
  };
  const request = { certificateSigningRequest: file("chip.csr") };
  const [unasked, why] = await ask(TOPIC, request);
  assert.equal(unasked, `${TOPIC}/rejected`, "the function's policy does not let the cloud ask it");
  assert.match(why["errorMessage"] ?? "", /certificate provider oem gave no certificate/);
  const permission = { StatementId: "s", Action: "lambda:InvokeFunction", Principal: "iot.amazonaws.com" };
  await call("AddPermission", { FunctionName: "sign", ...permission });
  const [refused, reason] = await ask(TOPIC, { certificateSigningRequest: file("other.csr") });
  assert.equal(refused, `${TOPIC}/rejected`);
  assert.match(reason["errorMessage"] ?? "", /for another key than the request/);
  const [accepted, { certificatePem = "", certificateOwnershipToken = "" }] = await ask(TOPIC, request);
  assert.equal(accepted, `${TOPIC}/accepted`);
  assert.deepEqual(new X509Certificate(certificatePem).raw, new X509Certificate(file("chip.pem")).raw);
  const [done, { thingName }] = await ask(PROVISION, { certificateOwnershipToken, parameters: { Serial: "SN-1" } });
  assert.deepEqual([done, thingName], [`${PROVISION}/accepted`, "SN-1"]);
  const own = await connect(certificatePem, file("chip.key"), "SN-1");
  await own.publishAsync("telemetry/SN-1", "1", { qos: 1 });
});
