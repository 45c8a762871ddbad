import type { StoredMessage, StoredSession, StoredSubscription } from "../broker/index.ts";

/** What is to be written about one session; an absent map entry means no change. */
export type SessionChanges = {
  /** Everything that the disk holds of the session goes first. */
  isDeleted: boolean;
  row: StoredSession | undefined;
  readonly subscriptions: Map<string, StoredSubscription | undefined>;
  readonly queue: Map<number, StoredMessage | undefined>;
};

/**
 * Writes gathered between two commits, as their outcome: the last word about each row. A message that is queued and
 * acknowledged within one batch never reaches the disk.
 */
export class SessionBatch {
  readonly sessions = new Map<string, SessionChanges>();
  readonly retained = new Map<string, StoredMessage | undefined>();

  get isEmpty(): boolean {
    return this.sessions.size === 0 && this.retained.size === 0;
  }

  putSession(row: StoredSession): void {
    this.#of(row.clientId).row = row;
  }

  deleteSession(clientId: string): void {
    this.sessions.set(clientId, { isDeleted: true, row: undefined, subscriptions: new Map(), queue: new Map() });
  }

  putSubscription(clientId: string, filter: string, subscription: StoredSubscription | undefined): void {
    this.#of(clientId).subscriptions.set(filter, subscription);
  }

  enqueue(clientId: string, seq: number, message: StoredMessage): void {
    this.#of(clientId).queue.set(seq, message);
  }

  dequeue(clientId: string, seq: number): void {
    const { queue } = this.#of(clientId);
    if (!queue.delete(seq)) queue.set(seq, undefined);
  }

  putRetained(topic: string, message: StoredMessage | undefined): void {
    this.retained.set(topic, message);
  }

  /** Lets a later batch have the last word: what both say becomes one batch. */
  absorb(later: SessionBatch): void {
    for (const [clientId, changes] of later.sessions) {
      if (changes.isDeleted) this.deleteSession(clientId);
      const known = this.#of(clientId);
      known.row = changes.row ?? known.row;
      for (const [filter, subscription] of changes.subscriptions) known.subscriptions.set(filter, subscription);
      for (const [seq, message] of changes.queue) known.queue.set(seq, message);
    }
    for (const [topic, message] of later.retained) this.retained.set(topic, message);
  }

  #of(clientId: string): SessionChanges {
    let changes = this.sessions.get(clientId);
    if (!changes) {
      changes = { isDeleted: false, row: undefined, subscriptions: new Map(), queue: new Map() };
      this.sessions.set(clientId, changes);
    }
    return changes;
  }
}
