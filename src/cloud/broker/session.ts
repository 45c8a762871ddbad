import type { Clock } from "../../crypto/index.ts";
import { DrainRate } from "./drain-rate.ts";
import { Message } from "./message.ts";
import { OutboundFlow, type Outgoing } from "./outbound-flow.ts";
import { ReceivedMessages } from "./received-messages.ts";
import type { QoS, SessionFacts, SessionStore, StoredSession, StoredState, StoredSubscription } from "./ports.ts";
import type { InboundLimit, OutboundLimit } from "./rate-account.ts";
import type { SessionConnection } from "./session-connection.ts";
import type { BrokerLimits } from "./settings.ts";

/** A subscription in the trie. */
export type Subscription = StoredSubscription & { readonly session: Session };

/** How a message goes out to one session. `retain` is the RETAIN flag. */
export type Delivery = {
  readonly qos: QoS;
  readonly retain: boolean;
  readonly identifiers: readonly number[];
  /** Whether it comes by a shared subscription. */
  readonly isShared?: boolean;
};

/** No subscription identifiers. */
export const NONE: readonly number[] = [];

/** What a session needs from its broker. */
export type SessionPorts = {
  readonly limits: BrokerLimits;
  readonly clock: Clock;
  readonly store: SessionStore;
  /** How many store writes there were. */
  readonly mark: () => number;
  /** Whether one more message may be stored for a client that is away, by the account's rate. */
  readonly mayQueue: () => boolean;
  /** Called when a message for a client that is away, or held back, is dropped, the first time for each limit. */
  readonly dropped: (session: Session, limit: QueueLimit) => void;
};

/** Why a message for a client that is away, or held back, may be dropped. */
export type QueueLimit = "queuedMessages" | "accountQueuesPerSecond" | "drainsPerSecond" | InboundLimit | OutboundLimit;

export type SessionParts = Omit<StoredSession, "disconnectedAt">;

/** The state of one client that may outlive its connections: subscriptions, and QoS 1 and 2 messages. MQTT 5.0, section 4.1 */
export class Session {
  readonly clientId: string;
  principalId: string;
  protocolVersion: 4 | 5;
  expiryS: number;
  connection: SessionConnection | undefined;
  disconnectedAt: number | undefined;
  /** Ends the timer of the session's expiry. */
  cancelExpiry: (() => void) | undefined;
  /** A will that waits for its delay: publishes it now. MQTT 5.0, section 3.1.3.2.2 */
  delayedWill: { readonly publish: () => void; readonly cancel: () => void } | undefined;
  /** Whether the store holds a will of the client. */
  hasStoredWill = false;
  readonly subscriptions = new Map<string, Subscription>();
  readonly flow = new OutboundFlow();
  /** QoS 2 messages of the client that it has not released, by packet identifier. */
  readonly received = new ReceivedMessages();
  /** What was in flight at the reconnect and was not sent again yet. */
  readonly #unsent = new Map<number, Outgoing>();
  readonly #ports: SessionPorts;
  #nextSeq = 1;
  /** Limits for which messages were dropped since the client was there last, or the queue was empty. */
  #droppedFor: Set<QueueLimit> | undefined;
  #drain: DrainRate | undefined;
  /** The rate for which the client was read more slowly since the queue was empty last. */
  #readSlowlyFor: InboundLimit | undefined;

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

  /** Sends a message that matched, or queues it. */
  deliver(message: Message, delivery: Delivery): void {
    const { qos, retain, identifiers, isShared = false } = delivery;
    const { connection } = this;
    if (connection && !connection.mayReceive(message.topic)) return;
    if (qos === 0) {
      connection?.out.deliver(message, retain, identifiers);
      return;
    }
    if (!connection && !this.isKept) return;
    const isImmediate = this.#isImmediate(connection) || (connection && this.#hasGivenUp(connection));
    if (isImmediate && !this.isKept && qos === 1) {
      // Nobody will ask for this message again: nothing of it need be kept.
      const packetId = this.flow.send(undefined, connection.core.turn.time);
      const isSent = connection.out.deliverAcknowledged(packetId, { message, qos, retain, identifiers });
      if (!isSent) this.flow.end(packetId);
      return;
    }
    if (!isImmediate && !this.#hasRoomFor(message)) {
      this.pump();
      return this.#hasRoomFor(message) ? this.deliver(message, delivery) : this.#overflow();
    }
    if (!connection && !this.#ports.mayQueue()) return this.#dropped("accountQueuesPerSecond");
    const seq = this.isKept ? this.#nextSeq++ : 0;
    const stored = connection ? undefined : isShared ? "shared" : "own";
    const outgoing: Outgoing = {
      message: message.keep(),
      qos,
      retain,
      seq,
      identifiers,
      isReleased: false,
      stored,
      sentAt: 0,
    };
    if (isImmediate) this.#send(connection, outgoing, "enqueue");
    else {
      this.#store(outgoing, "enqueue");
      this.flow.enqueue(outgoing);
      this.#readSlowlyFor ??= this.connection?.rate?.waitsFor;
    }
  }

  #isImmediate(connection: SessionConnection | undefined): connection is SessionConnection {
    return connection?.canSend === true && this.flow.queued === 0 && this.#unsent.size === 0;
  }

  /** Makes room by giving up what the client has left unacknowledged for too long: whether a message may go at once. */
  #hasGivenUp(connection: SessionConnection): boolean {
    const { limits } = this.#ports;
    const { count, kept } = this.flow.giveUp(connection.core.turn.time - limits.inFlightS * 1000);
    if (count === 0) return false;
    for (const packetId of this.#unsent.keys()) if (!this.flow.has(packetId)) this.#unsent.delete(packetId);
    for (const outgoing of kept) this.#done(outgoing);
    connection.trace.refusal("mqtt-limit", { limit: "inFlightS", dropped: "unacknowledged QoS 1 messages", count });
    this.pump();
    return this.#isImmediate(connection);
  }

  /** Takes up what is to be sent again, and then the queue, as far as the window and the network allow. */
  pump(): void {
    const { connection, flow } = this;
    if (!connection) return;
    for (const [packetId, outgoing] of this.#unsent) {
      if (!connection.canSendAgain(this.#unsent.size)) break;
      this.#unsent.delete(packetId);
      connection.out.deliverAcknowledged(packetId, outgoing, { dup: true });
    }
    while (flow.queued > 0 && this.#unsent.size === 0 && connection.canSend) {
      const outgoing = flow.next;
      if (!outgoing) break;
      const { message } = outgoing;
      const isOver = message.isExpired(this.#ports.clock) || !connection.mayReceive(message.topic);
      if (!isOver && this.#drain?.take(outgoing) === false) break;
      flow.dequeue();
      if (isOver) this.#done(outgoing);
      else this.#send(connection, outgoing, "updateQueued");
    }
    if (flow.queued > 0) return;
    this.#droppedFor = undefined;
    this.#readSlowlyFor = undefined;
  }

  /**
   * Handles PUBACK: unknown identifiers are ignored, they may belong to a former connection. So may a known one: what the
   * client has from there is not sent again, since its identifier is free from now on.
   */
  acknowledge(packetId: number): void {
    const outgoing = this.flow.acknowledge(packetId);
    if (outgoing) {
      this.#unsent.delete(packetId);
      this.#done(outgoing);
    }
    this.pump();
  }

  /** Handles PUBREC: gives whether the message was known. PUBREL may follow once this is durable. MQTT 5.0, section 4.3.3 */
  release(packetId: number): boolean {
    const outgoing = this.flow.release(packetId);
    if (outgoing) {
      this.#unsent.delete(packetId);
      this.#store(outgoing, "updateQueued", packetId);
    }
    return outgoing !== undefined;
  }

  /** Handles PUBCOMP, and a PUBREC by which the client refuses the message. MQTT 5.0, section 4.3.3 */
  complete(packetId: number): void {
    const outgoing = this.flow.end(packetId);
    if (outgoing) {
      this.#unsent.delete(packetId);
      this.#done(outgoing);
    }
    this.pump();
  }

  /** Keeps a QoS 2 message of the client until it releases it. MQTT 5.0, section 4.3.3 */
  receive(packetId: number, message: Message): void {
    this.received.keep(packetId, message.keep());
    if (this.isKept) this.#ports.store.putReceived(this.clientId, { packetId, message: message.stored(false) });
  }

  /** Gives the message that the client releases, once. */
  takeReceived(packetId: number): Message | undefined {
    const message = this.received.take(packetId);
    if (!message) return undefined;
    if (this.isKept) this.#ports.store.deleteReceived(this.clientId, packetId);
    return message;
  }

  /** After a reconnect: sends again what was in flight, then goes on with the queue. MQTT 5.0, section 4.4 */
  resume(): void {
    this.#droppedFor = undefined;
    this.#drain?.stop();
    this.#drain = DrainRate.of(this.#ports.limits, this.#ports.clock, () => this.pump());
    this.received.resume();
    this.#unsent.clear();
    for (const [packetId, outgoing] of this.flow.unacknowledged()) {
      if (outgoing.isReleased) this.connection?.out.sendRelease(packetId, 0);
      else this.#unsent.set(packetId, outgoing);
      outgoing.sentAt = this.#ports.clock.now();
    }
    this.pump();
  }

  /** Takes in what the store holds already. */
  restore({ queue, received }: Pick<StoredState["sessions"][number], "queue" | "received">): void {
    for (const { seq, message, qos, packetId, isReleased = false, identifiers = NONE } of queue) {
      this.#nextSeq = Math.max(this.#nextSeq, seq + 1);
      const kept = { message: Message.from(message), qos, retain: message.retain, seq, identifiers };
      // By which subscription it came is not kept: the slower rate is the safe one.
      const outgoing = { ...kept, isReleased, stored: "own", sentAt: 0 } as const;
      if (packetId === undefined) this.flow.enqueue(outgoing);
      else this.flow.restore(packetId, outgoing);
    }
    for (const { packetId, message } of received) this.received.keep(packetId, Message.from(message));
  }

  #store(outgoing: Outgoing, how: "enqueue" | "updateQueued", packetId?: number): void {
    const { seq, message, qos, retain, identifiers, isReleased } = outgoing;
    if (seq === 0) return;
    this.#ports.store[how](this.clientId, {
      seq,
      message: message.stored(retain),
      qos,
      identifiers,
      isReleased,
      ...(packetId === undefined ? {} : { packetId }),
    });
  }

  #send(connection: SessionConnection, outgoing: Outgoing, how: "enqueue" | "updateQueued"): void {
    const isKept = outgoing.seq > 0 || outgoing.qos === 2;
    const packetId = this.flow.send(isKept ? outgoing : undefined, connection.core.turn.time);
    this.#store(outgoing, how, packetId);
    // Sent before it is durable, a QoS 2 message could come a second time under another identifier after a crash.
    const mark = outgoing.qos === 2 && outgoing.seq > 0 ? this.#ports.mark() : 0;
    if (connection.out.deliverAcknowledged(packetId, outgoing, { mark })) return;
    this.flow.end(packetId);
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

  /**
   * Nothing more fits. A client that is away, or that our own rates hold back, loses the message and no more; one that is
   * behind by itself is cut.
   */
  #overflow(): void {
    const { connection } = this;
    const limit = connection ? this.#heldBackBy(connection) : "queuedMessages";
    if (limit === undefined) connection?.closeSlowConsumer("queued messages");
    else this.#dropped(limit);
  }

  /** The rate of ours for which a client is not sent more, where it keeps up itself. */
  #heldBackBy({ out, link, rate }: SessionConnection): QueueLimit | undefined {
    if (out.isChoked) return undefined;
    // Its acknowledgements may lie in what we have not read yet.
    const readSlowlyFor = rate?.waitsFor ?? this.#readSlowlyFor;
    if (readSlowlyFor) return readSlowlyFor;
    if (!link || this.flow.inFlight >= link.window) return undefined;
    return this.#drain?.isWaiting ? "drainsPerSecond" : out.overRate;
  }

  #dropped(limit: QueueLimit): void {
    const told = (this.#droppedFor ??= new Set());
    if (told.has(limit)) return;
    told.add(limit);
    this.#ports.dropped(this, limit);
  }
}
