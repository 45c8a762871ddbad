import type { IConnectPacket, Packet } from "mqtt-packet";

import { toHex, utf8Bytes } from "../../codec/index.ts";
import type { Entropy } from "../../crypto/index.ts";
import { malformed, overLimit, violation } from "./errors.ts";
import type { Authority, ConnectRequest, MessageProperties, Peer, Verdict } from "./ports.ts";
import type { ConnectShape } from "./packet-shape.ts";
import { REASON } from "./reason-codes.ts";
import { orNone } from "./router.ts";
import type { Will } from "./session-registry.ts";
import { LONGEST_PACKET, type BrokerSettings } from "./settings.ts";
import { isPermittedReserved, isReserved, topicNameProblem } from "./topics.ts";

/** What a CONNECT packet and our limits agree on, if the gatekeeper admits the client. */
export type ConnectTerms = {
  readonly request: ConnectRequest;
  readonly will: Will | undefined;
  readonly isMqtt31: boolean;
  /** Seconds that the session outlives its connection. */
  readonly expiryS: number;
  /** What CONNACK tells an MQTT 5 client about its request. MQTT 5.0, section 3.2.2.3 */
  readonly connackProperties: NonNullable<Extract<Packet, { cmd: "connack" }>["properties"]>;
  /** The longest packet that the client accepts. MQTT 5.0, section 3.1.2.11.4 */
  readonly maximumPacketBytes: number;
  /** QoS 1 and 2 messages that may be in flight to the client. MQTT 5.0, section 3.1.2.11.3 */
  readonly window: number;
  /** Whether reason strings are sent. MQTT 5.0, section 3.1.2.11.7 */
  readonly wantsReasons: boolean;
  /** Aliases that may stand for topics on the way to the client. MQTT 5.0, section 3.1.2.11.5 */
  readonly topicAliases: number;
  /** How the client proves who it is, where it does so by AUTH packets. MQTT 5.0, section 4.12 */
  readonly authentication: { readonly method: string; readonly data: Uint8Array } | undefined;
};

type Denial = Extract<Verdict, { allowed: false }>;

/** Works out the terms of a connection. Throws `ClientFault` where there can be none. MQTT 5.0, section 3.1 */
export function connectTerms(
  packet: IConnectPacket,
  shape: ConnectShape,
  { peer, settings, entropy }: { readonly peer: Peer; readonly settings: BrokerSettings; readonly entropy: Entropy },
): ConnectTerms {
  const { limits } = settings;
  const { version } = shape;
  const properties = (version === 5 && packet.properties) || {};
  if (properties.receiveMaximum === 0) throw violation("receive maximum is 0");
  if (properties.maximumPacketSize === 0) throw violation("maximum packet size is 0");
  const cleanStart = packet.clean === true;
  const clientId = clientIdOf(packet, { version, cleanStart, settings, entropy });
  const will = willOf(packet, shape, settings);
  const asked = packet.keepalive ?? 0;
  const keepAliveS = version === 4 && !settings.shortensKeepAliveUntold ? asked : clampedKeepAlive(asked, limits);
  const askedExpiryS =
    version === 5 ? (properties.sessionExpiryInterval ?? 0) : cleanStart ? 0 : limits.sessionExpiryDefaultS;
  const expiryS = Math.min(askedExpiryS, limits.sessionExpiryMaxS);
  return {
    request: {
      clientId,
      protocolVersion: version,
      cleanStart,
      keepAliveS,
      peer,
      ...(packet.username === undefined ? {} : { username: packet.username }),
      ...(packet.password === undefined ? {} : { password: new Uint8Array(packet.password) }),
      ...(will ? { will: { topic: will.message.topic, qos: will.message.qos, retain: will.message.retain } } : {}),
    },
    will,
    isMqtt31: shape.isMqtt31,
    expiryS,
    connackProperties: {
      ...(keepAliveS === asked ? {} : { serverKeepAlive: keepAliveS }),
      ...(expiryS === askedExpiryS ? {} : { sessionExpiryInterval: expiryS }),
      ...announcements(settings),
      ...(packet.clientId === "" ? { assignedClientIdentifier: clientId } : {}),
      ...(properties.requestResponseInformation === true && settings.responseTopics !== ""
        ? { responseInformation: `${settings.responseTopics}${clientId}/` }
        : {}),
      receiveMaximum: limits.inFlight,
    },
    maximumPacketBytes: properties.maximumPacketSize ?? Infinity,
    window: Math.min(properties.receiveMaximum ?? 0xffff, limits.inFlight),
    topicAliases: Math.min(properties.topicAliasMaximum ?? 0, limits.outboundTopicAliases),
    authentication: authenticationOf(properties),
    wantsReasons: version === 5 && wantsReasons(properties.requestProblemInformation, settings),
  };
}

/** What a CONNACK says about the server, where that is not what a client assumes. MQTT 5.0, section 3.2.2.3 */
function announcements({ limits, maximumQos, subscriptionIdentifiers, sharedSubscriptions }: BrokerSettings) {
  return {
    ...(maximumQos === 2 ? {} : { maximumQoS: maximumQos }),
    ...(limits.packetBytes >= LONGEST_PACKET ? {} : { maximumPacketSize: limits.packetBytes }),
    topicAliasMaximum: limits.topicAliases,
    ...(subscriptionIdentifiers ? {} : { subscriptionIdentifiersAvailable: false }),
    ...(sharedSubscriptions ? {} : { sharedSubscriptionAvailable: false }),
  };
}

function wantsReasons(asked: boolean | undefined, { reasonStrings }: BrokerSettings): boolean {
  return asked ?? reasonStrings === "by default";
}

function authenticationOf(properties: NonNullable<IConnectPacket["properties"]>): ConnectTerms["authentication"] {
  const { authenticationMethod: method, authenticationData } = properties;
  if (method !== undefined) return { method, data: new Uint8Array(authenticationData ?? []) };
  // MQTT 5.0, section 3.1.2.11.10: "It is a Protocol Error to include Authentication Data if there is no Authentication Method"
  if (authenticationData !== undefined) throw violation("authentication data without a method");
  return undefined;
}

function clientIdOf(
  packet: IConnectPacket,
  how: { version: 4 | 5; cleanStart: boolean; settings: BrokerSettings; entropy: Entropy },
): string {
  if (packet.clientId === "") {
    // MQTT 3.1.1, section 3.1.3.1: without a client id only a clean session makes sense.
    if (how.version === 4 && !how.cleanStart) {
      throw violation("client id is empty and clean session is 0", REASON.clientIdentifierNotValid);
    }
    return `${how.settings.assignedClientIds}${uuid(how.entropy)}`;
  }
  const { clientIdBytes } = how.settings.limits;
  if (utf8Bytes(packet.clientId).length > clientIdBytes) {
    throw overLimit(`client id has over ${clientIdBytes} bytes`, REASON.clientIdentifierNotValid);
  }
  return packet.clientId;
}

/** A random UUID. RFC 9562, section 5.4 */
export function uuid(entropy: Entropy): string {
  const bytes = entropy.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function clampedKeepAlive(askedS: number, limits: BrokerSettings["limits"]): number {
  if (askedS === 0) return limits.keepAliveForZeroS;
  return Math.min(Math.max(askedS, limits.keepAliveMinS), limits.keepAliveMaxS);
}

function willOf(packet: IConnectPacket, shape: ConnectShape, settings: BrokerSettings): Will | undefined {
  const { will } = packet;
  if (!will) return undefined;
  const qos = will.qos ?? 0;
  if (qos > settings.maximumQos)
    throw violation(`will QoS is ${qos}, at most ${settings.maximumQos}`, REASON.qosNotSupported);
  const problem = topicNameProblem(will.topic, settings.limits);
  if (problem !== undefined) {
    throw settings.badTopicsAreMalformed
      ? malformed(`will topic: ${problem}`)
      : violation(`will topic: ${problem}`, REASON.topicNameInvalid);
  }
  if (isReserved(will.topic) && !isPermittedReserved(will.topic, settings.reservedPublish)) {
    throw violation(`will topic ${will.topic} is reserved`, REASON.topicNameInvalid);
  }
  const properties = (shape.version === 5 && will.properties) || {};
  if (properties.responseTopic !== undefined && /[+#]/.test(properties.responseTopic)) {
    throw violation("will response topic holds a wildcard");
  }
  return {
    message: {
      topic: will.topic,
      payload: typeof will.payload === "string" ? utf8Bytes(will.payload) : new Uint8Array(will.payload),
      qos,
      retain: will.retain ?? false,
      properties: willProperties(properties, shape.willUserProperties),
    },
    expiryS: boundedExpiry(properties.messageExpiryInterval, settings.limits),
    delayS: properties.willDelayInterval ?? 0,
  };
}

/** A will is authorised when it is left behind, not when it is published. */
export function willDenied({ will }: ConnectTerms, authority: Authority): Denial | undefined {
  if (!will) return undefined;
  const { topic, retain } = will.message;
  const verdict = authority.may("iot:Publish", topic);
  if (!verdict.allowed) return verdict;
  const retained = retain ? authority.may("iot:RetainPublish", topic) : verdict;
  return retained.allowed ? undefined : retained;
}

/** A message's expiry within the limits, or undefined where it does not expire. */
export function boundedExpiry(expiryS: number | undefined, limits: BrokerSettings["limits"]): number | undefined {
  if (expiryS === undefined) return undefined;
  return Math.min(Math.max(expiryS, limits.messageExpiryMinS), limits.messageExpiryMaxS);
}

function willProperties(
  from: NonNullable<NonNullable<IConnectPacket["will"]>["properties"]>,
  userProperties: ConnectShape["willUserProperties"],
): MessageProperties {
  const { payloadFormatIndicator, contentType, responseTopic, correlationData } = from;
  return orNone({
    ...(payloadFormatIndicator === undefined ? {} : { payloadFormatIndicator: payloadFormatIndicator ? 1 : 0 }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData: new Uint8Array(correlationData) }),
    ...(userProperties.length === 0 ? {} : { userProperties }),
  });
}
