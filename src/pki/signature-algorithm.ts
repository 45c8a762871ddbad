import { DecodeError, equal } from "../codec/index.ts";
import type { SignatureAlgorithm } from "../crypto/index.ts";
import { TAG, contextTag, type DerElement } from "./der.ts";
import { DerFields, oidOf, onlyChild, smallIntegerOf } from "./der-fields.ts";
import { HASH_OID, MGF1, RSASSA_PSS, SIGNATURE_OID, WEAK_SIGNATURE_OID } from "./oids.ts";

/** A signature algorithm as a certificate names it. RFC 5280, section 4.1.1.2 */
export type CertificateSignatureAlgorithm = {
  readonly oid: string;
  /** For people. */
  readonly name: string;
  /** What a verifier is asked for; undefined where the algorithm or its parameters are not accepted. */
  readonly accepted: SignatureAlgorithm | undefined;
  readonly der: Uint8Array;
};

/** The AlgorithmIdentifier of a signature. Throws `DecodeError` where it is malformed. */
export function signatureAlgorithmOf(element: DerElement): CertificateSignatureAlgorithm {
  const fields = new DerFields(element, TAG.sequence, "AlgorithmIdentifier");
  const oid = oidOf(fields.take("algorithm"));
  const parameters = element.children[1];
  if (element.children.length > 2) throw new DecodeError("trailing", "more than parameters", element.at);
  const simple = Object.entries(SIGNATURE_OID).find(([, each]) => each === oid)?.[0] as SignatureAlgorithm | undefined;
  const accepted = simple ? parametersFit(simple, parameters) : oid === RSASSA_PSS ? pssOf(parameters) : undefined;
  const name = accepted ?? simple ?? (oid === RSASSA_PSS ? "rsassa-pss" : (WEAK_SIGNATURE_OID[oid] ?? oid));
  return { oid, name, accepted, der: element.raw };
}

/** Whether two AlgorithmIdentifiers are the same bytes. */
export function sameAlgorithm(a: CertificateSignatureAlgorithm, b: CertificateSignatureAlgorithm): boolean {
  return equal(a.der, b.der);
}

/** ECDSA and Ed25519 have no parameters (RFC 5758, section 3.2; RFC 8410, section 3); for PKCS #1 NULL and absent both count (RFC 4055, section 5). */
function parametersFit(
  algorithm: SignatureAlgorithm,
  parameters: DerElement | undefined,
): SignatureAlgorithm | undefined {
  if (!parameters) return algorithm;
  return parameters.tag === TAG.null && algorithm.startsWith("rsa_") ? algorithm : undefined;
}

/** RSASSA-PSS where MGF1 uses the same hash and the salt has its length; anything else is not accepted. RFC 4055, section 3.1 */
function pssOf(parameters: DerElement | undefined): SignatureAlgorithm | undefined {
  if (!parameters) return undefined;
  const fields = new DerFields(parameters, TAG.sequence, "RSASSA-PSS-params");
  const hash = fields.optional(contextTag(0, "constructed"));
  const mask = fields.optional(contextTag(1, "constructed"));
  const salt = fields.optional(contextTag(2, "constructed"));
  const trailer = fields.optional(contextTag(3, "constructed"));
  fields.end();
  // Every default of the structure means SHA-1.
  if (!hash || !mask || !salt) return undefined;
  const hashName = hashOf(onlyChild(hash, "hash algorithm"));
  const maskFields = new DerFields(onlyChild(mask, "mask generation"), TAG.sequence, "mask generation");
  const isMgf1 = oidOf(maskFields.take("mask generation function")) === MGF1;
  const maskHash = hashOf(maskFields.take("mask hash"));
  maskFields.end();
  const saltLength = smallIntegerOf(onlyChild(salt, "salt length"), 1024);
  const trailerField = trailer ? smallIntegerOf(onlyChild(trailer, "trailer field"), 255) : 1;
  const found = PSS.find((each) => each.hash === hashName && each.salt === saltLength);
  return isMgf1 && maskHash === hashName && trailerField === 1 ? found?.algorithm : undefined;
}

const PSS = [
  { hash: "sha256", salt: 32, algorithm: "rsa_pss_sha256" },
  { hash: "sha384", salt: 48, algorithm: "rsa_pss_sha384" },
  { hash: "sha512", salt: 64, algorithm: "rsa_pss_sha512" },
] as const;

function hashOf(element: DerElement): keyof typeof HASH_OID | undefined {
  const fields = new DerFields(element, TAG.sequence, "hash algorithm");
  const oid = oidOf(fields.take("hash"));
  fields.optional(TAG.null);
  fields.end();
  return Object.entries(HASH_OID).find(([, each]) => each === oid)?.[0] as keyof typeof HASH_OID | undefined;
}
