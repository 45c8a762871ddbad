import type { HashName } from "../crypto/index.ts";
import type { Suite12Name, Suite13Name } from "./suites.ts";

/** No ticket is used for longer, whatever its server says: seven days in seconds. RFC 8446, section 4.6.1 */
export const MAX_SESSION_LIFETIME = 604_800;

type CommonSession = {
  /** The name that the server was verified for; a session is for no other. */
  readonly servername: string;
  /** The server's certificates, which are verified again when the session is resumed. */
  readonly peerChain: readonly Uint8Array[];
  readonly lifetimeSeconds: number;
};

/** A TLS 1.2 session, by ticket or by id. Only sessions bound to their whole handshake are kept. RFC 5077, section 3; RFC 7627, section 5.3 */
export type Session12 = CommonSession & {
  readonly version: "TLSv1.2";
  readonly suite: Suite12Name;
  readonly masterSecret: Uint8Array;
  /** Empty where there is a ticket. */
  readonly sessionId: Uint8Array;
  readonly ticket: Uint8Array | undefined;
};

/** A TLS 1.3 ticket and the key that belongs to it. RFC 8446, section 4.6.1 */
export type Session13 = CommonSession & {
  readonly version: "TLSv1.3";
  readonly suite: Suite13Name;
  readonly psk: Uint8Array;
  readonly ticket: Uint8Array;
  readonly ageAdd: number;
};

/** What makes a later handshake shorter. It holds secrets: whoever has it can pose as this client. */
export type Session = Session12 | Session13;

/**
 * What comes of the early secret of an external key, where a chip keeps the key itself. They are the same for every
 * connection: whoever has both can pose as either side in TLS 1.3. RFC 8446, section 7.1
 */
export type EarlySecrets = { readonly binderKey: Uint8Array; readonly derivedSecret: Uint8Array };

/** A key that both sides were given beforehand; empty where a chip keeps it. RFC 8446, section 4.2.11 */
export type ExternalPsk = {
  readonly identity: Uint8Array;
  readonly key: Uint8Array;
  readonly hash: HashName;
  readonly early?: EarlySecrets;
};

/** A pre-shared key as a hello offers it. RFC 8446, section 4.2.11 */
export type OfferedPsk = {
  readonly kind: "resumption" | "external";
  readonly identity: Uint8Array;
  readonly key: Uint8Array;
  readonly hash: HashName;
  readonly early?: EarlySecrets;
  readonly obfuscatedAge: number;
};
