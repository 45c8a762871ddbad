import type { Message } from "./message.ts";

/** The QoS 2 messages that one client sent and has not released, by packet identifier. MQTT 5.0, section 4.3.3 */
export class ReceivedMessages {
  /** Absent, as the next, until there is one: most clients never send such a message. */
  #byId: Map<number, Message> | undefined;
  /** Those that came a second time since the last `resume`. */
  #repeated: Set<number> | undefined;
  #bytes = 0;

  get size(): number {
    return this.#byId?.size ?? 0;
  }

  /** Of topics and payloads. */
  get bytes(): number {
    return this.#bytes;
  }

  has(packetId: number): boolean {
    return this.#byId?.has(packetId) ?? false;
  }

  /** Notes that a message came again; gives whether that is too often for one connection. MQTT 5.0, section 4.4 */
  repeat(packetId: number): boolean {
    const repeated = (this.#repeated ??= new Set());
    const isTooOften = repeated.has(packetId);
    repeated.add(packetId);
    return isTooOften;
  }

  /** A new connection may repeat everything. */
  resume(): void {
    this.#repeated = undefined;
  }

  keep(packetId: number, message: Message): void {
    this.take(packetId);
    (this.#byId ??= new Map()).set(packetId, message);
    this.#bytes += message.payload.length + message.topic.length;
  }

  /** Gives a message and forgets it. */
  take(packetId: number): Message | undefined {
    const message = this.#byId?.get(packetId);
    if (!message) return undefined;
    this.#byId?.delete(packetId);
    this.#repeated?.delete(packetId);
    this.#bytes -= message.payload.length + message.topic.length;
    return message;
  }
}
