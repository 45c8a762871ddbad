import { HawserError, type ErrorDetails, type ErrorTable } from "../codec/index.ts";
import type { RevocationReason } from "./crl-reasons.ts";

/** The codes of `pki`. */
export const PKI_ERRORS = {
  "malformed-certificate": {
    cause: "A certificate of the presented chain is not DER, or its structure is broken.",
    cure: "The cause names the offset. Export the certificate again; do not edit it by hand.",
  },
  "duplicate-extension": {
    cause: "A certificate, request or list holds the same extension twice.",
    cure: "Issue it again with each extension once; two readers would each obey a different one.",
  },
  "algorithm-mismatch": {
    cause: "The signature algorithm inside the signed part differs from the one outside it.",
    cure: "The certificate was altered or made by broken software; issue it again.",
  },
  "empty-chain": {
    cause: "No certificate was presented.",
    cure: "Give the peer its certificate, followed by the intermediate certificates up to a root.",
  },
  "unknown-issuer": {
    cause: "No path leads from the presented certificate to a trust anchor.",
    cure: "Trust the right root, or have the peer send the intermediate certificate that is missing.",
  },
  "bad-signature": {
    cause: "A signature does not verify with the public key of the named issuer.",
    cure: "The certificate was altered, or another CA of the same name signed it; find the CA that really did.",
  },
  "not-yet-valid": {
    cause: "A certificate's notBefore lies in the future.",
    cure: "Check this machine's clock and that of the issuing machine.",
  },
  expired: {
    cause: "A certificate's notAfter has passed.",
    cure: "Issue a new certificate; check this machine's clock if the date looks wrong.",
  },
  "not-a-ca": {
    cause: "A certificate that is not a CA certificate was used to issue another one.",
    cure: "Issue with a certificate whose basicConstraints say cA TRUE; a device's certificate cannot issue.",
  },
  "path-length": {
    cause: "More intermediate certificates follow a CA than its path length constraint allows.",
    cure: "Issue from a CA nearer to the root, or issue the upper CA again with a larger pathLenConstraint.",
  },
  "key-usage": {
    cause: "The keyUsage extension does not allow what the key was used for.",
    cure: "Issue with digitalSignature for TLS certificates and keyCertSign for CA certificates.",
  },
  "extended-key-usage": {
    cause: "The extendedKeyUsage extension, of the certificate or of a CA above it, does not allow the purpose.",
    cure: "Issue with serverAuth for servers and clientAuth for devices; CA certificates need none.",
  },
  "unknown-critical-extension": {
    cause: "A certificate holds a critical extension that this validator does not process.",
    cure: "Issue without that extension; RFC 5280 forbids to ignore a critical one.",
  },
  "name-constraints": {
    cause:
      "A certificate holds a name that a CA above it may not certify, or one that its name constraints cannot judge.",
    cure: "Issue it by a CA whose nameConstraints permit the name; the message says which name is at fault.",
  },
  policy: {
    cause:
      "A certificate policy is required, by a CA or by the caller, and none is valid for the whole path; or anyPolicy is mapped.",
    cure: "Issue every certificate of the path under the policy (certificatePolicies), or do not ask for one.",
  },
  "key-identifier": {
    cause: "The authorityKeyIdentifier does not match the subjectKeyIdentifier of any CA with the issuer's name.",
    cure: "Send or trust the CA certificate whose key signed: there are several of this name.",
  },
  revoked: {
    cause: "The CA revoked a certificate of the path; the message says when and why.",
    cure: "Do not trust it: the key may be in other hands. Its owner needs a new certificate, and after keyCompromise a new key.",
  },
  "revocation-unknown": {
    cause: "Revocation is required to be checked, and nothing that is there says whether a certificate is revoked.",
    cure: "Give the CA's current list, or have the server staple a response; or validate with revocation if-present.",
  },
  "crl-stale": {
    cause: "A revocation list is out of date, of the future, or does not say until when it counts.",
    cure: "Fetch the CA's current list; check this machine's clock.",
  },
  "crl-scope": {
    cause: "A revocation list is about other certificates than it is asked about, or its scope is not processed here.",
    cure: "Give the list that the certificate's cRLDistributionPoints names; indirect lists are not supported.",
  },
  "stapled-response": {
    cause:
      "The OCSP response that came with a certificate cannot be relied on, or a certificate that demands one came without.",
    cure: "Have the server fetch a new response from its CA; see the ocsp- codes.",
  },
  "weak-algorithm": {
    cause: "A certificate is signed with SHA-1, MD5 or another algorithm that is not accepted.",
    cure: "Issue it again with ECDSA or RSA and SHA-256, SHA-384 or SHA-512.",
  },
  "weak-key": {
    cause: "A public key is of a kind, curve or size that is not accepted.",
    cure: "Use EC keys on P-256, P-384 or P-521 with a named curve, or RSA keys of 2048 to 4096 bits.",
  },
  profile: {
    cause: "A certificate breaks a rule of RFC 5280 that does not decide trust by itself.",
    cure: "Issue it again as the rule says, or validate with conformance deployed where such certificates must be accepted.",
  },
  "too-deep": {
    cause: "The path has more intermediate certificates than the limit.",
    cure: "Shorten the chain, or raise limits.maxIntermediates.",
  },
  "too-much-work": {
    cause: "Too many certificates or names were presented, or finding a path took too many signature checks.",
    cure: "Present only the chain itself: the certificate, then each issuer. A maze of cross-signed CAs is an attack.",
  },
  "name-mismatch": {
    cause: "None of the certificate's subjectAltName entries is the name that was asked for.",
    cure: "Connect to a name that the certificate lists, or issue it with this name (--dns or --ip); CN does not count.",
  },
  "invalid-name": {
    cause: "A host name, IP address or distinguished name that the caller gave is malformed.",
    cure: "Give a host name in ASCII (xn-- for international ones), an IP address, or a name such as CN=device-1,O=Example.",
  },
  "request-signature": {
    cause: "The certificate request is not signed by the key that it holds.",
    cure: "Make the request again with the private key that belongs to it; this proof of possession is not optional.",
  },
  lint: {
    cause: "The certificate would be malformed, so that it was not signed; the message names field and rule.",
    cure: "Change the order as the rule says, and order again.",
  },
  "issuing-key": {
    cause: "The signer's key does not issue certificates here.",
    cure: "Issue with an EC key on P-256 or P-384; other keys are verified but not issued with.",
  },
  "signer-mismatch": {
    cause: "The signer holds another key than the issuer's certificate names.",
    cure: "Give the CA certificate that belongs to this key, or the key or chip slot that belongs to this certificate.",
  },
  "not-representable": {
    cause: "A name or key is in an encoding that cannot be written again byte for byte.",
    cure: "Use UTF8String or PrintableString in names, and keys with named curves.",
  },
} as const satisfies ErrorTable;

export type PkiErrorCode = keyof typeof PKI_ERRORS;

/** Which certificate was at fault, in which field, by which rule. */
export type CertificateFault = {
  /** Place among the presented certificates, the leaf being 0; undefined for a trust anchor or a single certificate. */
  readonly index?: number | undefined;
  /** RFC 4514 text of the certificate's subject, empty where it could not be read. */
  readonly subject: string;
  /** The field, as the specification names it. */
  readonly field: string;
  /** The rule and where it stands. */
  readonly rule: string;
  /** For `revoked` alone. */
  readonly reason?: RevocationReason | undefined;
};

/** A certificate, request or list was well understood and must not be trusted, or not for this. */
export class CertificateError extends HawserError<PkiErrorCode> implements CertificateFault {
  readonly index: number | undefined;
  readonly subject: string;
  readonly field: string;
  readonly rule: string;
  /** Why the CA revoked it, where it did. */
  readonly reason: RevocationReason | undefined;

  constructor(code: PkiErrorCode, message: string, fault: CertificateFault, details: ErrorDetails = {}) {
    const place = fault.index === undefined ? "" : `certificate ${fault.index} `;
    super(code, `${place}${fault.subject === "" ? "" : `(${fault.subject}) `}${fault.field}: ${message}`, details);
    this.index = fault.index;
    this.subject = fault.subject;
    this.field = fault.field;
    this.rule = fault.rule;
    this.reason = fault.reason;
  }
}
