import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { generate, type Packet } from "mqtt-packet";

import type { OperationInput, OperationName } from "../../src/cloud/operations/index.ts";
import { callOperation } from "../../src/cloud/api/node-client.ts";
import { type BenchOptions, type BenchRow, median } from "./bench-row.ts";
import { serverIdentity, startMosquitto } from "./broker.bench.ts";

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");
const AT_ONCE = 16;
const RULES = 50;
const WINDOW = 100;
const ROUNDS = 3;

/**
 * The whole cloud: signed API calls a second, and messages a second that fifty rules look at and none takes, against
 * mosquitto, which has no rules.
 */
export async function run({ long, progress }: BenchOptions): Promise<BenchRow[]> {
  const count = long ? 5000 : 500;
  const folder = mkdtempSync(join(tmpdir(), "api-bench-"));
  const argv = ["up", "--data", "cloud", "--api-port", "0", "--mqtt-port", "0", "--plain-mqtt", "0", "--json"];
  const up = spawn(process.execPath, [MAIN, ...argv, "--relaxed-certificates"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  serverIdentity(folder);
  const theirs = await startMosquitto(folder);
  try {
    const [line] = (await once(createInterface(up.stdout), "line")) as [string];
    const { api: endpoint, region, accessKeyId, secretAccessKey, plainMqtt } = JSON.parse(line) as Facts;
    const target = { endpoint, region, credentials: { accessKeyId, secretAccessKey } };
    const call = <Name extends OperationName>(name: Name, input: OperationInput<Name>) =>
      callOperation(target, name, input);
    progress("  API calls");
    const writes = await perSecond(count, (i) => call("CreateThing", { thingName: `t${i}` }));
    const reads = await perSecond(count, (i) => call("DescribeThing", { thingName: `t${i}` }));
    const note = `signed with SigV4 over HTTP, ${AT_ONCE} at once, the client, who signs, in one process beside it`;
    const alone = { peer: undefined, ratio: undefined, unit: "calls/s" };
    progress("  messages that match no rule");
    for (let i = 0; i < RULES; i++) {
      const sql = `SELECT temperature FROM 'plant/${i}/+/telemetry' WHERE temperature > ${i}`;
      const actions = [{ republish: { topic: `alarm/${i}`, roleArn: "arn:aws:iam::123456789012:role/r" } }];
      await call("CreateTopicRule", { ruleName: `rule${i}`, topicRulePayload: { sql, actions } });
    }
    const ours = Number(plainMqtt.split(":").at(-1));
    const rates: [number, number][] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const mine = await messagesPerSecond(ours, long);
      rates.push([mine, theirs ? await messagesPerSecond(theirs.plain, long) : Number.NaN]);
    }
    const mine = median(rates.map(([rate]) => rate));
    const peer = theirs && median(rates.map(([, rate]) => rate));
    return [
      { name: "CreateThing", ours: writes, ...alone, note: `${note}; each on disk before it is answered` },
      { name: "DescribeThing", ours: reads, ...alone, note },
      {
        name: `messages that none of ${RULES} rules takes`,
        ours: mine,
        peer,
        ratio: peer && mine / peer,
        unit: "msg/s",
        note: `one publisher, QoS 1, ${WINDOW} in flight, no subscribers; mosquitto has no rules`,
      },
    ];
  } finally {
    up.kill("SIGKILL");
    theirs?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Facts = {
  readonly api: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly plainMqtt: string;
};

async function perSecond(count: number, once: (i: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const worker = async () => {
    while (next < count) await once(next++);
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return (count * 1000) / (performance.now() - start);
}

/** One publisher that is acknowledged before it goes on, a window at a time. */
async function messagesPerSecond(port: number, long: boolean): Promise<number> {
  const socket: Socket = connect(port, "127.0.0.1").setNoDelay(true);
  const encode = (packet: Packet) => generate(packet, { protocolVersion: 4 });
  socket.write(encode({ cmd: "connect", clientId: "", clean: true, keepalive: 60, protocolVersion: 4 }));
  await once(socket, "data");
  const publish = { cmd: "publish", topic: "office/1/telemetry", qos: 1, dup: false, retain: false } as const;
  const payload = JSON.stringify({ temperature: 21.5, humidity: 40, text: "x".repeat(60) });
  const batch = Buffer.concat(
    Array.from({ length: WINDOW }, (_, i) => encode({ ...publish, payload, messageId: i + 1 })),
  );
  socket.write(batch);
  const end = performance.now() + (long ? 3000 : 400);
  const start = performance.now();
  let acknowledged = 0;
  let bytes = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes < WINDOW * 4) continue;
    bytes = 0;
    acknowledged += WINDOW;
    if (performance.now() > end) break;
    socket.write(batch);
  }
  return (acknowledged * 1000) / (performance.now() - start);
}
