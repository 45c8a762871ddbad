import { AsnConvert } from "@peculiar/asn1-schema";
import { Attributes, CertificationRequestInfo } from "@peculiar/asn1-csr";
import { Attribute, Extensions, Name, SubjectPublicKeyInfo } from "@peculiar/asn1-x509";

import { DecodeError, parsePem, toPem } from "../codec/index.ts";
import type { SignatureVerifier, Signer } from "../crypto/index.ts";
import { silentTrace, type Trace } from "../trace/index.ts";
import { TAG, contextTag, parseDer, type DerElement } from "./der.ts";
import { DerFields, nonEmptyList, octetsOfBitString, oidOf, smallIntegerOf } from "./der-fields.ts";
import { arrayBufferOf, derOf, extensionStructure, signStructure } from "./der-write.ts";
import { CertificateError } from "./errors.ts";
import {
  NO_EXTENSIONS,
  certificateExtensionsOf,
  duplicateOf,
  extensionName,
  rawExtensionsOf,
  type CertificateExtensions,
} from "./extensions.ts";
import { requestAlgorithm } from "./issuing-key.ts";
import { nameOf, type DistinguishedName } from "./name.ts";
import { EXTENSION_REQUEST } from "./oids.ts";
import { publicKeyOf, type PublicKey } from "./public-key.ts";
import { signatureAlgorithmOf } from "./signature-algorithm.ts";
import { signatureHolds } from "./signature-check.ts";
import { subjectAltNameExtension, type RequestedNames } from "./subject-alt-name.ts";

/** A certificate request whose sender holds the private key: that was checked. RFC 2986, section 4 */
export type CertificateRequest = {
  readonly der: Uint8Array;
  readonly subject: DistinguishedName;
  readonly publicKey: PublicKey;
  /** What the sender would like in the certificate; a CA decides for itself. */
  readonly requestedExtensions: CertificateExtensions;
};

/** A request for the signer's key, as DER, signed by it. Throws `UsageError` for a key that does not sign certificates. RFC 2986, section 4 */
export async function createCsr(options: {
  readonly subject: DistinguishedName;
  readonly signer: Signer;
  readonly names?: RequestedNames;
  readonly trace?: Trace;
}): Promise<Uint8Array> {
  const { subject, signer, names = {}, trace = silentTrace } = options;
  const algorithm = requestAlgorithm(signer);
  const extension = subjectAltNameExtension(names, subject);
  const wanted = extension ? derOf(new Extensions([extensionStructure(extension)])) : undefined;
  const info = new CertificationRequestInfo({
    version: 0,
    subject: AsnConvert.parse(arrayBufferOf(subject.der), Name),
    subjectPKInfo: AsnConvert.parse(arrayBufferOf(signer.publicKey), SubjectPublicKeyInfo),
    attributes: new Attributes(
      wanted ? [new Attribute({ type: EXTENSION_REQUEST, values: [arrayBufferOf(wanted)] })] : [],
    ),
  });
  const der = await signStructure(derOf(info), signer, algorithm);
  trace.emit("pki", {
    kind: "pki.issued",
    what: "csr",
    subject: subject.text,
    serial: "",
    performer: signer.performer,
  });
  return der;
}

/**
 * A request from its DER, after checking that it is signed by the key that it holds.
 * Throws `DecodeError`, or `CertificateError` `request-signature`, `weak-algorithm`, `duplicate-extension`. RFC 2986, section 4
 */
export async function parseCsr(der: Uint8Array, verifier: SignatureVerifier): Promise<CertificateRequest> {
  const fields = new DerFields(parseDer(der), TAG.sequence, "CertificationRequest");
  const info = fields.take("certificationRequestInfo");
  const algorithm = signatureAlgorithmOf(fields.take("signatureAlgorithm"));
  const signature = octetsOfBitString(fields.take("signature"), "signature");
  fields.end();
  const request = { der, ...requestInfoOf(info) };
  const fault = { subject: request.subject.text, rule: "RFC 2986, section 4.2: signed by the subject's private key" };
  if (!algorithm.accepted) {
    throw new CertificateError("weak-algorithm", algorithm.name, { ...fault, field: "signatureAlgorithm" });
  }
  const { der: publicKey } = request.publicKey;
  const check = { publicKey, algorithm: algorithm.accepted, content: info.raw, signature };
  if (!(await signatureHolds(verifier, check))) {
    throw new CertificateError("request-signature", "not signed by the key in it", { ...fault, field: "signature" });
  }
  return request;
}

/** The one request of a PEM text as DER. Throws `DecodeError` `encoding` where there is none. RFC 7468, section 7 */
export function csrFromPem(text: string): Uint8Array {
  const block = parsePem(text).find(
    ({ label }) => label === "CERTIFICATE REQUEST" || label === "NEW CERTIFICATE REQUEST",
  );
  if (!block) throw new DecodeError("encoding", "no CERTIFICATE REQUEST block", 0);
  return block.bytes;
}

/** Textual encoding. RFC 7468, section 7 */
export function csrToPem(der: Uint8Array): string {
  return toPem("CERTIFICATE REQUEST", der);
}

function requestInfoOf(element: DerElement): Omit<CertificateRequest, "der"> {
  const fields = new DerFields(element, TAG.sequence, "CertificationRequestInfo");
  smallIntegerOf(fields.take("version"), 0);
  const subject = nameOf(fields.take("subject"));
  const publicKey = publicKeyOf(fields.take("subjectPKInfo"));
  const attributes = fields.take("attributes", contextTag(0, "constructed"));
  fields.end();
  const requests = attributes.children.flatMap((each) => extensionRequestOf(each));
  if (requests.length > 1) throw new DecodeError("value", "two extension requests", attributes.at);
  return { subject, publicKey, requestedExtensions: requests[0] ? extensionsOf(requests[0], subject) : NO_EXTENSIONS };
}

function extensionRequestOf(attribute: DerElement): DerElement[] {
  const fields = new DerFields(attribute, TAG.sequence, "Attribute");
  const oid = oidOf(fields.take("type"));
  const values = nonEmptyList(fields.take("values"), TAG.set, "values");
  fields.end();
  return oid === EXTENSION_REQUEST ? values.slice(0, 1) : [];
}

function extensionsOf(element: DerElement, subject: DistinguishedName): CertificateExtensions {
  const all = rawExtensionsOf(element);
  const duplicate = duplicateOf(all);
  if (duplicate !== undefined) {
    throw new CertificateError("duplicate-extension", "the extension is asked for twice", {
      subject: subject.text,
      field: extensionName(duplicate),
      rule: "RFC 5280, section 4.2: no more than one instance of a particular extension",
    });
  }
  return certificateExtensionsOf(all);
}
