import type { Message } from "./message.ts";

/** A message on its way to one session. `seq` is 0 where the session is not kept. */
export type Outgoing = {
  readonly message: Message;
  readonly qos: 1 | 2;
  readonly retain: boolean;
  readonly seq: number;
  /** Subscription identifiers that it carries. MQTT 5.0, section 3.3.2.3.8 */
  readonly identifiers: readonly number[];
  /** Whether PUBREC came for it: PUBREL is all that is sent from then on. MQTT 5.0, section 4.3.3 */
  readonly isReleased: boolean;
  /** Whether it was stored while the client was away, and by which kind of subscription it came. */
  readonly stored: "own" | "shared" | undefined;
  /** When it was sent last, in milliseconds since 1970; 0 before. */
  sentAt: number;
};

/**
 * The QoS 1 and 2 messages of one session: a bounded queue, and those in flight by packet identifier.
 * Knows no connection and no store. MQTT 5.0, sections 4.4 and 4.9
 */
export class OutboundFlow {
  /**
   * In flight, in the order of sending; where nothing need be kept for a redelivery at QoS 1, the time of sending alone.
   * Absent until something was sent: most devices are never sent anything.
   */
  #inFlight: Map<number, Outgoing | number> | undefined;
  readonly #queue: Outgoing[] = [];
  #head = 0;
  #queuedBytes = 0;
  #lastId = 0;

  get inFlight(): number {
    return this.#inFlight?.size ?? 0;
  }

  get queued(): number {
    return this.#queue.length - this.#head;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether a message is in flight under `id`. */
  has(id: number): boolean {
    return this.#inFlight?.has(id) ?? false;
  }

  /** Takes the next free packet identifier for a message. At most 65,535 may be in flight. */
  send(outgoing: Outgoing | undefined, now: number): number {
    const inFlight = (this.#inFlight ??= new Map());
    do this.#lastId = this.#lastId === 0xffff ? 1 : this.#lastId + 1;
    while (inFlight.has(this.#lastId));
    if (outgoing) outgoing.sentAt = now;
    inFlight.set(this.#lastId, outgoing ?? now);
    return this.#lastId;
  }

  /** Takes in a message that was in flight when the process ended. */
  restore(id: number, outgoing: Outgoing): void {
    (this.#inFlight ??= new Map()).set(id, outgoing);
    this.#lastId = id;
  }

  /** Ends the flight of a QoS 1 message: gives it, or undefined where none was in flight, or kept, under `id`. */
  acknowledge(id: number): Outgoing | undefined {
    const outgoing = this.#known(id);
    if (outgoing?.qos === 2) return undefined;
    this.#inFlight?.delete(id);
    return outgoing;
  }

  /** Notes PUBREC: gives the QoS 2 message as it is from then on, or undefined where none was in flight. */
  release(id: number): Outgoing | undefined {
    const outgoing = this.#known(id);
    if (outgoing?.qos !== 2) return undefined;
    if (outgoing.isReleased) return outgoing;
    const released = { ...outgoing, isReleased: true };
    this.#inFlight?.set(id, released);
    return released;
  }

  /** Ends the flight of any message, whatever it waits for. */
  end(id: number): Outgoing | undefined {
    const outgoing = this.#known(id);
    this.#inFlight?.delete(id);
    return outgoing;
  }

  #known(id: number): Outgoing | undefined {
    const found = this.#inFlight?.get(id);
    return typeof found === "object" ? found : undefined;
  }

  /** Gives up the QoS 1 messages in flight that were sent last before a time: their number, and those that were kept. */
  giveUp(before: number): { readonly count: number; readonly kept: readonly Outgoing[] } {
    const kept: Outgoing[] = [];
    let count = 0;
    for (const [id, found] of this.#inFlight ?? []) {
      if ((typeof found === "object" ? found.sentAt : found) >= before) break;
      if (typeof found === "object" && found.qos === 2) continue;
      this.#inFlight?.delete(id);
      if (typeof found === "object") kept.push(found);
      count += 1;
    }
    return { count, kept };
  }

  /** Puts a message at the end of the queue. */
  enqueue(outgoing: Outgoing): void {
    this.#queue.push(outgoing);
    this.#queuedBytes += sizeOf(outgoing);
  }

  /** The oldest message of the queue. */
  get next(): Outgoing | undefined {
    return this.#queue[this.#head];
  }

  /** Takes the oldest message of the queue. */
  dequeue(): Outgoing | undefined {
    const outgoing = this.#queue[this.#head];
    if (!outgoing) return undefined;
    this.#head += 1;
    this.#queuedBytes -= sizeOf(outgoing);
    if (this.#head === this.#queue.length || this.#head > 1024) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
    return outgoing;
  }

  /** What must be sent again after the session was resumed, in the order of sending. MQTT 5.0, section 4.4 */
  *unacknowledged(): Iterable<readonly [id: number, outgoing: Outgoing]> {
    for (const [id, found] of this.#inFlight ?? []) if (typeof found === "object") yield [id, found];
  }
}

function sizeOf({ message }: Outgoing): number {
  return message.payload.length + message.topic.length;
}
