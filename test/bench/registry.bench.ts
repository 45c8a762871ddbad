import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { createPolicy, describeCertificate, openRegistry, type Registry } from "../../src/cloud/registry/index.ts";
import type { Store } from "../../src/cloud/store/index.ts";
import { openStore } from "../../src/cloud/store/node.ts";
import { nodeClock, nodeEntropy, nodeVerifier } from "../../src/crypto/node.ts";
import { certificateId } from "../../src/pki/index.ts";
import { silentTrace } from "../../src/trace/index.ts";
import { type BenchOptions, type BenchRow } from "./bench-row.ts";
import { Fleet, POLICY } from "./registry-fill.ts";

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");
const DEVICES = 100_000;
/** Certificates that are looked for, how often, and how many of them beforehand, while code is being compiled. */
const ASKED = 20_000;
const ROUNDS = 5;
const WARM_UP = 2000;
const ALLOW = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:Connect","Resource":"*"}}';

/**
 * A registry that grows: how long the cloud takes to start over 100,000 devices, each a certificate with a thing and a
 * policy, and how long it takes to find one among more and more.
 */
export async function run({ long, progress }: BenchOptions): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), "registry-bench-"));
  const directory = join(folder, "cloud");
  const rows: BenchRow[] = [];
  try {
    const fleet = await Fleet.make();
    const empty = await started(folder);
    await withStore(directory, async (store) => createPolicy(await open(store), POLICY, ALLOW));
    const sizes = long ? [1000, 10_000, DEVICES, 1_000_000] : [1000, 10_000, DEVICES];
    let first: Lookup | undefined;
    let made = 0;
    for (const size of sizes) {
      progress(`  ${size.toLocaleString("en")} devices`);
      const told = (done: number) => progress(`    ${done.toLocaleString("en")} registered`);
      const from = made;
      await withStore(directory, (store) => fleet.register(store, from, { to: size, progress: told }));
      made = size;
      progress("    looking up");
      const ders = Array.from({ length: ASKED }, (_, i) => fleet.derOf(Math.floor((i * size) / ASKED)));
      const found = await withStore(directory, async (store) => lookUp(await open(store), ders));
      first ??= found;
      for (const [name, value, before, what] of [
        ["lookup at CONNECT", found.connect, first.connect, "a certificate's id, its entry and its policies"],
        ["of that, the entry", found.entry, first.entry, "one Map, whose entries leave the processor's caches"],
        [
          "DescribeCertificate, from disk",
          found.disk,
          first.disk,
          `${ASKED} different ones, the file in the page cache`,
        ],
      ] as const) {
        rows.push({
          name: `${name}, ${size.toLocaleString("en")} certificates`,
          ours: value,
          peer: before,
          ratio: value / before,
          unit: "µs of CPU",
          note: `the peer is the same with ${sizes[0]?.toLocaleString("en")}: flat is 1; ${what}`,
        });
      }
      if (size !== DEVICES) continue;
      const full = await started(folder);
      rows.unshift({
        name: `start-up with ${DEVICES.toLocaleString("en")} devices`,
        ours: full.ms,
        peer: empty.ms,
        ratio: full.ms / empty.ms,
        unit: "ms",
        note: `hawser up, from its start to its first line; the peer is the same without devices; ${full.megabytes} MB resident, ${empty.megabytes} MB without`,
      });
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts `hawser up` and stops it again once it listens. */
async function started(folder: string): Promise<{ readonly ms: number; readonly megabytes: number }> {
  const start = performance.now();
  const argv = ["up", "--data", "cloud", "--api-port", "0", "--mqtt-port", "0", "--json"];
  const up = spawn(process.execPath, [MAIN, ...argv], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  await once(createInterface(up.stdout), "line");
  const ms = performance.now() - start;
  const megabytes = residentMegabytes(up.pid ?? 0);
  up.kill("SIGTERM");
  await once(up, "exit");
  return { ms, megabytes };
}

/** Linux only: elsewhere it is not a number. */
function residentMegabytes(pid: number): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024);
  } catch {
    return Number.NaN;
  }
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

type Lookup = { readonly connect: number; readonly entry: number; readonly disk: number };

/** Microseconds of CPU that finding one of these certificates takes: as CONNECT does, in the index alone, from the disk. */
async function lookUp(registry: Registry, ders: readonly Uint8Array[]): Promise<Lookup> {
  const { directory } = registry;
  const ids = ders.map(certificateId);
  const found = (isFound: boolean): void => {
    if (!isFound) throw new Error("a certificate is lost");
  };
  const connect = await cpuMicroseconds(ROUNDS, ders, (der) => {
    const id = certificateId(der);
    found(directory.certificate(id)?.status === "ACTIVE" && directory.policiesOf(id).length === 1);
  });
  const entry = await cpuMicroseconds(10 * ROUNDS, ids, (id) => found(directory.certificate(id)?.status === "ACTIVE"));
  const disk = await cpuMicroseconds(1, ids, async (id) => found((await describeCertificate(registry, id)).id === id));
  return { connect, entry, disk };
}

/** CPU time of this thread: what else the machine does is not in it. */
async function cpuMicroseconds<T>(
  rounds: number,
  asked: readonly T[],
  once: (one: T) => Promise<void> | void,
): Promise<number> {
  for (const one of asked.slice(0, WARM_UP)) await once(one);
  const before = process.threadCpuUsage();
  for (let round = 0; round < rounds; round++) {
    for (const one of asked) {
      const done = once(one);
      if (done) await done;
    }
  }
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / (rounds * asked.length);
}
