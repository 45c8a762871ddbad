import type { Message } from "./message.ts";

/** A message on its way to one session. `seq` is 0 where the session is not kept. */
export type Outgoing = { readonly message: Message; readonly retain: boolean; readonly seq: number };

/**
 * The QoS 1 messages of one session: a bounded queue, and those in flight by packet identifier.
 * Knows no connection and no store. MQTT 5.0, sections 4.4 and 4.9
 */
export class OutboundFlow {
  /** In flight, in the order of sending; undefined where nothing need be kept for a redelivery. */
  readonly #inFlight = new Map<number, Outgoing | undefined>();
  readonly #queue: Outgoing[] = [];
  #head = 0;
  #queuedBytes = 0;
  #lastId = 0;

  get inFlight(): number {
    return this.#inFlight.size;
  }

  get queued(): number {
    return this.#queue.length - this.#head;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Takes the next free packet identifier for a message. At most 65,535 may be in flight. */
  send(outgoing: Outgoing | undefined): number {
    do this.#lastId = this.#lastId === 0xffff ? 1 : this.#lastId + 1;
    while (this.#inFlight.has(this.#lastId));
    this.#inFlight.set(this.#lastId, outgoing);
    return this.#lastId;
  }

  /** Ends the flight of a packet identifier; gives undefined where it was not in flight. */
  acknowledge(id: number): { readonly outgoing: Outgoing | undefined } | undefined {
    const outgoing = this.#inFlight.get(id);
    return this.#inFlight.delete(id) ? { outgoing } : undefined;
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

  /** What must be sent again, DUP set, after the session was resumed. MQTT 5.0, section 4.4 */
  *unacknowledged(): Iterable<[id: number, outgoing: Outgoing]> {
    for (const [id, outgoing] of this.#inFlight) if (outgoing) yield [id, outgoing];
  }
}

function sizeOf({ message }: Outgoing): number {
  return message.payload.length + message.topic.length;
}
