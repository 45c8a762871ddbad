import { DecodeError, equal, parsePem, toHex, toPem } from "../codec/index.ts";
import type { SignatureVerifier } from "../crypto/index.ts";
import type { Certificate } from "./certificate.ts";
import { reasonOf, type RevocationReason } from "./crl-reasons.ts";
import { TAG, contextTag, parseDer, type DerElement, type DerLimits } from "./der.ts";
import { DerFields, octetsOfBitString, onlyChild, smallIntegerOf, timeOf } from "./der-fields.ts";
import { CertificateError, type PkiErrorCode } from "./errors.ts";
import {
  authorityKeyIdentifierOf,
  duplicateOf,
  extensionName,
  rawExtensionsOf,
  type RawExtension,
} from "./extensions.ts";
import { nameOf, sameName, type DistinguishedName } from "./name.ts";
import { EXTENSION } from "./oids.ts";
import { sameAlgorithm, signatureAlgorithmOf } from "./signature-algorithm.ts";
import { signatureHolds } from "./signature-check.ts";

/** When and why a certificate was revoked. RFC 5280, section 5.3 */
export type Revocation = { readonly time: number; readonly reason: RevocationReason };

/** A certificate revocation list whose signature was checked. RFC 5280, section 5.1 */
export type RevocationList = {
  readonly der: Uint8Array;
  readonly issuer: DistinguishedName;
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
  /** Hex of the number, as certificates have their serial; undefined where the list has none. */
  readonly number: string | undefined;
  /** By serial number in lower-case hex, as `Certificate.serialNumber` has it. */
  readonly revoked: ReadonlyMap<string, Revocation>;
};

/** A list may name a hundred thousand certificates. */
const CRL_LIMITS: DerLimits = { maxBytes: 16 * 1024 * 1024, maxDepth: 16, maxElements: 2_000_000 };

/**
 * A revocation list from its DER, after checking that this issuer signed it and may. Whether it is fresh is for the
 * caller to decide. Throws `DecodeError` or `CertificateError`. RFC 5280, sections 5 and 6.3.3 (f)
 */
export async function parseCrl(
  der: Uint8Array,
  issuer: Certificate,
  verifier: SignatureVerifier,
): Promise<RevocationList> {
  const fields = new DerFields(parseDer(der, CRL_LIMITS), TAG.sequence, "CertificateList");
  const tbs = fields.take("tbsCertList");
  const algorithm = signatureAlgorithmOf(fields.take("signatureAlgorithm"));
  const signature = octetsOfBitString(fields.take("signature"), "signature");
  fields.end();
  const content = contentOf(tbs);
  if (!sameAlgorithm(content.algorithm, algorithm)) {
    throw fault(content.issuer, "algorithm-mismatch", "signatureAlgorithm", "inside and outside differ");
  }
  if (!sameName(content.issuer, issuer.subject) || !isSameKey(content.authorityKey, issuer)) {
    throw fault(content.issuer, "unknown-issuer", "issuer", `not the list of ${issuer.subject.text}`);
  }
  if (issuer.extensions.keyUsage?.has("cRLSign") === false) {
    throw fault(content.issuer, "key-usage", "keyUsage", "the issuer may not sign lists: no cRLSign");
  }
  if (!algorithm.accepted) throw fault(content.issuer, "weak-algorithm", "signatureAlgorithm", algorithm.name);
  const publicKey = issuer.publicKey.der;
  const check = { publicKey, algorithm: algorithm.accepted, content: tbs.raw, signature };
  if (!(await signatureHolds(verifier, check))) {
    throw fault(content.issuer, "bad-signature", "signature", `not signed by the key of ${issuer.subject.text}`);
  }
  const { issuer: name, thisUpdate, nextUpdate, number, revoked } = content;
  return { der, issuer: name, thisUpdate, nextUpdate, number, revoked };
}

/** What a list says about a certificate of its issuer, or undefined where it is not revoked. Throws `CertificateError` `unknown-issuer` for a certificate of another issuer. */
export function revocationOf(list: RevocationList, certificate: Certificate): Revocation | undefined {
  if (!sameName(list.issuer, certificate.issuer)) {
    throw fault(list.issuer, "unknown-issuer", "issuer", `says nothing about ${certificate.issuer.text}`);
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

function contentOf(tbs: DerElement) {
  const fields = new DerFields(tbs, TAG.sequence, "TBSCertList");
  const version = fields.optional(TAG.integer);
  if (version && smallIntegerOf(version, 1) !== 1) throw new DecodeError("value", "version is not 2", version.at);
  const algorithm = signatureAlgorithmOf(fields.take("signature"));
  const issuer = nameOf(fields.take("issuer"));
  const thisUpdate = timeOf(fields.take("thisUpdate"));
  const nextUpdate = fields.startsWith(TAG.utcTime, TAG.generalizedTime)
    ? timeOf(fields.take("nextUpdate"))
    : undefined;
  const list = fields.optional(TAG.sequence);
  const extensionsField = fields.optional(contextTag(0, "constructed"));
  fields.end();
  const extensions = extensionsField ? rawExtensionsOf(onlyChild(extensionsField, "crlExtensions")) : [];
  refuseUnknown(extensions, issuer, LIST_EXTENSIONS);
  const number = extensions.find(({ oid }) => oid === EXTENSION.cRLNumber);
  const key = extensions.find(({ oid }) => oid === EXTENSION.authorityKeyIdentifier);
  return {
    algorithm,
    issuer,
    thisUpdate,
    nextUpdate,
    number: number && integerHex(parseDer(number.value, undefined, number.at)),
    authorityKey: key && authorityKeyIdentifierOf(parseDer(key.value, undefined, key.at)).keyIdentifier,
    revoked: new Map((list?.children ?? []).map((entry) => entryOf(entry, issuer))),
  };
}

/** Distribution points and delta lists narrow what a list covers: they are critical and not processed. RFC 5280, section 5.2 */
const LIST_EXTENSIONS: ReadonlySet<string> = new Set([EXTENSION.authorityKeyIdentifier]);
const ENTRY_EXTENSIONS: ReadonlySet<string> = new Set([EXTENSION.reasonCode]);

function refuseUnknown(
  extensions: readonly RawExtension[],
  issuer: DistinguishedName,
  known: ReadonlySet<string>,
): void {
  const duplicate = duplicateOf(extensions);
  if (duplicate !== undefined) {
    throw fault(issuer, "duplicate-extension", extensionName(duplicate), "the extension occurs twice");
  }
  const unknown = extensions.find(({ oid, critical }) => critical && !known.has(oid));
  if (unknown) throw fault(issuer, "unknown-critical-extension", extensionName(unknown.oid), "not processed here");
}

function entryOf(entry: DerElement, issuer: DistinguishedName): [serial: string, revocation: Revocation] {
  const fields = new DerFields(entry, TAG.sequence, "revokedCertificate");
  const serial = toHex(fields.take("userCertificate", TAG.integer).content);
  const time = timeOf(fields.take("revocationDate"));
  const extensionsField = fields.optional(TAG.sequence);
  fields.end();
  const extensions = extensionsField ? rawExtensionsOf(extensionsField) : [];
  refuseUnknown(extensions, issuer, ENTRY_EXTENSIONS);
  const reason = extensions.find(({ oid }) => oid === EXTENSION.reasonCode);
  return [serial, { time, reason: reason ? reasonOf(parseDer(reason.value, undefined, reason.at)) : "unspecified" }];
}

function integerHex(element: DerElement): string {
  if (element.tag !== TAG.integer) throw new DecodeError("value", "the CRL number is not an INTEGER", element.at);
  return toHex(element.content);
}

function isSameKey(wanted: Uint8Array | undefined, { extensions }: Certificate): boolean {
  const offered = extensions.subjectKeyIdentifier;
  return !wanted || !offered || equal(wanted, offered);
}

function fault(issuer: DistinguishedName, code: PkiErrorCode, field: string, message: string): CertificateError {
  return new CertificateError(code, message, {
    subject: `list of ${issuer.text}`,
    field,
    rule: "RFC 5280, section 5.1 and 6.3.3",
  });
}
