import { DecodeError, toHex } from "../codec/index.ts";
import { TAG, contentOffset, contextTag, parseDer, type DerElement } from "./der.ts";
import { DerFields, booleanOf, namedBitsOf, nonEmptyList, oidOf, smallIntegerOf } from "./der-fields.ts";
import { alternativeNamesOf, generalNamesOf, type AlternativeNames } from "./general-name.ts";
import { nameConstraintsOf, type NameConstraints } from "./name-constraints.ts";
import { EXTENSION, KEY_PURPOSE, KEY_USAGE_BITS, type KeyPurpose, type KeyUsage } from "./oids.ts";

import {
  certificatePoliciesOf,
  inhibitAnyPolicyOf,
  policyConstraintsOf,
  policyMappingsOf,
  type CertificatePolicies,
  type PolicyConstraints,
  type PolicyMapping,
} from "./policies.ts";
import { crlDistributionPointsOf } from "./crl-distribution-points.ts";

/** One extension as received. RFC 5280, section 4.2 */
export type RawExtension = { readonly oid: string; readonly critical: boolean; readonly value: Uint8Array };

export type BasicConstraints = { readonly ca: boolean; readonly pathLength: number | undefined };

/** What an issuer says about its own key. RFC 5280, section 4.2.1.1 */
export type AuthorityKeyIdentifier = {
  readonly keyIdentifier: Uint8Array | undefined;
  /** Whether the issuer is also given by its name and serial number. */
  readonly hasIssuerAndSerial: boolean;
};

/** One method and the URI that it uses; undefined where the location is of another kind. */
export type AccessDescription = { readonly method: string; readonly uri: string | undefined };

/** The extensions of a certificate; what is absent is undefined. RFC 5280, section 4.2.1 */
export type CertificateExtensions = {
  readonly all: readonly RawExtension[];
  readonly basicConstraints: BasicConstraints | undefined;
  readonly keyUsage: ReadonlySet<KeyUsage> | undefined;
  /** Identifiers of key purposes. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly subjectAltName: AlternativeNames | undefined;
  /** The issuer's further names; they identify nobody. RFC 5280, section 4.2.1.7 */
  readonly issuerAltName: AlternativeNames | undefined;
  readonly authorityKeyIdentifier: AuthorityKeyIdentifier | undefined;
  readonly subjectKeyIdentifier: Uint8Array | undefined;
  readonly nameConstraints: NameConstraints | undefined;
  readonly certificatePolicies: CertificatePolicies | undefined;
  readonly policyMappings: readonly PolicyMapping[] | undefined;
  readonly policyConstraints: PolicyConstraints | undefined;
  /** After how many more certificates anyPolicy means nothing. */
  readonly inhibitAnyPolicy: number | undefined;
  /** TLS extensions that a server with this certificate must answer, where it is asked. RFC 7633, section 4.2.1 */
  readonly tlsFeatures: readonly number[] | undefined;
  /** Where the issuer's lists are, as URIs. RFC 5280, section 4.2.1.13 */
  readonly crlDistributionPoints: readonly string[] | undefined;
  /** Where the issuer can be asked and found, as URIs. RFC 5280, section 4.2.2.1 */
  readonly authorityInfoAccess: readonly AccessDescription[] | undefined;
  /** Identifiers of critical extensions that are not among the above: whoever meets one must refuse. */
  readonly unknownCritical: readonly string[];
};

/** A certificate without extensions. */
export const NO_EXTENSIONS: CertificateExtensions = certificateExtensionsOf([]);

/** What a SEQUENCE OF Extension holds, in order. Duplicates are the caller's to refuse. Throws `DecodeError`. */
export function rawExtensionsOf(element: DerElement): (RawExtension & { readonly at: number })[] {
  return nonEmptyList(element, TAG.sequence, "Extensions").map((each) => {
    const fields = new DerFields(each, TAG.sequence, "Extension");
    const oid = oidOf(fields.take("extnID"));
    const flag = fields.optional(TAG.boolean);
    const value = fields.take("extnValue", TAG.octetString);
    fields.end();
    // X.690, section 11.5: a value equal to its DEFAULT is not encoded.
    if (flag && !booleanOf(flag)) throw new DecodeError("value", "critical FALSE is the default", flag.at);
    return { oid, critical: flag !== undefined, value: value.content, at: contentOffset(value) };
  });
}

/** The first extension that occurs twice. RFC 5280, section 4.2 */
export function duplicateOf(extensions: readonly RawExtension[]): string | undefined {
  return extensions.find(({ oid }, i) => extensions.findIndex((each) => each.oid === oid) < i)?.oid;
}

const PROCESSED: ReadonlySet<string> = new Set([
  EXTENSION.basicConstraints,
  EXTENSION.keyUsage,
  EXTENSION.extKeyUsage,
  EXTENSION.subjectAltName,
  EXTENSION.authorityKeyIdentifier,
  EXTENSION.subjectKeyIdentifier,
  EXTENSION.nameConstraints,
  EXTENSION.certificatePolicies,
  EXTENSION.policyMappings,
  EXTENSION.policyConstraints,
  EXTENSION.inhibitAnyPolicy,
]);

/** Interprets the extensions that this room knows. Throws `DecodeError` where one of them is malformed. */
export function certificateExtensionsOf(
  all: readonly (RawExtension & { readonly at: number })[],
): CertificateExtensions {
  const parsed = <T>(oid: string, read: (element: DerElement) => T): T | undefined => {
    const found = all.find((each) => each.oid === oid);
    return found && read(parseDer(found.value, undefined, found.at));
  };
  const certificatePolicies = parsed(EXTENSION.certificatePolicies, certificatePoliciesOf);
  const isProcessed = (oid: string) =>
    PROCESSED.has(oid) && (oid !== EXTENSION.certificatePolicies || certificatePolicies?.isUnderstood);
  return {
    all,
    basicConstraints: parsed(EXTENSION.basicConstraints, basicConstraintsOf),
    keyUsage: parsed(EXTENSION.keyUsage, keyUsageOf),
    extendedKeyUsage: parsed(EXTENSION.extKeyUsage, (e) => nonEmptyList(e, TAG.sequence, "extKeyUsage").map(oidOf)),
    subjectAltName: parsed(EXTENSION.subjectAltName, alternativeNamesOf),
    issuerAltName: parsed(EXTENSION.issuerAltName, alternativeNamesOf),
    authorityKeyIdentifier: parsed(EXTENSION.authorityKeyIdentifier, authorityKeyIdentifierOf),
    subjectKeyIdentifier: parsed(EXTENSION.subjectKeyIdentifier, octetString),
    certificatePolicies,
    policyMappings: parsed(EXTENSION.policyMappings, policyMappingsOf),
    policyConstraints: parsed(EXTENSION.policyConstraints, policyConstraintsOf),
    inhibitAnyPolicy: parsed(EXTENSION.inhibitAnyPolicy, inhibitAnyPolicyOf),
    nameConstraints: parsed(EXTENSION.nameConstraints, nameConstraintsOf),
    tlsFeatures: parsed(EXTENSION.tlsFeature, tlsFeaturesOf),
    crlDistributionPoints: parsed(EXTENSION.cRLDistributionPoints, crlDistributionPointsOf),
    authorityInfoAccess: parsed(EXTENSION.authorityInfoAccess, authorityInfoAccessOf),
    unknownCritical: all.flatMap(({ oid, critical }) => (critical && !isProcessed(oid) ? [oid] : [])),
  };
}

/** Whether an extendedKeyUsage, where there is one, allows a purpose. RFC 5280, section 4.2.1.12 */
export function allowsPurpose(extensions: CertificateExtensions, purpose: KeyPurpose): boolean {
  const allowed = extensions.extendedKeyUsage;
  return !allowed || allowed.includes(KEY_PURPOSE[purpose]) || allowed.includes(KEY_PURPOSE.anyExtendedKeyUsage);
}

/** The names of an extension for people. */
export function extensionName(oid: string): string {
  return Object.entries(EXTENSION).find(([, each]) => each === oid)?.[0] ?? oid;
}

function basicConstraintsOf(element: DerElement): BasicConstraints {
  const fields = new DerFields(element, TAG.sequence, "BasicConstraints");
  const flag = fields.optional(TAG.boolean);
  const length = fields.optional(TAG.integer);
  fields.end();
  // An explicit cA FALSE breaks DER but is common in device certificates of the field, and means nothing else.
  return { ca: flag !== undefined && booleanOf(flag), pathLength: length && smallIntegerOf(length, 255) };
}

function keyUsageOf(element: DerElement): ReadonlySet<KeyUsage> {
  const bits = namedBitsOf(element, "keyUsage");
  // RFC 5280, section 4.2.1.3: "When the keyUsage extension appears in a certificate, at least one of the bits MUST be set"
  if (bits.length === 0) throw new DecodeError("value", "keyUsage without a usage", element.at);
  return new Set(
    bits.map((bit) => {
      const usage = KEY_USAGE_BITS[bit];
      if (!usage) throw new DecodeError("value", `keyUsage bit ${bit}`, element.at);
      return usage;
    }),
  );
}

/** An AuthorityKeyIdentifier from its DER. Throws `DecodeError`. RFC 5280, section 4.2.1.1 */
export function authorityKeyIdentifierOf(element: DerElement): AuthorityKeyIdentifier {
  const fields = new DerFields(element, TAG.sequence, "AuthorityKeyIdentifier");
  const keyIdentifier = fields.optional(contextTag(0, "primitive"))?.content;
  const issuer = fields.optional(contextTag(1, "constructed"));
  const serial = fields.optional(contextTag(2, "primitive"));
  fields.end();
  if ((issuer === undefined) !== (serial === undefined)) {
    throw new DecodeError("value", "authorityCertIssuer and authorityCertSerialNumber come together", element.at);
  }
  return { keyIdentifier, hasIssuerAndSerial: issuer !== undefined };
}

function authorityInfoAccessOf(element: DerElement): readonly AccessDescription[] {
  return nonEmptyList(element, TAG.sequence, "AuthorityInfoAccess").map((each) => {
    const fields = new DerFields(each, TAG.sequence, "AccessDescription");
    const method = oidOf(fields.take("accessMethod"));
    const [uri] = generalNamesOf([fields.take("accessLocation")]).uri;
    fields.end();
    return { method, uri };
  });
}

function tlsFeaturesOf(element: DerElement): readonly number[] {
  return nonEmptyList(element, TAG.sequence, "TLSFeatures").map((each) => smallIntegerOf(each, 0xffff));
}

function octetString(element: DerElement): Uint8Array {
  if (element.tag === TAG.octetString) return element.content;
  throw new DecodeError("value", `${toHex(element.raw.subarray(0, 1))} where a KeyIdentifier belongs`, element.at);
}
