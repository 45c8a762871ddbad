import { DecodeError } from "../codec/index.ts";
import type { Certificate } from "./certificate.ts";
import { urisOf } from "./crl-distribution-points.ts";
import { TAG, contextTag, type DerElement } from "./der.ts";
import { DerFields, onlyChild } from "./der-fields.ts";

/** Which of its issuer's certificates a list is about. RFC 5280, section 5.2.5 */
export type CrlScope = {
  readonly only: "end-entities" | "cas" | undefined;
  /** The list is one of several: it is about certificates that name one of these URIs as distribution point. */
  readonly uris: readonly string[] | undefined;
};

/** A list about all certificates of its issuer. */
export const WHOLE_SCOPE: CrlScope = { only: undefined, uris: undefined };

/**
 * IssuingDistributionPoint from checked DER; undefined for a scope that is not processed here: indirect lists, some
 * reasons only, attribute certificates, points without URI. Throws `DecodeError`. RFC 5280, section 5.2.5
 */
export function issuingDistributionPointOf(element: DerElement): CrlScope | undefined {
  const fields = new DerFields(element, TAG.sequence, "IssuingDistributionPoint");
  const point = fields.optional(contextTag(0, "constructed"));
  const users = isTrue(fields.optional(contextTag(1, "primitive")));
  const cas = isTrue(fields.optional(contextTag(2, "primitive")));
  const reasons = fields.optional(contextTag(3, "primitive"));
  const indirect = isTrue(fields.optional(contextTag(4, "primitive")));
  const attributes = isTrue(fields.optional(contextTag(5, "primitive")));
  fields.end();
  if (element.children.length === 0) throw new DecodeError("length", "issuingDistributionPoint is empty", element.at);
  if (users && cas) throw new DecodeError("value", "a list about neither CAs nor others", element.at);
  const uris = point && urisOf(onlyChild(point, "distributionPoint"));
  if (reasons || indirect || attributes || uris?.length === 0) return undefined;
  return { only: users ? "end-entities" : cas ? "cas" : undefined, uris };
}

/** Whether a list of this scope is about a certificate. RFC 5280, section 6.3.3 (b) (2) */
export function isInScope({ only, uris }: CrlScope, certificate: Certificate): boolean {
  const isCa = certificate.extensions.basicConstraints?.ca === true;
  if (only !== undefined && isCa !== (only === "cas")) return false;
  return uris === undefined || (certificate.extensions.crlDistributionPoints ?? []).some((each) => uris.includes(each));
}

/** The tag is implicit, so that the strict pass could not see that this is a BOOLEAN; FALSE is the default. */
function isTrue(element: DerElement | undefined): boolean {
  if (!element) return false;
  if (element.content.length === 1 && element.content[0] === 0xff) return true;
  throw new DecodeError("value", "not a DER boolean TRUE", element.at);
}
