import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { connect, type MqttClient } from "mqtt";

import { callOperation } from "../../src/cloud/api/node-client.ts";
import type { OperationInput, OperationName } from "../../src/cloud/operations/index.ts";
import type { BenchOptions, BenchRow } from "./bench-row.ts";

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");
const POLICY = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}`;
const NOTE = "from the call of UpdateCertificate; the slowest of a hundred, while the others stay connected";

/** How long after a certificate is revoked its live session ends, and a new connection is refused, in milliseconds. */
export async function run({ long, progress }: BenchOptions): Promise<BenchRow[]> {
  const count = long ? 500 : 100;
  const folder = mkdtempSync(join(tmpdir(), "revocation-bench-"));
  const argv = ["up", "--data", "cloud", "--api-port", "0", "--mqtt-port", "0", "--json"];
  const up = spawn(process.execPath, [MAIN, ...argv], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [line] = (await once(createInterface(up.stdout), "line")) as [string];
    const facts = JSON.parse(line) as Facts;
    const { api: endpoint, region, accessKeyId, secretAccessKey } = facts;
    const target = { endpoint, region, credentials: { accessKeyId, secretAccessKey } };
    const call = <Name extends OperationName>(name: Name, input: OperationInput<Name>) =>
      callOperation(target, name, input);
    await call("CreatePolicy", { policyName: "any", policyDocument: POLICY });
    progress(`  connecting ${count} devices`);
    const devices: { id: string; client: MqttClient; again: () => MqttClient }[] = [];
    for (let i = 0; i < count; i++) {
      const {
        certificateId: id,
        certificateArn,
        certificatePem: cert,
        keyPair,
      } = await call("CreateKeysAndCertificate", {
        setAsActive: true,
      });
      await call("AttachPolicy", { policyName: "any", target: certificateArn });
      const again = () => clientOf(facts, { cert, key: keyPair.PrivateKey, clientId: `d${i}` });
      const client = again();
      await new Promise<void>((resolve) => client.once("connect", () => resolve()));
      devices.push({ id, client, again });
    }
    progress("  revoking them");
    const [closed, refused]: [number[], number[]] = [[], []];
    for (const { id, client, again } of devices) {
      const start = performance.now();
      const end = closing(client).then(() => closed.push(performance.now() - start));
      await call("UpdateCertificate", { certificateId: id, newStatus: "REVOKED" });
      const next = again();
      next.once("connect", () => refused.push(Infinity));
      await closing(next);
      refused.push(performance.now() - start);
      await end;
    }
    const slowest = (values: readonly number[]) =>
      values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.99) - 1] ?? 0;
    const row = (name: string, ours: number): BenchRow => {
      return { name, ours, peer: undefined, ratio: undefined, unit: "ms", note: NOTE };
    };
    return [
      row("revoked to live session closed, p99", slowest(closed)),
      row("revoked to new connection refused, p99", slowest(refused)),
    ];
  } finally {
    up.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Resolves when the connection ends, whatever else it has to say. */
function closing(client: MqttClient): Promise<void> {
  client.on("error", () => undefined);
  return new Promise((resolve) => client.once("close", () => resolve()));
}

type Facts = {
  readonly api: string;
  readonly mqtt: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly caFile: string;
};

function clientOf({ mqtt, caFile }: Facts, device: { cert: string; key: string; clientId: string }): MqttClient {
  return connect(`mqtts://${mqtt}`, { ...device, ca: readFileSync(caFile), protocolVersion: 5, reconnectPeriod: 0 });
}
