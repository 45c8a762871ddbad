import type { ConnectionFacts } from "../effects.ts";
import type { TrafficSecrets } from "../key-schedule13.ts";
import type { CertificateVerified, FinishedVerified, PskAccepted, ServerSignatureVerified } from "../proofs.ts";

/** What is proven about the server: it signed, or it holds a key that only it can have. */
export type ServerProofs13 =
  | { readonly certificate: CertificateVerified; readonly signature: ServerSignatureVerified; readonly psk?: never }
  | { readonly psk: PskAccepted; readonly certificate?: CertificateVerified };

/** What is settled once the server's Finished is verified. */
export type Finished13 = ServerProofs13 & {
  readonly finished: FinishedVerified;
  readonly masterSecret: Uint8Array;
  readonly application: TrafficSecrets;
  /** RFC 8446, section 7.5 */
  readonly exporterSecret: Uint8Array;
  readonly clientCertificate: ConnectionFacts["clientCertificate"];
};
