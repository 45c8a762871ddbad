import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { isAbsolute, relative } from "node:path";

import { Jrcp1Parser } from "../../src/apdu/index.ts";
import type { TraceEvent } from "../../src/trace/index.ts";
import { filesBelow, holdersOf, holdersOfKeyFor, type Artefact } from "../canary.ts";
import type { DemoCloud } from "./cloud.ts";
import { keyFile, READINGS, type DemoDevice, type DemoDevices } from "./devices.ts";
import type { Observer } from "./observer.ts";
import type { Stage } from "./stage.ts";

/** Chapter 4, second half: what was registered, what the chips did, and where the private keys are. */
export async function summarise(
  stage: Stage,
  cloud: DemoCloud,
  devices: DemoDevices,
  observer: Observer,
): Promise<void> {
  const [status] = await stage.run("status", ["cloud", "status", "--data", stage.path("cloud")]);
  const counts = Object.entries(status?.["counts"] as Record<string, number>).map(([name, n]) => `${n} ${name}`);
  print(stage, "\nregistered", [
    `CA ${cloud.caId}`,
    ...devices.map(({ name, certificateId }) => `${name} ${certificateId}`),
    `observer ${observer.certificateId}`,
    `in the registry: ${counts.join(", ")}; ${devices.length * READINGS} readings delivered`,
  ]);
  for (const device of devices) print(stage, `what the chip of ${device.name} did`, commandCounts(stage, device));
  print(stage, "where the private keys are", canary(stage, devices));
  stage.print(`\ndone in ${stage.seconds.toFixed(1)} s; everything is in ${stage.directory}\n`);
}

function print(stage: Stage, title: string, lines: readonly string[]): void {
  stage.print(`${title}\n${lines.map((line) => `  ${line}\n`).join("")}`);
}

/** How often each command was carried out, from the chip's own trace. */
function commandCounts(stage: Stage, { name }: DemoDevice): string[] {
  const counts = new Map<string, number>();
  const lines = readFileSync(stage.path("traces", `${name}-chip.jsonl`), "utf8")
    .trim()
    .split("\n");
  for (const event of lines.map((line) => JSON.parse(line) as TraceEvent)) {
    if (event.kind === "chip.command") counts.set(event.name, (counts.get(event.name) ?? 0) + 1);
  }
  const list = [...counts].map(([command, count]) => `${count} ${command}`);
  return [list.join(", ")];
}

/**
 * The demo does not know the generated key, and cannot: so it tries everything it can read as that key.
 * Of the injected key it has the file.
 */
function canary(stage: Stage, [generated, injected]: DemoDevices): string[] {
  const artefacts: Artefact[] = [
    ...filesBelow(stage.directory),
    ...[generated, injected].flatMap(({ name, tap }) => wires(`bus of ${name}`, tap.sent, tap.received)),
    ...stage.taps.flatMap((tap) => wires("network", tap.sent, tap.received)),
  ];
  const { holders, tried } = holdersOfKeyFor(generated.point, artefacts);
  const size = (artefacts.reduce((sum, { bytes }) => sum + bytes.length, 0) / 1024).toFixed(0);
  const first =
    holders.length === 0
      ? `${generated.name}: nowhere outside its chip. ${artefacts.length} files and captures of ${size} KiB were searched ` +
        `(traces, outputs, data directories, bus and network); ${tried} values were tried as its key.`
      : `${generated.name}: FOUND in ${holders.join(", ")}`;
  if (holders.length > 0) process.exitCode = 1;
  return [first, injectedPlaces(stage, injected, artefacts)];
}

function injectedPlaces(stage: Stage, { name, tap }: DemoDevice, artefacts: readonly Artefact[]): string {
  const { d = "" } = createPrivateKey(readFileSync(keyFile(stage), "utf8")).export({ format: "jwk" });
  const scalar = Buffer.from(d, "base64url");
  const files = artefacts.filter((artefact) => isAbsolute(artefact.name));
  const captures = artefacts.filter((artefact) => !isAbsolute(artefact.name));
  const places = holdersOf(scalar, files).map((place) => relative(stage.directory, place));
  const carriers = holdersOf(scalar, captures);
  const frames = tap.sent
    .flatMap(framesOf)
    .filter((frame) => holdersOf(scalar, [{ name: "", bytes: frame }]).length > 0);
  const [capture] = carriers;
  const expected = capture === undefined ? frames.length === 0 : carriers.length === 1 && frames.length === 1;
  if (!expected || places.join() !== relative(stage.directory, keyFile(stage))) process.exitCode = 1;
  const carried = capture === undefined ? "nothing that passed in this run" : `one frame that passed (${capture})`;
  return `${name}: in its chip, in ${places.join(", ")}, and in ${carried}. That is what injecting a key means.`;
}

/** The JRCP frames of one direction of a bus. */
function framesOf(bytes: Uint8Array): Uint8Array[] {
  const parser = new Jrcp1Parser();
  parser.push(bytes);
  const frames: Uint8Array[] = [];
  for (let frame = parser.next(); frame; frame = parser.next()) frames.push(frame.payload);
  return frames;
}

function wires(name: string, sent: readonly Buffer[], received: readonly Buffer[]): Artefact[] {
  return [
    ...sent.map((bytes, i) => ({ name: `${name}, connection ${i + 1}, sent`, bytes })),
    ...received.map((bytes, i) => ({ name: `${name}, connection ${i + 1}, received`, bytes })),
  ];
}
