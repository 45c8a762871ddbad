import type { Command } from "commander";

import { SE05X_SIGNATURE } from "../apdu/se05x/index.ts";
import { parsePem } from "../codec/index.ts";
import { parsePublicKey } from "../pki/index.ts";
import { placeOption } from "./chip-access.ts";
import { badOption } from "./errors.ts";
import { demandSe05x, type SeOptions, seCommand, type SeTools } from "./se-command.ts";
import { choiceOption, placeText, put, readInput } from "./se-values.ts";

const HERE = "--chip 127.0.0.1:8050";

/** @table What signs the files that a key's policy lists, by the words of the command line. SE05x command table, tier b */
const LISTED = {
  "ecdsa-sha256": SE05X_SIGNATURE.sha256,
  "ecdsa-sha384": SE05X_SIGNATURE.sha384,
  "ecdsa-sha512": SE05X_SIGNATURE.sha512,
  ed25519: SE05X_SIGNATURE.ed25519,
  "rsa-sha256": 0x28,
  "rsa-pss-sha256": 0x2c,
} as const;

type AgreeOptions = SeOptions & {
  readonly object: number;
  readonly peer?: string;
  readonly with?: number;
  readonly pace?: boolean;
  readonly into?: number;
  readonly reversed?: boolean;
  readonly out?: string;
};
type ListedOptions = SeOptions & {
  readonly object: number;
  readonly algorithm: keyof typeof LISTED;
  readonly out?: string;
};

/** `hawser se agree|sign-listed`. */
export function registerSeAgreementCommands(se: Command): void {
  seCommand<AgreeOptions>(se, "agree", {
    description: "SE05x: the secret that a key pair of the chip's shares with a public key, as openssl pkeyutl -derive",
    options: (command) =>
      command
        .requiredOption("--object <id>", "the chip's key pair", placeOption)
        .option("--peer <file>", "the public key in this PEM file")
        .option("--with <id>", "from applet 7 on: the public key in the chip; gives the whole point", placeOption)
        .option("--pace", "with --with: the generator that PACE maps to")
        .option("--into <id>", "from applet 7 on: an HMAC or AES key in the chip that takes it", placeOption)
        .option("--reversed", "with --peer and --into: its bytes turned round, as X25519 and X448 want it")
        .option("--out <file>", "write it there; in hex to standard output otherwise"),
    examples: [
      `hawser se agree ${HERE} --object 0x20000001 --peer peer.pub --out secret`,
      `hawser se agree ${HERE} --object 0x20000001 --with 0x20000002 --into 0x20000003`,
    ],
    work: agree,
  });
  seCommand<ListedOptions>(se, "sign-listed", {
    description: "SE051: have a key sign the files in the chip that its policy lists (internal-sign=ID)",
    options: (command) =>
      command
        .requiredOption("--object <id>", "the key", placeOption)
        .option(
          "--algorithm <name>",
          Object.keys(LISTED).join(", "),
          choiceOption(...(Object.keys(LISTED) as (keyof typeof LISTED)[])),
          "ecdsa-sha256",
        )
        .option("--out <file>", "write the signature there; in hex to standard output otherwise"),
    examples: [`hawser se sign-listed ${HERE} --object 0x20000001 --out listed.sig`],
    work: async ({ element, options: { object, algorithm, out: file }, output }) => {
      const { fileSignatures } = demandSe05x(element, "sign-listed");
      const { signature, hash } = await fileSignatures.sign(object, LISTED[algorithm]);
      const told = { event: "signed", object: placeText(object), algorithm, hash: Buffer.from(hash).toString("hex") };
      put(output, { ...told, file, content: signature, text: "signature" });
    },
  });
}

async function agree(tools: SeTools<AgreeOptions>): Promise<void> {
  const { options, output } = tools;
  const { object, peer, with: other, pace, into, reversed, out: file } = options;
  if ((peer === undefined) === (other === undefined)) throw badOption("one of --peer and --with is needed");
  if (pace && other === undefined) throw badOption("--pace takes a public key in the chip, --with");
  if (reversed && (into === undefined || peer === undefined)) throw badOption("--reversed goes with --peer and --into");
  if (file !== undefined && into !== undefined) throw badOption("what goes --into the chip has no --out");
  const content = peer === undefined ? await multiplied(tools) : await agreed(tools, peer);
  const told = { event: "agreed", object: placeText(object) };
  if (content) return put(output, { ...told, file, content, isSecret: true, text: `${content.length} bytes` });
  const place = placeText(into ?? 0);
  output.line({ ...told, into: place }, `agreed on a secret in ${place}`);
}

/** Nothing where it went into the chip. */
async function agreed({ element, options }: SeTools<AgreeOptions>, peer: string): Promise<Uint8Array | undefined> {
  const { object: objectId, into, reversed } = options;
  const { agreements } = demandSe05x(element, "agree");
  const { point: peerPoint, isTurned } = peerKey(peer);
  if (into !== undefined) {
    await agreements.agreeInto(into, { objectId, peerPoint, order: reversed ? "reversed" : "given" });
    return undefined;
  }
  const secret = await agreements.agree(objectId, peerPoint);
  return isTurned ? secret.toReversed() : secret;
}

async function multiplied({ element, options }: SeTools<AgreeOptions>): Promise<Uint8Array | undefined> {
  const { object: objectId, with: publicKeyId = 0, pace, into } = options;
  const { agreements } = demandSe05x(element, "agree");
  const [what, keys] = [pace ? "pace" : "product", { objectId, publicKeyId }] as const;
  if (into === undefined) return agreements.multiply(what, keys);
  await agreements.multiplyInto(into, what, keys);
  return undefined;
}

/** The point of a public key; those of X25519 and X448 go to the chip, and their secrets come back, the highest byte first. */
function peerKey(path: string): { readonly point: Uint8Array; readonly isTurned: boolean } {
  const [key] = parsePem(new TextDecoder().decode(readInput(path))).filter(({ label }) => label === "PUBLIC KEY");
  if (!key) throw badOption(`--peer ${path} holds no public key`);
  const point = parsePublicKey(key.bytes).subjectPublicKey;
  const isTurned = point.length === 32 || point.length === 56;
  return { point: isTurned ? point.toReversed() : point, isTurned };
}
