import { execFile } from "node:child_process";
import { closeSync, openSync, readSync } from "node:fs";

import { pageBytes } from "./node-page-size.ts";

/** How much memory a process occupies. */
export type ResidentSize = {
  /** In bytes; undefined once it is gone or not known yet. */
  bytes(): number | undefined;
  /** Nobody will ask any more. */
  close(): void;
};

/** The resident size of a process as the kernel or, where there is no /proc, `ps` tells it. */
export function residentSize(
  pid: number,
  source: "proc" | "ps" = process.platform === "linux" ? "proc" : "ps",
): ResidentSize {
  return source === "proc" ? new ProcStatus(pid) : fromPs(pid);
}

/**
 * Opened once: each look is one system call, and never one at another process that was given the same number. `statm` has
 * the size in pages and little else; to write `status` takes the kernel several times as long.
 */
class ProcStatus implements ResidentSize {
  readonly #text = Buffer.alloc(4096);
  readonly #read: (text: Buffer, length: number) => number | undefined;
  #descriptor: number | undefined;

  constructor(pid: number) {
    const page = PAGE_BYTES;
    this.#read = page === undefined ? residentInStatus : (text, length) => residentInStatm(text, length, page);
    try {
      this.#descriptor = openSync(`/proc/${pid}/${page === undefined ? "status" : "statm"}`, "r");
    } catch {
      this.#descriptor = undefined;
    }
  }

  bytes(): number | undefined {
    if (this.#descriptor === undefined) return undefined;
    try {
      return this.#read(this.#text, readSync(this.#descriptor, this.#text, 0, this.#text.length, 0));
    } catch {
      this.close();
      return undefined;
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

const PAGE_BYTES = pageBytes();

/** The second number, in pages; all are 0 once the process has given its memory back. Linux, proc_pid_statm(5) */
function residentInStatm(text: Buffer, length: number, page: number): number | undefined {
  const [, resident] = text.toString("latin1", 0, length).split(" ", 2);
  const pages = Number(resident);
  return pages > 0 ? pages * page : undefined;
}

/** The line `VmRSS:`, in kilobytes. Linux, proc_pid_status(5) */
function residentInStatus(text: Buffer, length: number): number | undefined {
  const at = text.indexOf("VmRSS:");
  if (at < 0 || at >= length) return undefined;
  const kilobytes = Number.parseInt(text.toString("latin1", at + 6, at + 32), 10);
  return Number.isNaN(kilobytes) ? undefined : kilobytes * 1024;
}

/** `ps` takes a process of its own, so each look gives what the one before found, and asks again. */
function fromPs(pid: number): ResidentSize {
  let last: number | undefined;
  let isAsking = false;
  return {
    bytes() {
      if (!isAsking) {
        isAsking = true;
        execFile("ps", ["-o", "rss=", "-p", String(pid)], (error, stdout) => {
          isAsking = false;
          last = error ? undefined : Number(stdout.trim()) * 1024;
        });
      }
      return last;
    },
    close: () => undefined,
  };
}
