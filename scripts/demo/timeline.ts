import type { DemoDevices } from "./devices.ts";
import { flags, type Stage } from "./stage.ts";

/** Chapter 4, first half: the accepted handshake of the device whose chip does all it can. */
export async function showTimeline(stage: Stage, [generated]: DemoDevices): Promise<void> {
  stage.chapter(4, `the accepted handshake of ${generated.name}`);
  const traces = ["chip", "device"].map((side) => stage.path("traces", `${generated.name}-${side}.jsonl`));
  const options = { data: stage.path("cloud"), connection: generated.connection };
  const [line] = await stage.run("timeline", ["timeline", ...flags(options), "--handshake", "--trace", ...traces]);
  stage.print(`\n${String(line?.["timeline"])}`);
}
