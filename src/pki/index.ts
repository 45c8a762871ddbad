export {
  certificateFromPem,
  certificateId,
  certificatesFromPem,
  certificateToPem,
  parseCertificate,
  parseCertificateContent,
  type Certificate,
  type CertificateContent,
  type Validity,
} from "./certificate.ts";
export { CertificateMemory } from "./certificate-memory.ts";
export type { Conformance } from "./conformance.ts";
export { DER_LIMITS, parseDer, TAG, type DerElement, type DerLimits } from "./der.ts";
export { isDnsName } from "./dns-name.ts";
export { CertificateError, PKI_ERRORS, type CertificateFault, type PkiErrorCode } from "./errors.ts";
export {
  allowsPurpose,
  NO_EXTENSIONS,
  type AuthorityKeyIdentifier,
  type BasicConstraints,
  type CertificateExtensions,
  type RawExtension,
} from "./extensions.ts";
export type { AlternativeNames } from "./general-name.ts";
export { ipAddressText, parseIpAddress } from "./ip-address.ts";
export {
  draftCertificate,
  draftRootCertificate,
  issueCertificate,
  issueRootCertificate,
  keyIdentifierOf,
  type CertificateDraft,
  type CertificateOrder,
  type Issuer,
} from "./issue.ts";
export { nameValues, sameName, type DistinguishedName, type NameAttribute } from "./name.ts";
export { nameFromAttributes, nameFromText } from "./name-text.ts";
export { EXTENSION, KEY_PURPOSE, type KeyPurpose, type KeyUsage, type NameAttributeType } from "./oids.ts";
export { validatePath, type ValidatedPath } from "./path.ts";
export { PATH_LIMITS, type PathLimits, type PathOptions } from "./path-options.ts";
export type { PathPurpose } from "./path-rules.ts";
export type { PolicyOptions } from "./policy-graph.ts";
export { pointerExtensions, type Pointers } from "./pointers.ts";
export { PROFILES, type ProfileName } from "./profiles.ts";
export { keyWeakness, parsePublicKey, type PublicKey } from "./public-key.ts";
export { createCsr, csrFromPem, csrToPem, parseCsr, type CertificateRequest } from "./request.ts";
export { checkServerIdentity, type IdentityPolicy } from "./server-identity.ts";
export type { CertificateSignatureAlgorithm } from "./signature-algorithm.ts";
export { keyIdentifiersAgree, signatureHolds, signedBy } from "./signature-check.ts";
export type { RequestedNames } from "./subject-alt-name.ts";
export { crlFromPem, crlToPem, parseCrl, revocationOf, type RevocationList } from "./crl.ts";
export type { Revocation } from "./crl-content.ts";
export type { CrlScope } from "./crl-scope.ts";
export { issueCrl } from "./crl-issue.ts";
export { CrlSet, type RevocationMode } from "./revocation.ts";
export { REVOCATION_REASONS, type RevocationReason } from "./crl-reasons.ts";
export { LintRefused, lintCertificate, type LintFinding } from "./lint.ts";
export { LINT_RULES, NO_EXPIRY, type LintRule, type LintSubject } from "./lint-rules.ts";
