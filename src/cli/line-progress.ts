import type { LineProgress } from "../provisioning/line/index.ts";
import type { Output } from "./output.ts";

const WIDTH = 30;
/** A line every so many parts, where nobody watches a bar. */
const TENTHS = 10;

/** Tells how a line comes on: a bar on a terminal, a line each tenth otherwise, and under --json a line each part. */
export function lineProgress(
  output: Output,
  count: number,
): { readonly onProgress: (progress: LineProgress) => void; readonly end: () => void } {
  const isWatched = process.stderr.isTTY && !output.json;
  const step = Math.max(1, Math.ceil(count / TENTHS));
  let isDrawn = false;
  return {
    onProgress(progress) {
      const { part, outcome, uniqueId, done, refused, refusal } = progress;
      if (output.json) output.line({ event: "part", part, outcome, uniqueId, ...refusal }, "");
      else if (isWatched) {
        isDrawn = true;
        process.stderr.write(`\r${bar(done + refused, count)} ${done + refused} of ${count}, ${refused} refused`);
      } else if ((done + refused) % step === 0) output.note(`${done + refused} of ${count}, ${refused} refused`);
    },
    end() {
      if (isDrawn) process.stderr.write("\n");
      isDrawn = false;
    },
  };
}

/** `[########......]` */
export function bar(done: number, count: number): string {
  const full = Math.min(WIDTH, Math.round((done / Math.max(1, count)) * WIDTH));
  return `[${"#".repeat(full)}${".".repeat(WIDTH - full)}]`;
}
