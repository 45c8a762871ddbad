import { type ChildProcess, fork, spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { BenchOptions, BenchRow } from "./bench-row.ts";
import type { Load, Measured } from "./broker-load.ts";

type Shape = Pick<Load, "publishers" | "subscribers" | "sharedTopic" | "window" | "batch"> & { readonly name: string };

const SHAPES: readonly Shape[] = [
  { name: "1 → 1", publishers: 1, subscribers: 1, sharedTopic: false, window: 1000, batch: 50 },
  { name: "10 → 10, pairs", publishers: 10, subscribers: 10, sharedTopic: false, window: 200, batch: 20 },
  { name: "1 → 100", publishers: 1, subscribers: 100, sharedTopic: true, window: 100, batch: 10 },
  { name: "500 → 1", publishers: 500, subscribers: 1, sharedTopic: true, window: 4, batch: 2 },
  { name: "500 sparse pairs", publishers: 500, subscribers: 500, sharedTopic: false, window: 1, batch: 1 },
];

/** A running broker under test. */
type Target = { readonly pid: number; readonly plain: number; readonly tls: number; readonly stop: () => void };

/**
 * Our broker against mosquitto, 100-byte payloads, delivered messages a second: each in its own process, the load in a
 * third. Where the broker's CPU is not full, the load or the machine limited the row: then CPU a message compares better.
 */
export async function run({ long, progress }: BenchOptions): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), "broker-bench-"));
  const identity = serverIdentity(folder);
  const ours = await startOurs(identity);
  const theirs = await startMosquitto(folder);
  const rows: BenchRow[] = [];
  try {
    for (const tls of [false, true]) {
      for (const shape of SHAPES) {
        progress(`  ${shape.name}${tls ? ", TLS" : ""}`);
        const [mine, peer] = [
          await load(ours, shape, { tls, long }),
          theirs && (await load(theirs, shape, { tls, long })),
        ];
        for (const qos of [0, 1] as const)
          rows.push(...rowsOf(`${shape.name}, QoS ${qos}${tls ? ", TLS" : ""}`, mine[qos], peer?.[qos]));
      }
    }
  } finally {
    ours.stop();
    theirs?.stop();
    rmSync(folder, { recursive: true });
  }
  return rows;
}

type Result = Measured & { readonly brokerCpuSeconds: number };

function rowsOf(name: string, ours: Result | undefined, peer: Result | undefined): BenchRow[] {
  if (!ours) return [];
  const rate = (result: Result) => result.deliveries / result.seconds;
  const cost = (result: Result) => (result.brokerCpuSeconds * 1e6) / result.deliveries;
  const share = (result: Result) => `${Math.round((100 * result.brokerCpuSeconds) / result.seconds)} %`;
  const load = (result: Result) => `${Math.round((100 * result.cpuSeconds) / result.seconds)} %`;
  const cpu = peer
    ? `CPU of broker ${share(ours)} and ${share(peer)}, of load ${load(ours)} and ${load(peer)}`
    : share(ours);
  const perMessage = peer ? `; µs a message ${cost(ours).toFixed(2)} and ${cost(peer).toFixed(2)}` : "";
  return [
    {
      name,
      ours: rate(ours),
      peer: peer && rate(peer),
      ratio: peer && rate(ours) / rate(peer),
      unit: "msg/s",
      note: `mosquitto; ${cpu}${perMessage}`,
    },
  ];
}

async function load(
  target: Target,
  shape: Shape,
  { tls, long }: { readonly tls: boolean; readonly long: boolean },
): Promise<[Result, Result]> {
  const child = fork(join(import.meta.dirname, "broker-load.ts"), { stdio: "inherit" });
  const times = long ? { warmupMs: 2000, measureMs: 8000 } : { warmupMs: 300, measureMs: 800 };
  child.send({ ...shape, ...times, tls, port: tls ? target.tls : target.plain } satisfies Load);
  await answer(child);
  const results: Result[] = [];
  for (const qos of [0, 1]) {
    child.send(qos);
    // The broker's CPU time is taken around the whole measurement and scaled to it: the load runs no longer than that.
    const before = cpuSeconds(target.pid);
    const began = performance.now();
    const measured = (await answer(child)) as Measured;
    const active = (performance.now() - began) / 1000 - 0.2;
    const share = (cpuSeconds(target.pid) - before) / active;
    results.push({ ...measured, brokerCpuSeconds: share * measured.seconds });
  }
  child.disconnect();
  await once(child, "exit");
  const [zero, one] = results as [Result, Result];
  return [zero, one];
}

async function answer(child: ChildProcess): Promise<unknown> {
  const [message] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(() => Promise.reject(new Error("a benchmark process ended early"))),
  ])) as [unknown];
  return message;
}

/** User and system time of a process. Linux only: 100 ticks a second. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function startOurs(identity: { readonly key: string; readonly cert: string }): Promise<Target> {
  const child = fork(join(import.meta.dirname, "broker-server.ts"), { stdio: "inherit" });
  child.send(identity);
  const ports = (await answer(child)) as { plain: number; tls: number };
  return { pid: child.pid ?? 0, ...ports, stop: () => child.disconnect() };
}

async function startMosquitto(folder: string): Promise<Target | undefined> {
  if (spawnSync("sh", ["-c", "command -v mosquitto"]).status !== 0) return undefined;
  const [plain, tls] = [await freePort(), await freePort()];
  const config = [
    "allow_anonymous true",
    "persistence false",
    "log_dest none",
    "set_tcp_nodelay true",
    "max_inflight_messages 100",
    "max_queued_messages 100000",
    "user root",
    `listener ${plain} 127.0.0.1`,
    `listener ${tls} 127.0.0.1`,
    `keyfile ${join(folder, "key.pem")}`,
    `certfile ${join(folder, "cert.pem")}`,
  ];
  writeFileSync(join(folder, "mosquitto.conf"), `${config.join("\n")}\n`);
  const child = spawn("mosquitto", ["-c", join(folder, "mosquitto.conf")], { stdio: "ignore" });
  await reachable(tls);
  return { pid: child.pid ?? 0, plain, tls, stop: () => child.kill() };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function reachable(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const socket = connect(port, "127.0.0.1");
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on ${port}`);
}

function serverIdentity(folder: string): { key: string; cert: string } {
  const { privateKey: key } = generateKeyPairSync("ec", {
    namedCurve: "prime256v1",
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  writeFileSync(join(folder, "key.pem"), key, { mode: 0o600 });
  const args = ["req", "-x509", "-key", join(folder, "key.pem"), "-subj", "/CN=localhost", "-days", "2"];
  const made = spawnSync("openssl", [...args, "-out", join(folder, "cert.pem")]);
  if (made.status !== 0) throw new Error(`openssl: ${made.stderr.toString()}`);
  return { key, cert: readFileSync(join(folder, "cert.pem"), "utf8") };
}
