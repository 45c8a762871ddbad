import { DecodeError } from "../codec/index.ts";
import { TAG, type DerElement } from "./der.ts";

/** Why a certificate was revoked, by the number of its reasonCode. RFC 5280, section 5.3.1 */
export const REVOCATION_REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;

export type RevocationReason = keyof typeof REVOCATION_REASONS;

/** A CRLReason from its checked DER. Throws `DecodeError` for numbers that are none. RFC 5280, section 5.3.1 */
export function reasonOf(element: DerElement): RevocationReason {
  const found = Object.entries(REVOCATION_REASONS).find(([, number]) => number === element.content[0]);
  if (element.tag === TAG.enumerated && element.content.length === 1 && found) return found[0] as RevocationReason;
  throw new DecodeError("value", "not a reason code", element.at);
}
