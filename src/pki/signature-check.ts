import { HawserError, equal } from "../codec/index.ts";
import type { CryptoErrorCode, SignatureCheck, SignatureVerifier } from "../crypto/index.ts";
import type { Certificate } from "./certificate.ts";
import { sameName } from "./name.ts";

const BAD_KEY: CryptoErrorCode = "bad-key";

/** Whether a signature holds; a key that is no key has signed nothing, while a verifier that fails still throws. */
export async function signatureHolds(verifier: SignatureVerifier, check: SignatureCheck): Promise<boolean> {
  try {
    return await verifier.verify(check);
  } catch (error) {
    if (error instanceof HawserError && error.code === BAD_KEY) return false;
    throw error;
  }
}

/**
 * Whether this issuer's key signed the certificate: names and key identifiers match, the algorithm is accepted, the
 * signature holds. Says nothing about validity, or whether the issuer may issue. RFC 5280, sections 4.1.2.4 and 4.2.1.1
 */
export async function signedBy(
  certificate: Certificate,
  issuer: Certificate,
  verifier: SignatureVerifier,
): Promise<boolean> {
  if (!sameName(certificate.issuer, issuer.subject) || !keyIdentifiersAgree(certificate, issuer)) return false;
  const algorithm = certificate.signatureAlgorithm.accepted;
  if (!algorithm) return false;
  const { tbs: content, signature } = certificate;
  return signatureHolds(verifier, { publicKey: issuer.publicKey.der, algorithm, content, signature });
}

/** Whether authority and subject key identifiers are equal, where both are there. RFC 5280, section 4.2.1.1 */
export function keyIdentifiersAgree(certificate: Certificate, issuer: Certificate): boolean {
  const wanted = certificate.extensions.authorityKeyIdentifier?.keyIdentifier;
  const offered = issuer.extensions.subjectKeyIdentifier;
  return !wanted || !offered || equal(wanted, offered);
}
