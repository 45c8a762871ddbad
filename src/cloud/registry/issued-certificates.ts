import { DecodeError, UsageError } from "../../codec/index.ts";
import {
  CertificateError,
  certificateToPem,
  csrFromPem,
  issueCertificate,
  keyWeakness,
  LintRefused,
  nameFromAttributes,
  parseCsr,
  type Certificate,
  type CertificateRequest,
  type DistinguishedName,
  type Issuer,
} from "../../pki/index.ts";
import { invalidRequest } from "../errors.ts";
import { insertIssued } from "./certificates.ts";
import type { Registry } from "./registry.ts";

/** A new key pair for a device. Whoever asked for it gets the private key; nobody keeps it. */
export type DeviceKeyPair = {
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  readonly publicKeyPem: string;
  readonly privateKeyPem: string;
};

/** The cloud's own CA for device certificates, and where keys for them come from. */
export type DeviceIssuing = { readonly issuer: Issuer; newKeyPair(): Promise<DeviceKeyPair> };

export type IssuedCertificate = { readonly certificateId: string; readonly certificatePem: string };

/** Until when certificates that the cloud issues are valid: the end of 2049. AWS IoT API, CreateKeysAndCertificate */
export const END_OF_ISSUED = Date.UTC(2049, 11, 31, 23, 59, 59);

const BACKDATED_MS = 3_600_000;

/**
 * Makes a key pair and a certificate for it, INACTIVE unless asked otherwise. The private key is in the answer and
 * nowhere else. AWS IoT API, CreateKeysAndCertificate
 */
export async function issueWithNewKey(
  registry: Registry,
  issuing: DeviceIssuing,
  { setAsActive = false }: { readonly setAsActive?: boolean | undefined } = {},
): Promise<IssuedCertificate & { readonly keyPair: DeviceKeyPair }> {
  const keyPair = await issuing.newKeyPair();
  // All of them have this one subject: what tells them apart is their id.
  const subject = nameFromAttributes([["CN", "AWS IoT Certificate"]]);
  const issued = await issue(registry, issuing.issuer, { subject, publicKey: keyPair.publicKey, setAsActive });
  return { ...issued, keyPair };
}

/**
 * Issues a certificate for the key and subject of a request, whose sender proved to hold the key by signing it; the way
 * for a key that never leaves a chip. INACTIVE unless asked otherwise. AWS IoT API, CreateCertificateFromCsr
 *
 * Throws `UsageError` `invalid-request` for a request that cannot be read, is not signed by its own key, has a weak key,
 * or a subject that tells no device.
 */
export async function issueFromCsr(
  registry: Registry,
  { issuer }: DeviceIssuing,
  { csr, setAsActive = false }: { readonly csr: string; readonly setAsActive?: boolean | undefined },
): Promise<IssuedCertificate> {
  const request = await readRequest(registry, csr);
  const weakness = keyWeakness(request.publicKey);
  if (weakness !== undefined) throw invalidRequest(`certificateSigningRequest has an unacceptable key: ${weakness}`);
  const { subject, publicKey } = request;
  return issue(registry, issuer, { subject, publicKey: publicKey.der, setAsActive });
}

async function readRequest({ verifier }: Registry, csr: string): Promise<CertificateRequest> {
  try {
    return await parseCsr(csrFromPem(csr), verifier);
  } catch (cause) {
    if (!(cause instanceof DecodeError || cause instanceof CertificateError)) throw cause;
    throw invalidRequest(`certificateSigningRequest cannot be used: ${cause.message}`, { cause });
  }
}

type Order = {
  readonly subject: DistinguishedName;
  readonly publicKey: Uint8Array;
  readonly setAsActive: boolean;
};

async function issue(registry: Registry, issuer: Issuer, order: Order): Promise<IssuedCertificate> {
  const certificate = await signed(registry, issuer, order);
  await insertIssued(registry, certificate, order.setAsActive ? "ACTIVE" : "INACTIVE");
  return { certificateId: certificate.id, certificatePem: certificateToPem(certificate) };
}

async function signed({ clock, entropy, trace }: Registry, issuer: Issuer, order: Order): Promise<Certificate> {
  const { subject, publicKey } = order;
  const notBefore = Math.max(clock.now() - BACKDATED_MS, issuer.certificate.validity.notBefore);
  const validity = { notBefore, notAfter: END_OF_ISSUED };
  try {
    return await issueCertificate({ profile: "device", subject, publicKey, issuer, validity, entropy, trace });
  } catch (cause) {
    if (!(cause instanceof LintRefused || cause instanceof UsageError)) throw cause;
    throw invalidRequest(`a certificate for ${subject.text || "an empty subject"} is refused: ${cause.message}`, {
      cause,
    });
  }
}
