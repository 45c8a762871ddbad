import { type ChildProcess, fork, spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type BenchOptions, type BenchRow, cpuSecondsOf } from "./bench-row.ts";
import type { Load, Measured } from "./broker-load.ts";
import type { ServerOptions } from "./broker-server.ts";

type Shape = Pick<Load, "publishers" | "subscribers" | "sharedTopic" | "window" | "batch"> & { readonly name: string };

/** Code that was not compiled yet takes several times as long, and would be all that the first, short rows show. */
async function warmUp(targets: readonly Target[]): Promise<void> {
  for (const target of targets) {
    const runner = await Runner.connect(target, WARM, { tls: false, long: false });
    for (const qos of [0, 1, 0, 1] as const) await runner.measure(qos);
    await runner.stop();
  }
}

/** Sessions that are kept: ours on disk before a PUBACK leaves, mosquitto's in memory. */
const KEPT: Shape = {
  name: "10 → 10, pairs, persistent sessions",
  publishers: 10,
  subscribers: 10,
  sharedTopic: false,
  window: 100,
  batch: 10,
};

const WARM: Shape = { ...KEPT, name: "warm-up" };

/** Each message is a read and a write on sockets of its own: what the sockets cost is nearly all. */
const SPARSE: Shape = {
  name: "500 sparse pairs",
  publishers: 500,
  subscribers: 500,
  sharedTopic: false,
  window: 1,
  batch: 1,
};

const SHAPES: readonly Shape[] = [
  { name: "1 → 1", publishers: 1, subscribers: 1, sharedTopic: false, window: 1000, batch: 50 },
  { name: "10 → 10, pairs", publishers: 10, subscribers: 10, sharedTopic: false, window: 200, batch: 20 },
  { name: "1 → 100", publishers: 1, subscribers: 100, sharedTopic: true, window: 100, batch: 10 },
  { name: "1 → 1,000", publishers: 1, subscribers: 1000, sharedTopic: true, window: 10, batch: 2 },
  { name: "500 → 1", publishers: 500, subscribers: 1, sharedTopic: true, window: 4, batch: 2 },
  SPARSE,
];

/** A running broker under test. */
export type Target = {
  readonly pid: number;
  readonly plain: number;
  readonly tls: number;
  readonly stop: () => void;
  /** Collects garbage, where there is any. */
  readonly collect: () => Promise<unknown>;
};

/**
 * Our broker against mosquitto, 100-byte payloads, delivered messages a second: each in its own process, the load in a
 * third. Where the broker's CPU is not full, the load or the machine limited the row: then CPU a message compares better.
 */
export async function run({ long, progress }: BenchOptions): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), "broker-bench-"));
  const identity = serverIdentity(folder);
  const ours = await startOurs(identity);
  const kept = await startOurs(identity, { directory: join(folder, "store") });
  const theirs = await startMosquitto(folder);
  const relay = await startForked("relay-server.ts", identity);
  const rows: BenchRow[] = [];
  try {
    progress("  warming up");
    await warmUp([ours, kept]);
    for (const tls of [false, true]) {
      for (const shape of SHAPES) {
        const how = tls ? ", TLS" : "";
        progress(`  ${shape.name}${how}`);
        const mine = await Runner.connect(ours, shape, { tls, long });
        const peer = theirs && (await Runner.connect(theirs, shape, { tls, long }));
        const floor = shape === SPARSE ? await Runner.connect(relay, shape, { tls, long }) : undefined;
        for (const qos of [0, 1] as const) {
          // In turns, so that whatever else the machine does meets both.
          for (let round = 0; round < 2; round++) {
            await mine.measure(qos);
            await peer?.measure(qos);
            await floor?.measure(qos);
          }
          const result = mine.result();
          rows.push(rowOf(`${shape.name}, QoS ${qos}${how}`, result, peer?.result()));
          if (floor)
            rows.push(rowOf(`${shape.name}, QoS ${qos}${how}, by a bare relay`, result, floor.result(), RELAY));
        }
        await mine.stop();
        await peer?.stop();
        await floor?.stop();
      }
    }
    progress(`  ${KEPT.name}`);
    rows.push(await keptRow(kept, theirs, long));
  } finally {
    ours.stop();
    kept.stop();
    theirs?.stop();
    relay.stop();
    rmSync(folder, { recursive: true });
  }
  return rows;
}

async function keptRow(ours: Target, theirs: Target | undefined, long: boolean): Promise<BenchRow> {
  const how = { tls: false, long, persistent: true };
  const mine = await Runner.connect(ours, KEPT, how);
  const peer = theirs && (await Runner.connect(theirs, KEPT, how));
  for (let round = 0; round < 2; round++) {
    await mine.measure(1);
    await peer?.measure(1);
  }
  await mine.stop();
  await peer?.stop();
  return rowOf(`${KEPT.name}, QoS 1`, mine.result(), peer?.result());
}

type Result = Measured & { readonly brokerCpuSeconds: number };

/** What Node's sockets alone cost: a program that copies each message to its pair and does nothing else. */
const RELAY = "a relay on Node's sockets that is no broker";

function rowOf(name: string, ours: Result, peer: Result | undefined, whose = "mosquitto"): BenchRow {
  const rate = (result: Result) => result.deliveries / result.seconds;
  const cost = (result: Result) => ((result.brokerCpuSeconds * 1e6) / result.deliveries).toFixed(2);
  const share = (seconds: number, result: Result) => `${Math.round((100 * seconds) / result.seconds)} %`;
  const cpu = (result: Result) =>
    `CPU ${cost(result)} µs a message, broker ${share(result.brokerCpuSeconds, result)}, load ${share(result.cpuSeconds, result)}`;
  return {
    name,
    ours: rate(ours),
    peer: peer && rate(peer),
    ratio: peer && rate(ours) / rate(peer),
    unit: "msg/s",
    note: peer ? `ours: ${cpu(ours)}; ${whose}: ${cpu(peer)}` : `ours: ${cpu(ours)}`,
  };
}

/** One broker under one shape of load: connected once, measured several times. */
class Runner {
  readonly #child: ChildProcess;
  readonly #pid: number;
  #sum: Result = NOTHING;

  constructor(child: ChildProcess, pid: number) {
    this.#child = child;
    this.#pid = pid;
  }

  static async connect(
    target: Target,
    shape: Shape,
    { tls, long, persistent = false }: { readonly tls: boolean; readonly long: boolean; readonly persistent?: boolean },
  ): Promise<Runner> {
    const child = fork(join(import.meta.dirname, "broker-load.ts"), { stdio: "inherit" });
    const times = long ? { warmupMs: 1000, measureMs: 5000 } : { warmupMs: 150, measureMs: 350 };
    child.send({ ...shape, ...times, tls, persistent, port: tls ? target.tls : target.plain } satisfies Load);
    await answer(child);
    return new Runner(child, target.pid);
  }

  async measure(qos: 0 | 1): Promise<void> {
    const before = cpuSecondsOf(this.#pid);
    this.#child.send(qos);
    const { deliveries, seconds, cpuSeconds: loadCpu, activeSeconds } = (await answer(this.#child)) as Measured;
    // The broker's CPU time is that of warm-up and measurement together: scaled to the measurement.
    const share = (cpuSecondsOf(this.#pid) - before) / activeSeconds;
    this.#sum = {
      deliveries: this.#sum.deliveries + deliveries,
      seconds: this.#sum.seconds + seconds,
      activeSeconds: this.#sum.activeSeconds + activeSeconds,
      cpuSeconds: this.#sum.cpuSeconds + loadCpu,
      brokerCpuSeconds: this.#sum.brokerCpuSeconds + share * seconds,
    };
  }

  /** The sum of all measurements since the last call. */
  result(): Result {
    const sum = this.#sum;
    this.#sum = NOTHING;
    return sum;
  }

  async stop(): Promise<void> {
    this.#child.disconnect();
    await once(this.#child, "exit");
  }
}

const NOTHING: Result = { deliveries: 0, seconds: 0, activeSeconds: 0, cpuSeconds: 0, brokerCpuSeconds: 0 };

async function answer(child: ChildProcess): Promise<unknown> {
  const [message] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(() => Promise.reject(new Error("a benchmark process ended early"))),
  ])) as [unknown];
  return message;
}

/** Our broker in a process of its own. */
export async function startOurs(
  identity: { readonly key: string; readonly cert: string },
  server: ServerOptions = {},
): Promise<Target> {
  return startForked("broker-server.ts", { ...identity, ...server });
}

/** A server of this folder in a process of its own. */
async function startForked(program: string, how: object): Promise<Target> {
  const options = { stdio: "inherit" as const, execArgv: ["--expose-gc"] };
  const child = fork(join(import.meta.dirname, program), options);
  child.send(how);
  const ports = (await answer(child)) as { plain: number; tls: number };
  const collect = () => {
    child.send("collect");
    return answer(child);
  };
  return { pid: child.pid ?? 0, ...ports, stop: () => child.disconnect(), collect };
}

/** Mosquitto, where it is installed, with the identity that `serverIdentity` left in the folder. */
export async function startMosquitto(folder: string): Promise<Target | undefined> {
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
  return { pid: child.pid ?? 0, plain, tls, stop: () => child.kill(), collect: async () => undefined };
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

/** A key and a certificate for localhost, also as files. */
export function serverIdentity(folder: string): { key: string; cert: string } {
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
