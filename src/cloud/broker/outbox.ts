import type { Sink } from "./ports.ts";
import type { Slab } from "./slab.ts";

const EMPTY = new Uint8Array(0);
/** Above this, a packet is handed over as it is instead of being copied. */
const COPY_BYTES = 16 * 1024;

/**
 * Packets that leave a connection together at the end of the turn, in one write.
 * It holds references, so that a packet to many receivers exists once, and each receiver's packet identifier beside it.
 */
export class Outbox {
  /** Sum of the packets' lengths. */
  bytes = 0;
  #count = 0;
  readonly #packets: Uint8Array[] = [];
  readonly #idAts: number[] = [];
  readonly #ids: number[] = [];

  /** Adds a packet. Where `idAt` is not 0, `id` replaces the two bytes there. */
  push(packet: Uint8Array, idAt = 0, id = 0): void {
    const at = this.#count++;
    this.#packets[at] = packet;
    this.#idAts[at] = idAt;
    this.#ids[at] = id;
    this.bytes += packet.length;
  }

  /** Gives everything to `sink`, as few pieces as possible, and is empty afterwards. */
  drain(slab: Slab, sink: Pick<Sink, "write">): void {
    let from = 0;
    let size = 0;
    for (let i = 0; i < this.#count; i++) {
      const packet = this.#packets[i] ?? EMPTY;
      if (packet.length > COPY_BYTES && this.#idAts[i] === 0) {
        this.#write(slab, sink, { from, to: i, size });
        sink.write(packet);
        from = i + 1;
        size = 0;
      } else size += packet.length;
    }
    this.#write(slab, sink, { from, to: this.#count, size });
    for (let i = 0; i < this.#count; i++) this.#packets[i] = EMPTY;
    this.#count = 0;
    this.bytes = 0;
  }

  #write(slab: Slab, sink: Pick<Sink, "write">, part: { from: number; to: number; size: number }): void {
    if (part.size === 0) return;
    if (part.to - part.from === 1 && this.#idAts[part.from] === 0) return sink.write(this.#packets[part.from] ?? EMPTY);
    const room = slab.take(part.size);
    let at = 0;
    for (let i = part.from; i < part.to; i++) {
      const packet = this.#packets[i] ?? EMPTY;
      room.set(packet, at);
      const idAt = this.#idAts[i] ?? 0;
      if (idAt > 0) {
        const id = this.#ids[i] ?? 0;
        room[at + idAt] = id >>> 8;
        room[at + idAt + 1] = id & 0xff;
      }
      at += packet.length;
    }
    sink.write(room);
  }
}

/** How many outboxes wait for their next connection: more than have something to send in one turn. */
const POOLED = 1024;

/** Outboxes of all connections: who has nothing to send holds none. */
export class OutboxPool {
  readonly #free: Outbox[] = [];

  take(): Outbox {
    return this.#free.pop() ?? new Outbox();
  }

  /** Takes back an outbox that was drained. */
  give(outbox: Outbox): void {
    if (this.#free.length < POOLED) this.#free.push(outbox);
  }
}
