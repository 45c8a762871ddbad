import { DecodeError, Refused } from "../../codec/index.ts";
import { reasonOf } from "../crl-reasons.ts";
import type { Revocation } from "../crl-content.ts";
import { TAG, contentOffset, contextTag, parseDer, type DerElement, type DerLimits } from "../der.ts";
import { DerFields, expectTag, nonEmptyList, octetsOfBitString, oidOf, onlyChild, timeOf } from "../der-fields.ts";
import { rawExtensionsOf, type RawExtension } from "../extensions.ts";
import { nameOf, type DistinguishedName } from "../name.ts";
import { signatureAlgorithmOf, type CertificateSignatureAlgorithm } from "../signature-algorithm.ts";
import { certIdOf, type CertId } from "./cert-id.ts";
import { OcspError, type OcspErrorCode } from "./errors.ts";

/** What a responder says about one certificate. RFC 6960, section 2.2 */
export type CertificateStatus =
  | { readonly status: "good" }
  | { readonly status: "revoked"; readonly revocation: Revocation }
  | { readonly status: "unknown" };

/** One answer of a response. Times are in milliseconds since the epoch. RFC 6960, section 4.2.1 */
export type SingleResponse = {
  readonly certId: CertId;
  readonly answer: CertificateStatus;
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
  readonly extensions: readonly RawExtension[];
};

/** Who signed, as the response says. RFC 6960, section 4.2.1 */
export type ResponderId =
  | { readonly by: "name"; readonly name: DistinguishedName }
  | { readonly by: "key"; readonly keyHash: Uint8Array };

/** A response of which nothing has been verified. */
export type BasicResponse = {
  /** The signed part as received. */
  readonly tbs: Uint8Array;
  readonly responder: ResponderId;
  readonly producedAt: number;
  readonly responses: readonly SingleResponse[];
  readonly extensions: readonly RawExtension[];
  readonly algorithm: CertificateSignatureAlgorithm;
  readonly signature: Uint8Array;
  /** DER of certificates that may help to verify the signature. */
  readonly certificates: readonly Uint8Array[];
};

/** A response comes with a handshake: what one for many certificates needs, and no more. */
const RESPONSE_LIMITS: DerLimits = { maxBytes: 128 * 1024, maxDepth: 20, maxElements: 20_000 };
const MAX_CERTIFICATES = 8;

/** `successful` is missing: it is no refusal. RFC 6960, section 4.2.1 */
const STATUS: Readonly<Record<number, string>> = {
  1: "malformedRequest",
  2: "internalError",
  3: "tryLater",
  5: "sigRequired",
  6: "unauthorized",
};

/** id-pkix-ocsp-basic. RFC 6960, section 4.2.1 */
const BASIC = "1.3.6.1.5.5.7.48.1.1";

/**
 * A response from its DER, unverified. Throws `DecodeError`, `Refused` `ocsp-status` with the number where the responder
 * gave no answer, and `OcspError` `ocsp-type`. RFC 6960, section 4.2.1
 */
export function parseResponse(der: Uint8Array): BasicResponse {
  const fields = new DerFields(parseDer(der, RESPONSE_LIMITS), TAG.sequence, "OCSPResponse");
  const statusField = fields.take("responseStatus", TAG.enumerated);
  const bytesField = fields.optional(contextTag(0, "constructed"));
  fields.end();
  const status = statusField.content.length === 1 ? (statusField.content[0] ?? -1) : -1;
  if (status !== 0) {
    const name = STATUS[status];
    if (name === undefined) throw new DecodeError("value", "no response status", statusField.at);
    throw new Refused<OcspErrorCode>("ocsp-status", `the responder answered ${name}`, status);
  }
  if (!bytesField) throw new DecodeError("truncated", "responseBytes are missing", statusField.at);
  const bytes = new DerFields(onlyChild(bytesField, "responseBytes"), TAG.sequence, "ResponseBytes");
  const type = oidOf(bytes.take("responseType"));
  const response = bytes.take("response", TAG.octetString);
  bytes.end();
  if (type !== BASIC) throw new OcspError("ocsp-type", `a response of type ${type}`);
  return basicResponseOf(parseDer(response.content, RESPONSE_LIMITS, contentOffset(response)));
}

function basicResponseOf(element: DerElement): BasicResponse {
  const fields = new DerFields(element, TAG.sequence, "BasicOCSPResponse");
  const data = fields.take("tbsResponseData");
  const algorithm = signatureAlgorithmOf(fields.take("signatureAlgorithm"));
  const signature = octetsOfBitString(fields.take("signature"), "signature");
  const certsField = fields.optional(contextTag(0, "constructed"));
  fields.end();
  const certificates = certsField ? certificatesOf(onlyChild(certsField, "certs")) : [];
  return { tbs: data.raw, ...responseDataOf(data), algorithm, signature, certificates };
}

function certificatesOf(element: DerElement): readonly Uint8Array[] {
  expectTag(element, TAG.sequence, "certs");
  if (element.children.length > MAX_CERTIFICATES) {
    throw new DecodeError("length", `more than ${MAX_CERTIFICATES} certificates`, element.at);
  }
  return element.children.map(({ raw }) => raw);
}

function responseDataOf(element: DerElement) {
  const fields = new DerFields(element, TAG.sequence, "ResponseData");
  // Version 1 is the default, and DER leaves defaults out: `take` refuses the field.
  const responder = responderOf(fields.take("responderID"));
  const producedAt = timeOf(fields.take("producedAt", TAG.generalizedTime));
  const responses = nonEmptyList(fields.take("responses"), TAG.sequence, "responses").map(singleResponseOf);
  const extensions = extensionsOf(fields.optional(contextTag(1, "constructed")));
  fields.end();
  return { responder, producedAt, responses, extensions };
}

function responderOf(element: DerElement): ResponderId {
  const content = onlyChild(element, "responderID");
  if (element.tag === contextTag(1, "constructed")) return { by: "name", name: nameOf(content) };
  expectTag(element, contextTag(2, "constructed"), "ResponderID");
  expectTag(content, TAG.octetString, "KeyHash");
  return { by: "key", keyHash: content.content };
}

function singleResponseOf(element: DerElement): SingleResponse {
  const fields = new DerFields(element, TAG.sequence, "SingleResponse");
  const certId = certIdOf(fields.take("certID"));
  const answer = statusOf(fields.take("certStatus"));
  const thisUpdate = timeOf(fields.take("thisUpdate", TAG.generalizedTime));
  const next = fields.optional(contextTag(0, "constructed"));
  const nextUpdate = next && generalizedTime(onlyChild(next, "nextUpdate"));
  const extensions = extensionsOf(fields.optional(contextTag(1, "constructed")));
  fields.end();
  if (nextUpdate !== undefined && nextUpdate < thisUpdate) {
    throw new DecodeError("value", "nextUpdate is before thisUpdate", element.at);
  }
  return { certId, answer, thisUpdate, nextUpdate, extensions };
}

function statusOf(element: DerElement): CertificateStatus {
  switch (element.tag) {
    case contextTag(0, "primitive"):
    case contextTag(2, "primitive"):
      if (element.content.length > 0) throw new DecodeError("value", "NULL with contents", element.at);
      return { status: element.tag === contextTag(0, "primitive") ? "good" : "unknown" };
    case contextTag(1, "constructed"): {
      const fields = new DerFields(element, element.tag, "RevokedInfo");
      const time = timeOf(fields.take("revocationTime", TAG.generalizedTime));
      const reason = fields.optional(contextTag(0, "constructed"));
      fields.end();
      const given = reason ? reasonOf(onlyChild(reason, "revocationReason")) : "unspecified";
      return { status: "revoked", revocation: { time, reason: given } };
    }
    default:
      throw new DecodeError("value", `tag 0x${element.tag.toString(16)} is no CertStatus`, element.at);
  }
}

function generalizedTime(element: DerElement): number {
  expectTag(element, TAG.generalizedTime, "GeneralizedTime");
  return timeOf(element);
}

function extensionsOf(element: DerElement | undefined): readonly RawExtension[] {
  return element ? rawExtensionsOf(onlyChild(element, "extensions")) : [];
}
