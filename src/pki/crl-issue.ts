import { AsnConvert } from "@peculiar/asn1-schema";
import {
  AuthorityKeyIdentifier,
  type Extension,
  KeyIdentifier,
  Name,
  RevokedCertificate,
  TBSCertList,
  Time,
  Version,
} from "@peculiar/asn1-x509";

import { UsageError, equal, fromHex } from "../codec/index.ts";
import { silentTrace, type Trace } from "../trace/index.ts";
import type { Revocation } from "./crl-content.ts";
import { REVOCATION_REASONS } from "./crl-reasons.ts";
import { TAG } from "./der.ts";
import {
  algorithmStructure,
  arrayBufferOf,
  derElement,
  derOf,
  extensionStructure,
  signStructure,
} from "./der-write.ts";
import type { PkiErrorCode } from "./errors.ts";
import { keyIdentifierOf, type Issuer } from "./issue.ts";
import { issuingAlgorithm } from "./issuing-key.ts";
import { EXTENSION } from "./oids.ts";

/**
 * A revocation list, version 2 with its number, as DER. Times are in milliseconds since the epoch.
 * Throws `UsageError` `signer-mismatch` or `issuing-key`. RFC 5280, section 5
 */
export async function issueCrl(order: {
  readonly issuer: Issuer;
  /** By serial number in lower-case hex. */
  readonly revoked: ReadonlyMap<string, Revocation>;
  /** Higher than that of every list before. */
  readonly number: number;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly trace?: Trace;
}): Promise<Uint8Array> {
  const { issuer, revoked, number, trace = silentTrace } = order;
  const { certificate, signer } = issuer;
  if (!equal(signer.publicKey, certificate.publicKey.der)) {
    throw new UsageError<PkiErrorCode>("signer-mismatch", `the signer is not the key of ${certificate.subject.text}`);
  }
  const algorithm = issuingAlgorithm(signer);
  const tbs = derOf(
    new TBSCertList({
      version: Version.v2,
      signature: algorithmStructure(algorithm),
      issuer: AsnConvert.parse(arrayBufferOf(certificate.subject.der), Name),
      thisUpdate: timeStructure(order.thisUpdate),
      nextUpdate: timeStructure(order.nextUpdate),
      // RFC 5280, section 5.1.2.6: the list is absent where nothing is revoked.
      ...(revoked.size === 0 ? {} : { revokedCertificates: [...revoked].map(entryStructure) }),
      crlExtensions: [authorityExtension(issuer), plain(EXTENSION.cRLNumber, integer(number))],
    }),
  );
  const der = await signStructure(tbs, signer, algorithm);
  const { performer } = signer;
  const { text: subject } = certificate.subject;
  trace.emit("pki", { kind: "pki.issued", what: "crl", subject, serial: String(number), performer });
  return der;
}

function entryStructure([serial, { time, reason }]: [string, Revocation]): RevokedCertificate {
  const code = derElement(TAG.enumerated, Uint8Array.of(REVOCATION_REASONS[reason]));
  return new RevokedCertificate({
    userCertificate: arrayBufferOf(fromHex(serial)),
    revocationDate: timeStructure(time),
    // RFC 5280, section 5.3.1: absent rather than unspecified.
    ...(reason === "unspecified" ? {} : { crlEntryExtensions: [plain(EXTENSION.reasonCode, code)] }),
  });
}

function authorityExtension({ certificate }: Issuer): Extension {
  const identifier = certificate.extensions.subjectKeyIdentifier ?? keyIdentifierOf(certificate.publicKey);
  const keyIdentifier = new KeyIdentifier(arrayBufferOf(identifier));
  return plain(EXTENSION.authorityKeyIdentifier, derOf(new AuthorityKeyIdentifier({ keyIdentifier })));
}

function plain(oid: string, value: Uint8Array): Extension {
  return extensionStructure({ oid, critical: false, value });
}

function integer(value: number): Uint8Array {
  const hex = value.toString(16);
  const even = hex.length % 2 === 0 ? hex : `0${hex}`;
  return derElement(TAG.integer, fromHex(Number.parseInt(even.slice(0, 2), 16) >= 0x80 ? `00${even}` : even));
}

function timeStructure(time: number): Time {
  return new Time(new Date(Math.floor(time / 1000) * 1000));
}
