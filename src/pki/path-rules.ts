import type { Certificate } from "./certificate.ts";
import type { RevocationReason } from "./crl-reasons.ts";
import type { PkiErrorCode } from "./errors.ts";
import { allowsPurpose, extensionName } from "./extensions.ts";
import { sameName } from "./name.ts";
import { type KeyPurpose, type KeyUsage } from "./oids.ts";
import { keyWeakness } from "./public-key.ts";

/** Why a certificate cannot stand at its place in a path. */
export type RuleFault = {
  readonly code: PkiErrorCode;
  readonly field: string;
  readonly message: string;
  readonly rule: string;
  /** Why the CA revoked it, for `revoked`. */
  readonly reason?: RevocationReason;
  /** The error of below that the fault is made from. */
  readonly cause?: unknown;
};

/** What a path is validated for. */
export type PathPurpose = KeyPurpose | "any";

/** A certificate's place: how many certificates that are not self-issued stand between it and the leaf. */
export type PathPlace = {
  readonly role: "leaf" | "intermediate" | "anchor";
  readonly intermediatesBelow: number;
  readonly time: number;
  readonly purpose: PathPurpose;
  /** Whether an anchor of version 1, which cannot say that it is a CA, is one because the caller says so. */
  readonly takesVersion1: boolean;
};

/** Whether subject and issuer are the same name; such a certificate does not count against path lengths. RFC 5280, section 6.1 */
export function isSelfIssued(certificate: Certificate): boolean {
  return sameName(certificate.subject, certificate.issuer);
}

/** The first rule of path validation that a certificate breaks at its place, or undefined. RFC 5280, section 6.1.3 and 6.1.4 */
export function pathRuleFault(certificate: Certificate, place: PathPlace): RuleFault | undefined {
  return (
    validityFault(certificate, place.time) ??
    algorithmFault(certificate, place.role) ??
    criticalExtensionFault(certificate) ??
    (place.role === "leaf" ? leafFault(certificate, place.purpose) : issuerFault(certificate, place))
  );
}

function validityFault({ validity }: Certificate, now: number): RuleFault | undefined {
  // Certificates count in whole seconds, so that the last second lasts until the next begins.
  const time = Math.floor(now / 1000) * 1000;
  const rule = "RFC 5280, section 4.1.2.5: from notBefore through notAfter, inclusive";
  if (time < validity.notBefore) {
    const message = `not valid before ${dateText(validity.notBefore)}, now is ${dateText(time)}`;
    return { code: "not-yet-valid", field: "notBefore", message, rule };
  }
  if (time > validity.notAfter) {
    const message = `expired at ${dateText(validity.notAfter)}, now is ${dateText(time)}`;
    return { code: "expired", field: "notAfter", message, rule };
  }
  return undefined;
}

function dateText(time: number): string {
  return new Date(time).toISOString();
}

function algorithmFault(certificate: Certificate, role: PathPlace["role"]): RuleFault | undefined {
  const weakness = keyWeakness(certificate.publicKey);
  if (weakness !== undefined) {
    const rule = "P-256, P-384 or P-521 by name, or RSA of 2048 to 4096 bits";
    return { code: "weak-key", field: "subjectPublicKeyInfo", message: weakness, rule };
  }
  // An anchor's own signature proves nothing: it is trusted because the caller says so.
  if (role === "anchor" || certificate.signatureAlgorithm.accepted) return undefined;
  const rule = "ECDSA or RSA with SHA-256, SHA-384 or SHA-512";
  return { code: "weak-algorithm", field: "signatureAlgorithm", message: certificate.signatureAlgorithm.name, rule };
}

function criticalExtensionFault({ extensions }: Certificate): RuleFault | undefined {
  const [oid] = extensions.unknownCritical;
  if (oid === undefined) return undefined;
  const rule = "RFC 5280, section 4.2: reject a critical extension that is not recognized";
  return { code: "unknown-critical-extension", field: extensionName(oid), message: "not processed here", rule };
}

/** Which key usages serve a purpose: one of them is enough. RFC 5280, section 4.2.1.12 */
const USAGE_FOR: Partial<Record<PathPurpose, readonly KeyUsage[]>> = {
  serverAuth: ["digitalSignature", "keyEncipherment", "keyAgreement"],
  clientAuth: ["digitalSignature", "keyAgreement"],
  codeSigning: ["digitalSignature"],
  emailProtection: ["digitalSignature", "nonRepudiation", "keyEncipherment", "keyAgreement"],
  timeStamping: ["digitalSignature", "nonRepudiation"],
  OCSPSigning: ["digitalSignature", "nonRepudiation"],
};

function leafFault({ extensions }: Certificate, purpose: PathPurpose): RuleFault | undefined {
  const wanted = USAGE_FOR[purpose];
  const { keyUsage } = extensions;
  if (keyUsage && wanted && !wanted.some((usage) => keyUsage.has(usage))) {
    const message = `${[...keyUsage].join(", ")} where ${wanted.join(" or ")} is needed`;
    return { code: "key-usage", field: "keyUsage", message, rule: "RFC 5280, section 4.2.1.12: consistent key usage" };
  }
  return purposeFault(extensions, purpose);
}

function purposeFault(extensions: Certificate["extensions"], purpose: PathPurpose): RuleFault | undefined {
  if (purpose === "any" || allowsPurpose(extensions, purpose)) return undefined;
  const rule = "RFC 5280, section 4.2.1.12: only for one of the purposes indicated";
  return { code: "extended-key-usage", field: "extKeyUsage", message: `${purpose} is not among them`, rule };
}

function issuerFault(certificate: Certificate, place: PathPlace): RuleFault | undefined {
  const { basicConstraints, keyUsage } = certificate.extensions;
  // RFC 5280, section 6.1.4 (k): "verify that certificate i is a CA certificate through out-of-band means"
  if (place.role === "anchor" && certificate.version === 1 && place.takesVersion1) return undefined;
  if (!basicConstraints?.ca) {
    const message = basicConstraints ? "cA is FALSE" : `absent, in a version ${certificate.version} certificate`;
    const rule = "RFC 5280, section 6.1.4 (k): basicConstraints with cA TRUE";
    return { code: "not-a-ca", field: "basicConstraints", message, rule };
  }
  if (keyUsage && !keyUsage.has("keyCertSign")) {
    const rule = "RFC 5280, section 6.1.4 (n): keyCertSign where keyUsage is present";
    return { code: "key-usage", field: "keyUsage", message: "keyCertSign is not set", rule };
  }
  const { pathLength } = basicConstraints;
  if (pathLength !== undefined && place.intermediatesBelow > pathLength) {
    const message = `${place.intermediatesBelow} intermediate certificates below, ${pathLength} allowed`;
    const rule = "RFC 5280, section 4.2.1.9: pathLenConstraint";
    return { code: "path-length", field: "basicConstraints", message, rule };
  }
  // Not in RFC 5280, but what every TLS library does: a CA's own purposes bound those of what it issues.
  return purposeFault(certificate.extensions, place.purpose);
}
