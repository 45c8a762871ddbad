/**
 * Preloaded into a program (`node --import`): when that ends, it looks through its own memory and appends to a file how
 * often it found a key there. The key comes masked, so that nobody but the program itself can have put it there.
 */
import { appendFileSync, closeSync, openSync, readFileSync, readSync } from "node:fs";
import { basename } from "node:path";

import { MASK } from "./masked-key.ts";

const CHUNK = 1024 * 1024;

const { HAWSER_MASKED_KEYS: masked, HAWSER_MEMORY_REPORT: report } = process.env;
if (masked !== undefined && report !== undefined) {
  const needles = masked.split(",").map((each) => Buffer.from(each, "hex"));
  process.on("exit", () => {
    const script = basename(process.argv[1] ?? "");
    appendFileSync(report, `${occurrences(needles)} ${[script, ...process.argv.slice(2)].join(" ")}\n`);
  });
}

function occurrences(needles: readonly Buffer[]): number {
  const regions = readFileSync("/proc/self/maps", "utf8").matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm);
  const memory = openSync("/proc/self/mem", "r");
  const piece = Buffer.alloc(CHUNK);
  let count = 0;
  try {
    for (const [, from = "", to = ""] of regions) {
      // Pieces overlap by as much as a needle may stand across their border.
      for (let at = Number.parseInt(from, 16); at < Number.parseInt(to, 16); at += CHUNK - 128) {
        const read = piece.subarray(0, bytesAt(memory, piece, at));
        for (const needle of needles) if (holds(read, needle)) count++;
      }
    }
  } finally {
    closeSync(memory);
  }
  return count;
}

function bytesAt(memory: number, piece: Buffer, at: number): number {
  try {
    return readSync(memory, piece, 0, piece.length, at);
  } catch {
    // A region that the kernel lets nobody read.
    return 0;
  }
}

function holds(bytes: Buffer, masked: Buffer): boolean {
  const first = (masked[0] ?? 0) ^ MASK;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    let i = 1;
    while (i < masked.length && ((bytes[at + i] ?? 0) ^ MASK) === masked[i]) i++;
    if (i === masked.length) return true;
  }
  return false;
}
