import { readFileSync } from "node:fs";

import type { Command } from "commander";

import { parsePem, toHex } from "../codec/index.ts";
import {
  type HashName,
  type SignatureAlgorithm,
  type SignatureVerifier,
  verifierOverDigests,
} from "../crypto/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { Se05x } from "../host/se05x/index.ts";
import { certificatesFromPem, parsePublicKey } from "../pki/index.ts";
import { placeOption } from "./chip-access.ts";
import { badOption } from "./errors.ts";
import { type SeOptions, seCommand, type SeTools } from "./se-command.ts";
import { choiceOption, placeText, put, readInput } from "./se-values.ts";

const HASHES = ["sha256", "sha384", "sha512"] as const;
const HERE = "--chip 127.0.0.1:8050";

type SignOptions = SeOptions & {
  readonly slot: number;
  readonly in: string;
  readonly hash: HashName;
  readonly pss?: boolean;
  readonly out?: string;
};
type VerifyOptions = Omit<SignOptions, "slot" | "out"> & {
  readonly slot?: number;
  readonly key?: string;
  readonly signature: string;
};

/** `hawser se sign|verify`. */
export function registerSeSignatureCommands(se: Command): void {
  seCommand<SignOptions>(se, "sign", {
    description: "sign a file with a key of the chip's, as openssl dgst -sign does",
    options: (command) =>
      withFile(command)
        .requiredOption("--slot <place>", "key slot, or an SE05x object such as 0xf0000100", placeOption)
        .option("--out <file>", "write the DER signature there; in hex to standard output otherwise"),
    examples: [`hawser se sign ${HERE} --slot 0 --in firmware.bin --out firmware.sig`],
    work: async ({ element, options: { slot, in: source, hash, pss, out: file }, output }) => {
      const signer = await element.signer(slot);
      const algorithm = algorithmOf(signer.publicKey, { hash, pss });
      const content = await signer.sign(algorithm, readInput(source));
      put(output, { event: "signed", slot: placeText(slot), algorithm, file, content, text: "signature" });
    },
  });
  seCommand<VerifyOptions>(se, "verify", {
    description: "have the chip check a signature over a file",
    options: (command) =>
      withFile(command)
        .requiredOption("--signature <file>", "the DER signature")
        .option("--slot <place>", "by the public half of this key of the chip's", placeOption)
        .option("--key <file>", "by the public key, or the certificate's, in this PEM file"),
    examples: [
      `hawser se verify ${HERE} --slot 0 --in firmware.bin --signature firmware.sig`,
      `hawser se verify ${HERE} --key maker.pub --in firmware.bin --signature firmware.sig`,
    ],
    work: verify,
  });
}

async function verify({ element, options, output }: SeTools<VerifyOptions>): Promise<void> {
  const publicKey = await keyOf({ element, options });
  const check = {
    publicKey,
    algorithm: algorithmOf(publicKey, options),
    content: readInput(options.in),
    signature: readInput(options.signature),
  };
  const isValid = await verifierOf(element).verify(check);
  const fields = { event: "verified", valid: isValid, algorithm: check.algorithm, publicKey: toHex(publicKey) };
  output.line(fields, isValid ? "the signature is right" : "the signature is WRONG");
  if (!isValid) process.exitCode = 1;
}

async function keyOf({ element, options }: Pick<SeTools<VerifyOptions>, "element" | "options">): Promise<Uint8Array> {
  const { slot, key } = options;
  if ((slot === undefined) === (key === undefined)) throw badOption("one of --slot and --key is needed");
  if (slot !== undefined) return (await element.signer(slot)).publicKey;
  const pem = readFileSync(key ?? "", "utf8");
  const [plain] = parsePem(pem).filter(({ label }) => label === "PUBLIC KEY");
  const found = plain?.bytes ?? certificatesFromPem(pem)[0]?.publicKey.der;
  if (!found) throw badOption(`--key ${key} holds neither a public key nor a certificate`);
  return found;
}

function withFile(command: Command): Command {
  return command
    .requiredOption("--in <file>", "what is signed; - for standard input")
    .option("--hash <name>", "sha256, sha384 or sha512; Ed25519 has its own", choiceOption(...HASHES), "sha256")
    .option("--pss", "RSA: with padding PSS, its salt as long as the hash; PKCS #1 v1.5 otherwise");
}

/** The chip's own verifier; an SE05x's knows Ed25519 as well. */
function verifierOf(element: SeTools<VerifyOptions>["element"]): SignatureVerifier {
  return element instanceof Se05x ? element.signatureVerifier : verifierOverDigests(element.verifier, nodeHash);
}

/** What a key signs with, as openssl chooses it. */
function algorithmOf(
  publicKey: Uint8Array,
  { hash, pss = false }: { readonly hash: HashName; readonly pss?: boolean | undefined },
): SignatureAlgorithm {
  const { kind } = parsePublicKey(publicKey);
  if (pss && kind !== "rsa") throw badOption("--pss is for RSA keys");
  if (kind === "ed25519") return "ed25519";
  if (kind === "rsa") return pss ? `rsa_pss_${hash}` : `rsa_pkcs1_${hash}`;
  return `ecdsa_${hash}`;
}
