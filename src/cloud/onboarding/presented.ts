import { HawserError } from "../../codec/index.ts";
import { allowsPurpose, keyWeakness, type Certificate, type CertificateMemory } from "../../pki/index.ts";
import type { OnboardingFacts } from "./decision.ts";

/** The certificate that a client showed, or what is wrong with it. */
export type Presented =
  | { readonly certificate: Certificate; readonly fault?: string }
  | { readonly certificate?: undefined; readonly fault: string }
  | undefined;

/** Reads a client's own certificate and judges what does not depend on any registry. */
export function readPresented(der: Uint8Array | undefined, seen: CertificateMemory): Presented {
  if (!der) return undefined;
  try {
    const certificate = seen.parse(der);
    const fault = faultOf(certificate);
    return { certificate, ...(fault !== undefined && { fault }) };
  } catch (error) {
    if (error instanceof HawserError) return { fault: error.message };
    throw error;
  }
}

function faultOf({ publicKey, signatureAlgorithm, extensions }: Certificate): string | undefined {
  const weakness = keyWeakness(publicKey);
  if (weakness !== undefined) return weakness;
  if (!signatureAlgorithm.accepted) return `signed with ${signatureAlgorithm.name}`;
  // RFC 5280, section 4.2: a critical extension that is not understood MUST be refused.
  const [unknown] = extensions.unknownCritical;
  if (unknown !== undefined) return `unknown critical extension ${unknown}`;
  // A CA that also certifies servers must not thereby make devices of them. RFC 5280, section 4.2.1.12
  return allowsPurpose(extensions, "clientAuth") ? undefined : "extendedKeyUsage does not allow clientAuth";
}

/** Where a moment lies with regard to a validity period, both ends included. RFC 5280, section 4.1.2.5 */
export function validityAt({ validity }: Certificate, time: number): OnboardingFacts["validity"] {
  if (time < validity.notBefore) return "not-yet-valid";
  return time > validity.notAfter ? "expired" : "valid";
}
