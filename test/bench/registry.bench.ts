import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { describeCertificate, openRegistry, type Registry } from "../../src/cloud/registry/index.ts";
import type { Store } from "../../src/cloud/store/index.ts";
import { openStore } from "../../src/cloud/store/node.ts";
import { nodeClock, nodeEntropy, nodeVerifier } from "../../src/crypto/node.ts";
import { silentTrace } from "../../src/trace/index.ts";
import { type BenchOptions, type BenchRow, median } from "./bench-row.ts";

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");
/** About as long as a device's certificate in PEM. */
const PEM = `-----BEGIN CERTIFICATE-----\n${"A".repeat(880)}\n-----END CERTIFICATE-----\n`;
const DEVICES = 100_000;
const ROWS = 1000;

/**
 * A registry that grows: how long the cloud takes to start over 100,000 devices, each a certificate with a thing and a
 * policy, and how long it takes to find one among more and more.
 */
export async function run({ long, progress }: BenchOptions): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), "registry-bench-"));
  const directory = join(folder, "cloud");
  const rows: BenchRow[] = [];
  try {
    const empty = await started(folder);
    const sizes = long ? [1000, 10_000, DEVICES, 1_000_000] : [1000, 10_000, DEVICES];
    let first: Lookup | undefined;
    let made = 0;
    for (const size of sizes) {
      progress(`  ${size.toLocaleString("en")} devices`);
      await withStore(directory, (store) => fill(store, made, size));
      made = size;
      const found = await withStore(directory, async (store) => lookUp(await open(store), size));
      first ??= found;
      for (const [name, value, before] of [
        ["lookup at CONNECT", found.memory, first.memory],
        ["DescribeCertificate, from disk", found.disk, first.disk],
      ] as const) {
        rows.push({
          name: `${name}, ${size.toLocaleString("en")} certificates`,
          ours: value,
          peer: before,
          ratio: value / before,
          unit: "µs",
          note: `the peer is the same with ${sizes[0]?.toLocaleString("en")}: flat is 1`,
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

const idOf = (i: number) => createHash("sha256").update(`device ${i}`).digest("hex");

async function fill(store: Store, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += ROWS) {
    const indexes = Array.from({ length: Math.min(ROWS, to - at) }, (_, i) => at + i);
    await store.write(async (queries) => {
      const common = { created_at: 1_780_000_000_000, version: 1 };
      const certificates = indexes.map((i) => ({
        ...common,
        id: idOf(i),
        pem: PEM,
        ca_id: null,
        status: "ACTIVE" as const,
        mode: "DEFAULT" as const,
        born_revoked: 0 as const,
        modified_at: common.created_at,
        generation_id: "",
        serial: null,
      }));
      await queries.insertInto("certificates").values(certificates).execute();
      const thing = { ...common, attributes: "{}", type: null, billing_group: null };
      const things = indexes.map((i) => ({ ...thing, name: `device-${i}`, id: idOf(i).slice(0, 36) }));
      await queries.insertInto("things").values(things).execute();
      const attached_at = common.created_at;
      const principals = indexes.map((i) => ({
        thing: `device-${i}`,
        principal: idOf(i),
        type: "NON_EXCLUSIVE_THING" as const,
        attached_at,
      }));
      await queries.insertInto("thing_principals").values(principals).execute();
      const policies = indexes.map((i) => ({ policy: "devices", target: idOf(i), attached_at }));
      await queries.insertInto("policy_attachments").values(policies).execute();
    });
  }
}

type Lookup = { readonly memory: number; readonly disk: number };

/** Microseconds that finding one of `size` certificates takes, in memory and from the disk. */
async function lookUp(registry: Registry, size: number): Promise<Lookup> {
  const ids = Array.from({ length: 2000 }, (_, i) => idOf(Math.floor((i * size) / 2000)));
  const memory: number[] = [];
  const disk: number[] = [];
  for (let round = 0; round < 5; round++) {
    let start = performance.now();
    for (let again = 0; again < 50; again++) {
      for (const id of ids)
        if (registry.directory.certificate(id)?.status !== "ACTIVE") throw new Error(`${id} is lost`);
    }
    memory.push(((performance.now() - start) * 1000) / (50 * ids.length));
    start = performance.now();
    for (const id of ids) await describeCertificate(registry, id);
    disk.push(((performance.now() - start) * 1000) / ids.length);
  }
  return { memory: median(memory), disk: median(disk) };
}
