import { UsageError, fromHex } from "../../codec/index.ts";
import { TAG, contextTag } from "../der.ts";
import { derElement } from "../der-write.ts";
import { certIdDer, type CertIdHash, type CertificateAndIssuer } from "./cert-id.ts";
import type { OcspErrorCode } from "./errors.ts";

/** What to ask a responder. */
export type OcspQuestion = {
  readonly certificates: readonly CertificateAndIssuer[];
  /** 1 to 128 random bytes, of which 32 are recommended, where the answer must be made for this request. */
  readonly nonce?: Uint8Array;
  /** How certificates are named: `sha1`, which every responder knows, unless told otherwise. */
  readonly hash?: CertIdHash;
};

/**
 * DER of an unsigned request, for `application/ocsp-request` over HTTP.
 * Throws `UsageError` `ocsp-question` where no certificate is asked about, or the nonce is of another length. RFC 6960, section 4.1.1; RFC 9654, section 2.1
 */
export function ocspRequest({ certificates, nonce, hash = "sha1" }: OcspQuestion): Uint8Array {
  if (certificates.length === 0) {
    throw new UsageError<OcspErrorCode>("ocsp-question", "no certificate to ask about");
  }
  const requests = certificates.map((each) => derElement(TAG.sequence, certIdDer(each, hash)));
  const extensions = nonce ? [derElement(contextTag(2, "constructed"), nonceExtensions(nonce))] : [];
  return derElement(TAG.sequence, derElement(TAG.sequence, derElement(TAG.sequence, ...requests), ...extensions));
}

/** id-pkix-ocsp-nonce. RFC 9654, section 2.1 */
export const NONCE_OID = "1.3.6.1.5.5.7.48.1.2";

function nonceExtensions(nonce: Uint8Array): Uint8Array {
  if (nonce.length < 1 || nonce.length > 128) {
    throw new UsageError<OcspErrorCode>("ocsp-question", `a nonce of ${nonce.length} bytes, not 1 to 128`);
  }
  const value = derElement(TAG.octetString, derElement(TAG.octetString, nonce));
  return derElement(TAG.sequence, derElement(TAG.sequence, fromHex("06092b0601050507300102"), value));
}
