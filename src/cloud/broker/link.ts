import type { FieldValue, RefusalCause } from "../../trace/index.ts";
import type { ConnectTerms } from "./connect-terms.ts";
import type { Authority, Peer } from "./ports.ts";
import type { DisconnectReason } from "./presence.ts";
import type { ReasonCode } from "./reason-codes.ts";
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

/** How a connection ends from our side. */
export type Closing = {
  /** Told to an MQTT 5 client. */
  readonly reason?: ReasonCode;
  readonly text?: string;
  readonly presence: DisconnectReason;
  readonly refusal?: { readonly cause: RefusalCause; readonly evidence: Readonly<Record<string, FieldValue>> };
  /** Whether to wait for what was written. False for a peer that does not read. */
  readonly politely?: boolean;
};
