import type { CertificateVerified, ClientSignatureVerified } from "../proofs.ts";
import type { ServerSession } from "./session-cache.ts";

/** Why a client is believed to be who it is: it signed, it resumes a session, or nothing is believed about it. */
export type ClientTrust =
  | { readonly certificate: CertificateVerified; readonly signature: ClientSignatureVerified }
  | { readonly certificate: CertificateVerified | undefined; readonly resumed: ServerSession }
  | { readonly anonymous: true };

/** Everything that is settled once both sides hold the master secret. */
export type Settled = { readonly trust: ClientTrust; readonly master: Uint8Array };
