import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { HawserError } from "../codec/index.ts";
import type { Clock, Entropy } from "../crypto/index.ts";
import { nodeSigner, nodeVerifier } from "../crypto/node.ts";
import {
  certificateToPem,
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
import { DAY_MS, keyAndCertificate, newKey, pemOf, replaceFile, storedRoot, validFor } from "./node-stored-root.ts";

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
  const issuer = await storedRoot({ ...options, name: "root", commonName: "Hawser cloud root", days: ROOT_DAYS });
  const names = requestedNames([...ALWAYS, ...options.names]);
  const root = certificateToPem(issuer.certificate);
  const stored = await storedServer(options, issuer.certificate, names);
  if (stored) return { ...stored, rootFile, root, isNew: false };
  return { ...(await newServer(options, issuer, names)), rootFile, root, isNew: true };
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
    validity: validFor(clock, SERVER_DAYS),
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

function requestedNames(names: readonly string[]): Required<Pick<RequestedNames, "dns" | "ip">> {
  const unique = [...new Set(names)];
  const isIp = (name: string) => parseIpAddress(name) !== undefined;
  return { dns: unique.filter((name) => !isIp(name)), ip: unique.filter((name) => isIp(name)) };
}

function canonicalIp(text: string): string {
  const bytes = parseIpAddress(text);
  return bytes ? ipAddressText(bytes) : text;
}
