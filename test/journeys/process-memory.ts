/** Looks into the memory of a running process, as somebody with the user's rights could. */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";

const CHUNK = 4 * 1024 * 1024;

/**
 * How often `needle` stands in the writable memory of a process, or undefined where this system does not let us look:
 * other systems than Linux, or a kernel that keeps even parents out.
 */
export function occurrencesInMemory(pid: number, needle: Uint8Array): number | undefined {
  const maps = readable(() => readFileSync(`/proc/${pid}/maps`, "utf8"));
  const memory = readable(() => openSync(`/proc/${pid}/mem`, "r"));
  if (maps === undefined || memory === undefined) return undefined;
  try {
    let count = 0;
    for (const [from, to] of writableRegions(maps))
      count += occurrences({ memory, from, to, needle: Buffer.from(needle) });
    return count;
  } finally {
    closeSync(memory);
  }
}

function writableRegions(maps: string): [from: number, to: number][] {
  return [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm)].map(([, from = "", to = ""]) => [
    Number.parseInt(from, 16),
    Number.parseInt(to, 16),
  ]);
}

type Region = { readonly memory: number; readonly from: number; readonly to: number; readonly needle: Buffer };

function occurrences({ memory, from, to, needle }: Region): number {
  let count = 0;
  // Pieces overlap by less than the needle, so that each occurrence is seen whole in exactly one.
  for (let at = from; at < to; at += CHUNK) {
    const piece = Buffer.alloc(Math.min(CHUNK + needle.length - 1, to - at));
    const length = readable(() => readSync(memory, piece, 0, piece.length, at)) ?? 0;
    const read = piece.subarray(0, length);
    for (let found = read.indexOf(needle); found >= 0; found = read.indexOf(needle, found + 1)) count++;
  }
  return count;
}

/** Undefined where the system says no, or where a region has gone or never was. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}
