import type { Clock } from "../../crypto/index.ts";
import type { Message } from "./message.ts";
import type { RetainedMessage, SessionStore } from "./ports.ts";
import type { BrokerSettings } from "./settings.ts";
import { filterMatches, hasWildcard } from "./topics.ts";

type Kept = { readonly message: Message; readonly modifiedAt: number | undefined };

/** The last retained message of each topic, bounded in number and bytes. MQTT 5.0, section 3.3.1.3 */
export class RetainedMessages {
  readonly #byTopic = new Map<string, Kept>();
  readonly #settings: BrokerSettings;
  readonly #store: SessionStore;
  readonly #clock: Clock;
  #bytes = 0;

  constructor(ports: { readonly settings: BrokerSettings; readonly store: SessionStore; readonly clock: Clock }) {
    this.#settings = ports.settings;
    this.#store = ports.store;
    this.#clock = ports.clock;
  }

  get size(): number {
    return this.#byTopic.size;
  }

  /** The message of a topic that has not expired, if there is one, as a store takes it. */
  stored(topic: string): RetainedMessage | undefined {
    const kept = this.#fresh(topic);
    return kept && storedOf(kept);
  }

  /** The topics that have a message, in order. */
  topics(): string[] {
    return [...this.#byTopic.keys()].sort((a, b) => (a < b ? -1 : 1));
  }

  /** Whether there is room for a message. One without payload deletes, and always fits. */
  hasRoomFor(topic: string, payload: Uint8Array): boolean {
    if (payload.length === 0) return true;
    const { retainedMessages, retainedBytes } = this.#settings.limits;
    const known = this.#byTopic.get(topic);
    const bytes = this.#bytes - (known ? known.message.payload.length : 0) + payload.length;
    return this.#byTopic.size + (known ? 0 : 1) <= retainedMessages && bytes <= retainedBytes;
  }

  /** Keeps a message for later subscribers if there is room, or forgets its topic's where the payload is empty. */
  retain(message: Message): void {
    if (!this.hasRoomFor(message.topic, message.payload)) return;
    if (message.payload.length === 0) {
      if (this.#forget(message.topic)) this.#store.deleteRetained(message.topic);
      return;
    }
    const modifiedAt = this.#clock.now();
    this.restore(message, modifiedAt);
    this.#store.putRetained(storedOf({ message, modifiedAt }));
  }

  /** Takes in a message that the store holds already. */
  restore(message: Message, modifiedAt: number | undefined): void {
    this.#forget(message.topic);
    this.#byTopic.set(message.topic, { message: message.keep(), modifiedAt });
    this.#bytes += message.payload.length;
  }

  /** The messages that a new subscription to `filter` is sent. */
  matching(filter: string): Message[] {
    const { retainedOnWildcard, multiLevelMatchesParent } = this.#settings;
    if (!hasWildcard(filter)) {
      const kept = this.#fresh(filter);
      return kept ? [kept.message] : [];
    }
    if (!retainedOnWildcard) return [];
    return (
      [...this.#byTopic.keys()]
        .filter((topic) => filterMatches(filter, topic, multiLevelMatchesParent))
        // The order of topics, not of their messages: a client finds the same one every time.
        .sort()
        .flatMap((topic) => this.#fresh(topic)?.message ?? [])
    );
  }

  #fresh(topic: string): Kept | undefined {
    const kept = this.#byTopic.get(topic);
    if (!kept || !(kept.message.isExpired(this.#clock) || this.#isOld(kept))) return kept;
    this.#forget(topic);
    this.#store.deleteRetained(topic);
    return undefined;
  }

  #isOld({ modifiedAt }: Kept): boolean {
    const ageMs = modifiedAt === undefined ? 0 : this.#clock.now() - modifiedAt;
    return ageMs > this.#settings.limits.retainedS * 1000;
  }

  #forget(topic: string): boolean {
    const known = this.#byTopic.get(topic);
    if (known) this.#bytes -= known.message.payload.length;
    return this.#byTopic.delete(topic);
  }
}

function storedOf({ message, modifiedAt }: Kept): RetainedMessage {
  return { ...message.stored(true), modifiedAt };
}
