import type { ISubscribePacket, ISubscription, IUnsubscribePacket } from "mqtt-packet";

import type { ClientConnection } from "./client-connection.ts";
import { malformed, violation } from "./errors.ts";
import type { Link } from "./link.ts";
import type { QoS } from "./ports.ts";
import type { PresenceFacts } from "./presence.ts";
import { REASON, type ReasonCode } from "./reason-codes.ts";
import { lower } from "./router.ts";
import { NONE, type Subscription } from "./session.ts";
import { shareNameProblem, shareOf } from "./shared-group.ts";
import { isPermittedReserved, isReserved, topicFilterProblem } from "./topics.ts";

/** What became of one filter. */
type Outcome =
  | { readonly granted: QoS; readonly subscription: Subscription; readonly isNew: boolean }
  | { readonly refused: ReasonCode; readonly why: string };

/** Adds subscriptions, answers SUBACK, sends retained messages. MQTT 5.0, section 3.8 */
export function handleSubscribe(connection: ClientConnection, link: Link, packet: ISubscribePacket): void {
  const { core } = connection;
  const packetId = packet.messageId ?? 0;
  const identifier = packet.properties?.subscriptionIdentifier;
  if (identifier !== undefined && !core.settings.subscriptionIdentifiers) {
    throw violation("subscription identifiers are not available", REASON.subscriptionIdentifiersNotSupported);
  }
  const before = core.turn.mark;
  const tooMany = packet.subscriptions.length > core.settings.limits.filtersPerSubscribe;
  if (tooMany)
    connection.trace.refusal("mqtt-limit", { limit: "filtersPerSubscribe", filters: packet.subscriptions.length });
  const outcomes = packet.subscriptions.map((wanted): Outcome => {
    if (tooMany) return { refused: REASON.quotaExceeded, why: "mqtt-limit: too many filters in one SUBSCRIBE" };
    return subscribe(connection, link, wanted, identifier ?? 0);
  });
  const why = outcomes.find((outcome) => "refused" in outcome)?.why;
  const granted = outcomes.map((outcome) =>
    "refused" in outcome ? refusalCode(outcome.refused, link) : outcome.granted,
  );
  const properties = why !== undefined && connection.out.wantsReasons ? { properties: { reasonString: why } } : {};
  const mark = core.turn.mark === before ? 0 : core.turn.mark;
  connection.out.reply({ cmd: "suback", messageId: packetId, granted, ...properties }, mark);
  const topics = outcomes.flatMap((outcome) => ("refused" in outcome ? [] : outcome.subscription.filter));
  core.presence?.subscriptions("subscribed", factsOf(link), topics);
  for (const [i, outcome] of outcomes.entries()) {
    if ("refused" in outcome) continue;
    const retainHandling = link.version === 5 ? (packet.subscriptions[i]?.rh ?? 0) : 0;
    if (shareOf(outcome.subscription.filter)) continue;
    if (retainHandling === 0 || (retainHandling === 1 && outcome.isNew)) sendRetained(connection, outcome.subscription);
  }
}

/** Takes subscriptions away and answers UNSUBACK. MQTT 5.0, section 3.10 */
export function handleUnsubscribe(connection: ClientConnection, link: Link, packet: IUnsubscribePacket): void {
  const { core } = connection;
  const packetId = packet.messageId ?? 0;
  const before = core.turn.mark;
  const granted = packet.unsubscriptions.map((filter) => {
    const problem = core.settings.badTopicsAreMalformed && topicFilterProblem(filter, core.settings.limits);
    if (problem) throw malformed(`topic filter: ${problem}`);
    if (!core.router.unsubscribe(link.session, filter)) return REASON.noSubscriptionExisted;
    if (link.session.isKept) core.store.deleteSubscription(link.clientId, filter);
    return REASON.success;
  });
  const mark = core.turn.mark === before ? 0 : core.turn.mark;
  connection.out.reply({ cmd: "unsuback", messageId: packetId, granted }, mark);
  const gone = packet.unsubscriptions.filter((_, i) => granted[i] === REASON.success);
  core.presence?.subscriptions("unsubscribed", factsOf(link), gone);
}

function factsOf({ clientId, publisher, sessionIdentifier }: Link): PresenceFacts {
  return { clientId, principalId: publisher.principalId, sessionIdentifier };
}

/** A resumed session may be older than the policies, or the certificate, of who resumes it: what they forbid goes. */
export function recheckSubscriptions(connection: ClientConnection, { session, authority }: Link): void {
  const { core } = connection;
  for (const filter of session.subscriptions.keys()) {
    const verdict = authority.may("iot:Subscribe", filter);
    if (verdict.allowed) continue;
    connection.trace.refusal(verdict.cause, verdict.evidence);
    core.router.unsubscribe(session, filter);
    if (session.isKept) core.store.deleteSubscription(session.clientId, filter);
  }
}

function subscribe(connection: ClientConnection, link: Link, wanted: ISubscription, identifier: number): Outcome {
  const { core } = connection;
  const { session } = link;
  const filter = wanted.topic;
  // MQTT 5.0, section 3.8.3.1: "It is a Protocol Error to set the No Local bit to 1 on a Shared Subscription"
  if (wanted.nl === true && link.version === 5 && shareOf(filter)) throw violation("no local on a shared subscription");
  const problem = problemOf(filter, connection);
  if (problem) return problem;
  const known = session.subscriptions.has(filter);
  if (!known && session.subscriptions.size >= core.settings.limits.subscriptionsPerSession) {
    connection.trace.refusal("mqtt-limit", { limit: "subscriptionsPerSession", filter });
    return { refused: REASON.quotaExceeded, why: "mqtt-limit: too many subscriptions" };
  }
  const verdict = link.authority.may("iot:Subscribe", filter);
  if (!verdict.allowed) {
    connection.trace.refusal(verdict.cause, verdict.evidence);
    return { refused: REASON.notAuthorized, why: verdict.cause };
  }
  const stored = {
    filter,
    // MQTT 5.0, section 3.9.3: granting less than was asked for is within the rules.
    qos: lower(wanted.qos, core.settings.maximumQos),
    noLocal: link.version === 5 && wanted.nl === true,
    retainAsPublished: link.version === 5 && wanted.rap === true,
    identifier: identifier > 0 ? identifier : undefined,
  };
  const subscription: Subscription = { ...stored, session };
  core.router.subscribe(subscription);
  if (session.isKept) core.store.putSubscription(link.clientId, stored);
  return { granted: stored.qos, subscription, isNew: !known };
}

function problemOf(filter: string, connection: ClientConnection): Outcome | undefined {
  const { settings } = connection.core;
  const share = shareOf(filter);
  if (share && !settings.sharedSubscriptions) {
    connection.trace.refusal("mqtt-limit", { limit: "shared subscriptions are not available", filter });
    return {
      refused: REASON.sharedSubscriptionsNotSupported,
      why: "mqtt-limit: shared subscriptions are not available",
    };
  }
  if (settings.refusedFilters.includes(filter)) {
    connection.trace.refusal("mqtt-limit", { limit: "refusedFilters", filter });
    return { refused: REASON.unspecifiedError, why: "mqtt-limit: nobody may subscribe to this filter" };
  }
  const shared = share && shareNameProblem(share.name, settings.limits.shareNameLength);
  const problem = shared ?? topicFilterProblem(share ? share.filter : filter, settings.limits);
  if (problem !== undefined) {
    if (settings.badTopicsAreMalformed) throw malformed(`topic filter: ${problem}`);
    connection.trace.refusal("mqtt-malformed", { rule: `topic filter: ${problem}`, filter });
    return { refused: REASON.topicFilterInvalid, why: `mqtt-malformed: ${problem}` };
  }
  const matched = share ? share.filter : filter;
  if (isReserved(matched) && !isPermittedReserved(matched, settings.reservedSubscribe)) {
    throw violation(`topic filter ${filter} is reserved`, REASON.topicFilterInvalid);
  }
  return undefined;
}

function sendRetained(connection: ClientConnection, { filter, qos, session, identifier }: Subscription): void {
  const identifiers = identifier === undefined ? NONE : [identifier];
  for (const message of connection.core.retained.matching(filter)) {
    // RETAIN is 1 whatever Retain As Published says. MQTT 5.0, section 3.3.1.3
    session.deliver(message, { qos: lower(qos, message.qos), retain: true, identifiers });
  }
}

/** MQTT 3.1.1 knows one failure only. MQTT 3.1.1, section 3.9.3 */
function refusalCode(reason: ReasonCode, { version }: Link): number {
  return version === 5 ? reason : REASON.unspecifiedError;
}
