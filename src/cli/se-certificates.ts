import { readFileSync } from "node:fs";

import type { Command } from "commander";

import { type AttestedObject, readEvidence, verifyAttestation } from "../agent/index.ts";
import { type PolicyEntry, SE05X_ORIGIN } from "../apdu/se05x/index.ts";
import { nodeSe05xCrypto } from "../chip/node.ts";
import { testRoot } from "../chip/se05x/index.ts";
import { toHex } from "../codec/index.ts";
import { nodeClock, nodeEntropy, nodeHash, nodeVerifier } from "../crypto/node.ts";
import { keyObject } from "../host/se05x/index.ts";
import { certificatesFromPem, certificateToPem, crlFromPem, parseCertificate } from "../pki/index.ts";
import { placeOption } from "./chip-access.ts";
import { badOption } from "./errors.ts";
import { demandSe05x, type SeOptions, seCommand, type SeTools } from "./se-command.ts";
import { originText, placeText, policyOption, policyText, put, typeText } from "./se-values.ts";

const HERE = "--chip 127.0.0.1:8050";

type CertificateOptions = SeOptions & { readonly index: number; readonly in?: string; readonly out?: string };
type AttestOptions = SeOptions & {
  readonly object: number;
  readonly cafile?: string;
  readonly crl?: string;
  readonly origin?: string;
  readonly policy?: readonly PolicyEntry[];
};

/** `hawser se cert|attest`. */
export function registerSeCertificateCommands(se: Command): void {
  seCommand<CertificateOptions>(se, "cert", {
    description: "read a certificate from the chip, or store one in it",
    options: (command) =>
      command
        .requiredOption("--index <place>", "certificate index, or an SE05x object such as 0xf0000101", placeOption)
        .option("--in <file>", "store the first certificate of this PEM file")
        .option("--out <file>", "write the certificate there; to standard output otherwise"),
    examples: [
      `hawser se cert ${HERE} --index 0xf0000101 --out device.pem`,
      `hawser se cert ${HERE} --index 0 --in device.pem`,
    ],
    work: certificate,
  });
  seCommand<AttestOptions>(se, "attest", {
    description: "have an SE05x say what an object is, and check that under its maker's root",
    options: (command) =>
      command
        .requiredOption("--object <id>", "object identifier, or a key slot", placeOption)
        .option("--cafile <file>", "PEM of the maker's roots; the public test root of simulated parts by default")
        .option("--crl <file>", "PEM of the maker's revocation list")
        .option("--origin <list>", "internal, external, provisioned: what to accept; internal by default")
        .option("--policy <list>", "the policy that the object must have", policyOption),
    examples: [`hawser se attest ${HERE} --object 0xf0000100 --origin provisioned --cafile maker.pem`],
    work: attest,
  });
}

async function certificate({ element, options, output }: SeTools<CertificateOptions>): Promise<void> {
  const { index, in: source, out: file } = options;
  if (source !== undefined) {
    const [given] = certificatesFromPem(readFileSync(source, "utf8"));
    if (!given) throw badOption(`--in ${source} holds no certificate`);
    await element.writeCertificate(index, given.der);
    output.line(
      { event: "stored", index: placeText(index), subject: given.subject.text, certificateId: given.id },
      `stored the certificate of ${given.subject.text} under ${placeText(index)}`,
    );
    return;
  }
  const der = await element.readCertificate(index);
  if (!der) throw badOption(`--index ${placeText(index)}: there is no certificate`);
  const parsed = parseCertificate(der);
  const fields = { event: "certificate", index: placeText(index), certificateId: parsed.id };
  const { text: subject } = parsed.subject;
  put(output, { ...fields, subject, file, content: certificateToPem(parsed), text: `certificate of ${subject}` });
}

async function attest({ element, options, output }: SeTools<AttestOptions>): Promise<void> {
  const chip = demandSe05x(element, "attest");
  const freshness = nodeEntropy.bytes(16);
  const objectId = keyObject(options.object);
  const evidence = await readEvidence(chip, { objectId, freshness });
  const attested = await verifyAttestation(evidence, {
    anchors: await rootsOf(options, output),
    ...(options.crl === undefined ? {} : { crls: [crlFromPem(readFileSync(options.crl, "utf8"))] }),
    objectId,
    freshness,
    chipId: chip.identity.uniqueId,
    origins: originsOf(options.origin ?? "internal"),
    ...(options.policy ? { policy: options.policy } : {}),
    time: nodeClock.now(),
    hash: nodeHash,
    verifier: nodeVerifier,
  });
  tell(attested, output);
}

function tell({ chipId, attributes, data }: AttestedObject, output: SeTools<SeOptions>["output"]): void {
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

async function rootsOf({ cafile }: AttestOptions, output: SeTools<SeOptions>["output"]) {
  if (cafile !== undefined) return certificatesFromPem(readFileSync(cafile, "utf8"));
  output.warn("no --cafile: believing the test root of simulated parts, whose private key everybody can compute");
  return [(await testRoot({ p256: nodeSe05xCrypto.p256, hash: nodeHash })).certificate];
}

function originsOf(list: string): readonly number[] {
  return list.split(",").map((name) => {
    if (name === "internal" || name === "external" || name === "provisioned") return SE05X_ORIGIN[name];
    throw badOption(`--origin ${name}: internal, external or provisioned`);
  });
}
