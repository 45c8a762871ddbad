/** AN-7648, "Running the Device": the server sends a challenge, MQTT.js answers with a token that holds it. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { SignJWT } from "jose";
import { connect as mqttConnect, type MqttClient } from "mqtt";

import { callOperation } from "../../src/cloud/api/node-client.ts";
import { startCloud } from "../../src/cloud/node.ts";
import { toBase64 } from "../../src/codec/index.ts";
import { nodeEntropy, nodeSigner } from "../../src/crypto/node.ts";
import { certificateToPem, issueCertificate, issueRootCertificate, nameFromText } from "../../src/pki/index.ts";

const METHOD = "OEM-JWT-CHALLENGE";
const POLICY = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}`;

test("MQ-53 MQ-54 MQ-55 a device answers the server's challenge with a token and its certificate; an old answer is refused", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "hawser-challenge-"));
  const cloud = await startCloud({ directory, host: "127.0.0.1", apiPort: 0, mqttPort: 0, serverNames: [] });
  t.after(async () => {
    await cloud.close();
    rmSync(directory, { recursive: true });
  });
  const validity = { notBefore: Date.now() - 1000, notAfter: Date.now() + 86_400_000 };
  const newKey = () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const [caKey, key] = [newKey(), newKey()];
  const signer = nodeSigner(caKey);
  const entropy = nodeEntropy;
  const root = await issueRootCertificate({ subject: nameFromText("CN=JWT_CA"), validity, entropy, signer });
  const publicKey = nodeSigner(key).publicKey;
  const order = { subject: nameFromText("CN=dev1"), validity, entropy, profile: "device" as const, publicKey };
  const certificate = await issueCertificate({ ...order, issuer: { certificate: root, signer } });
  const target = { endpoint: cloud.api, region: cloud.account.region, credentials: cloud.accessKey };
  await callOperation(target, "CreatePolicy", { policyName: "any", policyDocument: POLICY });
  await callOperation(target, "CreateDeviceRegistry", {
    registryName: "sensors",
    caCertificates: certificateToPem(root),
    policies: ["any"],
    autoRegister: true,
  });

  const tokenFor = (nonce: string) => {
    const now = Math.floor(Date.now() / 1000);
    const header = { alg: "ES256", x5c: [toBase64(certificate.der)] };
    return new SignJWT({ aud: "sensors", iat: now, exp: now + 600, nonce }).setProtectedHeader(header).sign(key);
  };
  const challenges: string[] = [];
  /** Connects, answering each challenge as told; resolves with the client, or rejects with what the server said. */
  const login = (answer: (nonce: string) => Promise<string>) =>
    new Promise<MqttClient>((resolve, reject) => {
      const client = mqttConnect(`mqtts://localhost:${cloud.mqtt.port}`, {
        ca: readFileSync(cloud.caFile),
        protocolVersion: 5,
        clientId: "dev1",
        reconnectPeriod: 0,
        properties: { authenticationMethod: METHOD, authenticationData: Buffer.alloc(0) },
      });
      client.handleAuth = (packet, callback) => {
        const nonce = String(packet.properties?.authenticationData);
        challenges.push(nonce);
        void answer(nonce).then((token) => {
          const properties = { authenticationMethod: METHOD, authenticationData: Buffer.from(token) };
          callback(undefined, { cmd: "auth", reasonCode: 0x18, properties });
        });
      };
      client.once("connect", () => resolve(client));
      client.once("error", reject);
      client.once("close", () => reject(new Error("closed")));
    });
  const client = await login(tokenFor);
  await client.publishAsync("a/b", "x", { qos: 1 });
  await client.endAsync();
  const [first = ""] = challenges;
  assert.match(first, /^[\w-]{43}$/);
  await assert.rejects(login(() => tokenFor(first)));
  assert.notEqual(challenges[1], first, "each challenge is new");
  const refusal = cloud.ledger.events({ kinds: ["refusal"] }).at(-1);
  assert.ok(refusal?.kind === "refusal" && refusal.cause === "jwt-nonce" && refusal.evidence["nonce"] === first);
});
