import type {
  QueuedMessage,
  ReceivedMessage,
  RetainedMessage,
  SessionStore,
  StoredSession,
  StoredState,
  StoredSubscription,
  StoredWill,
} from "./ports.ts";

type Kept = {
  row: StoredSession;
  readonly subscriptions: Map<string, StoredSubscription>;
  readonly queue: Map<number, QueuedMessage>;
  readonly received: Map<number, ReceivedMessage>;
};

/** A store whose contents outlive a broker but not the process: what every other store must behave like. */
export class MemorySessionStore implements SessionStore {
  readonly #sessions = new Map<string, Kept>();
  readonly #retained = new Map<string, RetainedMessage>();
  readonly #wills = new Map<string, StoredWill>();

  load(): StoredState {
    const sessions = [...this.#sessions.values()].map(({ row, subscriptions, queue, received }) => ({
      ...row,
      subscriptions: [...subscriptions.values()],
      queue: [...queue.values()],
      received: [...received.values()],
    }));
    return { sessions, retained: [...this.#retained.values()], wills: [...this.#wills.values()] };
  }

  putSession(row: StoredSession): void {
    const known = this.#sessions.get(row.clientId);
    if (known) known.row = row;
    else {
      const empty = { subscriptions: new Map(), queue: new Map(), received: new Map() };
      this.#sessions.set(row.clientId, { row, ...empty });
    }
  }

  deleteSession(clientId: string): void {
    this.#sessions.delete(clientId);
  }

  putSubscription(clientId: string, subscription: StoredSubscription): void {
    this.#sessions.get(clientId)?.subscriptions.set(subscription.filter, subscription);
  }

  deleteSubscription(clientId: string, filter: string): void {
    this.#sessions.get(clientId)?.subscriptions.delete(filter);
  }

  enqueue(clientId: string, entry: QueuedMessage): void {
    this.#sessions.get(clientId)?.queue.set(entry.seq, entry);
  }

  updateQueued(clientId: string, entry: QueuedMessage): void {
    this.enqueue(clientId, entry);
  }

  dequeue(clientId: string, seq: number): void {
    this.#sessions.get(clientId)?.queue.delete(seq);
  }

  putReceived(clientId: string, entry: ReceivedMessage): void {
    this.#sessions.get(clientId)?.received.set(entry.packetId, entry);
  }

  deleteReceived(clientId: string, packetId: number): void {
    this.#sessions.get(clientId)?.received.delete(packetId);
  }

  putWill(will: StoredWill): void {
    this.#wills.set(will.clientId, will);
  }

  deleteWill(clientId: string): void {
    this.#wills.delete(clientId);
  }

  putRetained(message: RetainedMessage): void {
    this.#retained.set(message.topic, message);
  }

  deleteRetained(topic: string): void {
    this.#retained.delete(topic);
  }

  commit(): undefined {
    return undefined;
  }
}

/** A store for brokers that forget everything when they stop: the broker's own memory is all there is. */
export const volatileStore: SessionStore = {
  load: () => ({ sessions: [], retained: [], wills: [] }),
  putSession: () => undefined,
  deleteSession: () => undefined,
  putSubscription: () => undefined,
  deleteSubscription: () => undefined,
  enqueue: () => undefined,
  updateQueued: () => undefined,
  dequeue: () => undefined,
  putReceived: () => undefined,
  deleteReceived: () => undefined,
  putWill: () => undefined,
  deleteWill: () => undefined,
  putRetained: () => undefined,
  deleteRetained: () => undefined,
  commit: () => undefined,
};
