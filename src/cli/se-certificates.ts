import { readFileSync } from "node:fs";

import type { Command } from "commander";

import { certificatesFromPem, certificateToPem, parseCertificate } from "../pki/index.ts";
import { placeOption } from "./chip-access.ts";
import { badOption } from "./errors.ts";
import { type SeOptions, seCommand, type SeTools } from "./se-command.ts";
import { placeText, put } from "./se-values.ts";

const HERE = "--chip 127.0.0.1:8050";

type CertificateOptions = SeOptions & { readonly index: number; readonly in?: string; readonly out?: string };

/** `hawser se cert`. */
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
