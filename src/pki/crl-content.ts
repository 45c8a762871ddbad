import { DecodeError, toHex } from "../codec/index.ts";
import { reasonOf, type RevocationReason } from "./crl-reasons.ts";
import { issuingDistributionPointOf, WHOLE_SCOPE, type CrlScope } from "./crl-scope.ts";
import { TAG, contentOffset, contextTag, derParts, latin1, parseDer, type DerElement, type DerPart } from "./der.ts";
import { DerFields, octetsOfBitString, onlyChild, smallIntegerOf, timeOf } from "./der-fields.ts";
import { CertificateError, type PkiErrorCode } from "./errors.ts";
import {
  authorityKeyIdentifierOf,
  duplicateOf,
  extensionName,
  rawExtensionsOf,
  type RawExtension,
} from "./extensions.ts";
import { nameOf, type DistinguishedName } from "./name.ts";
import { EXTENSION } from "./oids.ts";
import { sameAlgorithm, signatureAlgorithmOf, type CertificateSignatureAlgorithm } from "./signature-algorithm.ts";

/** When and why a certificate was revoked. RFC 5280, section 5.3 */
export type Revocation = { readonly time: number; readonly reason: RevocationReason };

/** A list of which nothing has been verified. RFC 5280, section 5.1 */
export type UnverifiedCrl = {
  readonly der: Uint8Array;
  /** The signed part as received. */
  readonly tbs: Uint8Array;
  readonly algorithm: CertificateSignatureAlgorithm;
  readonly signature: Uint8Array;
  readonly issuer: DistinguishedName;
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
  /** Hex of the number, as certificates have their serial; undefined where the list has none. */
  readonly number: string | undefined;
  readonly authorityKey: Uint8Array | undefined;
  readonly scope: CrlScope;
  /** By serial number in lower-case hex, as `Certificate.serialNumber` has it. */
  readonly revoked: ReadonlyMap<string, Revocation>;
  /** Why nobody may rely on the list, whoever signed it. */
  readonly fault: CertificateError | undefined;
};

/** A list may name a hundred thousand certificates: it is read entry by entry, and never held as a tree. */
const MAX_BYTES = 16 * 1024 * 1024;

/** A list from its DER, unverified. Throws `DecodeError`. RFC 5280, section 5.1 */
export function readCrl(der: Uint8Array): UnverifiedCrl {
  if (der.length > MAX_BYTES) throw new DecodeError("length", `more than ${MAX_BYTES} bytes`, 0);
  const [list, extra] = derParts(der);
  if (!list) throw new DecodeError("truncated", "no list", 0);
  if (extra) throw new DecodeError("trailing", "bytes behind the list", extra.at);
  const fields = new DerFields(
    shallow(list, (_, i) => i === 0),
    TAG.sequence,
    "CertificateList",
  );
  const tbs = fields.take("tbsCertList", TAG.sequence);
  const algorithm = signatureAlgorithmOf(fields.take("signatureAlgorithm"));
  const signature = octetsOfBitString(fields.take("signature"), "signature");
  fields.end();
  const { fault, inner, ...content } = contentOf(tbs);
  const mismatch = sameAlgorithm(inner, algorithm)
    ? undefined
    : crlFault(content.issuer, "algorithm-mismatch", "signatureAlgorithm", "inside and outside differ");
  return { der, tbs: tbs.raw, algorithm, signature, ...content, fault: fault ?? mismatch };
}

/** An error about a list. */
export function crlFault(
  issuer: DistinguishedName,
  code: PkiErrorCode,
  field: string,
  message: string,
): CertificateError {
  return new CertificateError(code, message, {
    subject: `list of ${issuer.text}`,
    field,
    rule: "RFC 5280, section 5.1 and 6.3.3",
  });
}

/** An element with its children, all of them checked but those that are to be read in parts. */
function shallow(
  part: DerPart,
  isRead: (part: DerPart, index: number, all: readonly DerPart[]) => boolean,
): DerElement {
  const children = [...derParts(part.content, contentOffset(part))].map((each, i, all) =>
    isRead(each, i, all) ? { ...each, children: [] } : parseDer(each.raw, undefined, each.at),
  );
  return { ...part, children };
}

/** The entries are the SEQUENCE behind the times. */
function isEntries({ tag }: DerPart, index: number, all: readonly DerPart[]): boolean {
  const before = all[index - 1]?.tag;
  return tag === TAG.sequence && (before === TAG.utcTime || before === TAG.generalizedTime);
}

function contentOf(part: DerPart) {
  const tbs = shallow(part, isEntries);
  const fields = new DerFields(tbs, TAG.sequence, "TBSCertList");
  const version = fields.optional(TAG.integer);
  if (version && smallIntegerOf(version, 1) !== 1) throw new DecodeError("value", "version is not 2", version.at);
  const inner = signatureAlgorithmOf(fields.take("signature"));
  const issuer = nameOf(fields.take("issuer"));
  const thisUpdate = timeOf(fields.take("thisUpdate"));
  const nextUpdate = fields.startsWith(TAG.utcTime, TAG.generalizedTime)
    ? timeOf(fields.take("nextUpdate"))
    : undefined;
  const list = fields.optional(TAG.sequence);
  const extensionsField = fields.optional(contextTag(0, "constructed"));
  fields.end();
  const extensions = extensionsField ? rawExtensionsOf(onlyChild(extensionsField, "crlExtensions")) : [];
  const entries = list ? entriesOf(list, issuer) : { revoked: new Map<string, Revocation>(), fault: undefined };
  const scope = scopeOf(extensions, issuer);
  return {
    inner,
    issuer,
    thisUpdate,
    nextUpdate,
    number: parsed(extensions, EXTENSION.cRLNumber, integerHex),
    authorityKey: parsed(extensions, EXTENSION.authorityKeyIdentifier, authorityKeyIdentifierOf)?.keyIdentifier,
    revoked: entries.revoked,
    fault:
      unknownFault(extensions, issuer, LIST_EXTENSIONS) ??
      entries.fault ??
      (scope instanceof CertificateError ? scope : undefined),
    scope: scope instanceof CertificateError ? WHOLE_SCOPE : scope,
  };
}

/** A delta list is critical and not processed: alone it says little. RFC 5280, section 5.2.4 */
const LIST_EXTENSIONS: ReadonlySet<string> = new Set([
  EXTENSION.authorityKeyIdentifier,
  EXTENSION.issuingDistributionPoint,
]);
const ENTRY_EXTENSIONS: ReadonlySet<string> = new Set([EXTENSION.reasonCode]);

type PlacedExtension = RawExtension & { readonly at: number };

function parsed<T>(extensions: readonly PlacedExtension[], oid: string, read: (element: DerElement) => T) {
  const found = extensions.find((each) => each.oid === oid);
  return found && read(parseDer(found.value, undefined, found.at));
}

function scopeOf(extensions: readonly PlacedExtension[], issuer: DistinguishedName): CrlScope | CertificateError {
  if (!extensions.some(({ oid }) => oid === EXTENSION.issuingDistributionPoint)) return WHOLE_SCOPE;
  const scope = parsed(extensions, EXTENSION.issuingDistributionPoint, issuingDistributionPointOf);
  const message = "indirect, or about some reasons or attribute certificates only, or at a point without URI";
  return scope ?? crlFault(issuer, "crl-scope", "issuingDistributionPoint", message);
}

function unknownFault(
  extensions: readonly RawExtension[],
  issuer: DistinguishedName,
  known: ReadonlySet<string>,
): CertificateError | undefined {
  const duplicate = duplicateOf(extensions);
  if (duplicate !== undefined) {
    return crlFault(issuer, "duplicate-extension", extensionName(duplicate), "the extension occurs twice");
  }
  const unknown = extensions.find(({ oid, critical }) => critical && !known.has(oid));
  return unknown && crlFault(issuer, "unknown-critical-extension", extensionName(unknown.oid), "not processed here");
}

function entriesOf(list: DerPart, issuer: DistinguishedName) {
  const revoked = new Map<string, Revocation>();
  const seen = new Map<string, EntryExtensions>();
  let fault: CertificateError | undefined;
  for (const part of derParts(list.content, contentOffset(list))) {
    const entry = shallow(part, ({ tag }) => tag === TAG.sequence);
    const fields = new DerFields(entry, TAG.sequence, "revokedCertificate");
    const serial = toHex(fields.take("userCertificate", TAG.integer).content);
    const time = timeOf(fields.take("revocationDate"));
    const extensionsPart = fields.optional(TAG.sequence);
    fields.end();
    const extensions = extensionsPart ? entryExtensionsOf(extensionsPart, issuer, seen) : NO_ENTRY_EXTENSIONS;
    revoked.set(serial, { time, reason: extensions.reason });
    fault ??= extensions.fault;
  }
  return { revoked, fault };
}

type EntryExtensions = { readonly reason: RevocationReason; readonly fault: CertificateError | undefined };

const NO_ENTRY_EXTENSIONS: EntryExtensions = { reason: "unspecified", fault: undefined };
const MAX_SEEN = 64;

/** Thousands of entries say the same reason in the same bytes: each such text is read once. */
function entryExtensionsOf(
  part: DerPart,
  issuer: DistinguishedName,
  seen: Map<string, EntryExtensions>,
): EntryExtensions {
  const key = latin1(part.raw);
  const known = seen.get(key);
  if (known) return known;
  const extensions = rawExtensionsOf(parseDer(part.raw, undefined, part.at));
  const reason = parsed(extensions, EXTENSION.reasonCode, reasonOf) ?? "unspecified";
  const read = { reason, fault: unknownFault(extensions, issuer, ENTRY_EXTENSIONS) };
  if (seen.size < MAX_SEEN) seen.set(key, read);
  return read;
}

function integerHex(element: DerElement): string {
  if (element.tag !== TAG.integer) throw new DecodeError("value", "the CRL number is not an INTEGER", element.at);
  return toHex(element.content);
}
