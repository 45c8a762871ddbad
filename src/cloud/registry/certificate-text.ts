import { DecodeError, Denied, parsePem } from "../../codec/index.ts";
import { CertificateError, keyWeakness, parseCertificate, type Certificate } from "../../pki/index.ts";
import type { CloudErrorCode } from "../errors.ts";

/**
 * The one certificate of a PEM text. `what` names it in messages. Text around the block, CRLF and blank lines are
 * accepted, since `openssl -text` and editors make them; two certificates are not, since only one would be used.
 *
 * Throws `Denied` `certificate-validation`.
 */
export function oneCertificate(pem: string, what: string): Certificate {
  const certificates = readable(what, () =>
    parsePem(pem).filter(({ label }) => label === "CERTIFICATE" || label === "X509 CERTIFICATE"),
  );
  const [block, second] = certificates;
  if (!block) throw invalidCertificate(`${what} holds no CERTIFICATE block`);
  if (second) throw invalidCertificate(`${what} holds ${certificates.length} certificates, need exactly one`);
  return readable(what, () => parseCertificate(block.bytes));
}

/** Refuses keys and signatures that no device and no CA should use any more. */
export function checkStrength(certificate: Certificate, what: string): void {
  const weakness = keyWeakness(certificate.publicKey);
  if (weakness !== undefined) throw invalidCertificate(`${what} has an unacceptable key: ${weakness}`);
  const { accepted, name } = certificate.signatureAlgorithm;
  if (!accepted) throw invalidCertificate(`${what} is signed with ${name}; need ECDSA or RSA with SHA-256 or better`);
}

/** Refuses a certificate outside its validity period. `now` in milliseconds since 1970. */
export function checkDates({ validity }: Certificate, what: string, now: number): void {
  const at = (time: number) => new Date(time).toISOString();
  if (now < validity.notBefore) {
    throw invalidCertificate(`${what} is not valid before ${at(validity.notBefore)}; it is now ${at(now)}`);
  }
  if (now > validity.notAfter) {
    throw invalidCertificate(`${what} expired at ${at(validity.notAfter)}; it is now ${at(now)}`);
  }
}

/** The refusal of a certificate, with the reason in `message`. */
export function invalidCertificate(
  message: string,
  details: { readonly cause?: unknown } = {},
): Denied<CloudErrorCode> {
  return new Denied("certificate-validation", message, details);
}

function readable<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof DecodeError || cause instanceof CertificateError)) throw cause;
    throw invalidCertificate(`${what} cannot be read: ${cause.message}`, { cause });
  }
}
