import { toBase64 } from "../../codec/index.ts";
import type { QueuedMessage, StoredMessage } from "../broker/index.ts";
import type { SessionBatch, SessionChanges } from "./session-batch.ts";
import type {
  MqttMessageColumns,
  MqttMessageRow,
  MqttQueueRow,
  MqttReceivedRow,
  MqttRetainedRow,
  MqttSessionRow,
  MqttSubscriptionRow,
  MqttWillRow,
} from "./tables.ts";

/** The rows that a batch comes to, to be written in the order of the members. */
export type SessionPlan = {
  readonly deletedSessions: string[];
  readonly sessions: MqttSessionRow[];
  readonly subscriptions: MqttSubscriptionRow[];
  readonly deletedSubscriptions: { readonly clientId: string; readonly filter: string }[];
  readonly messages: MqttMessageRow[];
  readonly queue: MqttQueueRow[];
  readonly deletedQueue: { readonly clientId: string; readonly seqs: number[] }[];
  readonly deletedMessages: number[];
  readonly received: MqttReceivedRow[];
  readonly deletedReceived: { readonly clientId: string; readonly packetIds: number[] }[];
  readonly wills: MqttWillRow[];
  readonly deletedWills: string[];
  readonly retained: MqttRetainedRow[];
  readonly deletedRetained: string[];
};

/**
 * Which messages stand on disk, and where. A message that waits in many queues has one row there, which goes when the
 * last queue lets it go.
 */
export class MessagePlaces {
  /** By session and sequence number, the id of the message's row. */
  readonly #places = new Map<string, Map<number, number>>();
  /** How many queues hold each row. */
  readonly #uses = new Map<number, number>();
  readonly #ids = new WeakMap<StoredMessage, number>();
  #nextId = 1;

  /** Notes what is on disk. */
  add(row: Pick<MqttQueueRow, "client_id" | "seq" | "message_id">, message?: StoredMessage): void {
    const { client_id: clientId, seq, message_id: id } = row;
    const queue = this.#places.get(clientId) ?? new Map<number, number>();
    this.#places.set(clientId, queue.set(seq, id));
    this.#uses.set(id, (this.#uses.get(id) ?? 0) + 1);
    this.#nextId = Math.max(this.#nextId, id + 1);
    if (message) this.#ids.set(message, id);
  }

  /** What a batch comes to, and how to note it once it is on disk. */
  plan(batch: SessionBatch): { readonly plan: SessionPlan; readonly applied: () => void } {
    const plan = emptyPlan();
    const fresh = new Map<StoredMessage, number>();
    const added: { readonly row: MqttQueueRow; readonly message: StoredMessage }[] = [];
    const gone: { readonly clientId: string; readonly seq: number; readonly id: number }[] = [];
    for (const [clientId, changes] of batch.sessions) {
      planSession(plan, clientId, changes);
      gone.push(...this.#released(clientId, changes));
      for (const entry of changes.queue.values()) {
        if (!entry) continue;
        const { message } = entry;
        added.push({ row: queueRow(clientId, entry, this.#idOf(message, fresh)), message });
      }
      const seqs = [...changes.queue].flatMap(([seq, entry]) => (entry ? [] : [seq]));
      if (seqs.length > 0 && !changes.isDeleted) plan.deletedQueue.push({ clientId, seqs });
    }
    for (const [message, id] of fresh) plan.messages.push({ id, ...messageRow(message) });
    plan.queue.push(...added.map(({ row }) => row));
    plan.deletedMessages.push(...this.#orphans(added, gone));
    planRetained(plan, batch);
    planWills(plan, batch);
    const applied = () => {
      for (const { clientId, seq, id } of gone) this.#remove(clientId, seq, id);
      for (const { row, message } of added) this.add(row, message);
    };
    return { plan, applied };
  }

  /** The places that a session's changes give up. */
  #released(clientId: string, { isDeleted, queue }: SessionChanges) {
    const places = this.#places.get(clientId) ?? new Map<number, number>();
    return [...places].filter(([seq]) => isDeleted || queue.has(seq)).map(([seq, id]) => ({ clientId, seq, id }));
  }

  /** The row of a message: the one it has on disk, or a new one. */
  #idOf(message: StoredMessage, fresh: Map<StoredMessage, number>): number {
    const known = this.#ids.get(message);
    if (known !== undefined && this.#uses.has(known)) return known;
    const id = fresh.get(message) ?? this.#nextId++;
    fresh.set(message, id);
    return id;
  }

  #orphans(added: readonly { readonly row: MqttQueueRow }[], gone: readonly { readonly id: number }[]): number[] {
    const left = new Map<number, number>();
    const count = (id: number, by: number) => left.set(id, (left.get(id) ?? this.#uses.get(id) ?? 0) + by);
    for (const { row } of added) count(row.message_id, 1);
    for (const { id } of gone) count(id, -1);
    return [...left].flatMap(([id, uses]) => (uses === 0 ? [id] : []));
  }

  #remove(clientId: string, seq: number, id: number): void {
    const queue = this.#places.get(clientId);
    queue?.delete(seq);
    if (queue?.size === 0) this.#places.delete(clientId);
    const uses = (this.#uses.get(id) ?? 1) - 1;
    if (uses === 0) this.#uses.delete(id);
    else this.#uses.set(id, uses);
  }
}

/** A message's columns. Bytes inside the properties are base64, for JSON has none. */
function messageRow(message: StoredMessage): MqttMessageColumns {
  const { topic, payload, qos, retain, properties, expiresAt } = message;
  const { correlationData, ...others } = properties;
  const json = correlationData ? { ...others, correlationData: toBase64(correlationData) } : others;
  return {
    topic,
    payload,
    qos,
    retain: retain ? 1 : 0,
    properties: JSON.stringify(json),
    expires_at: expiresAt ?? null,
  };
}

function planSession(plan: SessionPlan, clientId: string, changes: SessionChanges): void {
  if (changes.isDeleted) plan.deletedSessions.push(clientId);
  const { row } = changes;
  if (row) {
    plan.sessions.push({
      client_id: clientId,
      principal_id: row.principalId,
      protocol_version: row.protocolVersion,
      expiry_s: row.expiryS,
      disconnected_at: row.disconnectedAt ?? null,
    });
  }
  for (const [filter, subscription] of changes.subscriptions) {
    if (!subscription) {
      plan.deletedSubscriptions.push({ clientId, filter });
      continue;
    }
    plan.subscriptions.push({
      client_id: clientId,
      filter,
      qos: subscription.qos,
      no_local: subscription.noLocal ? 1 : 0,
      retain_as_published: subscription.retainAsPublished ? 1 : 0,
      identifier: subscription.identifier ?? null,
    });
  }
  for (const [packetId, message] of changes.received) {
    if (message) plan.received.push({ client_id: clientId, packet_id: packetId, ...messageRow(message) });
  }
  const packetIds = [...changes.received].flatMap(([packetId, message]) => (message ? [] : [packetId]));
  if (packetIds.length > 0 && !changes.isDeleted) plan.deletedReceived.push({ clientId, packetIds });
}

function queueRow(clientId: string, entry: QueuedMessage, messageId: number): MqttQueueRow {
  const { seq, qos, packetId, isReleased = false, identifiers = [] } = entry;
  return {
    client_id: clientId,
    seq,
    message_id: messageId,
    qos,
    packet_id: packetId ?? null,
    is_released: isReleased ? 1 : 0,
    identifiers: JSON.stringify(identifiers),
  };
}

function planWills(plan: SessionPlan, { wills }: SessionBatch): void {
  for (const [clientId, will] of wills) {
    if (!will) plan.deletedWills.push(clientId);
    else {
      const { principalId, message, expiryS, delayS } = will;
      const facts = { client_id: clientId, principal_id: principalId, expiry_s: expiryS ?? null, delay_s: delayS };
      plan.wills.push({ ...facts, ...messageRow(message) });
    }
  }
}

function planRetained(plan: SessionPlan, { retained }: SessionBatch): void {
  for (const [topic, message] of retained) {
    if (message) plan.retained.push({ ...messageRow(message), modified_at: message.modifiedAt ?? null });
    else plan.deletedRetained.push(topic);
  }
}

function emptyPlan(): SessionPlan {
  return {
    deletedSessions: [],
    sessions: [],
    subscriptions: [],
    deletedSubscriptions: [],
    messages: [],
    queue: [],
    deletedQueue: [],
    deletedMessages: [],
    received: [],
    deletedReceived: [],
    wills: [],
    deletedWills: [],
    retained: [],
    deletedRetained: [],
  };
}
