import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

import { Denied, parsePem, UsageError } from "../codec/index.ts";
import { certificatesFromPem } from "../pki/index.ts";
import type { CliErrorCode } from "./errors.ts";
import { badOption } from "./errors.ts";
import type { Output } from "./output.ts";
import { writeSecretFile } from "./secret-file.ts";

export type CopyOptions = {
  readonly certificate: string;
  readonly key?: string;
  readonly to: readonly string[];
  readonly profile: "production" | "demo";
};

/**
 * `hawser ca copy-to-device`: a CA's certificate for each device, over scp or into a directory. The note copies the CA's
 * private key along with it; that is for a demonstration and refused otherwise. AN12131, section 8.5
 */
export async function copyToDevice(options: CopyOptions, output: Output): Promise<void> {
  const { certificate, key, to, profile } = options;
  checkCertificateFile(certificate);
  if (key !== undefined && profile !== "demo") {
    throw new Denied<CliErrorCode>("ca-key-stays", `${key} would leave this machine for ${to.join(", ")}`);
  }
  if (key !== undefined) warnInRed(output);
  const files = key === undefined ? [certificate] : [certificate, key];
  for (const place of to) {
    if (isRemote(place)) byScp(files, place);
    else byFile(files, place, key);
    output.line(
      { event: "copied", files, to: place, privateKey: key !== undefined },
      `copied ${files.join(" and ")} to ${place}`,
    );
  }
}

const DANGER =
  "DEMONSTRATION ONLY: the CA's private key leaves this machine. Whoever reads it off a device can make devices at will";

/** A banner in red where somebody sees colours. */
function warnInRed(output: Output): void {
  const isSeen = process.stderr.isTTY && !output.json;
  output.warn(isSeen ? `\u001b[1;41;97m ${DANGER} \u001b[0m` : DANGER);
}

/** A file that is called a certificate can hold a key, too; `--certificate` never takes one along. */
function checkCertificateFile(file: string): void {
  const text = readFileSync(file, "utf8");
  if (parsePem(text).some(({ label }) => label.includes("PRIVATE KEY"))) {
    throw new Denied<CliErrorCode>("ca-key-stays", `${file} holds a private key beside its certificate`);
  }
  if (certificatesFromPem(text).length === 0) throw badOption(`${file} holds no certificate`);
}

/** As scp tells them apart: a colon before the first slash. */
function isRemote(place: string): boolean {
  return /^[^/]*:/.test(place);
}

function byScp(files: readonly string[], place: string): void {
  try {
    execFileSync("scp", ["-q", "-p", "--", ...files, place], { stdio: ["inherit", "inherit", "inherit"] });
  } catch (cause) {
    throw new UsageError<CliErrorCode>("copy-failed", `scp to ${place} failed`, { cause });
  }
}

function byFile(files: readonly string[], directory: string, key: string | undefined): void {
  mkdirSync(directory, { recursive: true });
  for (const file of files) {
    const copy = join(directory, basename(file));
    if (file === key) writeSecretFile(copy, readFileSync(file));
    else copyFileSync(file, copy);
  }
}
