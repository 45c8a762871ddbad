/** The longest packet that MQTT can express, fixed header included. MQTT 5.0, section 2.1.4 */
export const LONGEST_PACKET = 5 + 268_435_455;

/** How much is allowed. Bytes are of UTF-8 for texts; `Infinity` switches a rate off. */
export type BrokerLimits = {
  /** Fixed header and body of one packet, announced to MQTT 5 clients. MQTT 5.0, section 3.2.2.3.6 */
  readonly packetBytes: number;
  /** The same before CONNECT was accepted. */
  readonly connectPacketBytes: number;
  readonly payloadBytes: number;
  readonly topicBytes: number;
  readonly topicSlashes: number;
  readonly clientIdBytes: number;
  /** Keep alive outside these is replaced, and MQTT 5 clients are told. MQTT 5.0, section 3.2.2.3.14 */
  readonly keepAliveMinS: number;
  readonly keepAliveMaxS: number;
  /** What a keep alive of 0 (never) becomes; 0 leaves it. */
  readonly keepAliveForZeroS: number;
  readonly filtersPerSubscribe: number;
  readonly subscriptionsPerSession: number;
  /** Unacknowledged QoS 1 and 2 messages in each direction. MQTT 5.0, section 3.2.2.3.3 */
  readonly inFlight: number;
  /** MQTT 5.0, section 3.2.2.3.8 */
  readonly topicAliases: number;
  /** Aliases that we use on the way to one client. MQTT 5.0, section 3.1.2.11.5 */
  readonly outboundTopicAliases: number;
  readonly shareNameLength: number;
  /** How long a session lasts where the client leaves that to us: MQTT 3.1.1 with clean session 0. */
  readonly sessionExpiryDefaultS: number;
  readonly sessionExpiryMaxS: number;
  readonly messageExpiryMinS: number;
  readonly messageExpiryMaxS: number;
  readonly connections: number;
  /** From accepted socket to accepted CONNECT. */
  readonly connectTimeoutMs: number;
  /** QoS 1 messages that wait for one session beyond those in flight. */
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  /** Unsent bytes of one connection above which QoS 0 is dropped and QoS 1 waits in the queue. */
  readonly outboundSoftBytes: number;
  /** Unsent bytes above which the connection is closed as a slow consumer. */
  readonly outboundHardBytes: number;
  readonly retainedMessages: number;
  readonly retainedBytes: number;
  /** PUBLISH packets of one client a second; beyond, its connection is read more slowly. */
  readonly publishesPerSecond: number;
  /** Bytes of one client a second; beyond, its connection is read more slowly. */
  readonly bytesPerSecond: number;
  /** CONNECT packets with one client id a second; further ones are refused. */
  readonly connectsPerSecond: number;
  /** PUBLISH packets of all clients together a second; beyond, whoever publishes is read more slowly. */
  readonly accountPublishesPerSecond: number;
  /** CONNECT packets of all clients together a second; further ones are refused. */
  readonly accountConnectsPerSecond: number;
  /** PUBLISH packets to one client a second; beyond, QoS 0 is dropped, and QoS 1 and 2 wait in its queue. */
  readonly deliveriesPerSecond: number;
  /** Bytes of PUBLISH packets to one client a second; beyond, the same. */
  readonly deliveredBytesPerSecond: number;
  /** PUBLISH packets to all clients together a second; beyond, the same. */
  readonly accountDeliveriesPerSecond: number;
  /** Messages stored a second for all clients that are away; further ones are dropped, and the ledger says so. */
  readonly accountQueuesPerSecond: number;
  /** Stored messages sent a second to a client that is back; the others wait. */
  readonly drainsPerSecond: number;
  /** The same for those that it has by shared subscriptions. */
  readonly sharedDrainsPerSecond: number;
  /** PUBLISH packets with RETAIN of all clients together a second; beyond, whoever sends them is read more slowly. */
  readonly accountRetainsPerSecond: number;
  /** How long a QoS 1 message may stay unacknowledged on one connection before it is given up; `Infinity` for ever. */
  readonly inFlightS: number;
  /** How long a retained message is kept; `Infinity` for ever. */
  readonly retainedS: number;
  /** How long a WebSocket may last; `Infinity` for ever. */
  readonly webSocketS: number;
};

/** How the broker behaves where OASIS leaves a choice, or where AWS IoT departs from OASIS. */
export type BrokerSettings = {
  readonly profile: string;
  readonly maximumQos: 1 | 2;
  /** MQTT 5.0, section 3.2.2.3.12 */
  readonly subscriptionIdentifiers: boolean;
  /** MQTT 5.0, section 4.8.2; for MQTT 3.1.1 clients, too. */
  readonly sharedSubscriptions: boolean;
  /** Whether MQTT 3.1, the version before OASIS, is served as if it were 3.1.1. */
  readonly servesMqtt31: boolean;
  /** Whether a PUBACK says that nobody had subscribed. MQTT 5.0, section 3.4.2.1 */
  readonly tellsNoSubscribers: boolean;
  /** Who is told in words why something was refused: every MQTT 5 client, or those that ask. MQTT 5.0, section 3.1.2.11.7 */
  readonly reasonStrings: "by default" | "where asked for";
  /** Whether a topic filter or name that breaks the rules is a malformed packet, or refused for itself. */
  readonly badTopicsAreMalformed: boolean;
  /** Whether an MQTT 3.1.1 client's keep alive is brought within the limits, though it cannot be told. */
  readonly shortensKeepAliveUntold: boolean;
  /** Where clients that ask are told to have their responses sent; empty for nowhere. MQTT 5.0, section 3.2.2.3.15 */
  readonly responseTopics: string;
  /** What client ids that we assign begin with. MQTT 5.0, section 3.2.2.3.7 */
  readonly assignedClientIds: string;
  /** Filters that nobody may subscribe to. */
  readonly refusedFilters: readonly string[];
  /** Whether `a/#` matches `a`. MQTT 5.0, section 4.7.1.2 */
  readonly multiLevelMatchesParent: boolean;
  /** Whether a filter with wildcards is sent retained messages on subscribe. */
  readonly retainedOnWildcard: boolean;
  /** Whether clients may retain messages on topics that start with `$`. */
  readonly retainOnReserved: boolean;
  /** Whether an MQTT 5 client may resume the session of an MQTT 3.1.1 client, and the reverse. */
  readonly resumesAcrossVersions: boolean;
  /**
   * What an MQTT 3.1.1 client whom no policy lets connect is told: a CONNACK return code, or nothing but the end.
   * MQTT 3.1.1, section 3.2.2.3 knows 5; AWS IoT documented 7, and has been seen to say nothing.
   */
  readonly unauthorizedReturnCode: 5 | 7 | "none";
  /** What happens to packets that arrive before CONNACK was sent. MQTT 5.0, section 3.1.4 */
  readonly beforeConnack: "refuse" | "hold";
  /** Prefixes of `$` topics that clients may publish to, or filters with `+` that match them; any other is refused. */
  readonly reservedPublish: readonly string[];
  /** Prefixes of `$` filters that clients may subscribe to; any other is refused. */
  readonly reservedSubscribe: readonly string[];
  /** The `$` topics where clients ask the cloud: what they publish there reaches observers and no subscriber. */
  readonly questions: readonly string[];
  /** Whether `$aws/events/presence/…` is published on connect and disconnect. */
  readonly presence: boolean;
  /** PUBLISH and PUBACK packets that are traced each second; all other packets always are. */
  readonly tracedDataPacketsPerSecond: { readonly ofOneConnection: number; readonly inAll: number };
  readonly limits: BrokerLimits;
};

/** The limits that AWS IoT documents, rates excepted. */
const AWS_LIMITS: BrokerLimits = {
  packetBytes: 128 * 1024 + 2048,
  connectPacketBytes: 8192,
  payloadBytes: 128 * 1024,
  topicBytes: 256,
  topicSlashes: 7,
  clientIdBytes: 128,
  keepAliveMinS: 30,
  keepAliveMaxS: 1200,
  keepAliveForZeroS: 1200,
  filtersPerSubscribe: 8,
  subscriptionsPerSession: 50,
  inFlight: 100,
  topicAliases: 8,
  outboundTopicAliases: 0,
  shareNameLength: 128,
  sessionExpiryDefaultS: 3600,
  sessionExpiryMaxS: 3600,
  messageExpiryMinS: 1,
  messageExpiryMaxS: 604_800,
  connections: 500_000,
  connectTimeoutMs: 10_000,
  queuedMessages: 10_000,
  queuedBytes: 8 * 1024 * 1024,
  outboundSoftBytes: 1024 * 1024,
  outboundHardBytes: 32 * 1024 * 1024,
  retainedMessages: 100_000,
  retainedBytes: 256 * 1024 * 1024,
  publishesPerSecond: Infinity,
  bytesPerSecond: Infinity,
  connectsPerSecond: Infinity,
  accountPublishesPerSecond: Infinity,
  accountConnectsPerSecond: Infinity,
  deliveriesPerSecond: Infinity,
  deliveredBytesPerSecond: Infinity,
  accountDeliveriesPerSecond: Infinity,
  accountQueuesPerSecond: Infinity,
  drainsPerSecond: Infinity,
  sharedDrainsPerSecond: Infinity,
  accountRetainsPerSecond: Infinity,
  inFlightS: 3600,
  retainedS: 3 * 365 * 86_400,
  webSocketS: 86_400,
};

/** The rates that AWS IoT applies to one client and to one account, to spread over a profile's limits: `rates=aws`. */
export const AWS_RATES = {
  publishesPerSecond: 100,
  bytesPerSecond: 512 * 1024,
  connectsPerSecond: 1,
  accountPublishesPerSecond: 20_000,
  accountConnectsPerSecond: 500,
  deliveriesPerSecond: 100,
  deliveredBytesPerSecond: 512 * 1024,
  accountDeliveriesPerSecond: 20_000,
  accountQueuesPerSecond: 500,
  drainsPerSecond: 10,
  sharedDrainsPerSecond: 20,
  accountRetainsPerSecond: 500,
} as const;

/** Where devices ask for certificates and things. AWS IoT Core, "Device provisioning MQTT API" */
const PROVISIONING_TOPICS = ["$aws/certificates/create", "$aws/provisioning-templates/"] as const;

/** Where devices hand a message to one rule and to nobody else. AWS IoT Core, "Basic Ingest" */
export const BASIC_INGEST = "$aws/rules/";

/**
 * Where devices read and write their shadows. Whoever may subscribe hears the requests, too.
 * AWS IoT Core, "Reserved topics", shadow topics
 */
const SHADOW_TOPICS = ["get", "update", "delete"].flatMap((verb) => [
  `$aws/things/+/shadow/${verb}`,
  `$aws/things/+/shadow/name/+/${verb}`,
]);

/** Where devices ask for their jobs. AWS IoT Core, "Reserved topics", job topics */
const JOB_TOPICS = [
  "$aws/things/+/jobs/get",
  "$aws/things/+/jobs/start-next",
  "$aws/things/+/jobs/+/get",
  "$aws/things/+/jobs/+/update",
] as const;

/** Behaves as AWS IoT Core does. The default. */
export const AWS_PROFILE: BrokerSettings = {
  profile: "aws",
  maximumQos: 1,
  subscriptionIdentifiers: false,
  sharedSubscriptions: true,
  servesMqtt31: false,
  tellsNoSubscribers: false,
  reasonStrings: "by default",
  badTopicsAreMalformed: false,
  shortensKeepAliveUntold: true,
  responseTopics: "",
  assignedClientIds: "$GEN/",
  refusedFilters: [],
  multiLevelMatchesParent: false,
  retainedOnWildcard: false,
  retainOnReserved: false,
  resumesAcrossVersions: false,
  unauthorizedReturnCode: 5,
  beforeConnack: "refuse",
  reservedPublish: [...PROVISIONING_TOPICS, BASIC_INGEST, ...SHADOW_TOPICS, ...JOB_TOPICS],
  reservedSubscribe: ["$aws/events/", "$aws/things/", ...PROVISIONING_TOPICS],
  questions: [...PROVISIONING_TOPICS, BASIC_INGEST, ...JOB_TOPICS],
  presence: true,
  tracedDataPacketsPerSecond: { ofOneConnection: 20, inAll: 200 },
  limits: AWS_LIMITS,
};

/**
 * Behaves as OASIS writes. What the standards leave open is chosen so that the public conformance suites can look at
 * it: a keep alive of at most 60 s (announced to who can be told), a filter that is refused, few messages in flight.
 */
export const SPEC_PROFILE: BrokerSettings = {
  profile: "spec",
  maximumQos: 2,
  subscriptionIdentifiers: true,
  sharedSubscriptions: true,
  servesMqtt31: true,
  tellsNoSubscribers: true,
  reasonStrings: "where asked for",
  badTopicsAreMalformed: true,
  shortensKeepAliveUntold: false,
  responseTopics: "responses/",
  assignedClientIds: "auto-",
  refusedFilters: [],
  multiLevelMatchesParent: true,
  retainedOnWildcard: true,
  retainOnReserved: true,
  resumesAcrossVersions: true,
  unauthorizedReturnCode: 5,
  beforeConnack: "hold",
  reservedPublish: ["$"],
  reservedSubscribe: ["$"],
  questions: [...PROVISIONING_TOPICS, BASIC_INGEST, ...JOB_TOPICS],
  presence: false,
  tracedDataPacketsPerSecond: { ofOneConnection: 20, inAll: 200 },
  limits: {
    ...AWS_LIMITS,
    packetBytes: LONGEST_PACKET,
    connectPacketBytes: 512 * 1024,
    payloadBytes: LONGEST_PACKET,
    topicBytes: 65_535,
    // A filter is walked level by level: what can be nested without end could exhaust the stack.
    topicSlashes: 200,
    clientIdBytes: 65_535,
    keepAliveMinS: 0,
    keepAliveMaxS: 60,
    keepAliveForZeroS: 0,
    filtersPerSubscribe: 1000,
    subscriptionsPerSession: 10_000,
    inFlight: 20,
    topicAliases: 10,
    outboundTopicAliases: 64,
    shareNameLength: 65_535,
    sessionExpiryDefaultS: 0xffffffff,
    sessionExpiryMaxS: 0xffffffff,
    messageExpiryMinS: 0,
    messageExpiryMaxS: 0xffffffff,
    queuedBytes: 64 * 1024 * 1024,
    inFlightS: Infinity,
    retainedS: Infinity,
    webSocketS: Infinity,
    outboundHardBytes: 2 * LONGEST_PACKET,
  },
};
