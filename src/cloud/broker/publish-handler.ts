import type { ClientConnection } from "./client-connection.ts";
import { boundedExpiry } from "./connect-terms.ts";
import { malformed, overLimit, violation } from "./errors.ts";
import type { Link } from "./link.ts";
import { Message } from "./message.ts";
import type { Answer } from "./outbound.ts";
import type { MessageProperties, QoS, Verdict } from "./ports.ts";
import type { PublishView } from "./publish-packet.ts";
import { decodePublishProperties, NO_PROPERTIES } from "./publish-properties.ts";
import { REASON } from "./reason-codes.ts";
import { orNone } from "./router.ts";
import { isPermittedReserved, isReserved, topicNameProblem } from "./topics.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A packet's place in the bytes that it came in. */
export type Place = { readonly start: number; readonly body: number; readonly end: number };

/** Accepts, refuses or faults one PUBLISH. MQTT 5.0, section 3.3 */
export function handlePublish(connection: ClientConnection, link: Link, bytes: Uint8Array, place: Place): void {
  const { core } = connection;
  const { view } = core;
  view.read(bytes, place, link.version);
  const { topic, properties } = topicAndProperties(connection, view, bytes);
  const { qos, retain, packetId } = view;
  const { limits } = core.settings;
  const payload = bytes.subarray(view.payloadAt, place.end);
  if (connection.trace.mayTellData(core.turn.time)) {
    connection.trace.packet("received", "publish", place.end - place.start, { topic, qos });
  }
  if (qos > core.settings.maximumQos) {
    throw violation(`QoS ${qos}, at most ${core.settings.maximumQos} is supported`, REASON.qosNotSupported);
  }
  if (payload.length > limits.payloadBytes) {
    throw overLimit(`payload of ${payload.length} bytes, at most ${limits.payloadBytes}`, REASON.packetTooLarge);
  }
  connection.rate?.published({ retain });
  if (qos === 2 && link.session.received.has(packetId)) {
    if (link.session.received.repeat(packetId)) throw violation("PUBLISH came three times on one connection");
    return sendReceived(connection, packetId);
  }
  if (qos > 0) checkWindow(connection, link);
  const verdict = link.authority.may("iot:Publish", topic);
  if (!verdict.allowed) return refuse(connection, link, { verdict, packetId, qos });
  if (retain && !mayRetain(connection, link, { topic, payload, packetId, qos })) return;
  const message = messageOf(view, { topic, properties, payload, connection });
  const adoptable = !retain && !view.dup && message.expiresAt === undefined && properties === NO_PROPERTIES;
  if (adoptable && view.topicEnd > view.topicAt && view.propertiesEnd === view.propertiesAt) {
    const idAt = qos > 0 ? view.topicEnd - place.start : 0;
    message.adopt(link.version, { bytes: bytes.subarray(place.start, place.end), idAt });
  }
  if (qos === 2) {
    link.session.receive(packetId, message);
    return sendReceived(connection, packetId);
  }
  const before = core.turn.mark;
  const hasReceivers = core.router.publish(message, link.publisher);
  if (qos === 0) return;
  const tells = !hasReceivers && link.version === 5 && core.settings.tellsNoSubscribers;
  const answer = tells ? { reasonCode: REASON.noMatchingSubscribers } : undefined;
  connection.out.acknowledge(packetId, core.turn.mark === before ? 0 : core.turn.mark, answer);
}

/** PUBREC for a message that is kept, and for its repetitions, which change nothing. MQTT 5.0, section 4.3.3 */
function sendReceived({ core, out }: ClientConnection, packetId: number): void {
  out.answer("pubrec", packetId, { mark: core.turn.mark });
}

/**
 * MQTT 5.0, section 3.3.4: more unacknowledged messages than Receive Maximum end the connection. MQTT 3.1.1 clients
 * cannot be told of a maximum: theirs is what the packet identifiers, and our memory, have room for.
 */
function checkWindow({ core, out }: ClientConnection, { version, session }: Link): void {
  const { inFlight, queuedBytes } = core.settings.limits;
  if (version === 5 && out.owed + session.received.size >= inFlight) {
    throw overLimit(`over ${inFlight} unacknowledged messages`, REASON.receiveMaximumExceeded);
  }
  if (session.received.bytes > queuedBytes) throw overLimit("unreleased messages", REASON.quotaExceeded);
}

function topicAndProperties(connection: ClientConnection, view: PublishView, bytes: Uint8Array) {
  const { settings } = connection.core;
  const { topicAt, topicEnd, propertiesAt, propertiesEnd } = view;
  let alias: number | undefined;
  let properties: MessageProperties = NO_PROPERTIES;
  if (propertiesEnd > propertiesAt) {
    const decoded = decodePublishProperties(bytes.subarray(propertiesAt, propertiesEnd));
    alias = decoded.topicAlias;
    properties = orNone(decoded.message);
  }
  let topic = connection.topics.same(bytes, topicAt, topicEnd);
  if (topic === undefined) {
    topic = topicEnd === topicAt ? "" : newTopic(connection, bytes.subarray(topicAt, topicEnd));
    if (topic === "" && alias === undefined) throw violation("PUBLISH names no topic");
  }
  if (alias !== undefined) topic = connection.topics.alias(alias, topic, settings.limits.topicAliases);
  return { topic, properties };
}

function newTopic(connection: ClientConnection, bytes: Uint8Array): string {
  const { settings } = connection.core;
  let topic: string;
  try {
    topic = utf8.decode(bytes);
  } catch (cause) {
    throw malformed("topic name is not valid UTF-8", cause);
  }
  const problem = topicNameProblem(topic, settings.limits);
  if (problem !== undefined) {
    throw settings.badTopicsAreMalformed
      ? malformed(`topic name: ${problem}`)
      : violation(`topic name: ${problem}`, REASON.topicNameInvalid);
  }
  if (isReserved(topic) && !isPermittedReserved(topic, settings.reservedPublish)) {
    throw violation(`topic ${topic} is reserved`, REASON.topicNameInvalid);
  }
  connection.topics.remember(bytes, topic);
  return topic;
}

function messageOf(
  { qos, retain }: PublishView,
  from: { topic: string; properties: MessageProperties; payload: Uint8Array; connection: ClientConnection },
): Message {
  const { topic, payload, connection } = from;
  if (from.properties.messageExpiryIntervalS === undefined) {
    return new Message({ topic, payload, qos, retain, properties: from.properties });
  }
  const { messageExpiryIntervalS, ...travelling } = from.properties;
  const { clock, settings } = connection.core;
  const expiryS = boundedExpiry(messageExpiryIntervalS, settings.limits) ?? 0;
  const expiresAt = clock.now() + expiryS * 1000;
  return new Message({ topic, payload, qos, retain, properties: orNone(travelling), expiresAt });
}

function mayRetain(
  connection: ClientConnection,
  link: Link,
  what: { topic: string; payload: Uint8Array; packetId: number; qos: QoS },
): boolean {
  const { core } = connection;
  const { topic, payload, packetId, qos } = what;
  if (isReserved(topic) && !core.settings.retainOnReserved) {
    throw violation(`topic ${topic} cannot be retained`, REASON.retainNotSupported);
  }
  const verdict = link.authority.may("iot:RetainPublish", topic);
  if (!verdict.allowed) {
    refuse(connection, link, { verdict, packetId, qos });
    return false;
  }
  if (core.retained.hasRoomFor(topic, payload)) return true;
  const fault = overLimit("retained messages", REASON.quotaExceeded);
  if (link.version === 4 || qos === 0) throw fault;
  connection.trace.refusal("mqtt-limit", { limit: fault.message, topic });
  refuseMessage(
    connection,
    { packetId, qos },
    { reasonCode: REASON.quotaExceeded, why: `mqtt-limit: ${fault.message}` },
  );
  return false;
}

/** PUBACK or PUBREC with the reason why a message is not accepted. MQTT 5.0, sections 3.4.2.1 and 3.5.2.1 */
function refuseMessage(
  { out }: ClientConnection,
  { packetId, qos }: { packetId: number; qos: QoS },
  answer: Answer,
): void {
  out.answer(qos === 2 ? "pubrec" : "puback", packetId, { mark: 0, ...answer });
}

/** An unauthorised PUBLISH: MQTT 5 has a reply for QoS 1 and 2, else the connection ends. MQTT 5.0, section 3.4.2.1 */
function refuse(
  connection: ClientConnection,
  { version }: Link,
  what: { verdict: Extract<Verdict, { allowed: false }>; packetId: number; qos: QoS },
): void {
  const { verdict, packetId, qos } = what;
  if (version === 5 && qos > 0) {
    connection.trace.refusal(verdict.cause, verdict.evidence);
    refuseMessage(connection, { packetId, qos }, { reasonCode: REASON.notAuthorized, why: verdict.cause });
    return;
  }
  connection.close({
    reason: REASON.notAuthorized,
    text: verdict.cause,
    presence: "FORBIDDEN_ACCESS",
    refusal: { cause: verdict.cause, evidence: verdict.evidence },
  });
}
