import type { Clock } from "../../crypto/index.ts";
import type { Connection } from "./connection.ts";
import type { Message } from "./message.ts";
import { OutboundFlow, type Outgoing } from "./outbound-flow.ts";
import type { QueuedMessage, SessionFacts, SessionStore, StoredSession, StoredSubscription } from "./ports.ts";
import type { BrokerLimits } from "./settings.ts";

/** A subscription in the trie. */
export type Subscription = StoredSubscription & { readonly session: Session };

/** What a session needs from its broker. */
export type SessionPorts = {
  readonly limits: BrokerLimits;
  readonly clock: Clock;
  readonly store: SessionStore;
  /** Called when the queue of a session that is not connected overflows for the first time. */
  readonly overflowed: (session: Session) => void;
};

export type SessionParts = Omit<StoredSession, "disconnectedAt">;

/** The state of one client that may outlive its connections: subscriptions and QoS 1 messages. MQTT 5.0, section 4.1 */
export class Session {
  readonly clientId: string;
  principalId: string;
  protocolVersion: 4 | 5;
  expiryS: number;
  connection: Connection | undefined;
  disconnectedAt: number | undefined;
  /** Ends the timer of the session's expiry. */
  cancelExpiry: (() => void) | undefined;
  /** A will that waits for its delay: publishes it now. MQTT 5.0, section 3.1.3.2.2 */
  delayedWill: { readonly publish: () => void; readonly cancel: () => void } | undefined;
  readonly subscriptions = new Map<string, Subscription>();
  readonly flow = new OutboundFlow();
  readonly #ports: SessionPorts;
  #nextSeq = 1;
  #hasOverflowed = false;

  constructor(parts: SessionParts, ports: SessionPorts) {
    this.clientId = parts.clientId;
    this.principalId = parts.principalId;
    this.protocolVersion = parts.protocolVersion;
    this.expiryS = parts.expiryS;
    this.#ports = ports;
  }

  /** Whether the session outlives its connection, and therefore lives in the store. */
  get isKept(): boolean {
    return this.expiryS > 0;
  }

  /** The session's row in the store. */
  get row(): StoredSession {
    const { clientId, principalId, protocolVersion, expiryS, disconnectedAt } = this;
    return { clientId, principalId, protocolVersion, expiryS, disconnectedAt };
  }

  get facts(): SessionFacts {
    const link = this.connection?.link;
    return {
      clientId: this.clientId,
      principalId: this.principalId,
      protocolVersion: this.protocolVersion,
      connected: link !== undefined,
      ...(link ? { connection: { id: link.peer.connection, address: link.peer.address, since: link.since } } : {}),
      keepAliveS: link?.keepAliveS ?? 0,
      expiryS: this.expiryS,
      subscriptions: [...this.subscriptions.values()].map(({ filter, qos }) => ({ filter, qos })),
      queued: this.flow.queued,
      inFlight: this.flow.inFlight,
    };
  }

  /** Sends a message that matched, or queues it. `retain` is the RETAIN flag that goes out. */
  deliver(message: Message, qos: 0 | 1, retain: boolean): void {
    const { connection } = this;
    if (connection && !connection.mayReceive(message.topic)) return;
    if (qos === 0) {
      connection?.out.deliver(message, retain);
      return;
    }
    if (!connection && !this.isKept) return;
    const isImmediate = connection?.canSendQos1 === true && this.flow.queued === 0;
    if (isImmediate && !this.isKept) {
      // Nobody will ask for this message again: nothing of it need be kept.
      const packetId = this.flow.send(undefined);
      if (!connection.out.deliverQos1(packetId, message, retain)) this.flow.acknowledge(packetId);
      return;
    }
    if (!isImmediate && !this.#hasRoomFor(message)) return this.#overflow();
    const outgoing = this.#outgoing(message, retain);
    if (isImmediate) this.#send(connection, outgoing);
    else this.flow.enqueue(outgoing);
  }

  /** Takes up the queue as far as the window and the network allow. */
  pump(): void {
    const { connection, flow } = this;
    if (!connection || flow.queued === 0) return;
    while (connection.canSendQos1) {
      const outgoing = flow.dequeue();
      if (!outgoing) break;
      const { message } = outgoing;
      if (message.isExpired(this.#ports.clock) || !connection.mayReceive(message.topic)) this.#done(outgoing);
      else this.#send(connection, outgoing);
    }
  }

  /** Handles PUBACK: unknown identifiers are ignored, they may belong to a former connection. */
  acknowledge(packetId: number): void {
    const acknowledged = this.flow.acknowledge(packetId);
    if (acknowledged?.outgoing) this.#done(acknowledged.outgoing);
    this.pump();
  }

  /** After a reconnect: sends again what was in flight, then goes on with the queue. MQTT 5.0, section 4.4 */
  resume(): void {
    this.#hasOverflowed = false;
    for (const [packetId, { message, retain }] of this.flow.unacknowledged()) {
      this.connection?.out.redeliver(packetId, message, retain);
    }
    this.pump();
  }

  /** Takes in a message that the store holds already. */
  restore({ seq, message }: QueuedMessage, made: Message): void {
    this.#nextSeq = Math.max(this.#nextSeq, seq + 1);
    this.flow.enqueue({ message: made, retain: message.retain, seq });
  }

  #outgoing(message: Message, retain: boolean): Outgoing {
    if (!this.isKept) return { message: message.keep(), retain, seq: 0 };
    const seq = this.#nextSeq++;
    this.#ports.store.enqueue(this.clientId, { seq, message: message.stored(retain) });
    return { message, retain, seq };
  }

  #send(connection: Connection, outgoing: Outgoing): void {
    const { message, retain, seq } = outgoing;
    const packetId = this.flow.send(seq > 0 ? outgoing : undefined);
    if (connection.out.deliverQos1(packetId, message, retain)) return;
    this.flow.acknowledge(packetId);
    this.#done(outgoing);
  }

  #done({ seq }: Outgoing): void {
    if (seq > 0) this.#ports.store.dequeue(this.clientId, seq);
  }

  #hasRoomFor(message: Message): boolean {
    const { queuedMessages, queuedBytes } = this.#ports.limits;
    const bytes = this.flow.queuedBytes + message.payload.length + message.topic.length;
    return this.flow.queued < queuedMessages && bytes <= queuedBytes;
  }

  #overflow(): void {
    if (this.connection) this.connection.closeSlowConsumer("queued messages");
    else if (!this.#hasOverflowed) {
      this.#hasOverflowed = true;
      this.#ports.overflowed(this);
    }
  }
}
