import { readFileSync, rmSync, writeFileSync } from "node:fs";

import { parsePem } from "../codec/index.ts";
import { nodeClock, nodeEntropy, nodeSigner, nodeVerifier } from "../crypto/node.ts";
import { generateIssuingKey, keyToPem } from "../pki/ca/node.ts";
import type { Applicant, StoredIssuer } from "../pki/ca/index.ts";
import {
  certificateToPem,
  csrFromPem,
  nameFromText,
  NO_EXPIRY,
  parseCsr,
  type Certificate,
  type ProfileName,
  type Validity,
} from "../pki/index.ts";
import { withCa, type CaOptions, type ChosenCa } from "./ca-directory.ts";
import { badOption } from "./errors.ts";
import type { Output } from "./output.ts";
import { traceFile } from "./trace-file.ts";

export type IssueOptions = Omit<CaOptions, "caDir"> & {
  readonly dir: string;
  readonly profile: Exclude<ProfileName, "intermediateCa">;
  readonly csr?: string;
  readonly publicKey?: string;
  readonly newKey?: string;
  readonly subject?: string;
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  readonly days?: number;
  readonly neverExpires?: true;
  readonly out?: string;
  readonly chain?: true;
  readonly trace?: string;
};

const DAY_MS = 86_400_000;
const USUAL_DAYS = { device: 3650, server: 397, agreeingServer: 397, verification: 30, ocspResponder: 30 } as const;

/** `hawser ca issue`: one certificate, to a file or to standard output. */
export async function issueCertificateFile(options: IssueOptions, output: Output): Promise<void> {
  checkOptions(options);
  const { trace, close } = traceFile(options.trace);
  try {
    await withCa({ ...options, caDir: options.dir }, trace, async ({ authority, issuer }) => {
      const applicant = await applicantOf(options, output);
      const certificate = await issue(options, applicant, { authority, issuer });
      tell(options, certificate, issuer, output);
    });
  } finally {
    close();
  }
}

async function issue(options: IssueOptions, applicant: NewApplicant, { authority, issuer }: ChosenCa) {
  const { newKey, profile, dns = [], ip = [] } = options;
  // The key first: its file must not exist, and a certificate for a key that could not be kept helps nobody.
  if (newKey !== undefined) writeFileSync(newKey, applicant.keyPem, { mode: 0o600, flag: "wx" });
  try {
    const validity = validityOf(options, issuer);
    return await authority.issue({ issuer: issuer.label, profile, applicant, validity, names: { dns, ip } });
  } catch (error) {
    if (newKey !== undefined) rmSync(newKey);
    throw error;
  }
}

function tell(options: IssueOptions, certificate: Certificate, issuer: StoredIssuer, output: Output): void {
  const { out, profile, newKey, chain } = options;
  const pem = [certificate, ...(chain ? [issuer.certificate] : [])].map(certificateToPem).join("");
  if (out !== undefined) writeFileSync(out, pem);
  output.line(
    {
      event: "issued",
      ca: issuer.label,
      profile,
      certificateId: certificate.id,
      serial: certificate.serialNumber,
      subject: certificate.subject.text,
      notAfter: new Date(certificate.validity.notAfter).toISOString(),
      ...(newKey === undefined ? {} : { keyFile: newKey }),
      ...(out === undefined ? { pem } : { file: out }),
    },
    out === undefined ? pem.trimEnd() : `${issuer.label} issued the certificate of ${certificate.subject.text}: ${out}`,
  );
}

function checkOptions({ csr, publicKey, newKey, profile, days, neverExpires }: IssueOptions): void {
  const ways = [csr, publicKey, newKey].filter((way) => way !== undefined).length;
  if (ways > 1) throw badOption("--csr, --public-key and --new-key exclude each other");
  if (ways === 0 && profile !== "verification") throw badOption("one of --csr, --public-key and --new-key is needed");
  if (days !== undefined && neverExpires) throw badOption("--days and --never-expires exclude each other");
}

/** Who applies, and the PEM of the key that was made for it. */
type NewApplicant = Applicant & { readonly keyPem: string };

async function applicantOf(options: IssueOptions, output: Output): Promise<NewApplicant> {
  const subject = options.subject === undefined ? undefined : nameFromText(options.subject);
  if (options.csr !== undefined) {
    const csr = csrFromPem(readFileSync(options.csr, "utf8"));
    await remarkOnNames(options, csr, output);
    return { csr, keyPem: "", ...(subject ? { subject } : {}) };
  }
  if (!subject) throw badOption("without --csr, --subject is needed");
  if (options.publicKey !== undefined) return { publicKey: publicKeyFrom(options.publicKey), subject, keyPem: "" };
  // Nobody ever needs the private key of a verification certificate again, so that without --new-key it is forgotten.
  const key = generateIssuingKey("P-256");
  return { publicKey: nodeSigner(key).publicKey, subject, keyPem: keyToPem(key, nodeEntropy) };
}

/** A CA decides by itself which names it certifies; that a request's are left out must not go unnoticed. */
async function remarkOnNames({ dns, ip }: IssueOptions, csr: Uint8Array, output: Output): Promise<void> {
  const wanted = (await parseCsr(csr, nodeVerifier)).requestedExtensions.subjectAltName;
  if (!wanted || dns || ip) return;
  output.warn(`the names that the request asks for are left out; grant them with --dns and --ip`);
}

function publicKeyFrom(path: string): Uint8Array {
  const block = parsePem(readFileSync(path, "utf8")).find(({ label }) => label === "PUBLIC KEY");
  if (!block) throw badOption(`--public-key ${path} holds no PUBLIC KEY; openssl pkey -pubout makes one`);
  return block.bytes;
}

/** Valid since an hour ago, since devices' clocks are seldom right; as long as asked for, or as usual within the CA's. */
function validityOf({ profile, days, neverExpires }: IssueOptions, { certificate }: StoredIssuer): Validity {
  const now = nodeClock.now();
  const notBefore = Math.max(now - DAY_MS / 24, certificate.validity.notBefore);
  if (neverExpires) return { notBefore, notAfter: NO_EXPIRY };
  if (days !== undefined) return { notBefore, notAfter: now + days * DAY_MS };
  return { notBefore, notAfter: Math.min(now + USUAL_DAYS[profile] * DAY_MS, certificate.validity.notAfter) };
}
