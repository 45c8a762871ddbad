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
};

/**
 * The QoS 1 and 2 messages of one session: a bounded queue, and those in flight by packet identifier.
 * Knows no connection and no store. MQTT 5.0, sections 4.4 and 4.9
 */
export class OutboundFlow {
  /**
   * In flight, in the order of sending; undefined where nothing need be kept for a redelivery at QoS 1. Absent until
   * something was sent: most devices are never sent anything.
   */
  #inFlight: Map<number, Outgoing | undefined> | undefined;
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

  /** Takes the next free packet identifier for a message. At most 65,535 may be in flight. */
  send(outgoing: Outgoing | undefined): number {
    const inFlight = (this.#inFlight ??= new Map());
    do this.#lastId = this.#lastId === 0xffff ? 1 : this.#lastId + 1;
    while (inFlight.has(this.#lastId));
    inFlight.set(this.#lastId, outgoing);
    return this.#lastId;
  }

  /** Takes in a message that was in flight when the process ended. */
  restore(id: number, outgoing: Outgoing): void {
    (this.#inFlight ??= new Map()).set(id, outgoing);
    this.#lastId = id;
  }

  /** Ends the flight of a QoS 1 message: gives it, or undefined where none was in flight, or kept, under `id`. */
  acknowledge(id: number): Outgoing | undefined {
    const outgoing = this.#inFlight?.get(id);
    if (outgoing?.qos === 2) return undefined;
    this.#inFlight?.delete(id);
    return outgoing;
  }

  /** Notes PUBREC: gives the QoS 2 message as it is from then on, or undefined where none was in flight. */
  release(id: number): Outgoing | undefined {
    const outgoing = this.#inFlight?.get(id);
    if (outgoing?.qos !== 2) return undefined;
    if (outgoing.isReleased) return outgoing;
    const released = { ...outgoing, isReleased: true };
    this.#inFlight?.set(id, released);
    return released;
  }

  /** Ends the flight of any message, whatever it waits for. */
  end(id: number): Outgoing | undefined {
    const outgoing = this.#inFlight?.get(id);
    this.#inFlight?.delete(id);
    return outgoing;
  }

  /** Puts a message at the end of the queue. */
  enqueue(outgoing: Outgoing): void {
    this.#queue.push(outgoing);
    this.#queuedBytes += sizeOf(outgoing);
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
    for (const [id, outgoing] of this.#inFlight ?? []) if (outgoing) yield [id, outgoing];
  }
}

function sizeOf({ message }: Outgoing): number {
  return message.payload.length + message.topic.length;
}
