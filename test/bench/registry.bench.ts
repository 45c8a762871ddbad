import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { createPolicy, openRegistry, type Registry } from "../../src/cloud/registry/index.ts";
import type { Store } from "../../src/cloud/store/index.ts";
import { openStore } from "../../src/cloud/store/node.ts";
import { nodeClock, nodeEntropy, nodeVerifier } from "../../src/crypto/node.ts";
import { silentTrace } from "../../src/trace/index.ts";
import { type BenchOptions, type BenchRow, cpuSecondsOf } from "./bench-row.ts";
import { compareConnects, devicesOf } from "./registry-connects.ts";
import { Fleet, POLICY } from "./registry-fill.ts";
import { compare, LOOKUPS, questionsFor, type Compared, type Questions } from "./registry-lookup.ts";

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");
const SMALL = 1000;
const DEVICES = 100_000;
const ALLOW = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:Connect","Resource":"*"}}';

/**
 * A registry that grows: how long the cloud takes to start over 100,000 devices, each a certificate with a thing and a
 * policy, and what it takes to find one among more and more, beside one of a thousand in the same run.
 */
export async function run({ long, progress }: BenchOptions): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), "registry-bench-"));
  const [grown, small] = [join(folder, "cloud"), join(folder, "small")];
  const rows: BenchRow[] = [];
  try {
    const fleet = await Fleet.make();
    const empty = await startedOnceMore(folder);
    for (const directory of [grown, small]) {
      await withStore(directory, async (store) => createPolicy(await open(store), POLICY, ALLOW));
    }
    await withStore(small, (store) => fleet.register(store, 0, { to: SMALL, progress: () => undefined }));
    const sizes = long ? [10_000, DEVICES, 1_000_000] : [10_000, DEVICES];
    let made = 0;
    for (const size of sizes) {
      progress(`  ${size.toLocaleString("en")} devices`);
      const told = (done: number) => progress(`    ${done.toLocaleString("en")} registered`);
      const from = made;
      await withStore(grown, (store) => fleet.register(store, from, { to: size, progress: told }));
      made = size;
      progress("    looking up");
      const found = await lookUps(fleet, { grown, small, size });
      rows.push(...found.rows);
      if (size === DEVICES) rows.unshift(await startUpRow(folder, empty));
      if (size !== sizes.at(-1)) continue;
      progress("    connecting");
      rows.push(await connectRow(fleet, { folder, size, count: long ? 100 : 40, lookUp: found.connect }));
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Cloud = {
  readonly ms: number;
  /** Of all its threads, until it listens. */
  readonly cpuMs: number;
  readonly megabytes: number;
  readonly pid: number;
  readonly mqttPort: number;
  readonly stop: () => Promise<void>;
};

/** `hawser up` over a folder's directory, from its start until it listens. */
async function started(folder: string, directory: string): Promise<Cloud> {
  const start = performance.now();
  const argv = ["up", "--data", directory, "--api-port", "0", "--mqtt-port", "0", "--json"];
  const up = spawn(process.execPath, [MAIN, ...argv], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface(up.stdout), "line")) as [string];
  const ms = performance.now() - start;
  const { mqtt } = JSON.parse(line) as { mqtt: string };
  const pid = up.pid ?? 0;
  const stop = async () => {
    up.kill("SIGTERM");
    await once(up, "exit");
  };
  const cpuMs = cpuSecondsOf(pid) * 1000;
  return { ms, cpuMs, megabytes: residentMegabytes(pid), pid, mqttPort: Number(mqtt.split(":").at(-1)), stop };
}

/** Linux only: elsewhere it is not a number. */
function residentMegabytes(pid: number): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024);
  } catch {
    return Number.NaN;
  }
}

/** The second start over the grown registry's directory: the first makes what only a new directory needs. */
async function startedOnceMore(folder: string): Promise<Cloud> {
  await (await started(folder, "cloud")).stop();
  const cloud = await started(folder, "cloud");
  await cloud.stop();
  return cloud;
}

async function startUpRow(folder: string, empty: Cloud): Promise<BenchRow> {
  const full = await started(folder, "cloud");
  await full.stop();
  return {
    name: `start-up with ${DEVICES.toLocaleString("en")} devices`,
    ours: full.ms,
    peer: empty.ms,
    ratio: full.ms / empty.ms,
    unit: "ms",
    note: `hawser up, from its start to its first line; the peer is the same without devices; ${full.cpuMs.toFixed(0)} ms of CPU, ${empty.cpuMs.toFixed(0)} without; ${full.megabytes} MB resident, ${empty.megabytes} MB without`,
  };
}

type Sizes = { readonly grown: string; readonly small: string; readonly size: number };

/** What each kind of look-up takes in the grown registry, and in the small one in turns with it. */
async function lookUps(fleet: Fleet, sizes: Sizes): Promise<{ readonly rows: BenchRow[]; readonly connect: Compared }> {
  return withStore(sizes.small, (small) =>
    withStore(sizes.grown, async (grown) => {
      const peer = questionsFor(await open(small), fleet, SMALL);
      const before = memoryInUse();
      const registry = await open(grown);
      const bytes = memoryInUse() - before;
      return measured(questionsFor(registry, fleet, sizes.size), peer, { size: sizes.size, bytes });
    }),
  );
}

async function measured(
  ours: Questions,
  peer: Questions,
  { size, bytes }: { readonly size: number; readonly bytes: number },
): Promise<{ readonly rows: BenchRow[]; readonly connect: Compared }> {
  const found = {} as Record<keyof typeof LOOKUPS, Compared>;
  const kinds = Object.keys(LOOKUPS) as (keyof typeof LOOKUPS)[];
  for (const kind of kinds) found[kind] = await compare(kind, ours, peer);
  const { connect, control } = found;
  const more = (of: Compared) => `${((of.ours - of.peer) * 1000).toFixed(0)} ns`;
  const notes: Record<keyof typeof LOOKUPS, readonly [string, string]> = {
    connect: [
      "lookup at CONNECT",
      `id, entry, thing and policies; ${more(connect)} more than the peer, the control ${more(control)} more`,
    ],
    entry: ["of that, the entry and its thing", "the id known already"],
    control: ["control: bare memory", "two reads that wait for each other, in tables of the same sizes; no look-up"],
    disk: ["DescribeCertificate, from disk", "the file in the page cache"],
  };
  const rows = kinds.map((kind) => {
    const [name, what] = notes[kind];
    return growthRow(`${name}, ${size.toLocaleString("en")} certificates`, found[kind], what);
  });
  const memory: BenchRow = {
    name: `memory, ${size.toLocaleString("en")} certificates`,
    ours: bytes / size,
    peer: undefined,
    ratio: undefined,
    unit: "bytes each",
    note: `heap and buffers of the registry after a collection, each certificate with a thing and a policy; ${(bytes / 1e6).toFixed(0)} MB in all`,
  };
  return { rows: [...rows, memory], connect };
}

function growthRow(name: string, { ours, peer, ratios }: Compared, what: string): BenchRow {
  const [least, most] = ratios.map((each) => each.toFixed(2));
  const note = `the peer is the same with ${SMALL.toLocaleString("en")}, in turns: flat is 1, the rounds had ${least} to ${most}; ${what}`;
  return { name, ours, peer, ratio: ours / peer, unit: "µs of CPU", note };
}

type ConnectsOptions = {
  readonly folder: string;
  readonly size: number;
  readonly count: number;
  /** What the look-up alone takes, in each of the two. */
  readonly lookUp: Compared;
};

async function connectRow(fleet: Fleet, { folder, size, count, lookUp }: ConnectsOptions): Promise<BenchRow> {
  const clouds = [await started(folder, "cloud"), await started(folder, "small")] as const;
  try {
    const [ours, peer] = [
      { ...clouds[0], next: devicesOf(size) },
      { ...clouds[1], next: devicesOf(SMALL) },
    ];
    const whole = await compareConnects(fleet, { ours, peer, count });
    const share = (lookup: number, all: number) => `${((100 * lookup) / all).toFixed(2)} %`;
    const shares = `the look-up is ${share(lookUp.ours, whole.ours)} of it, and ${share(lookUp.peer, whole.peer)} of the peer`;
    const what = `the cloud's process, full mutual TLS 1.2 of a device anywhere in the registry, to CONNACK; ${shares}`;
    return growthRow(`whole CONNECT, ${size.toLocaleString("en")} certificates`, whole, what);
  } finally {
    for (const cloud of clouds) await cloud.stop();
  }
}

/** Bytes of heap and buffers, after a collection. */
function memoryInUse(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function withStore<T>(directory: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({ directory });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

function open(store: Store): Promise<Registry> {
  return openRegistry(
    { store, clock: nodeClock, entropy: nodeEntropy, verifier: nodeVerifier, trace: silentTrace },
    {},
  );
}
