import { readdirSync, readFileSync } from "node:fs";

/**
 * CPU milliseconds that a process, or all processes below it, have taken so far, with all their threads that still run;
 * NaN where the system does not tell. Linux, "The /proc file system", /proc/PID/schedstat
 */
export function cpuMs(pid: number, whose: "own" | "children" = "own"): number {
  try {
    return whose === "own" ? ownMs(pid) : descendants(pid).reduce((sum, each) => sum + ownMs(each), 0);
  } catch {
    return Number.NaN;
  }
}

function ownMs(pid: number): number {
  const nanoseconds = readdirSync(`/proc/${pid}/task`).map((thread) => {
    const [onCpu = "0"] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
    return Number(onCpu);
  });
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
}

function descendants(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
  return children.flatMap((child) => [child, ...descendants(child)]);
}
