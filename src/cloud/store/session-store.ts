import { fromBase64 } from "../../codec/index.ts";
import type {
  MessageProperties,
  QueuedMessage,
  SessionStore,
  StoredMessage,
  StoredSession,
  StoredState,
  StoredSubscription,
} from "../broker/index.ts";
import type { Queries, Store } from "./port.ts";
import { SessionBatch } from "./session-batch.ts";
import { MessagePlaces, type SessionPlan } from "./session-plan.ts";
import type { MqttRetainedRow } from "./tables.ts";

/**
 * The broker's persistent sessions and retained messages of a store, read once; later writes are gathered and committed
 * in one transaction.
 */
export async function openSessionStore(store: Store): Promise<SessionStore> {
  const places = new MessagePlaces();
  const state = await readState(store.read, places);
  return new StoredSessions(store, state, places);
}

/** Rows of one statement; their bound values stay below SQLite's and PostgreSQL's limits. */
const AT_ONCE = 500;

class StoredSessions implements SessionStore {
  readonly #store: Store;
  readonly #places: MessagePlaces;
  #state: StoredState | undefined;
  #batch = new SessionBatch();
  /** The commit under way, and the one that waits for it: everything that comes meanwhile goes into that. */
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(store: Store, state: StoredState, places: MessagePlaces) {
    this.#store = store;
    this.#state = state;
    this.#places = places;
  }

  load(): StoredState {
    const state = this.#state ?? { sessions: [], retained: [] };
    // For one reader, once: the broker keeps everything in memory from here on.
    this.#state = undefined;
    return state;
  }

  putSession(session: StoredSession): void {
    this.#batch.putSession(session);
  }

  deleteSession(clientId: string): void {
    this.#batch.deleteSession(clientId);
  }

  putSubscription(clientId: string, subscription: StoredSubscription): void {
    this.#batch.putSubscription(clientId, subscription.filter, subscription);
  }

  deleteSubscription(clientId: string, filter: string): void {
    this.#batch.putSubscription(clientId, filter, undefined);
  }

  enqueue(clientId: string, { seq, message }: QueuedMessage): void {
    this.#batch.enqueue(clientId, seq, message);
  }

  dequeue(clientId: string, seq: number): void {
    this.#batch.dequeue(clientId, seq);
  }

  putRetained(message: StoredMessage): void {
    this.#batch.putRetained(message.topic, message);
  }

  deleteRetained(topic: string): void {
    this.#batch.putRetained(topic, undefined);
  }

  commit(): Promise<void> | undefined {
    if (this.#next) return this.#next;
    if (this.#batch.isEmpty) return this.#writing;
    if (!this.#writing) return this.#write();
    this.#next = this.#writing.then(
      () => this.#write(),
      () => this.#write(),
    );
    return this.#next;
  }

  #write(): Promise<void> {
    const batch = this.#batch;
    this.#batch = new SessionBatch();
    this.#next = undefined;
    const { plan, applied } = this.#places.plan(batch);
    this.#writing = this.#store
      .write((queries) => carryOut(queries, plan), applied)
      .catch((error: unknown) => {
        // What the disk did not take is tried again with the next commit; nobody was promised any of it.
        batch.absorb(this.#batch);
        this.#batch = batch;
        throw error;
      })
      .finally(() => (this.#writing = undefined));
    return this.#writing;
  }
}

async function carryOut(queries: Queries, plan: SessionPlan): Promise<void> {
  for (const ids of chunks(plan.deletedSessions)) {
    await queries.deleteFrom("mqtt_sessions").where("client_id", "in", ids).execute();
    await queries.deleteFrom("mqtt_subscriptions").where("client_id", "in", ids).execute();
    await queries.deleteFrom("mqtt_queue").where("client_id", "in", ids).execute();
  }
  await putSessions(queries, plan);
  for (const rows of chunks(plan.messages)) await queries.insertInto("mqtt_messages").values(rows).execute();
  for (const rows of chunks(plan.queue)) {
    await queries
      .insertInto("mqtt_queue")
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(["client_id", "seq"]).doUpdateSet((eb) => ({ message_id: eb.ref("excluded.message_id") })),
      )
      .execute();
  }
  for (const { clientId, seqs } of plan.deletedQueue) {
    for (const some of chunks(seqs)) {
      await queries.deleteFrom("mqtt_queue").where("client_id", "=", clientId).where("seq", "in", some).execute();
    }
  }
  for (const ids of chunks(plan.deletedMessages)) {
    await queries.deleteFrom("mqtt_messages").where("id", "in", ids).execute();
  }
  await putRetained(queries, plan);
}

async function putSessions(queries: Queries, plan: SessionPlan): Promise<void> {
  for (const rows of chunks(plan.sessions)) {
    await queries
      .insertInto("mqtt_sessions")
      .values(rows)
      .onConflict((conflict) =>
        conflict.column("client_id").doUpdateSet((eb) => ({
          principal_id: eb.ref("excluded.principal_id"),
          protocol_version: eb.ref("excluded.protocol_version"),
          expiry_s: eb.ref("excluded.expiry_s"),
          disconnected_at: eb.ref("excluded.disconnected_at"),
        })),
      )
      .execute();
  }
  for (const rows of chunks(plan.subscriptions)) {
    await queries
      .insertInto("mqtt_subscriptions")
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(["client_id", "filter"]).doUpdateSet((eb) => ({
          qos: eb.ref("excluded.qos"),
          no_local: eb.ref("excluded.no_local"),
          retain_as_published: eb.ref("excluded.retain_as_published"),
        })),
      )
      .execute();
  }
  for (const { clientId, filter } of plan.deletedSubscriptions) {
    await queries
      .deleteFrom("mqtt_subscriptions")
      .where("client_id", "=", clientId)
      .where("filter", "=", filter)
      .execute();
  }
}

async function putRetained(queries: Queries, plan: SessionPlan): Promise<void> {
  for (const rows of chunks(plan.retained)) {
    await queries
      .insertInto("mqtt_retained")
      .values(rows)
      .onConflict((conflict) =>
        conflict.column("topic").doUpdateSet((eb) => ({
          payload: eb.ref("excluded.payload"),
          qos: eb.ref("excluded.qos"),
          retain: eb.ref("excluded.retain"),
          properties: eb.ref("excluded.properties"),
          expires_at: eb.ref("excluded.expires_at"),
        })),
      )
      .execute();
  }
  for (const topics of chunks(plan.deletedRetained)) {
    await queries.deleteFrom("mqtt_retained").where("topic", "in", topics).execute();
  }
}

async function readState(read: Queries, places: MessagePlaces): Promise<StoredState> {
  const messages = new Map<number, StoredMessage>();
  for (const { id, ...row } of await read.selectFrom("mqtt_messages").selectAll().execute()) {
    messages.set(id, messageOf(row));
  }
  const queues = new Map<string, QueuedMessage[]>();
  const queued = await read.selectFrom("mqtt_queue").selectAll().orderBy("client_id").orderBy("seq").execute();
  for (const row of queued) {
    const message = messages.get(row.message_id);
    if (!message) continue;
    places.add(row, message);
    const queue = queues.get(row.client_id) ?? [];
    queues.set(row.client_id, queue);
    queue.push({ seq: row.seq, message });
  }
  const subscriptions = await read.selectFrom("mqtt_subscriptions").selectAll().execute();
  const filters = Map.groupBy(subscriptions, (row) => row.client_id);
  const rows = await read.selectFrom("mqtt_sessions").selectAll().orderBy("client_id").execute();
  const sessions = rows.map((row) => ({
    clientId: row.client_id,
    principalId: row.principal_id,
    protocolVersion: row.protocol_version as 4 | 5,
    expiryS: row.expiry_s,
    disconnectedAt: row.disconnected_at ?? undefined,
    subscriptions: (filters.get(row.client_id) ?? []).map(({ filter, qos, no_local, retain_as_published }) => ({
      filter,
      qos: qos as 0 | 1,
      noLocal: no_local === 1,
      retainAsPublished: retain_as_published === 1,
    })),
    queue: queues.get(row.client_id) ?? [],
  }));
  const retained = await read.selectFrom("mqtt_retained").selectAll().execute();
  return { sessions, retained: retained.map(messageOf) };
}

function messageOf(row: MqttRetainedRow): StoredMessage {
  const { correlationData, ...others } = JSON.parse(row.properties) as Omit<MessageProperties, "correlationData"> & {
    readonly correlationData?: string;
  };
  return {
    topic: row.topic,
    payload: row.payload,
    qos: row.qos as 0 | 1,
    retain: row.retain === 1,
    properties: correlationData === undefined ? others : { ...others, correlationData: fromBase64(correlationData) },
    expiresAt: row.expires_at ?? undefined,
  };
}

function chunks<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / AT_ONCE) }, (_, i) =>
    items.slice(i * AT_ONCE, (i + 1) * AT_ONCE),
  );
}
