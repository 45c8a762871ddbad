import { existsSync, readFileSync } from "node:fs";

import { DEFAULT_RECONNECT } from "../../src/agent/index.ts";
import { ConnectedDevice } from "../../src/agent/node.ts";
import { callOperation } from "../../src/cloud/api/node-client.ts";
import { nodeClock, nodeEntropy, nodeSigner, privateKeyFromPem } from "../../src/crypto/node.ts";
import { certificatesFromPem } from "../../src/pki/index.ts";
import { connect } from "../../src/tls/node.ts";
import { silentTrace } from "../../src/trace/index.ts";
import type { DemoCloud } from "./cloud.ts";
import { flags, type Stage } from "./stage.ts";

/** A back-end program that listens to all devices. */
export type Observer = {
  readonly certificateId: string;
  /** Settles once so many different readings arrived. */
  received(count: number): Promise<void>;
};

const NAME = "observer";

/** Its own key in a file, its own certificate, its own policy: to listen to telemetry and nothing else. */
export async function startObserver(stage: Stage, cloud: DemoCloud): Promise<Observer> {
  const [keyPath, certificatePath] = [stage.path("observer.key"), stage.path("observer.pem")];
  if (!existsSync(certificatePath)) {
    const options = { dir: stage.path("ca"), "new-key": keyPath, subject: `CN=${NAME}`, out: certificatePath };
    await stage.run("observer-issue", ["ca", "issue", "--chain", ...flags(options)]);
  }
  const chain = certificatesFromPem(readFileSync(certificatePath, "utf8"));
  const certificateId = chain[0]?.id ?? "";
  cloud.names.set(certificateId, NAME);
  const device = await connectObserver(stage, cloud, { chain: chain.map(({ der }) => der), keyPath });
  await allowListening(cloud, certificateId);
  const readings = new Set<string>();
  let told = () => {};
  await device.subscribe("telemetry/+", (topic, payload) => {
    readings.add(`${topic} ${new TextDecoder().decode(payload)}`);
    told();
  });
  stage.say("observer: connected with a key in a file, and subscribed to telemetry/+");
  return {
    certificateId,
    async received(count) {
      while (readings.size < count) await new Promise<void>((resolve) => (told = resolve));
    },
  };
}

async function connectObserver(
  stage: Stage,
  cloud: DemoCloud,
  identity: { readonly chain: readonly Uint8Array[]; readonly keyPath: string },
): Promise<ConnectedDevice> {
  const at = cloud.mqtt.lastIndexOf(":");
  const [host, port] = [cloud.mqtt.slice(0, at), Number(cloud.mqtt.slice(at + 1))];
  const ca = readFileSync(cloud.caFile, "utf8");
  const signer = nodeSigner(privateKeyFromPem(readFileSync(identity.keyPath, "utf8")));
  const ended = new AbortController();
  const device = await ConnectedDevice.connect({
    open: ({ signal }) => connect({ host, port, ca, signer, certificate: identity.chain, signal }),
    mqtt: {
      clientId: NAME,
      protocolVersion: 4,
      keepAliveSeconds: 60,
      answerWithinMs: 20_000,
      clock: nodeClock,
      trace: silentTrace,
    },
    policy: { ...DEFAULT_RECONNECT, maxFailures: 30 },
    clock: nodeClock,
    entropy: nodeEntropy,
    signal: ended.signal,
    onProgress: () => undefined,
  });
  stage.atEnd(async () => {
    await device.end();
    ended.abort();
  });
  return device;
}

async function allowListening(cloud: DemoCloud, certificateId: string): Promise<void> {
  const { api: endpoint, region, accountId, accessKeyId, secretAccessKey } = cloud;
  const api = { endpoint, region, credentials: { accessKeyId, secretAccessKey } };
  const arn = `arn:aws:iot:${region}:${accountId}`;
  const policyName = "demo-observer";
  const allow = (Action: string, Resource: string) => ({ Effect: "Allow", Action, Resource: `${arn}:${Resource}` });
  const policyDocument = JSON.stringify({
    Version: "2012-10-17",
    Statement: [allow("iot:Subscribe", "topicfilter/telemetry/+"), allow("iot:Receive", "topic/telemetry/*")],
  });
  const { policies } = await callOperation(api, "ListPolicies", {});
  if (!policies.some((policy) => policy.policyName === policyName)) {
    await callOperation(api, "CreatePolicy", { policyName, policyDocument });
  }
  await callOperation(api, "AttachPolicy", { policyName, target: `${arn}:cert/${certificateId}` });
}
