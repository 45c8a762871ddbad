import type { Clock } from "../../crypto/index.ts";

/**
 * Resolves once whatever waits has had its turn: who reads a whole table holds connections up for one piece of it, not
 * for all.
 */
export function afterOthers(clock: Clock): Promise<void> {
  return new Promise((resolve) => void clock.after(0, resolve));
}
