import type { ConnectionFacts } from "../effects.ts";
import type { CertificateVerified, ServerSignatureVerified } from "../proofs.ts";
import type { ExternalPsk, Session12 } from "../sessions.ts";
import type { Negotiation12 } from "./negotiation.ts";
import type { Master } from "./secrets.ts";
import type { ServerFlight } from "./server-parameters.ts";

/**
 * Why a TLS 1.2 server is believed to be who it is, once its Finished is verified: it signed, it resumes a session whose
 * first handshake proved it, its certificate's own key made the agreement, or it holds the key that both were given.
 */
export type Trust =
  | { readonly certificate: CertificateVerified; readonly signature: ServerSignatureVerified }
  | { readonly certificate: CertificateVerified; readonly resumed: Session12 }
  | { readonly certificate: CertificateVerified; readonly staticKey: true }
  | { readonly psk: ExternalPsk };

/** Everything that is settled once both sides hold the master secret. */
export type Agreed = Pick<ConnectionFacts, "group" | "clientCertificate"> & {
  readonly trust: Trust;
  readonly master: Master;
  /** The key block, from which both directions' keys are cut; undefined where the keeper has cut and kept them. RFC 5246, section 6.3 */
  readonly block: Uint8Array | undefined;
};

/** The server's certificates as verified; none where a pre-shared key speaks for it. */
export function chainOf(trust: Trust): readonly Uint8Array[] {
  return "certificate" in trust ? trust.certificate.chain : [];
}

/** All that is known when the keys are exchanged. */
export type Exchange = {
  readonly negotiation: Negotiation12;
  readonly flight: ServerFlight;
  readonly trust: Trust;
};
