import type { RefusalCause } from "../../trace/index.ts";

/** How often a message may arrive: at most once, at least once, exactly once. MQTT 5.0, section 4.3 */
export type QoS = 0 | 1 | 2;

/** Who is at the other end of a transport connection. */
export type Peer = {
  /** The id of the connection, as trace events name it. */
  readonly connection: string;
  /** The peer's IP address, without port. */
  readonly address: string;
  /** DER certificates as the client presented them: its own, and where they came with it, those behind; empty for none. */
  readonly certificates: readonly Uint8Array[];
  /** All that it presented, its own first, where asking costs more than most decisions need. */
  readonly chain?: (() => readonly Uint8Array[]) | undefined;
  /** The TLS server name that the client asked for. RFC 6066, section 3 */
  readonly servername: string | undefined;
  /** Such as TLSv1.3; absent where there is no TLS. */
  readonly tlsVersion?: string;
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
  /** Who the client proved to be by AUTH packets, where it did so. MQTT 5.0, section 4.12 */
  readonly authenticated?: { readonly method: string; readonly identity: string };
  readonly will?: { readonly topic: string; readonly qos: QoS; readonly retain: boolean };
  readonly peer: Peer;
};

/** What an authenticator says to one message of the client. `data` is sent to it. MQTT 5.0, section 4.12 */
export type AuthenticationStep =
  | { readonly outcome: "continue"; readonly data?: Uint8Array }
  /** `identity` is who the client proved to be; the gatekeeper decides what that is worth. */
  | { readonly outcome: "success"; readonly identity: string; readonly data?: Uint8Array }
  | {
      readonly outcome: "refuse";
      readonly cause: RefusalCause;
      readonly evidence: Readonly<Record<string, string | number | boolean>>;
    };

/** One exchange: begun by CONNECT or by a re-authentication, ended by success or refusal. */
export interface AuthenticationExchange {
  next(data: Uint8Array): Promise<AuthenticationStep>;
}

/** An authentication method of MQTT 5. MQTT 5.0, section 4.12 */
export interface Authenticator {
  /** As clients name it. */
  readonly method: string;
  begin(request: ConnectRequest): AuthenticationExchange;
}

/** The answer to a CONNECT: an authority for the session, or why not and whether the client is told so. */
export type Admission =
  | { readonly admit: true; readonly authority: Authority }
  | { readonly admit: false; readonly cause: RefusalCause; readonly reply: "close" | "connack" };

/** Decides on CONNECT. Writes its own refusal events; the broker writes none for a CONNECT that was refused here. */
export interface Gatekeeper {
  admit(request: ConnectRequest): Promise<Admission>;
}

/** What a client may be asked permission for: by its packets, and by its requests over HTTPS about a thing. */
export type AuthorityAction =
  | "iot:Publish"
  | "iot:Subscribe"
  | "iot:Receive"
  | "iot:RetainPublish"
  | "iot:GetThingShadow"
  | "iot:UpdateThingShadow"
  | "iot:DeleteThingShadow"
  | "iot:ListNamedShadowsForThing"
  | "iot:GetPendingJobExecutions"
  | "iot:StartNextPendingJobExecution"
  | "iot:DescribeJobExecution"
  | "iot:UpdateJobExecution"
  | "iot:GetRetainedMessage"
  | "iot:ListRetainedMessages"
  | "iot:AssumeRoleWithCertificate";

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
  /** `resource` is a topic name, the topic filter as sent for `iot:Subscribe`, or a thing's name. */
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
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties: MessageProperties;
  /** "client", "will", or the name that a system publisher gave itself. */
  readonly origin: string;
  /** Empty for system publishes. */
  readonly clientId: string;
  /** Empty for system publishes. */
  readonly principalId: string;
  /** The IP address of the client that publishes, and its connection, where one does. */
  readonly address?: string;
  readonly connection?: string;
};

/**
 * Hears of each accepted publish, in order, before its acknowledgement leaves. Must not throw. A promise is something
 * that the message set going and that must be durable before the acknowledgement; it rejects where it never will be.
 */
export type PublishListener = ((message: Published) => void) | ((message: Published) => Promise<void> | undefined);

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
  readonly subscriptions: readonly { readonly filter: string; readonly qos: QoS }[];
  readonly queued: number;
  readonly inFlight: number;
};

/** A subscription as it is kept. MQTT 5.0, section 3.8.3.1 */
export type StoredSubscription = {
  /** As the client sent it, a share's name included. */
  readonly filter: string;
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  /** What messages that match are to carry. MQTT 5.0, section 3.8.2.1.2 */
  readonly identifier?: number | undefined;
};

/** A message as it is kept, retained or queued. */
export type StoredMessage = {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** As it was published; a queued message goes out with the QoS of its entry. */
  readonly qos: QoS;
  /** As a queued message's RETAIN flag goes out; always true for a retained message. */
  readonly retain: boolean;
  /** Without the expiry interval, which `expiresAt` replaces. */
  readonly properties: MessageProperties;
  /** Milliseconds since 1970, or undefined for a message that does not expire. */
  readonly expiresAt: number | undefined;
};

/** One message waiting for, or in flight to, one persistent session. `seq` rises within the session. */
export type QueuedMessage = {
  readonly seq: number;
  readonly message: StoredMessage;
  readonly qos: 1 | 2;
  /** Subscription identifiers that it carries. MQTT 5.0, section 3.3.2.3.8 */
  readonly identifiers?: readonly number[];
  /** Present once it was sent. MQTT 5.0, section 4.4 */
  readonly packetId?: number;
  /** Whether PUBREC came for it: only PUBREL is sent from then on. MQTT 5.0, section 4.3.3 */
  readonly isReleased?: boolean;
};

/** A QoS 2 message that came from a client and was not released by it yet. MQTT 5.0, section 4.3.3 */
export type ReceivedMessage = { readonly packetId: number; readonly message: StoredMessage };

/** A topic's retained message. `modifiedAt`: when it took its topic, in ms since 1970; unknown of ones kept long ago. */
export type RetainedMessage = StoredMessage & { readonly modifiedAt: number | undefined };

/** The will of a client that is connected, or whose delay has not passed. MQTT 5.0, section 3.1.2.5 */
export type StoredWill = {
  readonly clientId: string;
  readonly principalId: string;
  /** Its `expiresAt` counts from its publication and is therefore undefined. */
  readonly message: StoredMessage;
  readonly expiryS: number | undefined;
  /** Seconds between the end of the connection and its publication. */
  readonly delayS: number;
};

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
    readonly received: readonly ReceivedMessage[];
  })[];
  readonly wills: readonly StoredWill[];
  readonly retained: readonly RetainedMessage[];
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
  /** Deletes the session with its subscriptions, queue and received messages. */
  deleteSession(clientId: string): void;
  /** Adds the subscription, or replaces the one with the same filter. */
  putSubscription(clientId: string, subscription: StoredSubscription): void;
  deleteSubscription(clientId: string, filter: string): void;
  enqueue(clientId: string, entry: QueuedMessage): void;
  /** Replaces the entry with the same `seq`. */
  updateQueued(clientId: string, entry: QueuedMessage): void;
  dequeue(clientId: string, seq: number): void;
  putReceived(clientId: string, entry: ReceivedMessage): void;
  deleteReceived(clientId: string, packetId: number): void;
  /** Keeps the client's will in place of the one before; wills are no part of sessions. */
  putWill(will: StoredWill): void;
  deleteWill(clientId: string): void;
  /** Keeps the retained message of its topic in place of the one before. */
  putRetained(message: RetainedMessage): void;
  deleteRetained(topic: string): void;
  /** Makes all writes so far durable. Undefined where they are already; rejects where they cannot be. */
  commit(): Promise<void> | undefined;
}

/** Runs a task soon, behind everything that is going on in this turn: `setImmediate`, or a test's own queue. */
export type Defer = (task: () => void) => void;
