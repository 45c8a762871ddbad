import { DecodeError, equal, UsageError } from "../../codec/index.ts";
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
  pointerExtensions,
  type Issuer,
  type Pointers,
} from "../../pki/index.ts";
import { invalidRequest } from "../errors.ts";
import { certificateInserted, insertCertificate, issuedRow } from "./certificates.ts";
import { checkDates, checkStrength, invalidCertificate, oneCertificate } from "./certificate-text.ts";
import type { CertificateStatus } from "./entries.ts";
import type { Registry } from "./registry.ts";

/** A new key pair for a device. Whoever asked for it gets the private key; nobody keeps it. */
export type DeviceKeyPair = {
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  readonly publicKeyPem: string;
  readonly privateKeyPem: string;
};

/** The cloud's own CA for device certificates, and where keys for them come from. */
export type DeviceIssuing = {
  readonly issuer: Issuer;
  /** Where certificates say that their revocation can be looked up. AWS's say nothing of it. */
  readonly pointers?: Pointers;
  newKeyPair(): Promise<DeviceKeyPair>;
};

export type IssuedCertificate = { readonly certificateId: string; readonly certificatePem: string };

/** Until when certificates that the cloud issues are valid: the end of 2049. AWS IoT API, CreateKeysAndCertificate */
export const END_OF_ISSUED = Date.UTC(2049, 11, 31, 23, 59, 59);

const BACKDATED_MS = 3_600_000;

export type KeyOrder = {
  readonly setAsActive?: boolean | undefined;
  /** Instead of what `setAsActive` says. */
  readonly status?: CertificateStatus;
  /** When it ends, in milliseconds since 1970; the end of 2049 unless given. */
  readonly notAfter?: number;
};

/**
 * Makes a key pair and a certificate for it, INACTIVE unless asked otherwise. The private key is in the answer and
 * nowhere else. AWS IoT API, CreateKeysAndCertificate
 */
export async function issueWithNewKey(
  registry: Registry,
  issuing: DeviceIssuing,
  { setAsActive = false, status, notAfter }: KeyOrder = {},
): Promise<IssuedCertificate & { readonly keyPair: DeviceKeyPair }> {
  const keyPair = await issuing.newKeyPair();
  // All of them have this one subject: what tells them apart is their id.
  const subject = nameFromAttributes([["CN", "AWS IoT Certificate"]]);
  const { publicKey } = keyPair;
  const certificate = await signed(registry, issuing, { subject, publicKey, ...(notAfter && { notAfter }) });
  const issued = await record(registry, certificate, status ?? (setAsActive ? "ACTIVE" : "INACTIVE"));
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
  issuing: DeviceIssuing,
  { csr, setAsActive = false }: { readonly csr: string; readonly setAsActive?: boolean | undefined },
): Promise<IssuedCertificate> {
  return record(registry, await certificateFromCsr(registry, issuing, csr), setAsActive ? "ACTIVE" : "INACTIVE");
}

/** The certificate for a request, recorded nowhere yet. Throws as `issueFromCsr`. */
export async function certificateFromCsr(
  registry: Registry,
  issuing: DeviceIssuing,
  csr: string,
): Promise<Certificate> {
  const { subject, publicKey } = await acceptedRequest(registry, csr);
  return signed(registry, issuing, { subject, publicKey: publicKey.der });
}

/**
 * The certificate that another CA gave for a request, checked: it is for the request's key, strong enough, and in its
 * period. Throws `UsageError` for the request, `Denied` `certificate-validation` for the certificate.
 */
export async function certificateSignedElsewhere(
  registry: Registry,
  { csr, certificatePem }: { readonly csr: string; readonly certificatePem: string },
): Promise<Certificate> {
  const { publicKey } = await acceptedRequest(registry, csr);
  const what = "the provider's certificate";
  const certificate = oneCertificate(certificatePem, what);
  checkStrength(certificate, what);
  checkDates(certificate, what, registry.clock.now());
  if (equal(certificate.publicKey.der, publicKey.der)) return certificate;
  throw invalidCertificate(`${what} is for another key than the request`);
}

/** Checks a request before anybody signs it. Throws `UsageError` `invalid-request`. */
export async function acceptedRequest(registry: Registry, csr: string): Promise<CertificateRequest> {
  const request = await readRequest(registry, csr);
  const weakness = keyWeakness(request.publicKey);
  if (weakness === undefined) return request;
  throw invalidRequest(`certificateSigningRequest has an unacceptable key: ${weakness}`);
}

async function readRequest({ verifier }: Registry, csr: string): Promise<CertificateRequest> {
  try {
    return await parseCsr(csrFromPem(csr), verifier);
  } catch (cause) {
    if (!(cause instanceof DecodeError || cause instanceof CertificateError)) throw cause;
    throw invalidRequest(`certificateSigningRequest cannot be used: ${cause.message}`, { cause });
  }
}

/** Records a certificate that was just issued. */
export async function record(
  registry: Registry,
  certificate: Certificate,
  status: CertificateStatus,
): Promise<IssuedCertificate> {
  const row = issuedRow(registry, certificate, status);
  await registry.store.write(
    (queries) => insertCertificate(registry, queries, row),
    () => certificateInserted(registry, row),
  );
  return { certificateId: certificate.id, certificatePem: certificateToPem(certificate) };
}

type Order = { readonly subject: DistinguishedName; readonly publicKey: Uint8Array; readonly notAfter?: number };

async function signed(
  { clock, entropy, trace }: Registry,
  { issuer, pointers = {} }: DeviceIssuing,
  order: Order,
): Promise<Certificate> {
  const { subject, publicKey, notAfter = END_OF_ISSUED } = order;
  const notBefore = Math.max(clock.now() - BACKDATED_MS, issuer.certificate.validity.notBefore);
  const validity = { notBefore, notAfter };
  const extensions = pointerExtensions(pointers);
  try {
    return await issueCertificate({
      profile: "device",
      subject,
      publicKey,
      issuer,
      validity,
      extensions,
      entropy,
      trace,
    });
  } catch (cause) {
    if (!(cause instanceof LintRefused || cause instanceof UsageError)) throw cause;
    throw invalidRequest(`a certificate for ${subject.text || "an empty subject"} is refused: ${cause.message}`, {
      cause,
    });
  }
}
