import { fromHex, utf8Bytes } from "../codec/index.ts";
import { contextTag, TAG } from "./der.ts";
import { derElement } from "./der-write.ts";
import type { RawExtension } from "./extensions.ts";
import { EXTENSION } from "./oids.ts";

/** Where a certificate's relying parties find out about it. URLs are ASCII, as IA5String wants them. */
export type Pointers = {
  /** Where the issuer's revocation list is. */
  readonly crl?: string;
  /** Where its OCSP responder is. */
  readonly ocsp?: string;
  /** Where the issuer's own certificate is, as DER. */
  readonly issuer?: string;
};

/**
 * The extensions that hold the pointers: cRLDistributionPoints, authorityInfoAccess. RFC 5280, sections 4.2.1.13 and
 * 4.2.2.1
 */
export function pointerExtensions({ crl, ocsp, issuer }: Pointers): readonly RawExtension[] {
  const list: RawExtension[] = [];
  if (crl !== undefined) {
    const name = derElement(contextTag(0, "constructed"), derElement(contextTag(0, "constructed"), uri(crl)));
    const value = derElement(TAG.sequence, derElement(TAG.sequence, name));
    list.push({ oid: EXTENSION.cRLDistributionPoints, critical: false, value });
  }
  const access = [
    ...(ocsp === undefined ? [] : [derElement(TAG.sequence, fromHex(ID_AD_OCSP), uri(ocsp))]),
    ...(issuer === undefined ? [] : [derElement(TAG.sequence, fromHex(ID_AD_CA_ISSUERS), uri(issuer))]),
  ];
  if (access.length > 0) {
    list.push({ oid: EXTENSION.authorityInfoAccess, critical: false, value: derElement(TAG.sequence, ...access) });
  }
  return list;
}

/** id-ad-ocsp and id-ad-caIssuers, as DER. RFC 5280, section 4.2.2.1 */
const ID_AD_OCSP = "06082b06010505073001";
const ID_AD_CA_ISSUERS = "06082b06010505073002";

/** uniformResourceIdentifier of a GeneralName. RFC 5280, section 4.2.1.6 */
function uri(text: string): Uint8Array {
  return derElement(contextTag(6, "primitive"), utf8Bytes(text));
}
