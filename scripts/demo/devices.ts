import { generateKeyPairSync } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";

import type { Program } from "../programs.ts";
import { WireTap } from "../wire-tap.ts";
import type { DemoCloud } from "./cloud.ts";
import type { Observer } from "./observer.ts";
import { flags, type Line, type Stage } from "./stage.ts";

/** How many readings each device publishes. */
export const READINGS = 10;

/** The families that the demo can be played with, and where each keeps certificates. */
export const CHIPS = {
  a71ch: { name: "an A71CH", storage: "GP storage" },
  a5000: { name: "an A5000", storage: "binary objects" },
  se050: { name: "an SE050", storage: "binary objects" },
  se051: { name: "an SE051", storage: "binary objects" },
} as const;

export type DemoChip = keyof typeof CHIPS;

/** What `--chip` takes: one family for all devices, or a fleet with one device of each. */
export const FLEETS = [...(Object.keys(CHIPS) as DemoChip[]), "mixed"] as const;

export type DemoFleet = (typeof FLEETS)[number];

/** The two devices that the demo tells about, and the others of a mixed fleet, whose chips make their keys. */
const MIXED = {
  "sensor-generated": "a5000",
  "sensor-injected": "a71ch",
  "sensor-se050": "se050",
  "sensor-se051": "se051",
} as const satisfies Readonly<Record<string, DemoChip>>;

/** One device of the demo: a chip in a process of its own, and what happened to it. */
export type DemoDevice = {
  readonly name: string;
  readonly model: DemoChip;
  readonly program: Program;
  readonly address: string;
  /** What passed between host and chip. */
  readonly tap: WireTap;
  readonly uniqueId: string;
  /** Uncompressed point of the key in slot 0. */
  readonly point: Uint8Array;
  readonly certificateId: string;
  /** The accepted connection, as the device names it in its trace. */
  connection: string;
};

export type DemoDevices = readonly [generated: DemoDevice, injected: DemoDevice, ...others: DemoDevice[]];

/** Chapter 2: two chips or more; one is given its key, the others make theirs. Certificates go into the chips' storage. */
export async function startChips(stage: Stage, fleet: DemoFleet): Promise<DemoDevices> {
  const models = fleet === "mixed" ? MIXED : { "sensor-generated": fleet, "sensor-injected": fleet };
  const { "sensor-generated": generated, "sensor-injected": injected, ...others } = models;
  const chapter =
    fleet === "mixed"
      ? `four devices, with ${Object.values(CHIPS)
          .map(({ name }) => name)
          .join(", ")}, each in a process of its own`
      : `two devices, each with ${CHIPS[fleet].name} in a process of its own`;
  stage.chapter(2, chapter);
  return Promise.all([
    startDevice(stage, "sensor-generated", generated),
    startDevice(stage, "sensor-injected", injected),
    ...Object.entries(others).map(([name, model]) => startDevice(stage, name, model)),
  ]);
}

/** The file with the key that is injected. */
export function keyFile(stage: Stage): string {
  return stage.path("deviceKey.key");
}

async function startDevice(stage: Stage, name: DemoDevice["name"], model: DemoChip): Promise<DemoDevice> {
  const program = stage.start(`${name}-chip`, [
    "chip",
    "serve",
    ...flags({
      model,
      port: 0,
      // A run with another family is about other chips.
      state: stage.path(model === "a71ch" ? `${name}.chip` : `${name}-${model}.chip`),
      trace: stage.path("traces", `${name}-chip.jsonl`),
    }),
  ]);
  const { address = "", uniqueId = "" } = await program.json({ event: "listening" });
  const tap = await WireTap.open(address);
  stage.atEnd(() => tap.close());
  stage.say(`${name}: the chip listens on ${address} (JRCP v1), unique id ${uniqueId}`);
  const device = { name, model, program, address, tap, uniqueId, connection: "" };
  if ((await factsOf(stage, device)).certificateId === "") await initDevice(stage, device);
  return { ...device, ...(await factsOf(stage, device)) };
}

async function initDevice(
  stage: Stage,
  { name, model, tap }: Pick<DemoDevice, "name" | "model" | "tap">,
): Promise<void> {
  const isGenerated = name !== "sensor-injected";
  if (!isGenerated) makeKeyFile(keyFile(stage));
  await stage.run(`${name}-init`, [
    "device",
    "init",
    ...(isGenerated ? ["--generate"] : ["--inject", keyFile(stage)]),
    ...flags({
      chip: tap.address,
      "ca-dir": stage.path("ca"),
      subject: `CN=${name}`,
      trace: stage.path("traces", `${name}-init.jsonl`),
    }),
  ]);
  const key = isGenerated ? "the chip generated its key pair" : "the key of deviceKey.key was injected (AN12131, 8.6)";
  stage.say(`${name}: ${key} and signed its request; its certificate and the CA's are in ${CHIPS[model].storage}`);
}

/** As `openssl ecparam -genkey -name prime256v1 -out deviceKey.key` does. */
function makeKeyFile(path: string): void {
  if (existsSync(path)) return;
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(path, privateKey.export({ format: "pem", type: "sec1" }), { mode: 0o600 });
}

type Info = {
  readonly keySlots: readonly { readonly slot: number; readonly publicKey: string | null }[];
  readonly certificates: readonly { readonly index: number; readonly id: string }[];
};

async function factsOf(stage: Stage, { name, tap }: Pick<DemoDevice, "name" | "tap">) {
  const [info] = await stage.run(`${name}-info`, ["chip", "info", "--chip", tap.address]);
  const { keySlots, certificates } = info as unknown as Info;
  const publicKey = Buffer.from(keySlots.find(({ slot }) => slot === 0)?.publicKey ?? "", "hex");
  return {
    // The point is the end of a SubjectPublicKeyInfo on P-256.
    point: publicKey.subarray(-65),
    certificateId: certificates.find(({ index }) => index === 0)?.id ?? "",
  };
}

/** Chapter 3: all devices connect at once, are registered, dropped, activated, come back, and publish. */
export async function connectDevices(
  stage: Stage,
  cloud: DemoCloud,
  devices: DemoDevices,
  observer: Observer,
): Promise<void> {
  stage.chapter(3, "the devices connect, and publish ten readings each");
  for (const { certificateId, name } of devices) cloud.names.set(certificateId, name);
  const tap = await WireTap.open(cloud.mqtt);
  stage.atEnd(() => tap.close());
  stage.taps.push(tap);
  await Promise.all(devices.map((device) => publish(stage, { cloud, device, address: tap.address })));
  await observer.received(devices.length * READINGS);
  stage.say(`observer: received all ${devices.length * READINGS} readings`);
}

async function publish(
  stage: Stage,
  { cloud, device, address }: { readonly cloud: DemoCloud; readonly device: DemoDevice; readonly address: string },
): Promise<void> {
  const { name, tap } = device;
  const tell = (line: Line) => {
    if (line["event"] === "refused" && line["dropped"]) stage.say(`${name}: TLS done, then dropped before CONNACK`);
    if (line["event"] === "waiting") stage.say(`${name}: tries again in ${String(line["delayMs"])} ms`);
    if (line["event"] === "connected") device.connection = String(line["connection"]);
  };
  const options = {
    chip: tap.address,
    cloud: address,
    cafile: cloud.caFile,
    topic: "telemetry/{clientId}",
    message: '{"reading":{n}}',
    count: READINGS,
    interval: 20,
    attempts: 30,
    // One device leaves the key agreement to its chip, too; the other makes ephemeral keys on the host.
    performers: `key-agreement=${name === "sensor-generated" ? "chip" : "host"}`,
    trace: stage.path("traces", `${name}-device.jsonl`),
  };
  await stage.run(`${name}-publish`, ["device", "publish", ...flags(options)], tell);
  stage.say(`${name}: ${READINGS} readings published at QoS 1, each acknowledged`);
}
