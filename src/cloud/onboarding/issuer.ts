import { equal, HawserError } from "../../codec/index.ts";
import type { SignatureVerifier } from "../../crypto/index.ts";
import { parseCertificate, signedBy, type Certificate } from "../../pki/index.ts";
import type { CaEntry } from "../registry/index.ts";
import type { CertificateDirectory } from "./ports.ts";

/** How many certificates of a client's chain are looked at. */
const MAX_SENT = 8;

/** The registered CA that signed a certificate, if any, and what the client sent towards it. */
export type IssuerSearch = {
  readonly issuer: "sent" | "looked-up" | "not-found";
  readonly ca: CaEntry | undefined;
  /** Certificates that the client sent besides its own. */
  readonly sent: readonly Certificate[];
  /** Whether it sent some of which none signed its own. */
  readonly wrongIssuerSent: boolean;
  /** The sent certificate that did sign it, though it is not registered. */
  readonly unregisteredIssuer: Certificate | undefined;
};

/**
 * Looks for the registered CA that directly signed a certificate: by issuer name, key identifier and signature, for several
 * CAs may share a name, as many as the account's limit casPerSubject lets register. The client's chain only decides between several that fit; nothing in it is trusted.
 */
export async function findIssuer(
  leaf: Certificate,
  chain: readonly Uint8Array[],
  { directory, verifier }: { readonly directory: CertificateDirectory; readonly verifier: SignatureVerifier },
): Promise<IssuerSearch> {
  const candidates = directory.casNamedBy(leaf);
  const sent = readable(chain.slice(1, 1 + MAX_SENT), candidates).filter(({ id }) => id !== leaf.id);
  const sentIds = new Set(sent.map(({ id }) => id));
  const fitting: CaEntry[] = [];
  for (const ca of candidates) if (await signedBy(leaf, ca.certificate, verifier)) fitting.push(ca);
  const [ca] = fitting.toSorted((a, b) => preference(b, sentIds) - preference(a, sentIds));
  if (ca) {
    const issuer = sentIds.has(ca.id) ? "sent" : "looked-up";
    return { issuer, ca, sent, wrongIssuerSent: false, unregisteredIssuer: undefined };
  }
  let unregisteredIssuer: Certificate | undefined;
  for (const each of sent) if (!unregisteredIssuer && (await signedBy(leaf, each, verifier))) unregisteredIssuer = each;
  const wrongIssuerSent = sent.length > 0 && !unregisteredIssuer;
  return { issuer: "not-found", ca: undefined, sent, wrongIssuerSent, unregisteredIssuer };
}

/** Of CA certificates with one key and name, such as a renewed one beside the old: the sent one, else one that is in use. */
function preference({ id, status, autoRegistration }: CaEntry, sent: ReadonlySet<string>): number {
  return (sent.has(id) ? 4 : 0) + (status === "ACTIVE" ? 2 : 0) + (autoRegistration === "ENABLE" ? 1 : 0);
}

/**
 * What cannot be read proves nothing, neither that it is the issuer nor that it is not. Most devices send the registered
 * CA itself, which has been read before.
 */
function readable(chain: readonly Uint8Array[], candidates: readonly CaEntry[]): Certificate[] {
  return chain.flatMap((der) => {
    const known = candidates.find(({ certificate }) => equal(certificate.der, der));
    if (known) return [known.certificate];
    try {
      return [parseCertificate(der)];
    } catch (error) {
      if (error instanceof HawserError) return [];
      throw error;
    }
  });
}
