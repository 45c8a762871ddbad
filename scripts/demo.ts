/**
 * The main job from end to end: a device whose key was born in a chip registers itself just in time and publishes.
 * Everything here is a public command in a process of its own, or a public export. `--keep` leaves it all running,
 * `--chip a71ch|a5000|se050|se051` chooses the chips' family, `--chip mixed` takes one of each, all at once.
 */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { setUpCloud } from "./demo/cloud.ts";
import { connectDevices, FLEETS, startChips } from "./demo/devices.ts";
import { showCommands } from "./demo/keep.ts";
import { startObserver } from "./demo/observer.ts";
import { Stage } from "./demo/stage.ts";
import { summarise } from "./demo/summary.ts";
import { showTimeline } from "./demo/timeline.ts";

const { values } = parseArgs({
  options: {
    keep: { type: "boolean", default: false },
    data: { type: "string", default: ".hawser/demo" },
    chip: { type: "string", default: "a71ch" },
  },
});
const chip = FLEETS.find((each) => each === values.chip);
if (!chip) {
  process.stderr.write(`error: --chip is one of ${FLEETS.join(", ")}, not ${values.chip}\n`);
  process.exit(2);
}
const fleet = chip;

const stage = new Stage(resolve(values.data));
const interrupted = new Promise<"interrupted">((done) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => done("interrupted"));
  // A reader that goes away, as `head` does, must not leave the processes behind.
  process.stdout.on("error", () => done("interrupted"));
});

async function play(): Promise<void> {
  const isSecondRun = existsSync(stage.path("ca"));
  mkdirSync(stage.directory, { recursive: true, mode: 0o700 });
  for (const old of ["traces", "output"]) rmSync(stage.path(old), { recursive: true, force: true });
  for (const name of ["traces", "output"]) mkdirSync(join(stage.directory, name));
  if (isSecondRun) stage.say(`using the CA, cloud and chips of an earlier run in ${stage.directory}`);
  const cloud = await setUpCloud(stage);
  const chips = await startChips(stage, fleet);
  const observer = await startObserver(stage, cloud);
  await connectDevices(stage, cloud, chips, observer);
  await showTimeline(stage, chips);
  await summarise(stage, cloud, chips, observer);
  if (!values.keep) return;
  showCommands(stage, cloud, chips);
  await interrupted;
}

try {
  const outcome = await Promise.race([play(), interrupted]);
  process.exitCode = outcome === "interrupted" && !stage.isDone ? 130 : 0;
} catch (error) {
  if (!stage.isEnding) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
} finally {
  await stage.end();
}
