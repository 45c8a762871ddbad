import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";

/** Reads how much memory a process occupies, in bytes; undefined once it is gone or not known yet. */
export type ResidentSize = () => number | undefined;

/** The resident size of a process as the kernel or, where there is no /proc, `ps` tells it. */
export function residentSize(
  pid: number,
  source: "proc" | "ps" = process.platform === "linux" ? "proc" : "ps",
): ResidentSize {
  return source === "proc" ? () => fromProc(pid) : fromPs(pid);
}

function fromProc(pid: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

/** `ps` takes a process of its own, so each look gives what the one before found, and asks again. */
function fromPs(pid: number): ResidentSize {
  let last: number | undefined;
  let isAsking = false;
  return () => {
    if (!isAsking) {
      isAsking = true;
      execFile("ps", ["-o", "rss=", "-p", String(pid)], (error, stdout) => {
        isAsking = false;
        last = error ? undefined : Number(stdout.trim()) * 1024;
      });
    }
    return last;
  };
}
