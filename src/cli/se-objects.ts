import type { Command } from "commander";

import { toHex } from "../codec/index.ts";
import { Se05x } from "../host/se05x/index.ts";
import { parseCertificate } from "../pki/index.ts";
import { placeOption } from "./chip-access.ts";
import { badOption } from "./errors.ts";
import { numberOption } from "./output.ts";
import { demandSe05x, type SeOptions, seCommand, type SeTools } from "./se-command.ts";
import { originText, placeText, policyText, put, typeText } from "./se-values.ts";

/** `hawser se info|list|policy|random|delete`. */
export function registerSeObjectCommands(se: Command): void {
  seCommand(se, "info", {
    description: "who the chip says it is, what it can, and what is free",
    examples: ["hawser se info --chip 127.0.0.1:8050", "hawser se info --chip i2c:1 --json"],
    work: info,
  });
  seCommand(se, "list", {
    description: "everything in the chip: key pairs, certificates and, in an SE05x, every object",
    examples: ["hawser se list --chip 127.0.0.1:8050"],
    work: list,
  });
  seCommand<PlaceOptions>(se, "policy", {
    description: "what an SE05x lets whom do with an object",
    options: (command) => command.requiredOption("--object <id>", "object identifier, or a key slot", placeOption),
    examples: ["hawser se policy --chip 127.0.0.1:8050 --object 0xf0000100"],
    work: policy,
  });
  seCommand<RandomOptions>(se, "random", {
    description: "random bytes of the chip's",
    options: (command) =>
      command
        .option("--bytes <number>", "how many", numberOption(1, 1 << 20), 32)
        .option("--out <file>", "write them there; in hex to standard output otherwise"),
    examples: ["hawser se random --chip 127.0.0.1:8050 --bytes 16"],
    work: async ({ element, options: { bytes, out: file }, output }) => {
      const content = await element.random.random(bytes);
      put(output, { event: "random", file, content, isSecret: true, text: `${bytes} random bytes` });
    },
  });
  seCommand<DeleteOptions>(se, "delete", {
    description: "delete a key pair, a certificate or an object; it does not come back",
    options: (command) =>
      command
        .option("--slot <place>", "key pair: a slot, or an SE05x object", placeOption)
        .option("--certificate <index>", "certificate: an index, or an SE05x object", placeOption)
        .option("--object <id>", "SE05x: any object", placeOption),
    examples: ["hawser se delete --chip 127.0.0.1:8050 --slot 1"],
    work: remove,
  });
}

type PlaceOptions = SeOptions & { readonly object: number };
type RandomOptions = SeOptions & { readonly bytes: number; readonly out?: string };
type DeleteOptions = SeOptions & { readonly slot?: number; readonly certificate?: number; readonly object?: number };

async function info({ element, output }: SeTools<SeOptions>): Promise<void> {
  const { model, uniqueId, firmware } = element.identity;
  const more = element instanceof Se05x ? await memoryOf(element) : { variant: element.variant };
  const lines = Object.entries(more).map(([name, value]) => `  ${name}: ${String(value)}`);
  output.line(
    { model, uniqueId, firmware, ...more },
    [`${model}, applet ${firmware}, unique id ${uniqueId}`, ...lines].join("\n"),
  );
}

async function memoryOf({ settings }: Se05x) {
  const version = await settings.version();
  const persistentFree = await settings.free("persistent");
  const transientFree = await settings.free("untilReset");
  const features = version.features.toString(16).padStart(4, "0");
  return { features, secureBox: version.secureBoxVersion.toString(16).padStart(4, "0"), persistentFree, transientFree };
}

async function list(tools: SeTools<SeOptions>): Promise<void> {
  const { element, output } = tools;
  if (element instanceof Se05x) return listObjects(element, tools);
  for (const { slot, publicKey } of await element.keySlots()) {
    const held = publicKey ? toHex(publicKey) : null;
    output.line({ kind: "key-pair", slot, publicKey: held }, `key pair ${slot}: ${held ?? "empty"}`);
  }
  for (const { index, length } of await element.listCertificates()) {
    const subject = subjectOf(await element.readCertificate(index));
    output.line(
      { kind: "certificate", index, length, subject },
      `certificate ${index}: ${subject ?? `${length} bytes`}`,
    );
  }
}

async function listObjects({ objects }: Se05x, { output }: SeTools<SeOptions>): Promise<void> {
  for (const objectId of (await objects.list()).toSorted((a, b) => a - b)) {
    const { type, origin, authenticates } = await objects.attributes(objectId);
    const { isTransient } = await objects.type(objectId);
    const size = await objects.size(objectId);
    const kind = typeText(type);
    const words = [kind, originText(origin), isTransient ? "transient" : "", authenticates ? "authenticates" : ""];
    output.line(
      { kind, object: placeText(objectId), size, origin: originText(origin), transient: isTransient, authenticates },
      `${placeText(objectId)}  ${words.filter((word) => word !== "").join(", ")}${size === undefined ? "" : `, ${size} bytes`}`,
    );
  }
}

async function policy({ element, options, output }: SeTools<PlaceOptions>): Promise<void> {
  const chip = demandSe05x(element, "--object");
  const attributes = await chip.objects.attributes(options.object);
  const { type, origin, authenticates, failedAttempts, maxAttempts, madeBy } = attributes;
  const text = policyText(attributes.policy);
  const object = placeText(attributes.objectId);
  const entries = attributes.policy.map((entry) => policyText([entry]));
  output.line(
    {
      object,
      type: typeText(type),
      origin: originText(origin),
      authenticates,
      failedAttempts,
      maxAttempts,
      madeBy,
      policy: text,
    },
    [`${object}: ${typeText(type)}, ${originText(origin)}`, ...entries.map((entry) => `  ${entry}`)].join("\n"),
  );
}

async function remove({ element, options, output }: SeTools<DeleteOptions>): Promise<void> {
  const { slot, certificate, object } = options;
  if ([slot, certificate, object].filter((each) => each !== undefined).length !== 1) {
    throw badOption("one of --slot, --certificate and --object is needed");
  }
  if (slot !== undefined) await element.eraseKeyPair(slot);
  else if (certificate !== undefined) await element.eraseCertificate(certificate);
  else await demandSe05x(element, "--object").objects.delete(object ?? 0);
  const [what, place] =
    slot !== undefined
      ? ["key pair", slot]
      : certificate !== undefined
        ? ["certificate", certificate]
        : ["object", object];
  output.line({ event: "deleted", what, place: placeText(place ?? 0) }, `deleted ${what} ${placeText(place ?? 0)}`);
}

function subjectOf(der: Uint8Array | undefined): string | undefined {
  return der && parseCertificate(der).subject.text;
}
