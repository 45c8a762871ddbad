import { Option, type Command } from "commander";

import type { A71chVariant } from "../apdu/a71ch/index.ts";
import { A71chChip, bearRestricted, type RestrictedPair } from "../chip/a71ch/index.ts";
import { type Card, MemoryInRam, type NonVolatileMemory, type Rehearsable } from "../chip/index.ts";
import { nodeChipCrypto, nodeSe05xCrypto, SealedFileMemory, serveChip, serveControl } from "../chip/node.ts";
import { Se05xChip, SE05X_MODELS, type Se05xModelName } from "../chip/se05x/index.ts";
import { toHex } from "../codec/index.ts";
import { SeededEntropy, type Entropy, type SecureElement } from "../crypto/index.ts";
import { nodeClock, nodeEntropy, nodeHash } from "../crypto/node.ts";
import { A71ch, type RestrictedKeyPair } from "../host/a71ch/index.ts";
import { certificateId, parseCertificate } from "../pki/index.ts";
import type { Trace } from "../trace/index.ts";
import { type AccessOptions, openChipAt, withAccessOptions } from "./chip-access.ts";
import { registerRehearsalCommands, snapshotPlaces } from "./chip-rehearse.ts";
import { badOption } from "./errors.ts";
import { aborted, interruptible } from "./interrupt.ts";
import { examples, numberOption, outputOf, portOption, type Output } from "./output.ts";
import { traceFile } from "./trace-file.ts";

/** `hawser chip serve|info`: a simulated secure element behind TCP, and what a chip says about itself. */
export function registerChipCommands(program: Command): void {
  const chip = program.command("chip").description("simulated secure elements, and what is in a chip");
  registerServe(chip);
  registerInfo(chip);
  registerRehearsalCommands(chip);
}

type ServeOptions = {
  readonly model: "a71ch" | Se05xModelName;
  readonly host: string;
  readonly port: number;
  readonly variant?: A71chVariant;
  readonly state?: string;
  readonly stateKey?: string;
  readonly seed?: string;
  readonly endurance?: number;
  readonly restrictedPair?: RestrictedPair;
  readonly control?: string;
  readonly trace?: string;
};

function registerServe(chip: Command): void {
  chip
    .command("serve")
    .description("serve a simulated chip over TCP with JRCP v1 and v2 until interrupted")
    .addOption(
      new Option("--model <model>", "which chip").choices(["a71ch", ...Object.keys(SE05X_MODELS)]).default("a71ch"),
    )
    .option("--host <address>", "address to listen on; whoever reaches it may use the chip's keys", "127.0.0.1")
    .option("--port <number>", "port to listen on, 0 for any free one", portOption, 8050)
    .addOption(new Option("--variant <variant>", "capacity of an A71CH, B by default").choices(["A", "B"]))
    .option("--state <file>", "keep the chip's contents in this sealed file; without it they end with the process")
    .option("--state-key <file>", "32 bytes in hex that seal it, mode 0600; FILE.key by default, made on first use")
    .option("--seed <text>", "make every random byte from this text: for tests, never for keys in use")
    .option("--control <path>", "make a control socket there, for snapshot, rewind, fork and what-if")
    .option("--endurance <writes>", "how often each place of the memory can be written", numberOption(1))
    .option(
      "--restricted-pair <slot[:uses]>",
      "an A71CH born with a key pair that signs one certificate only",
      restriction,
    )
    .option("--trace <file>", "append every command as JSON Lines; key material is redacted")
    .addHelpText(
      "after",
      examples(
        "hawser chip serve --model a5000 --port 8050",
        "hawser chip serve --restricted-pair 3:10",
        "hawser chip serve --port 0 --state device.chip --json",
      ),
    )
    .action(async (options: ServeOptions, command: Command) => serve(options, outputOf(command)));
}

async function serve(options: ServeOptions, output: Output): Promise<void> {
  const { trace, close } = traceFile(options.trace);
  try {
    const { chip, model, control: openControl } = await chipOf(options, output, trace);
    await interruptible(async (signal) => {
      const served = await serveChip({ chip, host: options.host, port: options.port, trace });
      const control = await openControl().catch(async (error: unknown) => {
        await served.close();
        throw error;
      });
      const address = `${options.host}:${served.port}`;
      output.line(
        { event: "listening", address, host: options.host, port: served.port, model, uniqueId: chip.uniqueId },
        `listening on ${address}: ${model} ${chip.uniqueId}`,
      );
      await aborted(signal);
      await control?.close();
      await served.close();
      output.line({ event: "stopped" }, "stopped");
    });
  } finally {
    close();
  }
}

type ServedModel = {
  readonly chip: Card & { readonly uniqueId: string };
  readonly model: string;
  /** Opens the control socket, where one is asked for. */
  readonly control: () => Promise<{ readonly close: () => Promise<void> } | undefined>;
};

async function chipOf(options: ServeOptions, output: Output, trace: Trace): Promise<ServedModel> {
  const { model, variant, endurance, restrictedPair } = options;
  const ports = { entropy: entropyOf(options.seed, output), clock: nodeClock, memory: memoryOf(options), trace };
  const enduring = endurance === undefined ? {} : { enduranceWrites: endurance };
  if (model !== "a71ch") {
    if ([variant, restrictedPair].some((each) => each !== undefined)) {
      throw badOption("--variant and --restricted-pair are for --model a71ch");
    }
    const chip = await Se05xChip.open({ model, crypto: nodeSe05xCrypto, ...ports, ...enduring });
    return { chip, model: chip.readerName, control: controlOf(chip, options) };
  }
  if (restrictedPair) {
    const { entropy, memory } = ports;
    await bearRestricted({ crypto: nodeChipCrypto, entropy, variant: variant ?? "B", memory, ...restrictedPair });
  }
  const chip = new A71chChip({
    crypto: nodeChipCrypto,
    ...ports,
    ...(variant === undefined ? {} : { variant }),
    ...enduring,
  });
  return { chip, model: "A71CH", control: controlOf(chip, options) };
}

function restriction(text: string): RestrictedPair {
  const [, slot, uses = "0"] = /^(\d{1,2})(?::(\d{1,3}))?$/.exec(text) ?? [];
  if (slot === undefined) throw badOption(`--restricted-pair takes a slot, or slot:uses, not ${text}`);
  return { slot: Number(slot), maxUses: Number(uses) };
}

function controlOf(chip: Rehearsable, options: ServeOptions): ServedModel["control"] {
  const { control: path } = options;
  return async () => (path === undefined ? undefined : serveControl({ chip, path, ...snapshotPlaces(options) }));
}

function memoryOf({ state, stateKey }: ServeOptions): NonVolatileMemory {
  if (state !== undefined) return new SealedFileMemory({ file: state, ...(stateKey ? { keyFile: stateKey } : {}) });
  if (stateKey !== undefined) throw badOption("--state-key needs --state");
  return new MemoryInRam();
}

function entropyOf(seed: string | undefined, output: Output): Entropy {
  if (seed === undefined) return nodeEntropy;
  output.warn("--seed: every key and signature of this chip can be computed by whoever knows the seed; tests only");
  return new SeededEntropy(nodeHash, seed);
}

function registerInfo(chip: Command): void {
  const command = chip
    .command("info")
    .description("who a chip says it is, and which key pairs it holds")
    .requiredOption("--chip <host:port>", "where the chip listens");
  withAccessOptions(command)
    .addHelpText(
      "after",
      examples(
        "hawser chip info --chip 127.0.0.1:8050",
        "hawser chip info --chip 127.0.0.1:8050 --scp03 channel.keys --session userid:7da00001:pin.hex",
      ),
    )
    .action(async (options: InfoOptions, invoked: Command) => info(options, outputOf(invoked)));
}

type InfoOptions = AccessOptions & { readonly chip: string };

async function info(options: InfoOptions, output: Output): Promise<void> {
  const device = await openChipAt(options.chip, options);
  const variant = device instanceof A71ch ? device.variant : undefined;
  try {
    const restricted = device instanceof A71ch ? await device.restrictedKeyPair() : undefined;
    const certificates = await certificatesIn(device);
    const slots = (await device.keySlots()).map(({ slot, publicKey }) => ({
      slot,
      publicKey: publicKey === undefined ? null : toHex(publicKey),
    }));
    const { model, uniqueId, firmware } = device.identity;
    const keys = slots.map(({ slot, publicKey }) => `  key pair ${slot}: ${publicKey ?? "empty"}\n`).join("");
    const stored = certificates.map(({ index, subject, id }) => `  certificate ${index}: ${subject}, ${id}\n`).join("");
    const limits = restricted ? `  ${restrictionText(restricted)}\n` : "";
    const facts = { ...(variant ? { variant } : {}), ...(restricted ? { restrictedKeyPair: restricted } : {}) };
    output.line(
      { model, uniqueId, firmware, ...facts, keySlots: slots, certificates },
      `${model}${variant ? ` ${variant}` : ""}, applet ${firmware}, unique id ${uniqueId}\n${keys}${limits}${stored}`.trimEnd(),
    );
  } finally {
    await device.close();
  }
}

function restrictionText({ slot, uses, maxUses, blocks }: RestrictedKeyPair): string {
  const places = blocks.map(({ offset, length }) => `${length} at ${offset}`).join(", ");
  return `key pair ${slot} is restricted: ${uses} of ${maxUses === 0 ? "any number of" : maxUses} uses; bytes: ${places}`;
}

async function certificatesIn(device: SecureElement): Promise<{ index: number; id: string; subject: string }[]> {
  const found = [];
  for (const { index } of await device.listCertificates()) {
    const der = await device.readCertificate(index);
    if (der) found.push({ index, id: certificateId(der), subject: parseCertificate(der).subject.text });
  }
  return found;
}
