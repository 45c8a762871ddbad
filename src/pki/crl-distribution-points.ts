import { DerFields, nonEmptyList, onlyChild } from "./der-fields.ts";
import { contextTag, type DerElement, TAG } from "./der.ts";
import { generalNamesOf } from "./general-name.ts";

/** URIs of the distribution points that speak for all reasons and for the certificate's own issuer. RFC 5280, section 4.2.1.13 */
export function crlDistributionPointsOf(element: DerElement): readonly string[] {
  return nonEmptyList(element, TAG.sequence, "CRLDistributionPoints").flatMap((each) => {
    const fields = new DerFields(each, TAG.sequence, "DistributionPoint");
    const point = fields.optional(contextTag(0, "constructed"));
    const reasons = fields.optional(contextTag(1, "primitive"));
    const issuer = fields.optional(contextTag(2, "constructed"));
    fields.end();
    return point && !reasons && !issuer ? urisOf(onlyChild(point, "distributionPoint")) : [];
  });
}

/** The URIs of a DistributionPointName: none where it is relative to the issuer. RFC 5280, section 4.2.1.13 */
export function urisOf(name: DerElement): readonly string[] {
  return name.tag === contextTag(0, "constructed") ? generalNamesOf(name.children).uri : [];
}
