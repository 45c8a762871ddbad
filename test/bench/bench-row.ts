import { globSync, readFileSync } from "node:fs";

/** One measured line: ours against a peer in the same run. `ratio` is ours by the peer.*/
export type BenchRow = {
  readonly name: string;
  readonly ours: number;
  /** Undefined where nothing comparable exists, or the peer is not installed. */
  readonly peer: number | undefined;
  readonly ratio: number | undefined;
  readonly unit: string;
  /** What the peer is, what saturated, how it was measured. */
  readonly note: string;
};

export type BenchOptions = {
  /** About ten times as much work. */
  readonly long: boolean;
  /** Says what is being measured now. */
  readonly progress: (line: string) => void;
};

/** Calls `once` until `minimumMs` have passed, after a warm-up, and gives calls per second. */
export async function ratePerSecond(minimumMs: number, once: () => unknown): Promise<number> {
  for (let i = 0; i < 3; i++) await once();
  let count = 0;
  const start = performance.now();
  let elapsed = 0;
  while (elapsed < minimumMs) {
    await once();
    count++;
    elapsed = performance.now() - start;
  }
  return (count * 1000) / elapsed;
}

/** CPU milliseconds of this process that `count` calls of `once` take, each. */
export async function cpuMsPerCall(count: number, once: () => unknown): Promise<number> {
  for (let i = 0; i < 5; i++) await once();
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) await once();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / count;
}

/** The time that all threads of a process have run. Linux only: elsewhere it is not a number. */
export function cpuSecondsOf(pid: number): number {
  const threads = globSync(`/proc/${pid}/task/*/schedstat`);
  if (threads.length === 0) return Number.NaN;
  return threads.reduce((sum, path) => sum + Number(readFileSync(path, "utf8").split(" ")[0]) / 1e9, 0);
}

/** The middle of the values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
