import type { NamedGroup } from "../../crypto/index.ts";
import type { KeySchedule13, TrafficSecrets } from "../key-schedule13.ts";
import type { PskAccepted } from "../proofs.ts";
import type { Suite13, Suite13Name } from "../suites.ts";

/** What a TLS 1.3 ServerHello settled. */
export type Negotiation13 = {
  readonly suiteName: Suite13Name;
  readonly suite: Suite13;
  readonly schedule: KeySchedule13;
  readonly group: NamedGroup;
  readonly offered: ReadonlySet<number>;
  readonly clientRandom: Uint8Array;
  /** The pre-shared key that the server chose. */
  readonly psk: PskAccepted | undefined;
};

/** The secrets of the handshake's second half. RFC 8446, section 7.1 */
export type HandshakeSecrets = { readonly handshakeSecret: Uint8Array; readonly traffic: TrafficSecrets };

/** A server's request for a certificate. RFC 8446, section 4.3.2 */
type CertificateRequest = {
  readonly signatureSchemes: readonly number[];
  readonly certificateAuthorities: readonly Uint8Array[];
};

/** What grows from state to state until the server's Finished. */
export type Progress13 = {
  readonly negotiation: Negotiation13;
  readonly secrets: HandshakeSecrets;
  readonly alpn: string | undefined;
  readonly request?: CertificateRequest;
};
