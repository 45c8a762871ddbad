import { Message } from "./message.ts";
import type { MessageProperties, Published, PublishListener, SystemMessage } from "./ports.ts";
import { NO_PROPERTIES } from "./publish-properties.ts";
import type { RetainedMessages } from "./retained-messages.ts";
import type { Session, Subscription } from "./session.ts";
import type { BrokerSettings } from "./settings.ts";
import { TopicTrie } from "./topic-trie.ts";

/** How many topics' receivers are remembered between changes of subscriptions. */
const CACHED_TOPICS = 4096;

/** Who publishes. */
export type Publisher = {
  readonly origin: string;
  readonly clientId: string;
  readonly principalId: string;
  /** Set where No Local may apply. MQTT 5.0, section 3.8.3.1 */
  readonly session?: Session;
};

/** One session that receives a topic, its overlapping subscriptions folded into one. MQTT 5.0, section 3.3.4 */
type Receiver = { readonly session: Session; qos: 0 | 1; retainAsPublished: boolean; noLocal: boolean };

/** Carries each accepted message to observers, the retained store and the sessions that subscribed. */
export class Router {
  readonly #trie: TopicTrie<Subscription>;
  readonly #retained: RetainedMessages;
  readonly #listeners = new Set<PublishListener>();
  readonly #receivers = new Map<string, readonly Receiver[]>();

  constructor(settings: BrokerSettings, retained: RetainedMessages) {
    this.#trie = new TopicTrie(settings);
    this.#retained = retained;
  }

  observe(listener: PublishListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  subscribe(subscription: Subscription): void {
    const { session, filter } = subscription;
    const known = session.subscriptions.get(filter);
    if (known) this.#trie.remove(filter, known);
    this.#trie.add(filter, subscription);
    session.subscriptions.set(filter, subscription);
    this.#receivers.clear();
  }

  /** Gives whether there was such a subscription. */
  unsubscribe(session: Session, filter: string): boolean {
    const known = session.subscriptions.get(filter);
    if (!known) return false;
    this.#trie.remove(filter, known);
    session.subscriptions.delete(filter);
    this.#receivers.clear();
    return true;
  }

  publish(message: Message, publisher: Publisher): void {
    if (message.retain) this.#retained.retain(message);
    for (const listener of this.#listeners) listener(published(message, publisher));
    for (const { session, qos, retainAsPublished, noLocal } of this.#receiversOf(message.topic)) {
      if (noLocal && session === publisher.session) continue;
      session.deliver(message, qos < message.qos ? qos : message.qos, retainAsPublished && message.retain);
    }
  }

  #receiversOf(topic: string): readonly Receiver[] {
    const known = this.#receivers.get(topic);
    if (known) return known;
    const found = new Map<Session, Receiver>();
    for (const { session, qos, retainAsPublished, noLocal } of this.#trie.match(topic)) {
      const receiver = found.get(session);
      if (!receiver) found.set(session, { session, qos, retainAsPublished, noLocal });
      else {
        receiver.qos = receiver.qos > qos ? receiver.qos : qos;
        receiver.retainAsPublished ||= retainAsPublished;
        receiver.noLocal &&= noLocal;
      }
    }
    if (this.#receivers.size >= CACHED_TOPICS) this.#receivers.clear();
    const receivers = [...found.values()];
    this.#receivers.set(topic, receivers);
    return receivers;
  }
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

function published(message: Message, { origin, clientId, principalId }: Publisher): Published {
  const { topic, payload, qos, retain, properties } = message;
  return { topic, payload, qos, retain, properties, origin, clientId, principalId };
}
