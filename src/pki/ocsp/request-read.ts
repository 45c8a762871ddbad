import { DecodeError, fromBase64 } from "../../codec/index.ts";
import { contextTag, parseDer, TAG, type DerElement, type DerLimits } from "../der.ts";
import { DerFields, nonEmptyList, onlyChild } from "../der-fields.ts";
import { duplicateOf, rawExtensionsOf, type RawExtension } from "../extensions.ts";
import { certIdOf, type CertId } from "./cert-id.ts";
import { NONCE_OID } from "./request.ts";

/** What a client asks: about which certificates, and with which nonce. Who signed it, if anybody, is not looked at. */
export type OcspRequest = {
  /** Each with its DER, which the answer repeats. */
  readonly certIds: readonly (CertId & { readonly der: Uint8Array })[];
  /** The nonce extension as it came. */
  readonly nonce: RawExtension | undefined;
};

const REQUEST_LIMITS: DerLimits = { maxBytes: 64 * 1024, maxDepth: 20, maxElements: 10_000 };
const MAX_CERTIFICATES = 100;

/**
 * A request from its DER. Throws `DecodeError` for what is none, asks about more than 100 certificates, has a nonce that
 * is not of 1 to 128 bytes, or a critical extension. RFC 6960, section 4.1.1; RFC 9654, section 2.1
 */
export function parseOcspRequest(der: Uint8Array): OcspRequest {
  const request = new DerFields(parseDer(der, REQUEST_LIMITS), TAG.sequence, "OCSPRequest");
  const fields = new DerFields(request.take("tbsRequest"), TAG.sequence, "TBSRequest");
  request.optional(contextTag(0, "constructed"));
  request.end();
  // Version 1 is the default, and DER leaves defaults out: `take` refuses the field.
  fields.optional(contextTag(1, "constructed"));
  const list = nonEmptyList(fields.take("requestList"), TAG.sequence, "requestList");
  if (list.length > MAX_CERTIFICATES) {
    throw new DecodeError("length", `more than ${MAX_CERTIFICATES} certificates`, list[MAX_CERTIFICATES]?.at ?? 0);
  }
  const certIds = list.map(certIdIn);
  const extensions = extensionsOf(fields.optional(contextTag(2, "constructed")), [NONCE_OID]);
  fields.end();
  const nonce = extensions.find(({ oid }) => oid === NONCE_OID);
  if (nonce) checkNonce(nonce);
  return { certIds, nonce };
}

/**
 * The request in a GET's path, in base64 with or without its padding; undefined for what is none.
 * RFC 6960, appendix A.1
 */
export function ocspRequestInPath(text: string): Uint8Array | undefined {
  try {
    const plain = decodeURIComponent(text);
    return fromBase64(plain.padEnd(Math.ceil(plain.length / 4) * 4, "="));
  } catch (error) {
    if (error instanceof DecodeError || error instanceof URIError) return undefined;
    throw error;
  }
}

function certIdIn(element: DerElement): OcspRequest["certIds"][number] {
  const fields = new DerFields(element, TAG.sequence, "Request");
  const certId = fields.take("reqCert");
  extensionsOf(fields.optional(contextTag(0, "constructed")), []);
  fields.end();
  return { ...certIdOf(certId), der: certId.raw };
}

function extensionsOf(element: DerElement | undefined, known: readonly string[]): readonly RawExtension[] {
  if (!element) return [];
  const extensions = rawExtensionsOf(onlyChild(element, "extensions"));
  const fault =
    extensions.find(({ oid, critical }) => critical && !known.includes(oid))?.oid ?? duplicateOf(extensions);
  if (fault === undefined) return extensions;
  throw new DecodeError("value", `extension ${fault} is critical and unknown, or there twice`, element.at);
}

function checkNonce({ value }: RawExtension): void {
  const { tag, content } = parseDer(value);
  if (tag === TAG.octetString && content.length >= 1 && content.length <= 128) return;
  throw new DecodeError("length", `a nonce of ${content.length} bytes, not 1 to 128`, 0);
}
