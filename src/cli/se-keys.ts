import type { Command } from "commander";

import { prepareKey, requestCertificate } from "../agent/index.ts";
import { type PolicyEntry, SE05X_CURVE, SE05X_PART } from "../apdu/se05x/index.ts";
import { toHex, toPem } from "../codec/index.ts";
import { ecPublicPoint } from "../crypto/index.ts";
import { type A71ch, encodeReferenceKey, REFERENCE_KEY_CLASS } from "../host/a71ch/index.ts";
import { encodeSe05xReferenceKey, encodeSe05xRsaReferenceKey, keyObject, Se05x } from "../host/se05x/index.ts";
import { csrToPem, nameFromText, parsePublicKey } from "../pki/index.ts";
import { placeOption } from "./chip-access.ts";
import { badOption } from "./errors.ts";
import { numberOption } from "./output.ts";
import { demandSe05x, type SeOptions, seCommand, type SeTools } from "./se-command.ts";
import { choiceOption, placeText, policyOption, put, readInput } from "./se-values.ts";

const HERE = "--chip 127.0.0.1:8050";

type SlotOptions = SeOptions & { readonly slot: number };
type GenerateOptions = SlotOptions & {
  readonly curve: keyof typeof CURVES;
  readonly rsa?: number;
  readonly policy?: readonly PolicyEntry[];
  readonly out?: string;
};
type InjectOptions = SlotOptions & { readonly key: string };
type CsrOptions = SlotOptions & { readonly subject?: string; readonly out?: string };
type ReferenceOptions = SlotOptions & { readonly out?: string };

/** @table Curves of keys that sign, by the words of the command line. */
const CURVES = { "P-256": SE05X_CURVE.p256, "P-384": SE05X_CURVE.p384, "P-521": 0x05, ed25519: SE05X_CURVE.ed25519 };
const CURVE_NAMES = Object.keys(CURVES) as (keyof typeof CURVES)[];

/** `hawser se generate|inject|csr|refkey`. */
export function registerSeKeyCommands(se: Command): void {
  seCommand<GenerateOptions>(se, "generate", {
    description: "make a key pair in the chip; its private half never leaves it",
    options: (command) =>
      withSlot(command)
        .option(
          "--curve <name>",
          "P-256; in an SE05x P-384, too, and in an SE050 or SE051 P-521 and ed25519",
          choiceOption(...CURVE_NAMES),
          "P-256",
        )
        .option("--rsa <bits>", "SE050, SE051: an RSA key of 2048, 3072 or 4096 bits instead", numberOption(1024, 4096))
        .option(
          "--policy <list>",
          "SE05x: who may do what, as WHO:RIGHT+RIGHT,…; WHO is all or an object",
          policyOption,
        )
        .option("--out <file>", "write the public key there as PEM"),
    examples: [
      `hawser se generate ${HERE} --slot 0 --out device.pub`,
      `hawser se generate ${HERE} --slot 0x20000001 --policy 7da00001:sign+read,all:read`,
    ],
    work: generate,
  });
  seCommand<InjectOptions>(se, "inject", {
    description: "put a key pair from a file into the chip",
    options: (command) => withSlot(command).requiredOption("--key <file>", "PEM of an EC key pair on P-256"),
    examples: [`hawser se inject ${HERE} --slot 1 --key deviceKey.key`],
    work: async ({ element, options: { slot, key }, output }) => {
      // What else is behind this door takes longer to load than most of these commands take.
      const { keyPairFromPem } = await import("../agent/node.ts");
      const keyPair = keyPairFromPem(new TextDecoder().decode(readInput(key)));
      await prepareKey(element, slot, { from: "injected", keyPair });
      output.line(
        { event: "injected", slot: placeText(slot), file: key },
        `injected ${key} into ${placeText(slot)}; the file still holds the private key`,
      );
    },
  });
  seCommand<CsrOptions>(se, "csr", {
    description: "a certificate request that the chip signs",
    options: (command) =>
      withSlot(command)
        .option("--subject <name>", "CN=<unique id of the chip> by default")
        .option("--out <file>", "write it there; to standard output otherwise"),
    examples: [`hawser se csr ${HERE} --slot 0 --subject 'CN=device-1' --out device.csr`],
    work: async ({ element, options: { slot, subject, out: file }, output, trace }) => {
      const name = nameFromText(subject ?? `CN=${element.identity.uniqueId}`);
      const content = csrToPem(await requestCertificate(await element.signer(slot), { subject: name, trace }));
      put(output, { event: "requested", file, content, subject: name.text, text: `request for ${name.text}` });
    },
  });
  seCommand<ReferenceOptions>(se, "refkey", {
    description:
      "a key file that says where in the chip the real key is, as NXP's OpenSSL engines and providers take it",
    options: (command) => withSlot(command).option("--out <file>", "write it there; to standard output otherwise"),
    examples: [`hawser se refkey ${HERE} --slot 0xf0000100 --out device.ref.pem`],
    work: referenceKey,
  });
}

async function generate({ element, options, output }: SeTools<GenerateOptions>): Promise<void> {
  const { slot, curve, rsa, policy, out } = options;
  const isPlain = curve === "P-256" && rsa === undefined && policy === undefined;
  if (isPlain) await prepareKey(element, slot, { from: "generated" });
  else await generateAsAsked(demandSe05x(element, "--curve, --rsa and --policy"), options);
  const { publicKey } = await element.signer(slot);
  const kind = rsa === undefined ? { curve } : { rsa };
  const fields = { event: "generated", slot: placeText(slot), ...kind, publicKey: toHex(publicKey) };
  const what = rsa === undefined ? `a key pair on ${curve}` : `an RSA key pair of ${rsa} bits`;
  const text = `generated ${what} in ${placeText(slot)}; its private half never leaves the chip`;
  if (out === undefined) return output.line(fields, `${text}\n${toPem("PUBLIC KEY", publicKey).trimEnd()}`);
  put(output, { ...fields, file: out, content: toPem("PUBLIC KEY", publicKey), text });
}

async function generateAsAsked(chip: Se05x, { slot, curve, rsa, policy }: GenerateOptions): Promise<void> {
  const objectId = keyObject(slot);
  if (rsa !== undefined && slot < 0x100)
    throw badOption("--rsa takes an object such as 0x20000001: slots hold EC keys");
  if (await chip.objects.exists(objectId))
    throw badOption(`${placeText(slot)} holds an object already: hawser se delete first`);
  if (rsa !== undefined) {
    demandFeature(chip, FEATURE.rsa, "RSA keys");
    return chip.rsa.generate(objectId, rsa, policy);
  }
  if (curve === "ed25519") demandFeature(chip, FEATURE.edDsa, "Ed25519");
  await chip.curves.ensure(CURVES[curve]);
  const key = { part: SE05X_PART.pair, objectId, curve: CURVES[curve] };
  await chip.send("writeEcKey", policy ? { ...key, policy } : key);
}

/** Bits of what a chip says that it can. SE05x command table, section 4.3 */
const FEATURE = { edDsa: 0x0004, rsa: 0x0060 } as const;

/** The chip would answer as if there were no memory. */
function demandFeature(chip: Se05x, bits: number, what: string): void {
  if ((chip.features & bits) === 0) throw badOption(`this part has no ${what}: an SE050 or SE051 does`);
}

async function referenceKey({
  element,
  options: { slot, out: file },
  output,
}: SeTools<ReferenceOptions>): Promise<void> {
  const { publicKey } = await element.signer(slot);
  const content = await referenceTo(element, slot, publicKey);
  put(output, { event: "reference", file, content, slot: placeText(slot), text: `reference to ${placeText(slot)}` });
}

async function referenceTo(element: A71ch | Se05x, slot: number, publicKey: Uint8Array): Promise<string> {
  const found = ecPublicPoint(publicKey);
  if (element instanceof Se05x) {
    const objectId = keyObject(slot);
    if (found) return encodeSe05xReferenceKey(objectId, found);
    if (parsePublicKey(publicKey).kind !== "rsa")
      throw badOption(`${placeText(slot)} holds neither an EC nor an RSA key`);
    return encodeSe05xRsaReferenceKey(objectId, await element.rsa.publicNumbers(objectId));
  }
  if (!found) throw badOption(`${placeText(slot)} holds no EC key`);
  return encodeReferenceKey({ keyClass: REFERENCE_KEY_CLASS.keyPair, index: slot }, found.point);
}

function withSlot(command: Command): Command {
  return command.requiredOption("--slot <place>", "key slot, or an SE05x object such as 0xf0000100", placeOption);
}
