import type {
  QueuedMessage,
  RetainedMessage,
  StoredMessage,
  StoredSession,
  StoredSubscription,
  StoredWill,
} from "../broker/index.ts";

/** What is to be written about one session; an absent map entry means no change. */
export type SessionChanges = {
  /** Everything that the disk holds of the session goes first. */
  isDeleted: boolean;
  row: StoredSession | undefined;
  readonly subscriptions: Map<string, StoredSubscription | undefined>;
  readonly queue: Map<number, QueuedMessage | undefined>;
  /** Those entries of `queue` that the disk knows nothing of. */
  readonly isNew: Set<number>;
  /** By packet identifier. */
  readonly received: Map<number, StoredMessage | undefined>;
};

/**
 * Writes gathered between two commits, as their outcome: the last word about each row. A message that is queued and
 * acknowledged within one batch never reaches the disk.
 */
export class SessionBatch {
  readonly sessions = new Map<string, SessionChanges>();
  readonly retained = new Map<string, RetainedMessage | undefined>();
  readonly wills = new Map<string, StoredWill | undefined>();

  get isEmpty(): boolean {
    return this.sessions.size === 0 && this.retained.size === 0 && this.wills.size === 0;
  }

  putSession(row: StoredSession): void {
    this.#of(row.clientId).row = row;
  }

  deleteSession(clientId: string): void {
    this.sessions.set(clientId, { ...noChanges(), isDeleted: true });
  }

  putSubscription(clientId: string, filter: string, subscription: StoredSubscription | undefined): void {
    this.#of(clientId).subscriptions.set(filter, subscription);
  }

  enqueue(clientId: string, entry: QueuedMessage): void {
    const { queue, isNew } = this.#of(clientId);
    queue.set(entry.seq, entry);
    isNew.add(entry.seq);
  }

  updateQueued(clientId: string, entry: QueuedMessage): void {
    this.#of(clientId).queue.set(entry.seq, entry);
  }

  dequeue(clientId: string, seq: number): void {
    const { queue, isNew } = this.#of(clientId);
    if (isNew.delete(seq)) queue.delete(seq);
    else queue.set(seq, undefined);
  }

  putReceived(clientId: string, packetId: number, message: StoredMessage | undefined): void {
    this.#of(clientId).received.set(packetId, message);
  }

  putWill(clientId: string, will: StoredWill | undefined): void {
    this.wills.set(clientId, will);
  }

  putRetained(topic: string, message: RetainedMessage | undefined): void {
    this.retained.set(topic, message);
  }

  /** Lets a later batch have the last word: what both say becomes one batch. */
  absorb(later: SessionBatch): void {
    for (const [clientId, changes] of later.sessions) {
      if (changes.isDeleted) this.deleteSession(clientId);
      const known = this.#of(clientId);
      known.row = changes.row ?? known.row;
      for (const [filter, subscription] of changes.subscriptions) known.subscriptions.set(filter, subscription);
      for (const [seq, entry] of changes.queue) known.queue.set(seq, entry);
      for (const seq of changes.isNew) known.isNew.add(seq);
      for (const [packetId, message] of changes.received) known.received.set(packetId, message);
    }
    for (const [clientId, will] of later.wills) this.wills.set(clientId, will);
    for (const [topic, message] of later.retained) this.retained.set(topic, message);
  }

  #of(clientId: string): SessionChanges {
    let changes = this.sessions.get(clientId);
    if (!changes) {
      changes = noChanges();
      this.sessions.set(clientId, changes);
    }
    return changes;
  }
}

function noChanges(): SessionChanges {
  return {
    isDeleted: false,
    row: undefined,
    subscriptions: new Map(),
    queue: new Map(),
    isNew: new Set(),
    received: new Map(),
  };
}
