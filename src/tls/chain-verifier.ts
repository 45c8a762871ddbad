import type { CertificateVerifier, Clock, Performer, SignatureVerifier, VerificationKey } from "../crypto/index.ts";
import {
  type Certificate,
  CertificateError,
  checkServerIdentity,
  type CrlSet,
  type RevocationMode,
  validatePath,
} from "../pki/index.ts";
import type { Staples } from "./effects.ts";
import type { KnownCertificates } from "./known-certificates.ts";

/** The key of a verified server: its DER SubjectPublicKeyInfo, and a handle of it where a chip has kept it. */
export type VerifiedServer = { readonly publicKey: Uint8Array; readonly key?: VerificationKey };

/** Decides whether a server's certificates are valid, trusted and for the name that was meant. */
export interface ChainVerifier {
  readonly performer: Performer;
  /** Gives the key of the first certificate; throws `CertificateError`. */
  verify(
    chain: readonly Uint8Array[],
    purpose: {
      readonly staples: Staples;
      readonly servername: string;
      readonly keyUsage: "digitalSignature" | "keyAgreement";
    },
  ): Promise<VerifiedServer>;
}

export type ChainVerifierOptions = {
  readonly anchors: readonly Certificate[];
  /** What was read before, on other connections. */
  readonly known: KnownCertificates;
  /** Who checks the certificates' signatures. Names, dates and constraints stay on the host: chips have no clock. */
  readonly verifier: SignatureVerifier | CertificateVerifier;
  readonly conformance: "rfc5280" | "deployed";
  readonly clock: Clock;
  /** Whether it is asked if a certificate was revoked, and the lists to ask. */
  readonly revocation: RevocationMode | undefined;
  readonly crls: CrlSet | undefined;
};

/** Path validation for servers, then the name. RFC 5280, section 6; RFC 9525, section 6 */
export function chainVerifier({
  anchors,
  known,
  verifier,
  conformance,
  clock,
  revocation,
  crls,
}: ChainVerifierOptions): ChainVerifier {
  return {
    performer: verifier.performer,
    async verify(chain, { staples, servername, keyUsage }) {
      const path = await validatePath({
        chain,
        parse: (der) => known.read(der),
        anchors,
        time: clock.now(),
        purpose: "serverAuth",
        verifier,
        conformance,
        ...(staples ? { staples } : {}),
        ...(revocation ? { revocation } : {}),
        ...(crls ? { crls } : {}),
      });
      checkKeyUsage(path.leaf, keyUsage);
      checkServerIdentity(path.leaf, servername);
      const publicKey = path.leaf.publicKey.der;
      // A key that agrees on secrets verifies nothing more.
      if (!("keep" in verifier) || keyUsage === "keyAgreement") return { publicKey };
      return { publicKey, key: await verifier.keep(publicKey) };
    },
  };
}

/** A key that signs handshakes must be allowed to sign; one that agrees on keys, to agree. RFC 8422, section 5.3; RFC 8446, section 4.4.2.2 */
function checkKeyUsage(
  { extensions: { keyUsage }, subject }: Certificate,
  wanted: "digitalSignature" | "keyAgreement",
): void {
  if (!keyUsage || keyUsage.has(wanted)) return;
  throw new CertificateError("key-usage", `${[...keyUsage].join(", ")} where ${wanted} is needed`, {
    index: 0,
    subject: subject.text,
    field: "keyUsage",
    rule: `RFC 8422, section 5.3: ${wanted}, which this key exchange needs`,
  });
}
