import type {
  QueuedMessage,
  SessionStore,
  StoredMessage,
  StoredSession,
  StoredState,
  StoredSubscription,
} from "./ports.ts";

type Kept = {
  row: StoredSession;
  readonly subscriptions: Map<string, StoredSubscription>;
  readonly queue: Map<number, StoredMessage>;
};

/** A store whose contents outlive a broker but not the process: what every other store must behave like. */
export class MemorySessionStore implements SessionStore {
  readonly #sessions = new Map<string, Kept>();
  readonly #retained = new Map<string, StoredMessage>();

  load(): StoredState {
    const sessions = [...this.#sessions.values()].map(({ row, subscriptions, queue }) => ({
      ...row,
      subscriptions: [...subscriptions.values()],
      queue: [...queue].map(([seq, message]) => ({ seq, message })),
    }));
    return { sessions, retained: [...this.#retained.values()] };
  }

  putSession(row: StoredSession): void {
    const known = this.#sessions.get(row.clientId);
    if (known) known.row = row;
    else this.#sessions.set(row.clientId, { row, subscriptions: new Map(), queue: new Map() });
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

  enqueue(clientId: string, { seq, message }: QueuedMessage): void {
    this.#sessions.get(clientId)?.queue.set(seq, message);
  }

  dequeue(clientId: string, seq: number): void {
    this.#sessions.get(clientId)?.queue.delete(seq);
  }

  putRetained(message: StoredMessage): void {
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
  load: () => ({ sessions: [], retained: [] }),
  putSession: () => undefined,
  deleteSession: () => undefined,
  putSubscription: () => undefined,
  deleteSubscription: () => undefined,
  enqueue: () => undefined,
  dequeue: () => undefined,
  putRetained: () => undefined,
  deleteRetained: () => undefined,
  commit: () => undefined,
};
