import type { SessionStore, StoredState } from "./ports.ts";

/** A store for brokers that forget everything when they stop: the broker's own memory is all there is. */
export const volatileStore: SessionStore = {
  load: (): StoredState => ({ sessions: [], retained: [] }),
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
