import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { equal, HawserError, UsageError } from "../codec/index.ts";
import type { Clock, Entropy } from "../crypto/index.ts";
import { nodeSigner, nodeVerifier, privateKeyFromPem } from "../crypto/node.ts";
import {
  certificateFromPem,
  certificateToPem,
  ipAddressText,
  issueCertificate,
  issueRootCertificate,
  nameFromAttributes,
  parseIpAddress,
  validatePath,
  type Certificate,
  type Issuer,
  type PkiErrorCode,
  type RequestedNames,
} from "../pki/index.ts";
import type { Trace } from "../trace/index.ts";

/** What the cloud's listeners present to devices and callers. */
export type ServerIdentity = {
  /** PKCS#8 PEM. */
  readonly key: string;
  /** PEM of the server certificate. */
  readonly certificate: string;
  /** The file with the root that devices must trust, PEM. */
  readonly rootFile: string;
  readonly root: string;
  /** Whether a new server certificate was issued for this start. */
  readonly isNew: boolean;
};

export type ServerIdentityOptions = {
  /** Where the files are kept: made with mode 0700; keys have 0600. */
  readonly directory: string;
  /** Host names and IP addresses besides localhost, 127.0.0.1 and ::1. */
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly trace: Trace;
};

const DAY_MS = 86_400_000;
const ROOT_DAYS = 20 * 365;
const SERVER_DAYS = 397;
/** A server certificate with less time left than this is replaced at start. */
const RENEWAL_DAYS = 60;
const ALWAYS = ["localhost", "127.0.0.1", "::1"];

/**
 * The server's key and certificate from the directory. What is missing is made: first a root of the cloud's own, which then
 * stays; a server certificate is issued anew when it nears its end, lacks a name, or does not belong to key and root.
 */
export async function serverIdentity(options: ServerIdentityOptions): Promise<ServerIdentity> {
  const { directory } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const rootFile = join(directory, "root.pem");
  const issuer = await rootOf(options, rootFile);
  const names = requestedNames([...ALWAYS, ...options.names]);
  const root = certificateToPem(issuer.certificate);
  const stored = await storedServer(options, issuer.certificate, names);
  if (stored) return { ...stored, rootFile, root, isNew: false };
  return { ...(await newServer(options, issuer, names)), rootFile, root, isNew: true };
}

async function rootOf(options: ServerIdentityOptions, rootFile: string): Promise<Issuer> {
  const { directory, clock, entropy, trace } = options;
  const keyFile = join(directory, "root.key");
  const stored = keyAndCertificate(keyFile, rootFile);
  if (!stored && existsSync(keyFile) && existsSync(rootFile)) {
    // A new root in its place would lock out every device that trusts the old one.
    throw new UsageError<PkiErrorCode>("signer-mismatch", `${keyFile} is not the key of ${rootFile}`);
  }
  if (stored) return { certificate: stored.certificate, signer: nodeSigner(stored.privateKey) };
  const key = newKey();
  const signer = nodeSigner(key);
  const subject = nameFromAttributes([["CN", `Hawser cloud root ${hexOf(entropy.bytes(4))}`]]);
  const certificate = await issueRootCertificate({
    subject,
    validity: validity(clock, ROOT_DAYS),
    entropy,
    signer,
    trace,
  });
  replaceFile(keyFile, pemOf(key), 0o600);
  replaceFile(rootFile, certificateToPem(certificate), 0o644);
  return { certificate, signer };
}

async function storedServer(
  options: ServerIdentityOptions,
  root: Certificate,
  names: Required<Pick<RequestedNames, "dns" | "ip">>,
): Promise<{ key: string; certificate: string } | undefined> {
  const { directory, clock } = options;
  const stored = keyAndCertificate(join(directory, "server.key"), join(directory, "server.pem"));
  if (!stored) return undefined;
  const { subjectAltName } = stored.certificate.extensions;
  const hasNames =
    names.dns.every((name) => subjectAltName?.dns.includes(name)) &&
    names.ip.every((ip) => subjectAltName?.ip.some((each) => ipAddressText(each) === canonicalIp(ip)));
  if (!hasNames || stored.certificate.validity.notAfter < clock.now() + RENEWAL_DAYS * DAY_MS) return undefined;
  try {
    await validatePath({
      chain: [stored.certificate.der],
      anchors: [root],
      time: clock.now(),
      purpose: "serverAuth",
      verifier: nodeVerifier,
    });
  } catch (error) {
    if (error instanceof HawserError) return undefined;
    throw error;
  }
  return { key: pemOf(stored.privateKey), certificate: certificateToPem(stored.certificate) };
}

async function newServer(options: ServerIdentityOptions, issuer: Issuer, names: RequestedNames) {
  const { directory, clock, entropy, trace } = options;
  const key = newKey();
  const certificate = await issueCertificate({
    profile: "server",
    subject: nameFromAttributes([["CN", "Hawser cloud"]]),
    validity: validity(clock, SERVER_DAYS),
    publicKey: nodeSigner(key).publicKey,
    issuer,
    names,
    entropy,
    trace,
  });
  replaceFile(join(directory, "server.key"), pemOf(key), 0o600);
  replaceFile(join(directory, "server.pem"), certificateToPem(certificate), 0o644);
  return { key: pemOf(key), certificate: certificateToPem(certificate) };
}

/** A key and its certificate, or undefined where either is missing or they do not belong together. */
function keyAndCertificate(keyFile: string, certificateFile: string) {
  const keyText = readIfThere(keyFile);
  const certificateText = readIfThere(certificateFile);
  if (keyText === undefined || certificateText === undefined) return undefined;
  const privateKey = privateKeyFromPem(keyText);
  const certificate = certificateFromPem(certificateText);
  const publicKey = new Uint8Array(createPublicKey(privateKey).export({ format: "der", type: "spki" }));
  // A process that died between two files leaves a new key beside an old certificate.
  return equal(publicKey, certificate.publicKey.der) ? { privateKey, certificate } : undefined;
}

function requestedNames(names: readonly string[]): Required<Pick<RequestedNames, "dns" | "ip">> {
  const unique = [...new Set(names)];
  const isIp = (name: string) => parseIpAddress(name) !== undefined;
  return { dns: unique.filter((name) => !isIp(name)), ip: unique.filter((name) => isIp(name)) };
}

function canonicalIp(text: string): string {
  const bytes = parseIpAddress(text);
  return bytes ? ipAddressText(bytes) : text;
}

/** Valid since an hour ago: devices' clocks are seldom right to the second. */
function validity(clock: Clock, days: number): { notBefore: number; notAfter: number } {
  const notBefore = clock.now() - 3_600_000;
  return { notBefore, notAfter: notBefore + days * DAY_MS };
}

function newKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

function pemOf(key: KeyObject): string {
  return key.export({ format: "pem", type: "pkcs8" });
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** A cut at any moment leaves the old file or the new one. */
function replaceFile(path: string, text: string, mode: number): void {
  const next = `${path}.new`;
  writeFileSync(next, text, { mode, flush: true });
  renameSync(next, path);
}
