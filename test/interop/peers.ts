/** Programs that nobody here wrote: a missing one is a reported skip, and a failure where CI is true. */
import { spawnSync } from "node:child_process";
import type { TestContext } from "node:test";

/** Whether a program is installed; where it is not, the test is skipped, or fails where CI=true. */
export function requirePeer(t: TestContext, program: string): boolean {
  if (spawnSync("sh", ["-c", `command -v ${program}`]).status === 0) return true;
  if (process.env.CI === "true") throw new Error(`${program} is not installed; npm run peers installs it`);
  t.skip(`${program} is not installed`);
  return false;
}
