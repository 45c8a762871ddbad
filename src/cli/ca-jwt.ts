import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { parsePem } from "../codec/index.ts";
import { nodeClock, nodeEntropy, nodeSigner, nodeVerifier } from "../crypto/node.ts";
import { generateIssuingKey, keyToPem, signerFromPem } from "../pki/ca/node.ts";
import {
  certificateFromPem,
  certificateToPem,
  csrFromPem,
  issueCertificate,
  issueRootCertificate,
  nameFromText,
  parseCsr,
  type DistinguishedName,
  type Issuer,
} from "../pki/index.ts";
import { badOption } from "./errors.ts";
import type { Output } from "./output.ts";
import { requirePassphrase, type PassphraseOptions } from "./passphrase.ts";

/** The files of a JWT_CA, without the blank that the note's key file has in its name. AN-7648, "Authentication Setup" */
export const JWT_CA_FILES = {
  key: "cert_privkey_server_ECDSA_secp256r1_secp256r1.pem",
  certificate: "cert_CA.pem",
  device: "csr_cert.pem",
} as const;

const LITERAL_KEY = "cert privkey_server_ECDSA_secp256r1_secp256r1.pem";
const DAY_MS = 86_400_000;

export type MakeJwtCaOptions = PassphraseOptions & {
  readonly dir: string;
  readonly subject: string;
  readonly days: number;
};

/**
 * `make_ca_cert`: a P-256 key and its self-signed certificate, which defines a registry of devices. The key is written
 * encrypted or not at all, under PBES2 with AES-256. AN-7648, "Authentication Setup"; RFC 8018, section 6.2
 */
export async function makeJwtCa(options: MakeJwtCaOptions, output: Output): Promise<void> {
  const { dir, subject, days } = options;
  const [keyFile, certificateFile] = [join(dir, JWT_CA_FILES.key), join(dir, JWT_CA_FILES.certificate)];
  for (const file of [keyFile, join(dir, LITERAL_KEY), certificateFile]) {
    // Devices are bound to this key: a second one would orphan them.
    if (existsSync(file)) throw badOption(`${file} exists: a registry keeps its JWT_CA; choose another --dir`);
  }
  const passphrase = await requirePassphrase(options, { isNew: true });
  const key = generateIssuingKey("P-256");
  const now = nodeClock.now();
  const certificate = await issueRootCertificate({
    subject: nameFromText(subject),
    validity: { notBefore: now - DAY_MS / 24, notAfter: now + days * DAY_MS },
    signer: nodeSigner(key),
    entropy: nodeEntropy,
  });
  mkdirSync(dir, { recursive: true });
  writeFileSync(keyFile, keyToPem(key, nodeEntropy, passphrase), { mode: 0o600, flag: "wx" });
  try {
    writeFileSync(certificateFile, certificateToPem(certificate), { flag: "wx" });
  } catch (error) {
    rmSync(keyFile);
    throw error;
  }
  output.line(
    { event: "jwt-ca", keyFile, certificateFile, certificateId: certificate.id, subject: certificate.subject.text },
    `${certificate.subject.text}: private key in ${keyFile}, encrypted; certificate in ${certificateFile}`,
  );
  output.note(`next: hawser cloud registry create NAME --ca ${certificateFile}`);
}

export type IssueJwtOptions = PassphraseOptions & {
  readonly dir: string;
  readonly caKey?: string;
  readonly caCertificate?: string;
  readonly csr?: string;
  readonly publicKey?: string;
  readonly subject?: string;
  readonly days: number;
  readonly out?: string;
};

/** `hawser ca issue-jwt`: a device's certificate under a JWT_CA, `csr_cert.pem`. AN-7648, "Provision the Device" */
export async function issueJwtCertificate(options: IssueJwtOptions, output: Output): Promise<void> {
  const applicant = await applicantOf(options);
  const issuer = await jwtCa(options);
  const now = nodeClock.now();
  const { notBefore, notAfter } = issuer.certificate.validity;
  const certificate = await issueCertificate({
    profile: "device",
    ...applicant,
    issuer,
    validity: {
      notBefore: Math.max(now - DAY_MS / 24, notBefore),
      notAfter: Math.min(now + options.days * DAY_MS, notAfter),
    },
    names: {},
    entropy: nodeEntropy,
  });
  const file = options.out ?? join(options.dir, JWT_CA_FILES.device);
  writeFileSync(file, certificateToPem(certificate));
  const { id: certificateId, subject } = certificate;
  output.line(
    { event: "issued", file, certificateId, subject: subject.text, issuer: certificate.issuer.text },
    `${certificate.issuer.text} issued the certificate of ${subject.text}: ${file}`,
  );
}

/** The JWT_CA of a directory; its key under the name that it has here, or under the one with a blank. */
async function jwtCa(options: IssueJwtOptions): Promise<Issuer> {
  const { dir, caKey, caCertificate = join(dir, JWT_CA_FILES.certificate) } = options;
  const certificate = certificateFromPem(readFileSync(caCertificate, "utf8"));
  const pem = readFileSync(keyFileOf(caKey ?? join(dir, JWT_CA_FILES.key)), "utf8");
  const isEncrypted = pem.includes("ENCRYPTED");
  const passphrase = isEncrypted ? await requirePassphrase(options, { isNew: false }) : undefined;
  if (!isEncrypted) {
    throw badOption("the JWT_CA's private key is not encrypted, as AN-7648 requires; openssl pkcs8 -topk8 encrypts it");
  }
  return { certificate, signer: signerFromPem(pem, passphrase) };
}

function keyFileOf(file: string): string {
  const other = file.endsWith(LITERAL_KEY)
    ? file.slice(0, -LITERAL_KEY.length) + JWT_CA_FILES.key
    : file.replace(JWT_CA_FILES.key, LITERAL_KEY);
  return !existsSync(file) && existsSync(other) ? other : file;
}

type Holder = { readonly publicKey: Uint8Array; readonly subject: DistinguishedName };

async function applicantOf({ csr, publicKey, subject }: IssueJwtOptions): Promise<Holder> {
  if ((csr === undefined) === (publicKey === undefined)) throw badOption("one of --csr and --public-key is needed");
  const name = subject === undefined ? undefined : nameFromText(subject);
  if (csr !== undefined) {
    const text = readFileSync(csr, "utf8");
    if (isCertificate(text)) {
      throw badOption(`${csr} is a certificate, whatever its name says: there is nothing to issue`);
    }
    const request = await parseCsr(csrFromPem(text), nodeVerifier);
    return { publicKey: request.publicKey.der, subject: name ?? request.subject };
  }
  if (!name) throw badOption("--public-key needs --subject");
  const block = parsePem(readFileSync(publicKey ?? "", "utf8")).find(({ label }) => label === "PUBLIC KEY");
  if (!block) throw badOption(`${publicKey} holds no PUBLIC KEY`);
  return { publicKey: block.bytes, subject: name };
}

function isCertificate(text: string): boolean {
  return parsePem(text)[0]?.label === "CERTIFICATE";
}
