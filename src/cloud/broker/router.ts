import { Message } from "./message.ts";
import type { MessageProperties, Peer, Published, PublishListener, QoS, SystemMessage } from "./ports.ts";
import { NO_PROPERTIES } from "./publish-properties.ts";
import type { RetainedMessages } from "./retained-messages.ts";
import { NONE, type Session, type Subscription } from "./session.ts";
import type { BrokerSettings } from "./settings.ts";
import { shareOf, SharedGroup } from "./shared-group.ts";
import { TopicTrie } from "./topic-trie.ts";
import { isPermittedReserved } from "./topics.ts";

/** How many topics' receivers are remembered between changes of subscriptions. */
const CACHED_TOPICS = 4096;

/** Who publishes. */
export type Publisher = {
  readonly origin: string;
  readonly clientId: string;
  readonly principalId: string;
  /** Set where a client publishes. */
  readonly peer?: Pick<Peer, "address" | "connection">;
  /** Set where No Local may apply. MQTT 5.0, section 3.8.3.1 */
  readonly session?: Session;
  /** Set where one client only may receive the message. */
  readonly onlyTo?: string;
};

/** One session that receives a topic, its overlapping subscriptions folded into one. MQTT 5.0, section 3.3.4 */
type Receiver = {
  readonly session: Session;
  readonly qos: QoS;
  readonly retainAsPublished: boolean;
  readonly identifiers: readonly number[];
  /** The same for messages of this session itself, where No Local makes a difference. MQTT 5.0, section 3.8.3.1 */
  readonly own: Receiver | "none" | undefined;
};

/** Who receives a topic. */
type Receivers = { readonly sessions: readonly Receiver[]; readonly groups: readonly SharedGroup[] };

/** Carries each accepted message to observers, the retained store and the sessions that subscribed. */
export class Router {
  readonly #trie: TopicTrie<Subscription | SharedGroup>;
  readonly #retained: RetainedMessages;
  readonly #questions: readonly string[];
  readonly #listeners = new Set<PublishListener>();
  readonly #receivers = new Map<string, Receivers>();
  readonly #groups = new Map<string, SharedGroup>();

  readonly #hold: (until: Promise<void>) => void;

  /** `hold` is called with what the acknowledgement of the message at hand has to wait for. */
  constructor(settings: BrokerSettings, retained: RetainedMessages, hold: (until: Promise<void>) => void) {
    this.#trie = new TopicTrie(settings);
    this.#retained = retained;
    this.#hold = hold;
    this.#questions = settings.questions;
  }

  observe(listener: PublishListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  subscribe(subscription: Subscription): void {
    const { session, filter } = subscription;
    const known = session.subscriptions.get(filter);
    if (known) this.#remove(known);
    this.#add(subscription);
    session.subscriptions.set(filter, subscription);
    this.#receivers.clear();
  }

  /** Gives whether there was such a subscription. */
  unsubscribe(session: Session, filter: string): boolean {
    const known = session.subscriptions.get(filter);
    if (!known) return false;
    this.#remove(known);
    session.subscriptions.delete(filter);
    this.#receivers.clear();
    return true;
  }

  /** Gives whether anybody subscribed to the topic. */
  publish(message: Message, publisher: Publisher): boolean {
    if (message.retain) this.#retained.retain(message);
    for (const listener of this.#listeners) {
      const until = listener(published(message, publisher));
      if (until instanceof Promise) this.#hold(until);
    }
    // The cloud itself hears these, so somebody did.
    if (publisher.origin === "client" && this.#isQuestion(message.topic)) return true;
    return this.#deliver(message, publisher);
  }

  /** Sends a message to one session whether it subscribed or not, and to nobody else. */
  answer(message: Message, session: Session): void {
    session.deliver(message, { qos: message.qos, retain: false, identifiers: NONE });
  }

  #isQuestion(topic: string): boolean {
    return topic.startsWith("$") && isPermittedReserved(topic, this.#questions);
  }

  #deliver(message: Message, publisher: Publisher): boolean {
    const { sessions, groups } = this.#receiversOf(message.topic);
    const { onlyTo } = publisher;
    for (const receiver of sessions) {
      const to = receiver.own !== undefined && receiver.session === publisher.session ? receiver.own : receiver;
      if (to === "none") continue;
      const { session, qos, retainAsPublished, identifiers } = to;
      if (onlyTo !== undefined && session.clientId !== onlyTo) continue;
      session.deliver(message, {
        qos: lower(qos, message.qos),
        retain: retainAsPublished && message.retain,
        identifiers,
      });
    }
    if (onlyTo !== undefined) return sessions.length > 0;
    for (const group of groups) {
      const member = group.next();
      if (!member) continue;
      const { session, qos, retainAsPublished } = member;
      const retain = retainAsPublished && message.retain;
      const identifiers = identifiersOf([member]);
      session.deliver(message, { qos: lower(qos, message.qos), retain, identifiers, isShared: true });
    }
    return sessions.length + groups.length > 0;
  }

  #add(subscription: Subscription): void {
    const share = shareOf(subscription.filter);
    if (!share) return this.#trie.add(subscription.filter, subscription);
    let group = this.#groups.get(share.key);
    if (!group) {
      this.#groups.set(share.key, (group = new SharedGroup()));
      this.#trie.add(share.filter, group);
    }
    group.add(subscription);
  }

  #remove(subscription: Subscription): void {
    const share = shareOf(subscription.filter);
    if (!share) return void this.#trie.remove(subscription.filter, subscription);
    const group = this.#groups.get(share.key);
    if (!group) return;
    group.remove(subscription);
    if (group.size > 0) return;
    this.#groups.delete(share.key);
    this.#trie.remove(share.filter, group);
  }

  #receiversOf(topic: string): Receivers {
    const known = this.#receivers.get(topic);
    if (known) return known;
    const bySession = new Map<Session, Subscription[]>();
    const groups: SharedGroup[] = [];
    for (const found of this.#trie.match(topic)) {
      if (found instanceof SharedGroup) {
        groups.push(found);
        continue;
      }
      const others = bySession.get(found.session);
      if (others) others.push(found);
      else bySession.set(found.session, [found]);
    }
    const sessions = [...bySession].map(([session, subscriptions]) => receiver(session, subscriptions));
    if (this.#receivers.size >= CACHED_TOPICS) this.#receivers.clear();
    const receivers = { sessions, groups };
    this.#receivers.set(topic, receivers);
    return receivers;
  }
}

function receiver(session: Session, subscriptions: readonly Subscription[]): Receiver {
  const others = subscriptions.filter(({ noLocal }) => !noLocal);
  const differs = others.length < subscriptions.length;
  return {
    session,
    qos: subscriptions.reduce((highest: QoS, { qos }) => (qos > highest ? qos : highest), 0),
    retainAsPublished: subscriptions.some(({ retainAsPublished }) => retainAsPublished),
    identifiers: identifiersOf(subscriptions),
    own: differs ? (others.length > 0 ? receiver(session, others) : "none") : undefined,
  };
}

function identifiersOf(subscriptions: readonly Subscription[]): readonly number[] {
  const found = subscriptions.flatMap(({ identifier }) => identifier ?? []);
  return found.length === 0 ? NONE : found;
}

/** The QoS with which a message goes out. MQTT 5.0, section 3.8.4 */
export function lower(one: QoS, other: QoS): QoS {
  return one < other ? one : other;
}

/** The message of a system publish. `now` starts its expiry. */
export function systemMessage({ retain = false, properties = NO_PROPERTIES, ...rest }: SystemMessage, now: number) {
  const { messageExpiryIntervalS, ...travelling } = properties;
  const expiresAt = messageExpiryIntervalS === undefined ? undefined : now + messageExpiryIntervalS * 1000;
  return new Message({ ...rest, retain, properties: orNone(travelling), expiresAt });
}

/** The same object for all messages without properties: it is recognised when they are serialised. */
export function orNone(properties: MessageProperties): MessageProperties {
  return Object.keys(properties).length === 0 ? NO_PROPERTIES : properties;
}

function published(message: Message, publisher: Publisher): Published {
  const { topic, payload, qos, retain, properties } = message;
  const { origin, clientId, principalId, peer } = publisher;
  const about = { topic, payload, qos, retain, properties, origin, clientId, principalId };
  return peer ? { ...about, address: peer.address, connection: peer.connection } : about;
}
