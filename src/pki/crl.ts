import { DecodeError, equal, parsePem, toPem } from "../codec/index.ts";
import type { SignatureVerifier } from "../crypto/index.ts";
import type { Certificate } from "./certificate.ts";
import { crlFault, readCrl, type Revocation, type UnverifiedCrl } from "./crl-content.ts";
import { isInScope, type CrlScope } from "./crl-scope.ts";
import { sameName, type DistinguishedName } from "./name.ts";
import { signatureHolds } from "./signature-check.ts";

/** A certificate revocation list whose signature was checked. RFC 5280, section 5.1 */
export type RevocationList = {
  readonly der: Uint8Array;
  readonly issuer: DistinguishedName;
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
  /** Hex of the number, as certificates have their serial; undefined where the list has none. */
  readonly number: string | undefined;
  readonly scope: CrlScope;
  /** By serial number in lower-case hex, as `Certificate.serialNumber` has it. */
  readonly revoked: ReadonlyMap<string, Revocation>;
};

/**
 * A revocation list from its DER, after checking that this issuer signed it and may. Whether it is fresh is for the
 * caller to decide. Throws `DecodeError` or `CertificateError`. RFC 5280, sections 5 and 6.3.3 (f)
 */
export async function parseCrl(
  der: Uint8Array,
  issuer: Certificate,
  verifier: SignatureVerifier,
): Promise<RevocationList> {
  return verifiedCrl(readCrl(der), issuer, verifier);
}

/** The list, if this issuer signed it and may. Throws `CertificateError`. RFC 5280, section 6.3.3 (f) (g) */
export async function verifiedCrl(
  list: UnverifiedCrl,
  issuer: Certificate,
  verifier: SignatureVerifier,
): Promise<RevocationList> {
  if (list.fault) throw list.fault;
  if (!sameName(list.issuer, issuer.subject) || !isSameKey(list.authorityKey, issuer)) {
    throw crlFault(list.issuer, "unknown-issuer", "issuer", `not the list of ${issuer.subject.text}`);
  }
  if (issuer.extensions.keyUsage?.has("cRLSign") === false) {
    throw crlFault(list.issuer, "key-usage", "keyUsage", "the issuer may not sign lists: no cRLSign");
  }
  const { tbs: content, signature, algorithm } = list;
  if (!algorithm.accepted) throw crlFault(list.issuer, "weak-algorithm", "signatureAlgorithm", algorithm.name);
  const check = { publicKey: issuer.publicKey.der, algorithm: algorithm.accepted, content, signature };
  if (!(await signatureHolds(verifier, check))) {
    throw crlFault(list.issuer, "bad-signature", "signature", `not signed by the key of ${issuer.subject.text}`);
  }
  const { der, issuer: name, thisUpdate, nextUpdate, number, scope, revoked } = list;
  return { der, issuer: name, thisUpdate, nextUpdate, number, scope, revoked };
}

/**
 * What a list says about a certificate of its issuer, or undefined where it is not revoked. Throws `CertificateError`
 * `unknown-issuer` for a certificate of another issuer, `crl-scope` for one that the list is not about.
 */
export function revocationOf(list: RevocationList, certificate: Certificate): Revocation | undefined {
  if (!sameName(list.issuer, certificate.issuer)) {
    throw crlFault(list.issuer, "unknown-issuer", "issuer", `says nothing about ${certificate.issuer.text}`);
  }
  if (!isInScope(list.scope, certificate)) {
    throw crlFault(list.issuer, "crl-scope", "issuingDistributionPoint", `not about ${certificate.subject.text}`);
  }
  return list.revoked.get(certificate.serialNumber);
}

/** The one list of a PEM text as DER. Throws `DecodeError` `encoding` where there is none. RFC 7468, section 6 */
export function crlFromPem(text: string): Uint8Array {
  const block = parsePem(text).find(({ label }) => label === "X509 CRL");
  if (!block) throw new DecodeError("encoding", "no X509 CRL block", 0);
  return block.bytes;
}

/** Textual encoding. RFC 7468, section 6 */
export function crlToPem(der: Uint8Array): string {
  return toPem("X509 CRL", der);
}

function isSameKey(wanted: Uint8Array | undefined, { extensions }: Certificate): boolean {
  const offered = extensions.subjectKeyIdentifier;
  return !wanted || !offered || equal(wanted, offered);
}
