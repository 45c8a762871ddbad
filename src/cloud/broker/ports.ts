import type { RefusalCause } from "../../trace/index.ts";

/** Who is at the other end of a transport connection. */
export type Peer = {
  /** The id of the connection, as trace events name it. */
  readonly connection: string;
  /** The peer's IP address, without port. */
  readonly address: string;
  /** DER certificates, leaf first, as the client presented them; empty where it sent none. */
  readonly certificates: readonly Uint8Array[];
  /** The TLS server name that the client asked for. RFC 6066, section 3 */
  readonly servername: string | undefined;
};

/** What a client asks for in its CONNECT packet. MQTT 5.0, section 3.1 */
export type ConnectRequest = {
  /** Never empty: an empty one is replaced by an assigned id before anybody is asked. */
  readonly clientId: string;
  readonly protocolVersion: 4 | 5;
  readonly cleanStart: boolean;
  readonly keepAliveS: number;
  readonly username?: string;
  readonly password?: Uint8Array;
  readonly will?: { readonly topic: string; readonly qos: 0 | 1; readonly retain: boolean };
  readonly peer: Peer;
};

/** The answer to a CONNECT: an authority for the session, or why not and whether the client is told so. */
export type Admission =
  | { readonly admit: true; readonly authority: Authority }
  | { readonly admit: false; readonly cause: RefusalCause; readonly reply: "close" | "connack" };

/** Decides on CONNECT. Writes its own refusal events; the broker writes none for a CONNECT that was refused here. */
export interface Gatekeeper {
  admit(request: ConnectRequest): Promise<Admission>;
}

/** What a client may be asked permission for. */
export type AuthorityAction = "iot:Publish" | "iot:Subscribe" | "iot:Receive" | "iot:RetainPublish";

/** Yes, or no with its cause and the evidence for whoever asks why. */
export type Verdict =
  | { readonly allowed: true }
  | {
      readonly allowed: false;
      readonly cause: RefusalCause;
      readonly evidence: Readonly<Record<string, string | number | boolean>>;
    };

/** What one admitted client may do, asked for every packet: synchronous, in memory, always up to date. */
export interface Authority {
  /** The certificate id: lower-case hex SHA-256 of the DER. */
  readonly principalId: string;
  /** `resource` is a topic name, or the topic filter as sent for `iot:Subscribe`. */
  may(action: AuthorityAction, resource: string): Verdict;
}

/** Where a connection writes. Bytes given to `write` belong to the sink from then on. */
export interface Sink {
  write(bytes: Uint8Array): void;
  /** Closes once everything written has left. */
  end(): void;
  /** Closes at once; what was not sent yet is lost. */
  destroy(): void;
  /** Stops calling `receive` soon, until `resume`: the peer feels it as a full window. */
  pause(): void;
  resume(): void;
  /** Bytes that were written and have not left the process yet. */
  readonly writableLength: number;
}

/** Properties that travel with a message from publisher to subscriber. MQTT 5.0, section 3.3.2.3 */
export type MessageProperties = {
  readonly payloadFormatIndicator?: 0 | 1;
  /** Seconds that the message may still wait. */
  readonly messageExpiryIntervalS?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Uint8Array;
  /** In the order in which the publisher gave them. */
  readonly userProperties?: readonly (readonly [name: string, value: string])[];
};

/** A message that the cloud itself publishes. */
export type SystemMessage = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1;
  readonly retain?: boolean;
  readonly properties?: MessageProperties;
};

/** A message that the broker accepted, as observers see it. `payload` is a view that must be copied to be kept. */
export type Published = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly properties: MessageProperties;
  /** "client", "will", or the name that a system publisher gave itself. */
  readonly origin: string;
  /** Empty for system publishes. */
  readonly clientId: string;
  /** Empty for system publishes. */
  readonly principalId: string;
};

/** Hears of each accepted publish, in order, before its acknowledgement leaves. Must not throw. */
export type PublishListener = (message: Published) => void;

/** Facts about one session, live or waiting. */
export type SessionFacts = {
  readonly clientId: string;
  /** The principal of the current or last connection. */
  readonly principalId: string;
  readonly protocolVersion: 4 | 5;
  readonly connected: boolean;
  /** Present while connected. */
  readonly connection?: { readonly id: string; readonly address: string; readonly since: number };
  readonly keepAliveS: number;
  /** Seconds that the session outlives its connection. */
  readonly expiryS: number;
  readonly subscriptions: readonly { readonly filter: string; readonly qos: 0 | 1 }[];
  readonly queued: number;
  readonly inFlight: number;
};

/** A subscription as it is kept. MQTT 5.0, section 3.8.3.1 */
export type StoredSubscription = {
  readonly filter: string;
  readonly qos: 0 | 1;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
};

/** A message as it is kept, retained or queued. */
export type StoredMessage = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1;
  /** As a queued message's RETAIN flag goes out; always true for a retained message. */
  readonly retain: boolean;
  /** Without the expiry interval, which `expiresAt` replaces. */
  readonly properties: MessageProperties;
  /** Milliseconds since 1970, or undefined for a message that does not expire. */
  readonly expiresAt: number | undefined;
};

/** One message waiting for, or in flight to, one persistent session. `seq` rises within the session. */
export type QueuedMessage = { readonly seq: number; readonly message: StoredMessage };

/** What a persistent session is besides its subscriptions and queue. */
export type StoredSession = {
  readonly clientId: string;
  readonly principalId: string;
  readonly protocolVersion: 4 | 5;
  /** Seconds that the session outlives its connection. */
  readonly expiryS: number;
  /** When the last connection ended, in milliseconds since 1970; undefined while connected. */
  readonly disconnectedAt: number | undefined;
};

/** Everything that a store holds, as it is read once at start. */
export type StoredState = {
  readonly sessions: readonly (StoredSession & {
    readonly subscriptions: readonly StoredSubscription[];
    /** In rising `seq`. */
    readonly queue: readonly QueuedMessage[];
  })[];
  readonly retained: readonly StoredMessage[];
};

/**
 * Keeps persistent sessions and retained messages over a restart.
 *
 * Writes are only noted when called, in order, and may be grouped; `commit` makes all of them durable. The broker
 * commits once for all the packets that it handles in one turn, and holds their acknowledgements until then. The same
 * message object is enqueued for many sessions: a store may keep it once.
 */
export interface SessionStore {
  load(): StoredState;
  /** Creates or replaces the session's row; subscriptions and queue stay. */
  putSession(session: StoredSession): void;
  /** Deletes the session with its subscriptions and queue. */
  deleteSession(clientId: string): void;
  /** Adds the subscription, or replaces the one with the same filter. */
  putSubscription(clientId: string, subscription: StoredSubscription): void;
  deleteSubscription(clientId: string, filter: string): void;
  enqueue(clientId: string, entry: QueuedMessage): void;
  dequeue(clientId: string, seq: number): void;
  /** Keeps the retained message of its topic in place of the one before. */
  putRetained(message: StoredMessage): void;
  deleteRetained(topic: string): void;
  /** Makes all writes so far durable. Undefined where they are already; rejects where they cannot be. */
  commit(): Promise<void> | undefined;
}

/** Runs a task soon, behind everything that is going on in this turn: `setImmediate`, or a test's own queue. */
export type Defer = (task: () => void) => void;
