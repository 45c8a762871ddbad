import { generateKeyPairSync } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { HawserError } from "../codec/index.ts";
import { replaceFile } from "../codec/node.ts";
import type { Clock, Entropy } from "../crypto/index.ts";
import { nodeSigner, nodeVerifier } from "../crypto/node.ts";
import {
  certificatesFromPem,
  certificateToPem,
  checkServerIdentity,
  ipAddressText,
  issueCertificate,
  nameFromAttributes,
  parseIpAddress,
  validatePath,
  type Certificate,
  type Issuer,
  type RequestedNames,
} from "../pki/index.ts";
import type { Trace } from "../trace/index.ts";
import { DAY_MS, keyAndCertificate, newKey, pemOf, storedRoot, validFor } from "./node-stored-root.ts";

/** A private key as PKCS#8 PEM and its certificate as PEM. */
export type ServerCredential = { readonly key: string; readonly certificate: string };

/** What the cloud's listeners present to devices and callers. */
export type ServerIdentity = ServerCredential & {
  /** The same for an RSA key, where one was asked for. */
  readonly rsa: ServerCredential | undefined;
  /** The file with the root that devices must trust, PEM. */
  readonly rootFile: string;
  readonly root: string;
  /** Whether a new server certificate was issued for this start. */
  readonly isNew: boolean;
  /** Whether the certificate is for a name that a client asks for. RFC 6066, section 3 */
  readonly isFor: (serverName: string) => boolean;
};

export type ServerIdentityOptions = {
  /** Where the files are kept: made with mode 0700; keys have 0600. */
  readonly directory: string;
  /** Host names and IP addresses besides localhost, 127.0.0.1 and ::1. */
  readonly names: readonly string[];
  /** Whether there is also a certificate for an RSA key, of the same root and with the same names. */
  readonly rsa?: boolean;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly trace: Trace;
};

const ROOT_DAYS = 20 * 365;
const SERVER_DAYS = 397;
/** A server certificate with less time left than this is replaced at start. */
const RENEWAL_DAYS = 60;
const RSA_BITS = 2048;
const ALWAYS = ["localhost", "127.0.0.1", "::1"];

/**
 * The server's key and certificate from the directory. What is missing is made: first a root of the cloud's own, which then
 * stays; a server certificate is issued anew when it nears its end, lacks a name, or does not belong to key and root.
 */
export async function serverIdentity(options: ServerIdentityOptions): Promise<ServerIdentity> {
  const { directory } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const rootFile = join(directory, "root.pem");
  const issuer = await storedRoot({ ...options, name: "root", commonName: "Hawser cloud root", days: ROOT_DAYS });
  const names = requestedNames([...ALWAYS, ...options.names]);
  const root = certificateToPem(issuer.certificate);
  const ecdsa = await credential(options, issuer, { kind: "server", names });
  const rsa = options.rsa ? await credential(options, issuer, { kind: "server-rsa", names }) : undefined;
  const { isNew, ...own } = ecdsa;
  const [certificate] = certificatesFromPem(own.certificate);
  const isFor = (serverName: string) => certificate !== undefined && isNamed(certificate, serverName);
  return { ...own, rsa: rsa && { key: rsa.key, certificate: rsa.certificate }, rootFile, root, isNew, isFor };
}

/** Which certificate: KIND.key and KIND.pem hold it. */
type Wanted = { readonly kind: "server" | "server-rsa"; readonly names: Names };
type Names = Required<Pick<RequestedNames, "dns" | "ip">>;

async function credential(
  options: ServerIdentityOptions,
  issuer: Issuer,
  wanted: Wanted,
): Promise<ServerCredential & { readonly isNew: boolean }> {
  const stored = await storedServer(options, issuer.certificate, wanted);
  return stored ? { ...stored, isNew: false } : { ...(await newServer(options, issuer, wanted)), isNew: true };
}

async function storedServer(
  options: ServerIdentityOptions,
  root: Certificate,
  { kind, names }: Wanted,
): Promise<ServerCredential | undefined> {
  const { directory, clock } = options;
  const stored = keyAndCertificate(join(directory, `${kind}.key`), join(directory, `${kind}.pem`));
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

async function newServer(options: ServerIdentityOptions, issuer: Issuer, { kind, names }: Wanted) {
  const { directory, clock, entropy, trace } = options;
  const key = kind === "server" ? newKey() : generateKeyPairSync("rsa", { modulusLength: RSA_BITS }).privateKey;
  const certificate = await issueCertificate({
    profile: "server",
    subject: nameFromAttributes([["CN", "Hawser cloud"]]),
    validity: validFor(clock, SERVER_DAYS),
    publicKey: nodeSigner(key).publicKey,
    issuer,
    names,
    entropy,
    trace,
  });
  replaceFile(join(directory, `${kind}.key`), pemOf(key), 0o600);
  replaceFile(join(directory, `${kind}.pem`), certificateToPem(certificate), 0o644);
  return { key: pemOf(key), certificate: certificateToPem(certificate) };
}

function requestedNames(names: readonly string[]): Names {
  const unique = [...new Set(names)];
  const isIp = (name: string) => parseIpAddress(name) !== undefined;
  return { dns: unique.filter((name) => !isIp(name)), ip: unique.filter((name) => isIp(name)) };
}

function isNamed(certificate: Certificate, serverName: string): boolean {
  try {
    checkServerIdentity(certificate, serverName);
    return true;
  } catch (error) {
    if (error instanceof HawserError) return false;
    throw error;
  }
}

function canonicalIp(text: string): string {
  const bytes = parseIpAddress(text);
  return bytes ? ipAddressText(bytes) : text;
}
