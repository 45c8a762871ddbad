import { readFileSync } from "node:fs";

import type { Command } from "commander";

import {
  attestedContent,
  type AttestationDemands,
  type AttestationEvidence,
  type AttestedObject,
  readEvidence,
  verifyAttestation,
} from "../agent/index.ts";
import { type PolicyEntry, SE05X_ORIGIN } from "../apdu/se05x/index.ts";
import { toHex } from "../codec/index.ts";
import { nodeClock, nodeEntropy, nodeHash, nodeVerifier } from "../crypto/node.ts";
import { type AttestedQuestion, certificateObject, keyObject } from "../host/se05x/index.ts";
import { certificatesFromPem, crlFromPem, parsePublicKey } from "../pki/index.ts";
import { placeOption } from "./chip-access.ts";
import { badOption } from "./errors.ts";
import type { Output } from "./output.ts";
import { readEvidenceFolder, writeEvidenceFolder } from "./se-evidence.ts";
import { demandSe05x, type SeOptions, seCommand, type SeTools } from "./se-command.ts";
import { hexOption, originText, placeText, policyOption, policyText, typeText } from "./se-values.ts";

const HERE = "--chip 127.0.0.1:8050";

type AttestOptions = SeOptions & {
  readonly object: number;
  readonly attributes?: boolean;
  readonly part?: string;
  readonly component?: string;
  readonly nonce?: Uint8Array;
  readonly key?: number;
  readonly certificate?: number;
  readonly evidence?: string;
  readonly verify?: string;
  readonly chipId?: string;
  readonly cafile?: string;
  readonly crl?: string;
  readonly origin?: string;
  readonly policy?: readonly PolicyEntry[];
};

/** `hawser se attest`. */
export function registerSeAttestationCommands(se: Command): void {
  seCommand<AttestOptions>(se, "attest", {
    description: "have an SE05x say what an object is, signed, and check that under its maker's root",
    options: (command) => withDemands(withQuestion(command)),
    examples: [
      `hawser se attest ${HERE} --object 0xf0000100 --origin provisioned --cafile maker.pem`,
      `hawser se attest ${HERE} --object 0x20000001 --nonce 000102030405060708090a0b0c0d0e0f --evidence evidence`,
      "hawser se attest --verify evidence --object 0x20000001 --nonce 000102030405060708090a0b0c0d0e0f --cafile maker.pem",
    ],
    withoutChip: async ({ options, output }) => {
      if ((options.verify === undefined) === (options.chip === undefined)) {
        throw badOption("one of --chip, which is asked, and --verify, for evidence that was kept, is needed");
      }
      if (options.verify === undefined) return false;
      await verifyKept(options.verify, options, output);
      return true;
    },
    work: attest,
  });
}

function withQuestion(command: Command): Command {
  return command
    .requiredOption("--object <id>", "object identifier, or a key slot", placeOption)
    .option("--attributes", "its attributes alone, whether its policy lets it be read or not")
    .option("--part <offset:length>", "a part of a file")
    .option("--component <name>", "of an RSA key: modulus or exponent")
    .option("--nonce <hex>", "16 bytes of whoever asks; made here otherwise", hexOption)
    .option("--key <id>", "the attestation key; the one of the part's birth by default", placeOption)
    .option("--certificate <index>", "where in the chip that key's certificate is, with --key", placeOption)
    .option("--evidence <folder>", "keep there what was said, for --verify, and for openssl")
    .option("--verify <folder>", "check what was kept, instead of asking a chip");
}

function withDemands(command: Command): Command {
  return command
    .option("--chip-id <hex>", "with --verify: the chip that must have said it; any of its maker's by default")
    .option("--cafile <file>", "PEM of the maker's roots; the public test root of simulated parts by default")
    .option("--crl <file>", "PEM of the maker's revocation list")
    .option("--origin <list>", "internal, external, provisioned: what to accept; internal by default")
    .option("--policy <list>", "the policy that the object must have", policyOption);
}

async function attest({ element, options, output }: SeTools<AttestOptions>): Promise<void> {
  const chip = demandSe05x(element, "attest");
  const demands = await demandsOf(options, output, options.nonce ?? nodeEntropy.bytes(16));
  const { objectId, freshness, attestationId, question } = demands;
  const algorithm = attestationId === undefined ? undefined : algorithmFor(await chip.signer(attestationId));
  const { certificate } = options;
  const evidence = await readEvidence(chip, {
    objectId,
    freshness,
    ...(question ? { question } : {}),
    ...(attestationId === undefined ? {} : { attestationId }),
    ...(algorithm === undefined ? {} : { algorithm }),
    ...(certificate === undefined ? {} : { certificateId: certificateObject(certificate) }),
  });
  keep(evidence, demands, options.evidence);
  tell(await verifyAttestation(evidence, { ...demands, chipId: chip.identity.uniqueId }), output);
}

async function verifyKept(folder: string, options: AttestOptions, output: Output): Promise<void> {
  if (!options.nonce)
    throw badOption("--verify takes the --nonce that was asked with: without it old evidence is as good");
  const demands = await demandsOf(options, output, options.nonce);
  const { chipId } = options;
  tell(await verifyAttestation(readEvidenceFolder(folder), { ...demands, ...(chipId ? { chipId } : {}) }), output);
}

function keep(evidence: AttestationEvidence, demands: AttestationDemands, folder: string | undefined): void {
  if (folder !== undefined) writeEvidenceFolder(folder, evidence, attestedContent(evidence, demands));
}

async function demandsOf(options: AttestOptions, output: Output, freshness: Uint8Array): Promise<AttestationDemands> {
  const { object, crl, key, certificate, policy } = options;
  if (certificate !== undefined && key === undefined) throw badOption("--certificate goes with --key");
  if (freshness.length !== 16) throw badOption(`--nonce takes 16 bytes, not ${freshness.length}`);
  const question = questionOf(options);
  return {
    anchors: await rootsOf(options, output),
    ...(crl === undefined ? {} : { crls: [crlFromPem(readFileSync(crl, "utf8"))] }),
    objectId: keyObject(object),
    freshness,
    ...(question === "object" ? {} : { question }),
    // A key of the user's own: which certificate is for attestation is theirs to say, by the roots that they give.
    ...(key === undefined ? {} : { attestationId: keyObject(key), isForAttestation: () => true }),
    origins: originsOf(options.origin ?? "internal"),
    ...(policy ? { policy } : {}),
    time: nodeClock.now(),
    hash: nodeHash,
    verifier: nodeVerifier,
  };
}

function questionOf({ attributes, part, component }: AttestOptions): AttestedQuestion {
  if ([attributes, part, component].filter((each) => each !== undefined).length > 1) {
    throw badOption("one of --attributes, --part and --component");
  }
  if (attributes) return "attributes";
  if (component !== undefined) {
    if (component !== "modulus" && component !== "exponent") throw badOption("--component is modulus or exponent");
    return { component: component === "modulus" ? 0 : 1 };
  }
  if (part === undefined) return "object";
  const [, offset = "", length = ""] = /^(\d{1,5}):(\d{1,5})$/.exec(part) ?? [];
  if (offset === "" || Number(offset) > 0x7fff || Number(length) > 0x7fff) {
    throw badOption(`--part ${part} is not OFFSET:LENGTH`);
  }
  return { offset: Number(offset), length: Number(length) };
}

/** What an attestation key signs with; the ids of SE05x algorithms. */
function algorithmFor({ publicKey }: { readonly publicKey: Uint8Array }): number {
  const { kind } = parsePublicKey(publicKey);
  return kind === "rsa" ? RSA_PSS_SHA256 : kind === "ed25519" ? ED25519 : ECDSA_SHA256;
}

const [ECDSA_SHA256, RSA_PSS_SHA256, ED25519] = [0x21, 0x2c, 0xa3] as const;

function tell({ chipId, attributes, data }: AttestedObject, output: Output): void {
  const { objectId, type, origin, policy } = attributes;
  const [object, kind, from] = [placeText(objectId), typeText(type), originText(origin)];
  output.line(
    {
      event: "attested",
      chipId,
      object,
      type: kind,
      origin: from,
      policy: policyText(policy),
      data: data ? toHex(data) : null,
    },
    `attested by chip ${chipId}: ${object} is ${kind}, ${from}\n  ${policyText(policy)}`,
  );
}

async function rootsOf({ cafile }: AttestOptions, output: Output) {
  if (cafile !== undefined) return certificatesFromPem(readFileSync(cafile, "utf8"));
  output.warn("no --cafile: believing the test root of simulated parts, whose private key everybody can compute");
  // The simulator is needed for this alone, and takes its time to load.
  const { nodeSe05xCrypto } = await import("../chip/node.ts");
  const { testRoot } = await import("../chip/se05x/index.ts");
  return [(await testRoot({ p256: nodeSe05xCrypto.p256, hash: nodeHash })).certificate];
}

function originsOf(list: string): readonly number[] {
  return list.split(",").map((name) => {
    if (name === "internal" || name === "external" || name === "provisioned") return SE05X_ORIGIN[name];
    throw badOption(`--origin ${name}: internal, external or provisioned`);
  });
}
