/** @table Object identifiers that this room reads or writes, by their names in the specifications. */

/** Attribute types of names: short name of RFC 4514 (or OpenSSL), the long name that AWS IoT uses, and the identifier. */
export const NAME_ATTRIBUTES = [
  { short: "CN", long: "CommonName", oid: "2.5.4.3", max: 64 },
  { short: "SN", long: "Surname", oid: "2.5.4.4", max: 40 },
  { short: "serialNumber", long: "SerialNumber", oid: "2.5.4.5", max: 64 },
  { short: "C", long: "Country", oid: "2.5.4.6", max: 2 },
  { short: "L", long: "Locality", oid: "2.5.4.7", max: 128 },
  { short: "ST", long: "State", oid: "2.5.4.8", max: 128 },
  { short: "STREET", long: "Street", oid: "2.5.4.9", max: 128 },
  { short: "O", long: "Organization", oid: "2.5.4.10", max: 64 },
  { short: "OU", long: "OrganizationalUnit", oid: "2.5.4.11", max: 64 },
  { short: "title", long: "Title", oid: "2.5.4.12", max: 64 },
  { short: "GN", long: "GivenName", oid: "2.5.4.42", max: 16 },
  { short: "initials", long: "Initials", oid: "2.5.4.43", max: 5 },
  { short: "generationQualifier", long: "GenerationQualifier", oid: "2.5.4.44", max: 3 },
  { short: "dnQualifier", long: "DistinguishedNameQualifier", oid: "2.5.4.46", max: 64 },
  { short: "pseudonym", long: "Pseudonym", oid: "2.5.4.65", max: 128 },
  { short: "DC", long: "DomainComponent", oid: "0.9.2342.19200300.100.1.25", max: 63 },
  { short: "UID", long: "UserId", oid: "0.9.2342.19200300.100.1.1", max: 256 },
  { short: "emailAddress", long: "EmailAddress", oid: "1.2.840.113549.1.9.1", max: 255 },
] as const;

/** Names of attribute types, long form. */
export type NameAttributeType = (typeof NAME_ATTRIBUTES)[number]["long"];

/** Certificate and CRL extensions. RFC 5280, sections 4.2 and 5.2 */
export const EXTENSION = {
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  issuerAltName: "2.5.29.18",
  basicConstraints: "2.5.29.19",
  cRLNumber: "2.5.29.20",
  reasonCode: "2.5.29.21",
  issuingDistributionPoint: "2.5.29.28",
  deltaCRLIndicator: "2.5.29.27",
  nameConstraints: "2.5.29.30",
  cRLDistributionPoints: "2.5.29.31",
  certificatePolicies: "2.5.29.32",
  policyMappings: "2.5.29.33",
  authorityKeyIdentifier: "2.5.29.35",
  policyConstraints: "2.5.29.36",
  extKeyUsage: "2.5.29.37",
  inhibitAnyPolicy: "2.5.29.54",
  authorityInfoAccess: "1.3.6.1.5.5.7.1.1",
  ocspNoCheck: "1.3.6.1.5.5.7.48.1.5",
  tlsFeature: "1.3.6.1.5.5.7.1.24",
} as const;

/** Key purposes. RFC 5280, section 4.2.1.12 */
export const KEY_PURPOSE = {
  anyExtendedKeyUsage: "2.5.29.37.0",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  codeSigning: "1.3.6.1.5.5.7.3.3",
  emailProtection: "1.3.6.1.5.5.7.3.4",
  timeStamping: "1.3.6.1.5.5.7.3.8",
  OCSPSigning: "1.3.6.1.5.5.7.3.9",
} as const;

export type KeyPurpose = keyof typeof KEY_PURPOSE;

/** Bits of the keyUsage extension, by number. RFC 5280, section 4.2.1.3 */
export const KEY_USAGE_BITS = [
  "digitalSignature",
  "nonRepudiation",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
] as const;

export type KeyUsage = (typeof KEY_USAGE_BITS)[number];

/** Public key algorithms. RFC 3279, section 2.3; RFC 5480, section 2.1.1; RFC 8410, section 3 */
export const KEY_ALGORITHM = {
  rsaEncryption: "1.2.840.113549.1.1.1",
  ecPublicKey: "1.2.840.10045.2.1",
  ed25519: "1.3.101.112",
} as const;

/** Named curves. RFC 5480, section 2.1.1.1 */
export const CURVE_OID = {
  "P-256": "1.2.840.10045.3.1.7",
  "P-384": "1.3.132.0.34",
  "P-521": "1.3.132.0.35",
} as const;

/** PKCS #9 attribute that carries extensions in a request. RFC 2986, section 4.1 */
export const EXTENSION_REQUEST = "1.2.840.113549.1.9.14";

/** RSASSA-PSS and its mask generation function. RFC 4055, section 3.1 and 2.2 */
export const RSASSA_PSS = "1.2.840.113549.1.1.10";
export const MGF1 = "1.2.840.113549.1.1.8";

/** Hash functions as parameters of RSASSA-PSS. RFC 4055, section 2.1 */
export const HASH_OID = {
  sha256: "2.16.840.1.101.3.4.2.1",
  sha384: "2.16.840.1.101.3.4.2.2",
  sha512: "2.16.840.1.101.3.4.2.3",
} as const;

/** Signature algorithms that stand for themselves. RFC 5758, section 3.2; RFC 4055, section 5; RFC 8410, section 3 */
export const SIGNATURE_OID = {
  ecdsa_sha256: "1.2.840.10045.4.3.2",
  ecdsa_sha384: "1.2.840.10045.4.3.3",
  ecdsa_sha512: "1.2.840.10045.4.3.4",
  rsa_pkcs1_sha256: "1.2.840.113549.1.1.11",
  rsa_pkcs1_sha384: "1.2.840.113549.1.1.12",
  rsa_pkcs1_sha512: "1.2.840.113549.1.1.13",
  ed25519: "1.3.101.112",
} as const;

/** Signature algorithms that are recognised so that a refusal can name them; none is ever accepted. RFC 3279, section 2.2 */
export const WEAK_SIGNATURE_OID: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.2": "md2WithRSAEncryption",
  "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
  "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
  "1.2.840.113549.1.1.14": "sha224WithRSAEncryption",
  "1.2.840.10040.4.3": "dsa-with-sha1",
  "1.2.840.10045.4.1": "ecdsa-with-SHA1",
  "1.2.840.10045.4.3.1": "ecdsa-with-SHA224",
};
