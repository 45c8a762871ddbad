import { fromBase64 } from "../../codec/index.ts";
import type {
  MessageProperties,
  QoS,
  QueuedMessage,
  ReceivedMessage,
  RetainedMessage,
  SessionStore,
  StoredMessage,
  StoredSession,
  StoredState,
  StoredSubscription,
  StoredWill,
} from "../broker/index.ts";
import type { Queries, Store } from "./port.ts";
import { SessionBatch } from "./session-batch.ts";
import { MessagePlaces } from "./session-plan.ts";
import { carryOut } from "./session-writes.ts";
import type { MqttMessageColumns, MqttWillRow } from "./tables.ts";

/**
 * The broker's persistent sessions and retained messages of a store, read once; later writes are gathered and committed
 * in one transaction.
 */
export async function openSessionStore(store: Store): Promise<SessionStore> {
  const places = new MessagePlaces();
  const state = await readState(store.read, places);
  return new StoredSessions(store, state, places);
}

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
    const state = this.#state ?? { sessions: [], retained: [], wills: [] };
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

  enqueue(clientId: string, entry: QueuedMessage): void {
    this.#batch.enqueue(clientId, entry);
  }

  updateQueued(clientId: string, entry: QueuedMessage): void {
    this.#batch.updateQueued(clientId, entry);
  }

  dequeue(clientId: string, seq: number): void {
    this.#batch.dequeue(clientId, seq);
  }

  putReceived(clientId: string, { packetId, message }: ReceivedMessage): void {
    this.#batch.putReceived(clientId, packetId, message);
  }

  deleteReceived(clientId: string, packetId: number): void {
    this.#batch.putReceived(clientId, packetId, undefined);
  }

  putWill(will: StoredWill): void {
    this.#batch.putWill(will.clientId, will);
  }

  deleteWill(clientId: string): void {
    this.#batch.putWill(clientId, undefined);
  }

  putRetained(message: RetainedMessage): void {
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
    queue.push({
      seq: row.seq,
      message,
      qos: row.qos as 1 | 2,
      identifiers: JSON.parse(row.identifiers) as number[],
      isReleased: row.is_released === 1,
      ...(row.packet_id === null ? {} : { packetId: row.packet_id }),
    });
  }
  const subscriptions = await read.selectFrom("mqtt_subscriptions").selectAll().execute();
  const receivedRows = await read.selectFrom("mqtt_received").selectAll().execute();
  const received = Map.groupBy(receivedRows, (row) => row.client_id);
  const filters = Map.groupBy(subscriptions, (row) => row.client_id);
  const rows = await read.selectFrom("mqtt_sessions").selectAll().orderBy("client_id").execute();
  const sessions = rows.map((row) => ({
    clientId: row.client_id,
    principalId: row.principal_id,
    protocolVersion: row.protocol_version as 4 | 5,
    expiryS: row.expiry_s,
    disconnectedAt: row.disconnected_at ?? undefined,
    subscriptions: (filters.get(row.client_id) ?? []).map(
      ({ filter, qos, no_local, retain_as_published, identifier }) => ({
        filter,
        qos: qos as QoS,
        noLocal: no_local === 1,
        retainAsPublished: retain_as_published === 1,
        ...(identifier === null ? {} : { identifier }),
      }),
    ),
    queue: queues.get(row.client_id) ?? [],
    received: (received.get(row.client_id) ?? []).map((entry) => ({
      packetId: entry.packet_id,
      message: messageOf(entry),
    })),
  }));
  const retainedRows = await read.selectFrom("mqtt_retained").selectAll().execute();
  const retained = retainedRows.map((row) => ({ ...messageOf(row), modifiedAt: row.modified_at ?? undefined }));
  const wills = await read.selectFrom("mqtt_wills").selectAll().execute();
  return { sessions, retained, wills: wills.map(willOf) };
}

function willOf(row: MqttWillRow): StoredWill {
  return {
    clientId: row.client_id,
    principalId: row.principal_id,
    message: messageOf(row),
    expiryS: row.expiry_s ?? undefined,
    delayS: row.delay_s,
  };
}

function messageOf(row: MqttMessageColumns): StoredMessage {
  const { correlationData, ...others } = JSON.parse(row.properties) as Omit<MessageProperties, "correlationData"> & {
    readonly correlationData?: string;
  };
  return {
    topic: row.topic,
    payload: row.payload,
    qos: row.qos as QoS,
    retain: row.retain === 1,
    properties: correlationData === undefined ? others : { ...others, correlationData: fromBase64(correlationData) },
    expiresAt: row.expires_at ?? undefined,
  };
}
