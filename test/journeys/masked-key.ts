/** How a test tells a program which key to look for in its own memory, without putting it there. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What every byte of a masked key is combined with. */
export const MASK = 0x5a;

/** A program that, when it ends, reports on the key: as bytes and as hex digits. */
export type MemoryWatch = {
  readonly nodeOptions: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What was reported up to now: how often the key was found, and by which command. */
  readonly reports: () => readonly { readonly count: number; readonly command: string }[];
};

/** Looks for `key` in the memory of programs that are started with these options. */
export function memoryWatch(key: Uint8Array, file: string): MemoryWatch {
  const forms = [Buffer.from(key), Buffer.from(Buffer.from(key).toString("hex"))];
  const masked = forms.map((each) => Buffer.from(each.map((byte) => byte ^ MASK)).toString("hex"));
  return {
    nodeOptions: ["--import", join(import.meta.dirname, "memory-at-exit.ts")],
    env: { HAWSER_MASKED_KEYS: masked.join(","), HAWSER_MEMORY_REPORT: file },
    reports: () =>
      readFileSync(file, "utf8")
        .trim()
        .split("\n")
        .map((line) => ({ count: Number.parseInt(line, 10), command: line.slice(line.indexOf(" ") + 1) })),
  };
}
