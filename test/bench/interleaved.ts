import { spawnSync } from "node:child_process";
import { globSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

import { median } from "./bench-row.ts";

/** A server that is asked: one call of it, and the processes that do the work for it. */
export type Side = { readonly ask: () => Promise<unknown>; readonly pids: readonly number[] };

/** What a call of one side took: the middle of its slices, the quarters beside it, and processor time of its processes. */
export type Measured = {
  readonly ms: number;
  readonly quarters: readonly [number, number];
  readonly cpuMs: number;
  /** Slice by slice, in the order in which they ran. */
  readonly slices: readonly number[];
};

/** As long as this, a slice is longer than most of what else the machine does, and shorter than its moods. */
const SLICE_MS = 8;

/**
 * Measures servers beside each other, one call after the other by this process, in short slices that take turns (A B A B
 * …), each as long for all of them. The first third of a slice warms the caches that the other side has just used, and is
 * not in its time; its processor time is, as all calls are. `minimumMs` is for each side.
 */
export async function interleaved(minimumMs: number, sides: readonly Side[]): Promise<readonly Measured[]> {
  return turns(minimumMs, sides, await sizesOf(minimumMs, sides));
}

/** How many calls fill a slice. Found out at such length that what is compiled as it goes has been compiled. */
async function sizesOf(minimumMs: number, sides: readonly Side[]): Promise<readonly number[]> {
  const sizes: number[] = [];
  for (const { ask } of sides) sizes.push(Math.max(3, Math.ceil(SLICE_MS / (await msPerCall(ask, minimumMs / 2)))));
  return sizes;
}

async function turns(
  minimumMs: number,
  sides: readonly Side[],
  sizes: readonly number[],
): Promise<readonly Measured[]> {
  const slices = sides.map((): number[] => []);
  const before = sides.map(({ pids }) => cpuMs(pids));
  const start = performance.now();
  while (performance.now() - start < minimumMs * sides.length || (slices[0]?.length ?? 0) < 8) {
    for (const [i, { ask }] of sides.entries()) slices[i]?.push(await slice(ask, sizes[i] ?? 3));
  }
  return sides.map(({ pids }, i) => {
    const each = slices[i] ?? [];
    const sorted = [...each].sort((a, b) => a - b);
    const at = (part: number) => sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
    const spent = cpuMs(pids) - (before[i] ?? 0);
    return {
      ms: at(0.5),
      quarters: [at(0.25), at(0.75)],
      cpuMs: spent / (each.length * (sizes[i] ?? 3)),
      slices: each,
    };
  });
}

/**
 * The same with all processes on one processor, this one too. Where the kernel puts two processes that answer each other
 * decides more than what they do: a call costs a blocking server of twenty lines in C 12 µs on its client's processor, and
 * 50 to 85 on another one that has to be woken; who is put where changes from run to run. On one processor it is the work
 * that is measured. Node's threads that compile and collect garbage stay free. Where there is no `taskset`, all stay where
 * the kernel puts them.
 */
export async function onOneProcessor(minimumMs: number, sides: readonly Side[]): Promise<readonly Measured[]> {
  const pids = [process.pid, ...sides.flatMap((side) => withChildren(side.pids))];
  const allowed = allowedProcessors();
  const last = allowed?.split(/[,-]/).at(-1);
  if (allowed === undefined || last === undefined) return interleaved(minimumMs, sides);
  const sizes = await sizesOf(minimumMs, sides);
  place(pids, last);
  try {
    return await turns(minimumMs, sides, sizes);
  } finally {
    place(pids, allowed);
  }
}

function place(pids: readonly number[], processors: string): void {
  for (const pid of pids) {
    // Node works in its first thread; other programs may have one for each connection.
    const isNode = linkAt(`/proc/${pid}/exe`) === process.execPath;
    spawnSync("taskset", [isNode ? "-cp" : "-acp", processors, String(pid)], { stdio: "ignore" });
  }
}

/** As `taskset` writes them, such as 0-3; undefined where it is not there. */
function allowedProcessors(): string | undefined {
  const { status, stdout } = spawnSync("taskset", ["-cp", String(process.pid)], { encoding: "utf8" });
  return status === 0 ? stdout.trim().split(": ").at(-1) : undefined;
}

/** How much of one time another is: the middle of what it was slice by slice, so that a slow moment weighs nothing. */
export function ratioOf(ours: Measured, peer: Measured): number {
  return median(ours.slices.map((each, i) => each / (peer.slices[i] ?? Number.NaN)));
}

async function slice(ask: () => Promise<unknown>, size: number): Promise<number> {
  const warm = Math.floor(size / 3);
  for (let n = 0; n < warm; n++) await ask();
  const before = performance.now();
  for (let n = warm; n < size; n++) await ask();
  return (performance.now() - before) / (size - warm);
}

async function msPerCall(ask: () => Promise<unknown>, minimumMs: number): Promise<number> {
  const start = performance.now();
  let count = 0;
  do {
    await ask();
    count++;
  } while (performance.now() - start < minimumMs);
  return (performance.now() - start) / count;
}

/**
 * Milliseconds that processes, their children and all their threads have had of a processor: what else the machine does
 * is not in it.
 */
export function cpuMs(pids: readonly number[]): number {
  const threads = withChildren(pids).flatMap((pid) => globSync(`/proc/${pid}/task/*/schedstat`));
  return threads.reduce((sum, file) => sum + Number(textIn(file)?.split(" ")[0] ?? 0) / 1e6, 0);
}

function withChildren(pids: readonly number[]): readonly number[] {
  return pids.flatMap((pid) => {
    const children = (textIn(`/proc/${pid}/task/${pid}/children`) ?? "").trim().split(" ").filter(Boolean);
    return [pid, ...withChildren(children.map(Number))];
  });
}

/** The processes that listen on a TCP port of this machine. */
export function listenersOn(port: number): readonly number[] {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => (textIn(file) ?? "").split("\n"));
  const fields = lines.map((each) => each.trim().split(/\s+/));
  const sockets = fields.flatMap(([, local, , state, , , , , , inode]) =>
    local?.endsWith(hex) === true && state === "0A" ? [`socket:[${inode}]`] : [],
  );
  const isListening = (pid: string) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => sockets.includes(linkAt(`/proc/${pid}/fd/${fd}`)));
    } catch {
      // Somebody else's, or gone.
      return false;
    }
  };
  return sockets.length === 0
    ? []
    : readdirSync("/proc")
        .filter((each) => /^\d+$/.test(each) && isListening(each))
        .map(Number);
}

/** Undefined where a process or thread has ended meanwhile. */
function textIn(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function linkAt(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return "";
  }
}
