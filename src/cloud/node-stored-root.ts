import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { chmodSync, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { equal, HawserError, toHex, UsageError } from "../codec/index.ts";
import { replaceFile } from "../codec/node.ts";
import type { Clock, Entropy } from "../crypto/index.ts";
import { nodeSigner, privateKeyFromPem } from "../crypto/node.ts";
import {
  certificateFromPem,
  certificateToPem,
  issueRootCertificate,
  nameFromAttributes,
  type Certificate,
  type Issuer,
  type PkiErrorCode,
  type Validity,
} from "../pki/index.ts";
import type { Trace } from "../trace/index.ts";
import type { CloudErrorCode } from "./errors.ts";

export const DAY_MS = 86_400_000;

export type StoredRootOptions = {
  /** Exists, with mode 0700. */
  readonly directory: string;
  /** NAME.key and NAME.pem hold it. */
  readonly name: string;
  /** Begins its subject's CN, which ends in random digits: two roots of two clouds have two names. */
  readonly commonName: string;
  /** For how many days it is valid, or until when in milliseconds since 1970. */
  readonly days: number;
  readonly notAfter?: number;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly trace: Trace;
};

/**
 * A self-signed CA whose P-256 key lies beside its certificate in a directory; made where both are missing, and never
 * replaced. Throws `UsageError` `signer-mismatch` where key and certificate do not belong together.
 */
export async function storedRoot(options: StoredRootOptions): Promise<Issuer> {
  const { directory, name, commonName, days, clock, entropy, trace } = options;
  const [keyFile, rootFile] = [join(directory, `${name}.key`), join(directory, `${name}.pem`)];
  if (narrowKeyFile(keyFile)) {
    const detail = `${keyFile} could be read by others; it has mode 0600 again`;
    trace.emit("cloud", { kind: "process", what: "warning", detail });
  }
  const stored = keyAndCertificate(keyFile, rootFile);
  if (!stored && existsSync(keyFile) && existsSync(rootFile)) {
    // A new root in its place would lock out every device that trusts the old one.
    throw new UsageError<PkiErrorCode>("signer-mismatch", `${keyFile} is not the key of ${rootFile}`);
  }
  if (stored) return { certificate: stored.certificate, signer: nodeSigner(stored.privateKey) };
  const key = newKey();
  const signer = nodeSigner(key);
  const subject = nameFromAttributes([["CN", `${commonName} ${toHex(entropy.bytes(4))}`]]);
  const period = validFor(clock, days);
  const validity = { ...period, notAfter: options.notAfter ?? period.notAfter };
  const certificate = await issueRootCertificate({ subject, validity, entropy, signer, trace });
  replaceFile(keyFile, pemOf(key), 0o600);
  replaceFile(rootFile, certificateToPem(certificate), 0o644);
  return { certificate, signer };
}

/** A key and its certificate, or undefined where either is missing or they do not belong together. */
export function keyAndCertificate(
  keyFile: string,
  certificateFile: string,
): { readonly privateKey: KeyObject; readonly certificate: Certificate } | undefined {
  const keyText = readIfThere(keyFile);
  const certificateText = readIfThere(certificateFile);
  if (keyText === undefined || certificateText === undefined) return undefined;
  const privateKey = named(keyFile, () => privateKeyFromPem(keyText));
  const certificate = named(certificateFile, () => certificateFromPem(certificateText));
  const publicKey = new Uint8Array(createPublicKey(privateKey).export({ format: "der", type: "spki" }));
  // A process that died between two files leaves a new key beside an old certificate.
  return equal(publicKey, certificate.publicKey.der) ? { privateKey, certificate } : undefined;
}

/** What a reader makes of a file; where it makes nothing of it, the error says of which file. */
function named<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof HawserError)) throw cause;
    throw new UsageError<CloudErrorCode>("stored-key-unreadable", `${file} cannot be read`, { cause });
  }
}

/** Valid since an hour ago: devices' clocks are seldom right to the second. */
export function validFor(clock: Clock, days: number): Validity {
  const notBefore = clock.now() - 3_600_000;
  return { notBefore, notAfter: notBefore + days * DAY_MS };
}

/** A new key on P-256. */
export function newKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

/** A private key as PKCS#8 PEM. */
export function pemOf(key: KeyObject): string {
  return key.export({ format: "pem", type: "pkcs8" });
}

/** Takes a private key's file from everybody but its owner; whether others could read it. */
function narrowKeyFile(path: string): boolean {
  if (!existsSync(path) || (statSync(path).mode & 0o077) === 0) return false;
  chmodSync(path, 0o600);
  return true;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
