import type { Clock, Entropy } from "../../crypto/index.ts";
import type { Trace } from "../../trace/index.ts";
import type { AccountRates } from "./account-rates.ts";
import type { ControlCodec } from "./control-codec.ts";
import type { OutboxPool } from "./outbox.ts";
import type { PerSecond } from "./packet-trace.ts";
import type { Authenticator, Gatekeeper, SessionStore } from "./ports.ts";
import type { Presence } from "./presence.ts";
import type { PublishView } from "./publish-packet.ts";
import type { RetainedMessages } from "./retained-messages.ts";
import type { Router } from "./router.ts";
import type { SessionRegistry } from "./session-registry.ts";
import type { BrokerSettings } from "./settings.ts";
import type { Slab } from "./slab.ts";
import type { Turn } from "./turn.ts";

/** The parts of one broker that its connections share. */
export type BrokerCore = {
  readonly settings: BrokerSettings;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly trace: Trace;
  /** The data packets of all connections that may be traced. */
  readonly tracedDataPackets: PerSecond;
  readonly rates: AccountRates;
  readonly gatekeeper: Gatekeeper;
  /** By method. */
  readonly authenticators: ReadonlyMap<string, Authenticator>;
  readonly store: SessionStore;
  readonly turn: Turn;
  readonly slab: Slab;
  readonly outboxes: OutboxPool;
  readonly codec: ControlCodec;
  readonly view: PublishView;
  readonly retained: RetainedMessages;
  readonly router: Router;
  readonly sessions: SessionRegistry;
  readonly presence: Presence | undefined;
};
