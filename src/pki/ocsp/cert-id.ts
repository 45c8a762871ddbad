import { sha1 } from "@noble/hashes/legacy.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";

import { equal, fromHex } from "../../codec/index.ts";
import type { Certificate } from "../certificate.ts";
import { TAG, type DerElement } from "../der.ts";
import { DerFields, oidOf } from "../der-fields.ts";
import { derElement } from "../der-write.ts";
import type { DistinguishedName } from "../name.ts";
import { HASH_OID } from "../oids.ts";

/** The hash functions of certificate identifiers. SHA-1 names a certificate here, it protects nothing. */
export type CertIdHash = "sha1" | "sha256" | "sha384" | "sha512";

/** A certificate as requests and responses name it. RFC 6960, section 4.1.1 */
export type CertId = {
  /** undefined for a hash that is not known here: nobody's identifier then. */
  readonly hash: CertIdHash | undefined;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  /** Contents of the INTEGER. */
  readonly serialNumber: Uint8Array;
};

/** A certificate and the CA that issued it. */
export type CertificateAndIssuer = { readonly certificate: Certificate; readonly issuer: Certificate };

/** DER of a certificate's identifier. RFC 6960, section 4.1.1 */
export function certIdDer({ certificate, issuer }: CertificateAndIssuer, hash: CertIdHash): Uint8Array {
  const { digest, oid } = HASHES[hash];
  return derElement(
    TAG.sequence,
    derElement(TAG.sequence, oid, derElement(TAG.null)),
    derElement(TAG.octetString, digest(certificate.issuer.der)),
    derElement(TAG.octetString, digest(issuer.publicKey.subjectPublicKey)),
    derElement(TAG.integer, fromHex(certificate.serialNumber)),
  );
}

/** A certificate's identifier from its checked DER. Throws `DecodeError`. */
export function certIdOf(element: DerElement): CertId {
  const fields = new DerFields(element, TAG.sequence, "CertID");
  const algorithm = new DerFields(fields.take("hashAlgorithm"), TAG.sequence, "AlgorithmIdentifier");
  const name = oidOf(algorithm.take("algorithm"));
  algorithm.optional(TAG.null);
  algorithm.end();
  const issuerNameHash = fields.take("issuerNameHash", TAG.octetString).content;
  const issuerKeyHash = fields.take("issuerKeyHash", TAG.octetString).content;
  const serialNumber = fields.take("serialNumber", TAG.integer).content;
  fields.end();
  const hash = (Object.keys(HASHES) as CertIdHash[]).find((each) => HASHES[each].text === name);
  return { hash, issuerNameHash, issuerKeyHash, serialNumber };
}

/** Whether an identifier is that of a certificate: its issuer's name and key, and its serial number. */
export function isCertIdOf(id: CertId, { certificate, issuer }: CertificateAndIssuer): boolean {
  return equal(id.serialNumber, fromHex(certificate.serialNumber)) && isNamedUnder(id, certificate.issuer, issuer);
}

/** Whether an identifier is that of a certificate under this CA, whatever its serial number. */
export function isIssuedBy(id: CertId, ca: Certificate): boolean {
  return isNamedUnder(id, ca.subject, ca);
}

function isNamedUnder(id: CertId, issuerName: DistinguishedName, { publicKey }: Certificate): boolean {
  if (!id.hash) return false;
  const { digest } = HASHES[id.hash];
  return (
    equal(id.issuerNameHash, digest(issuerName.der)) && equal(id.issuerKeyHash, digest(publicKey.subjectPublicKey))
  );
}

/** SHA-1 of a public key without its algorithm: how a responder may name itself. RFC 6960, section 4.2.1 */
export function keyHash({ publicKey }: Certificate): Uint8Array {
  return sha1(publicKey.subjectPublicKey);
}

const HASHES: Readonly<
  Record<
    CertIdHash,
    { readonly text: string; readonly oid: Uint8Array; readonly digest: (bytes: Uint8Array) => Uint8Array }
  >
> = {
  sha1: { text: "1.3.14.3.2.26", oid: fromHex("06052b0e03021a"), digest: sha1 },
  sha256: { text: HASH_OID.sha256, oid: fromHex("0609608648016503040201"), digest: sha256 },
  sha384: { text: HASH_OID.sha384, oid: fromHex("0609608648016503040202"), digest: sha384 },
  sha512: { text: HASH_OID.sha512, oid: fromHex("0609608648016503040203"), digest: sha512 },
};
