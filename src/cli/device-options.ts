import { readFileSync } from "node:fs";

import { InvalidArgumentError, Option, type Command } from "commander";

import { admitted, DEFAULT_RECONNECT, type DeviceIdentity, readiness } from "../agent/index.ts";
import { chipStream, ConnectedDevice, DEFAULT_PERFORMERS, type Performers } from "../agent/node.ts";
import { A71CH_VARIANTS } from "../apdu/a71ch/index.ts";
import type { Performer } from "../crypto/index.ts";
import { nodeClock, nodeEntropy } from "../crypto/node.ts";
import type { A71ch } from "../host/a71ch/index.ts";
import { Se05x } from "../host/se05x/index.ts";
import { type Certificate, certificatesFromPem, nameValues } from "../pki/index.ts";
import { correlated, type Trace } from "../trace/index.ts";
import { type AccessOptions, openChipAt, placeOption, withAccessOptions } from "./chip-access.ts";
import { badOption } from "./errors.ts";
import { deviceProgress } from "./device-progress.ts";
import { numberOption, type Output } from "./output.ts";
import { traceFile } from "./trace-file.ts";

/** One lost connection is a network; three at the same message are an answer. */
const MAX_LOSSES = 3;

/** Options of every command that works with a chip. */
export type ChipOptions = AccessOptions & { readonly chip: string; readonly slot: number; readonly trace?: string };

/** Options of every command that connects a device to a cloud. */
export type CloudOptions = ChipOptions & {
  readonly cloud: { readonly host: string; readonly port: number };
  readonly cafile: string;
  readonly serverName?: string;
  readonly clientId?: string;
  readonly performers: Performers;
  readonly agreementSlot?: number;
  readonly mqttVersion: 4 | 5;
  readonly attempts: number;
  readonly keepAlive: number;
};

/** Adds `--chip`, `--slot`, `--trace`, and what opens chips that are not open to everybody. */
export function withChipOptions(command: Command): Command {
  return withAccessOptions(command)
    .requiredOption("--chip <host:port>", "where the chip listens")
    .option(
      "--slot <number>",
      "key slot of the device's identity, or an SE05x object such as 0xf0000100",
      placeOption,
      0,
    )
    .option("--trace <file>", "append what happens on bus, TLS and MQTT as JSON Lines");
}

/** Adds all that it takes to reach a cloud. */
export function withCloudOptions(command: Command): Command {
  return withChipOptions(command)
    .requiredOption("--cloud <host:port>", "where the cloud's MQTT listener is", addressOption)
    .requiredOption("--cafile <file>", "PEM of the root that the device trusts")
    .option("--server-name <name>", "the name that the server's certificate must bear; the host by default")
    .option("--client-id <id>", "MQTT client id; the certificate's common name by default")
    .addOption(
      new Option("--performers <list>", `who does what, chip or host: ${Object.keys(DEFAULT_PERFORMERS).join(", ")}`)
        .argParser(performersOption)
        .default(DEFAULT_PERFORMERS, performersText(DEFAULT_PERFORMERS)),
    )
    .option(
      "--agreement-slot <number>",
      "an A71CH's slot for ephemeral keys; the last one by default",
      numberOption(0, 255),
    )
    .addOption(new Option("--mqtt-version <version>", "3.1.1 or 5").argParser(mqttVersionOption).default(4, "3.1.1"))
    .option("--attempts <number>", "failures in a row after which to give up", numberOption(1), 20)
    .option("--keep-alive <seconds>", "MQTT keep-alive", numberOption(0, 65_535), 60);
}

/** Opens the chip, gives it to `work`, and closes it whatever happens. */
export async function withChip<T>(
  options: ChipOptions,
  work: (element: A71ch | Se05x, trace: Trace) => Promise<T>,
): Promise<T> {
  const { trace, close } = traceFile(options.trace);
  try {
    const element = await openChipAt(options.chip, options, trace);
    try {
      return await work(element, correlated(trace, { device: element.identity.uniqueId }));
    } finally {
      await element.close();
    }
  } finally {
    close();
  }
}

/** The certificates of a file that the option `--cafile` names, as text and read. Throws `UsageError` `bad-option`, naming it. */
export function rootsIn(cafile: string): { readonly ca: string; readonly anchors: readonly Certificate[] } {
  const ca = readFileSync(cafile, "utf8");
  let anchors: readonly Certificate[];
  try {
    anchors = certificatesFromPem(ca);
  } catch (error) {
    throw badOption(`--cafile ${cafile} cannot be read as PEM: ${(error as Error).message}`);
  }
  if (anchors.length === 0) throw badOption(`--cafile ${cafile} holds no certificate in PEM`);
  return { ca, anchors };
}

/** Connects the device whose identity is in the chip, gives it to `work`, and says goodbye whatever happens. */
export async function withDevice(
  options: CloudOptions,
  { output, signal }: { readonly output: Output; readonly signal: AbortSignal },
  work: (device: ConnectedDevice, clientId: string) => Promise<void>,
): Promise<void> {
  const { ca, anchors } = rootsIn(options.cafile);
  await withChip(options, async (element, trace) => {
    const identity = admitted(await readiness(element, options.slot, anchors));
    const [certificate] = identity.chain;
    const clientId = options.clientId ?? commonName(identity) ?? element.identity.uniqueId;
    const device = await ConnectedDevice.connect({
      open: chipStream({
        ...options.cloud,
        ...(options.serverName === undefined ? {} : { servername: options.serverName }),
        ca,
        identity,
        element,
        performers: options.performers,
        agreementSlot: agreementSlotOf(options, element),
        clock: nodeClock,
      }),
      mqtt: {
        clientId,
        protocolVersion: options.mqttVersion,
        keepAliveSeconds: options.keepAlive,
        answerWithinMs: 20_000,
        clock: nodeClock,
        trace: correlated(trace, certificate ? { certificate: certificate.id } : {}),
      },
      policy: { ...DEFAULT_RECONNECT, maxFailures: options.attempts, maxLosses: MAX_LOSSES },
      clock: nodeClock,
      entropy: nodeEntropy,
      signal,
      onProgress: deviceProgress(output, { clientId, cloud: `${options.cloud.host}:${options.cloud.port}` }),
    });
    try {
      await work(device, clientId);
    } finally {
      await device.end();
    }
  });
}

function commonName({ chain }: DeviceIdentity): string | undefined {
  return chain[0] && nameValues(chain[0].subject, "CommonName")[0];
}

/** An SE05x makes ephemeral keys in transient memory, and needs no slot for them. */
function agreementSlotOf({ slot, agreementSlot }: CloudOptions, element: A71ch | Se05x): number {
  if (element instanceof Se05x) return 0;
  const chosen = agreementSlot ?? A71CH_VARIANTS[element.variant].keyPairs - 1;
  if (chosen === slot) throw badOption(`--agreement-slot ${chosen} holds the device's identity and would replace it`);
  return chosen;
}

function mqttVersionOption(value: string): 4 | 5 {
  if (value === "3.1.1" || value === "5") return value === "5" ? 5 : 4;
  throw new InvalidArgumentError("MQTT has the versions 3.1.1 and 5.");
}

function addressOption(value: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+)):(\d{1,5})$/.exec(value);
  const [host, port] = [match?.[1] ?? match?.[2], Number(match?.[3])];
  if (host === undefined || port < 1 || port > 65_535) throw new InvalidArgumentError("HOST:PORT is needed.");
  return { host, port };
}

function performersText(performers: Performers): string {
  return Object.entries(performers)
    .map(([operation, performer]) => `${operation}=${performer}`)
    .join(",");
}

/** `key-agreement=chip,client-random=host` over the defaults. */
function performersOption(value: string): Performers {
  const performers: Record<string, Performer> = { ...DEFAULT_PERFORMERS };
  for (const part of value.split(",")) {
    const [operation = "", performer = ""] = part.split("=");
    if (!Object.hasOwn(DEFAULT_PERFORMERS, operation)) {
      const known = Object.keys(DEFAULT_PERFORMERS).join(", ");
      throw new InvalidArgumentError(
        `'${operation}' is not one of ${known}; the client's signature is always the chip's.`,
      );
    }
    if (performer !== "chip" && performer !== "host") throw new InvalidArgumentError(`${operation} is chip or host.`);
    performers[operation] = performer;
  }
  return performers as Performers;
}
