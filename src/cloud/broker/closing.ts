import type { FieldValue, RefusalCause } from "../../trace/index.ts";
import type { DisconnectReason } from "./presence.ts";
import type { ReasonCode } from "./reason-codes.ts";

/** How a connection ends from our side. */
export type Closing = {
  /** Told to an MQTT 5 client. */
  readonly reason?: ReasonCode;
  readonly text?: string;
  readonly presence: DisconnectReason;
  readonly refusal?: { readonly cause: RefusalCause; readonly evidence: Readonly<Record<string, FieldValue>> };
  /** Whether to wait for what was written. False for a peer that does not read. */
  readonly politely?: boolean;
  /** Whether the client's will is published; it is by default. */
  readonly withWill?: boolean;
};
