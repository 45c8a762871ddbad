import { equal } from "../codec/index.ts";
import type { ClientIdentity } from "./client-config.ts";
import { CLIENT_CERTIFICATE_TYPES, type CertificateRequest12 } from "./messages.ts";
import type { TlsVersion } from "./suites.ts";
import { ALL_SCHEMES, keyKindOf, schemeFitsKey, SIGNATURE_SCHEMES, type SignatureScheme } from "./signature-schemes.ts";

/** Which of the client's identities answers a request, and how it signs. */
export type ChosenIdentity = {
  readonly identity: ClientIdentity;
  /** Its place in the configuration. */
  readonly index: number;
  readonly scheme: SignatureScheme;
};

/** The first identity that satisfies the request, or undefined where none does. RFC 5246, section 7.4.4; RFC 8422, section 5.5 */
export function chooseIdentity12(
  identities: readonly ClientIdentity[],
  request: CertificateRequest12,
): ChosenIdentity | undefined {
  for (const [index, identity] of identities.entries()) {
    const key = keyKindOf(identity.publicKey);
    const wanted = key && CLIENT_CERTIFICATE_TYPES[key.kind === "rsa" ? "rsa_sign" : "ecdsa_sign"];
    if (wanted === undefined || !request.certificateTypes.includes(wanted)) continue;
    if (!isIssuedByOneOf(identity, request.certificateAuthorities)) continue;
    const scheme = schemeFor(identity, request.signatureSchemes, "TLSv1.2");
    if (scheme) return { identity, index, scheme };
  }
  return undefined;
}

/** The same for TLS 1.3, whose schemes bind the curve. RFC 8446, sections 4.2.3, 4.2.4 and 4.4.2.3 */
export function chooseIdentity13(
  identities: readonly ClientIdentity[],
  request: { readonly signatureSchemes: readonly number[]; readonly certificateAuthorities: readonly Uint8Array[] },
): ChosenIdentity | undefined {
  for (const [index, identity] of identities.entries()) {
    if (!isIssuedByOneOf(identity, request.certificateAuthorities)) continue;
    const scheme = schemeFor(identity, request.signatureSchemes, "TLSv1.3");
    if (scheme) return { identity, index, scheme };
  }
  return undefined;
}

/** An empty list means any authority. RFC 5246, section 7.4.4 */
function isIssuedByOneOf(identity: ClientIdentity, authorities: readonly Uint8Array[]): boolean {
  return authorities.length === 0 || authorities.some((name) => identity.issuers.some((issuer) => equal(issuer, name)));
}

function schemeFor(
  identity: ClientIdentity,
  accepted: readonly number[],
  version: TlsVersion,
): SignatureScheme | undefined {
  const key = keyKindOf(identity.publicKey);
  for (const algorithm of identity.algorithms) {
    const scheme = ALL_SCHEMES.find((name) => SIGNATURE_SCHEMES[name].algorithm === algorithm);
    if (!scheme || !key || !schemeFitsKey(scheme, key, version)) continue;
    if (accepted.includes(SIGNATURE_SCHEMES[scheme].code)) return scheme;
  }
  return undefined;
}
