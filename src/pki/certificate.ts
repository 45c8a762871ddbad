import { sha256 } from "@noble/hashes/sha2.js";

import { DecodeError, parsePem, toHex, toPem } from "../codec/index.ts";
import { TAG, contextTag, parseDer, type DerElement } from "./der.ts";
import { DerFields, octetsOfBitString, onlyChild, smallIntegerOf, timeOf } from "./der-fields.ts";
import { CertificateError } from "./errors.ts";
import {
  NO_EXTENSIONS,
  certificateExtensionsOf,
  duplicateOf,
  extensionName,
  rawExtensionsOf,
  type CertificateExtensions,
} from "./extensions.ts";
import { nameOf, type DistinguishedName } from "./name.ts";
import { publicKeyOf, type PublicKey } from "./public-key.ts";
import { sameAlgorithm, signatureAlgorithmOf, type CertificateSignatureAlgorithm } from "./signature-algorithm.ts";

/** When a certificate may be used: both ends included, in milliseconds since the epoch. RFC 5280, section 4.1.2.5 */
export type Validity = { readonly notBefore: number; readonly notAfter: number };

/** What a certificate says, before anybody has signed it. RFC 5280, section 4.1.2 */
export type CertificateContent = {
  /** The signed part as received: what the signature is over. */
  readonly tbs: Uint8Array;
  readonly version: 1 | 2 | 3;
  /** Lower-case hex of the INTEGER's contents, as `openssl x509 -serial` has it but for case. */
  readonly serialNumber: string;
  readonly issuer: DistinguishedName;
  readonly subject: DistinguishedName;
  readonly validity: Validity;
  readonly publicKey: PublicKey;
  readonly extensions: CertificateExtensions;
  readonly signatureAlgorithm: CertificateSignatureAlgorithm;
};

/** A certificate. Nothing about it has been verified. RFC 5280, section 4.1 */
export type Certificate = CertificateContent & {
  /** The certificate as received. */
  readonly der: Uint8Array;
  /** Lower-case hex SHA-256 of the DER: the name by which clouds know a certificate. */
  readonly id: string;
  readonly signature: Uint8Array;
};

/**
 * A certificate from its DER. Throws `DecodeError` where the bytes are not strict DER or not a certificate, and
 * `CertificateError` `duplicate-extension` or `algorithm-mismatch`. RFC 5280, section 4.1
 */
export function parseCertificate(der: Uint8Array): Certificate {
  return certificateWithId(der, certificateId(der));
}

/** The same for a certificate whose id is known already. */
export function certificateWithId(der: Uint8Array, id: string): Certificate {
  const fields = new DerFields(parseDer(der), TAG.sequence, "Certificate");
  const content = certificateContentOf(fields.take("tbsCertificate"));
  const outer = signatureAlgorithmOf(fields.take("signatureAlgorithm"));
  const signature = octetsOfBitString(fields.take("signature"), "signature");
  fields.end();
  if (!sameAlgorithm(content.signatureAlgorithm, outer)) {
    throw new CertificateError(
      "algorithm-mismatch",
      `${content.signatureAlgorithm.name} inside, ${outer.name} outside`,
      {
        subject: content.subject.text,
        field: "signatureAlgorithm",
        rule: "RFC 5280, section 4.1.1.2: it MUST contain the same algorithm identifier as the signature field",
      },
    );
  }
  return { ...content, der, id, signature };
}

/** What a tbsCertificate says. Throws as `parseCertificate` does. RFC 5280, section 4.1.2 */
export function parseCertificateContent(tbs: Uint8Array): CertificateContent {
  return certificateContentOf(parseDer(tbs));
}

/** Lower-case hex SHA-256 of a certificate's DER. */
export function certificateId(der: Uint8Array): string {
  return toHex(sha256(der));
}

/** All certificates of a PEM text, in order; blocks of other kinds are passed over. RFC 7468, section 5 */
export function certificatesFromPem(text: string): Certificate[] {
  return parsePem(text).flatMap(({ label, bytes }) =>
    label === "CERTIFICATE" || label === "X509 CERTIFICATE" ? [parseCertificate(bytes)] : [],
  );
}

/** The first certificate of a PEM text. Throws `DecodeError` `encoding` where there is none. */
export function certificateFromPem(text: string): Certificate {
  const [first] = certificatesFromPem(text);
  if (!first) throw new DecodeError("encoding", "no CERTIFICATE block", 0);
  return first;
}

/** Textual encoding. RFC 7468, section 5 */
export function certificateToPem(certificate: { readonly der: Uint8Array }): string {
  return toPem("CERTIFICATE", certificate.der);
}

function certificateContentOf(element: DerElement): CertificateContent {
  const fields = new DerFields(element, TAG.sequence, "TBSCertificate");
  const versionField = fields.optional(contextTag(0, "constructed"));
  const version = versionField ? versionOf(versionField) : 1;
  const serialNumber = toHex(fields.take("serialNumber", TAG.integer).content);
  const signatureAlgorithm = signatureAlgorithmOf(fields.take("signature"));
  const issuer = nameOf(fields.take("issuer"));
  const validity = validityOf(fields.take("validity"));
  const subject = nameOf(fields.take("subject"));
  const publicKey = publicKeyOf(fields.take("subjectPublicKeyInfo"));
  const uniqueIds = [1, 2].map((n) => fields.optional(contextTag(n, "primitive"))).filter((each) => each !== undefined);
  const extensionsField = fields.optional(contextTag(3, "constructed"));
  fields.end();
  if (uniqueIds[0] && version === 1) throw new DecodeError("value", "unique identifier in version 1", uniqueIds[0].at);
  if (extensionsField && version !== 3) {
    throw new DecodeError("value", `extensions in version ${version}`, extensionsField.at);
  }
  const extensions = extensionsField ? extensionsOf(extensionsField, subject.text) : NO_EXTENSIONS;
  return {
    tbs: element.raw,
    version,
    serialNumber,
    issuer,
    subject,
    validity,
    publicKey,
    extensions,
    signatureAlgorithm,
  };
}

function versionOf(element: DerElement): 2 | 3 {
  const value = smallIntegerOf(onlyChild(element, "version"), 2);
  if (value === 0) throw new DecodeError("value", "version 1 is the default", element.at);
  return value === 1 ? 2 : 3;
}

function validityOf(element: DerElement): Validity {
  const fields = new DerFields(element, TAG.sequence, "Validity");
  const notBefore = timeOf(fields.take("notBefore"));
  const notAfter = timeOf(fields.take("notAfter"));
  fields.end();
  return { notBefore, notAfter };
}

function extensionsOf(element: DerElement, subject: string): CertificateExtensions {
  const all = rawExtensionsOf(onlyChild(element, "extensions"));
  const duplicate = duplicateOf(all);
  if (duplicate !== undefined) {
    const field = extensionName(duplicate);
    throw new CertificateError("duplicate-extension", "the extension occurs twice", {
      subject,
      field,
      rule: "RFC 5280, section 4.2: no more than one instance of a particular extension",
    });
  }
  return certificateExtensionsOf(all);
}
