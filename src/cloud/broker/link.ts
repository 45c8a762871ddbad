import type { ConnectTerms } from "./connect-terms.ts";
import type { Authority, Peer } from "./ports.ts";
import type { Publisher } from "./router.ts";
import type { Session } from "./session.ts";

/** What is true of a connection from CONNACK on. */
export type Link = {
  readonly peer: Peer;
  readonly clientId: string;
  readonly version: 4 | 5;
  readonly authority: Authority;
  readonly session: Session;
  /** As CONNECT asked for, of `ConnectTerms`. */
  readonly window: ConnectTerms["window"];
  readonly isMqtt31: boolean;
  readonly expiryS: number;
  readonly publisher: Publisher;
  readonly keepAliveS: number;
  readonly since: number;
  readonly sessionIdentifier: string;
};
