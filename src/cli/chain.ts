import { readFileSync, writeFileSync } from "node:fs";

import type { Command } from "commander";

import { parsePem } from "../codec/index.ts";
import { nodeVerifier } from "../crypto/node.ts";
import { certificateToPem, ipAddressText, parseCertificate, signedBy, type Certificate } from "../pki/index.ts";
import { badOption } from "./errors.ts";
import { examples, outputOf, type Output } from "./output.ts";

/** `hawser chain join|show`: the file with a certificate and those of its issuers, as a TLS client or server sends it. */
export function registerChainCommands(program: Command): void {
  const chain = program.command("chain").description("files that hold a certificate followed by its issuers'");
  chain
    .command("join")
    .argument("<files...>", "PEM files, the device's or server's own certificate first")
    .description("join certificates into one file, after checking that each is issued by the next")
    .option("-o, --out <file>", "write the chain here instead of to standard output")
    .addHelpText("after", examples("hawser chain join deviceCert.crt CACertificate_ECC.crt -o CAandIoTcert.pem"))
    .action(async (files: string[], options: { out?: string }, command: Command) =>
      join(files, options.out, outputOf(command)),
    );
  chain
    .command("show")
    .argument("<file>", "PEM file")
    .description("what is in a chain file, and whether each certificate is issued by the next")
    .addHelpText("after", examples("hawser chain show CAandIoTcert.pem"))
    .action(async (file: string, _options: object, command: Command) => show(file, outputOf(command)));
}

type Entry = { readonly file: string; readonly certificate: Certificate };

async function join(files: readonly string[], out: string | undefined, output: Output): Promise<void> {
  const entries = files.flatMap(readEntries);
  await requireOrder(entries);
  const pem = entries.map(({ certificate }) => certificateToPem(certificate)).join("");
  if (out !== undefined) writeFileSync(out, pem);
  const certificates = entries.map(({ certificate }) => certificate.id);
  output.line(
    { event: "chain", certificates, ...(out === undefined ? { pem } : { file: out }) },
    out === undefined ? pem.trimEnd() : `wrote ${entries.map(subjectOf).join(", issued by ")}: ${out}`,
  );
}

/** Certificates of a PEM file with any newlines, text around and a byte-order mark; a private key in it is refused. */
function readEntries(file: string): Entry[] {
  const blocks = parsePem(readFileSync(file, "utf8"));
  if (blocks.some(({ label }) => label.includes("PRIVATE KEY"))) {
    throw badOption(`${file} holds a private key: a chain is sent to everybody who connects`);
  }
  const entries = blocks
    .filter(({ label }) => label === "CERTIFICATE" || label === "X509 CERTIFICATE")
    .map(({ bytes }) => ({ file, certificate: parseCertificate(bytes) }));
  if (entries.length === 0) throw badOption(`${file} holds no certificate`);
  return entries;
}

async function requireOrder(entries: readonly Entry[]): Promise<void> {
  for (const [i, entry] of entries.entries()) {
    const next = entries[i + 1];
    if (!next || (await isIssuedBy(entry, next))) continue;
    const issuer = await firstWhere(entries, (each) => each !== entry && each !== next && isIssuedBy(entry, each));
    const hint = (await isIssuedBy(next, entry))
      ? `${subjectOf(entry)} issued ${subjectOf(next)}, which belongs before it: hawser chain join ${next.file} ${entry.file}`
      : issuer
        ? `${subjectOf(issuer)} did and belongs behind it: a chain is the leaf, then each issuer`
        : `its issuer is ${entry.certificate.issuer.text}`;
    throw badOption(`${subjectOf(entry)} is not issued by ${subjectOf(next)}; ${hint}`);
  }
}

async function show(file: string, output: Output): Promise<void> {
  const entries = readEntries(file);
  for (const [i, entry] of entries.entries()) {
    const { certificate } = entry;
    const next = entries[i + 1];
    const issuedByNext = next ? await isIssuedBy(entry, next) : undefined;
    const { dns = [], ip = [] } = certificate.extensions.subjectAltName ?? {};
    const facts = {
      index: i,
      subject: certificate.subject.text,
      issuer: certificate.issuer.text,
      certificateId: certificate.id,
      serial: certificate.serialNumber,
      notBefore: new Date(certificate.validity.notBefore).toISOString(),
      notAfter: new Date(certificate.validity.notAfter).toISOString(),
      key: keyText(certificate),
      signature: certificate.signatureAlgorithm.name,
      names: [...dns, ...ip.map(ipAddressText)],
      isCa: certificate.extensions.basicConstraints?.ca ?? false,
      issuedByNext: issuedByNext ?? null,
    };
    output.line(facts, textOf(facts));
  }
}

type Facts = Readonly<
  Record<"subject" | "issuer" | "certificateId" | "serial" | "notBefore" | "notAfter" | "key", string>
> & {
  readonly index: number;
  readonly signature: string;
  readonly names: readonly string[];
  readonly isCa: boolean;
  readonly issuedByNext: boolean | null;
};

function textOf(facts: Facts): string {
  const next = facts.issuedByNext === null ? [] : [`issued by the next one: ${facts.issuedByNext ? "yes" : "NO"}`];
  return [
    `${facts.index}: ${facts.subject}${facts.isCa ? " (CA)" : ""}`,
    `issuer ${facts.issuer}`,
    `serial ${facts.serial}, id ${facts.certificateId}`,
    `valid from ${facts.notBefore} until ${facts.notAfter}`,
    `key ${facts.key}, signed with ${facts.signature}`,
    ...(facts.names.length > 0 ? [`names ${facts.names.join(", ")}`] : []),
    ...next,
  ].join("\n   ");
}

function keyText({ publicKey }: Certificate): string {
  if (publicKey.kind === "ec") return publicKey.curve;
  if (publicKey.kind === "ed25519") return "Ed25519";
  return publicKey.kind === "rsa" ? `RSA of ${publicKey.bits} bits` : publicKey.description;
}

async function isIssuedBy(entry: Entry, issuer: Entry): Promise<boolean> {
  return signedBy(entry.certificate, issuer.certificate, nodeVerifier);
}

async function firstWhere(
  entries: readonly Entry[],
  matches: (entry: Entry) => boolean | Promise<boolean>,
): Promise<Entry | undefined> {
  for (const entry of entries) if (await matches(entry)) return entry;
  return undefined;
}

function subjectOf({ certificate, file }: Entry): string {
  return certificate.subject.text === "" ? `the certificate of ${file}` : certificate.subject.text;
}
