import type { Clock } from "../../crypto/index.ts";

/** The longest delay that every timer keeps: setTimeout turns a longer one into no delay at all. */
const LONGEST_MS = 2 ** 31 - 1;

/** Runs `task` after any delay, however long; the returned function cancels it. */
export function afterLong(clock: Clock, delayMs: number, task: () => void): () => void {
  if (delayMs <= LONGEST_MS) return clock.after(Math.max(0, delayMs), task);
  const until = clock.now() + delayMs;
  let cancel = (): void => undefined;
  const arm = (): void => {
    const left = until - clock.now();
    cancel = left > LONGEST_MS ? clock.after(LONGEST_MS, arm) : clock.after(Math.max(0, left), task);
  };
  arm();
  return () => cancel();
}
