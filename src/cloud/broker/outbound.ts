import type { Packet } from "mqtt-packet";

import type { BrokerCore } from "./core.ts";
import type { Message } from "./message.ts";
import { Outbox } from "./outbox.ts";
import type { PacketTrace } from "./packet-trace.ts";
import type { Sink } from "./ports.ts";
import { REASON, type ReasonCode } from "./reason-codes.ts";
import type { TurnMember } from "./turn.ts";

const PUBACK = Uint8Array.of(0x40, 2, 0, 0);
const PINGRESP = Uint8Array.of(0xd0, 0);

/** Why a connection is not read for the moment; each holder lets go of its own. */
export const PAUSE = { admission: 1, backlog: 2, held: 4, rate: 8 } as const;

/** What the outgoing half tells the connection that it belongs to. */
export type OutboundOwner = {
  /** The client does not read what is sent to it. */
  readonly slow: (limit: string) => void;
  /** There is room again for what waits in the session's queue. */
  readonly writable: () => void;
  readonly storeFailed: () => void;
};

/**
 * The outgoing half of a connection: gathers packets for one write a turn, holds acknowledgements until what they
 * promise is durable, and knows when the peer is behind.
 */
export class Outbound implements TurnMember {
  version: 4 | 5 = 4;
  /** The longest packet that the client accepts. MQTT 5.0, section 3.1.2.11.4 */
  maximumPacketBytes = Infinity;
  wantsReasons = false;
  readonly #core: BrokerCore;
  readonly #sink: Sink;
  readonly #trace: PacketTrace;
  readonly #owner: OutboundOwner;
  readonly #outbox = new Outbox();
  readonly #write: (bytes: Uint8Array) => void;
  /** Replies that wait until what they promise is durable, in order. */
  #held: { readonly bytes: Uint8Array; readonly mark: number }[] = [];
  #pauses = 0;
  #joined = false;
  #isClosed = false;
  /** What the sink had not sent yet when it was asked last. */
  #backlog = 0;
  #isDropping = false;

  constructor(parts: {
    readonly core: BrokerCore;
    readonly sink: Sink;
    readonly trace: PacketTrace;
    readonly owner: OutboundOwner;
  }) {
    this.#core = parts.core;
    this.#sink = parts.sink;
    this.#trace = parts.trace;
    this.#owner = parts.owner;
    this.#write = (bytes) => parts.sink.write(bytes);
  }

  /** Bytes that have not left the process. */
  get unsent(): number {
    return this.#backlog + this.#outbox.bytes;
  }

  /** How many replies wait for the store. */
  get held(): number {
    return this.#held.length;
  }

  /** Whether the peer is so far behind that QoS 0 is dropped and QoS 1 waits. */
  get isChoked(): boolean {
    const { outboundSoftBytes } = this.#core.settings.limits;
    if (this.unsent <= outboundSoftBytes) return false;
    this.#backlog = this.#sink.writableLength;
    return this.unsent > outboundSoftBytes;
  }

  /** The sink has sent everything. */
  drained(): void {
    this.#backlog = this.#sink.writableLength;
    this.#isDropping = false;
    this.resume(PAUSE.backlog);
    this.#owner.writable();
  }

  /** Sends a message at QoS 0, or drops it where the client is behind; a retained message on subscribe is not dropped. */
  deliver(message: Message, retain: boolean): void {
    if (!retain && this.isChoked) return this.#tellDropping(message.topic);
    const { bytes } = message.frame(this.version, 0, retain, this.#core);
    this.#deliver(bytes, { idAt: 0, id: 0, topic: message.topic, qos: 0 });
  }

  /** Sends a message at QoS 1. False where the client does not take packets so large. */
  deliverQos1(id: number, message: Message, retain: boolean): boolean {
    const { bytes, idAt } = message.frame(this.version, 1, retain, this.#core);
    return this.#deliver(bytes, { idAt, id, topic: message.topic, qos: 1 });
  }

  /** Sends a message of a resumed session again, DUP set. MQTT 5.0, section 4.4 */
  redeliver(id: number, message: Message, retain: boolean): void {
    const { bytes, idAt } = message.redelivery(this.version, retain, this.#core);
    this.#deliver(bytes, { idAt, id, topic: message.topic, qos: 1 });
  }

  /** Sends PUBACK, once the store writes up to `mark` are durable. MQTT 5.0, section 3.4 */
  acknowledge(
    packetId: number,
    mark: number,
    failure?: { readonly reasonCode: ReasonCode; readonly why: string },
  ): void {
    if (!failure && this.#isReleasable(mark)) {
      this.#push(PUBACK, 2, packetId);
      if (this.#trace.mayTellData(this.#core.turn.time)) this.#trace.packet("sent", "puback", PUBACK.length);
      return;
    }
    const reasonCode = failure?.reasonCode ?? REASON.success;
    const properties = failure && this.wantsReasons ? { properties: { reasonString: failure.why } } : {};
    this.reply({ cmd: "puback", messageId: packetId, reasonCode, ...properties }, mark);
  }

  /** Sends a reply, once the store writes up to `mark` are durable, and behind the replies before it. */
  reply(packet: Packet, mark: number): void {
    const bytes = this.#encoded(packet);
    if (this.#isReleasable(mark)) {
      this.#push(bytes);
      return;
    }
    this.#held.push({ bytes, mark });
    this.#core.turn.wait(this);
    if (this.#held.length > this.#core.settings.limits.inFlight) this.pause(PAUSE.held);
  }

  /** Sends a packet behind what was sent before. */
  send(packet: Packet): void {
    this.#push(this.#encoded(packet));
  }

  sendPingResponse(): void {
    this.#push(PINGRESP);
  }

  /** Closes the transport, after everything sent has left unless the peer does not read. */
  close(options: { readonly politely: boolean }): void {
    if (options.politely) {
      this.#outbox.drain(this.#core.slab, this.#write);
      this.#sink.end();
    } else this.#sink.destroy();
    this.abandon();
  }

  /** The transport is gone. */
  abandon(): void {
    this.#isClosed = true;
    this.#held = [];
  }

  pause(reason: number): void {
    if (this.#pauses === 0) this.#sink.pause();
    this.#pauses |= reason;
  }

  resume(reason: number): void {
    if ((this.#pauses & reason) === 0) return;
    this.#pauses &= ~reason;
    if (this.#pauses === 0) this.#sink.resume();
  }

  flush(): void {
    this.#joined = false;
    if (this.#isClosed) return;
    this.#outbox.drain(this.#core.slab, this.#write);
    this.#backlog = this.#sink.writableLength;
    // Who does not read is not read either: its own requests could otherwise fill our memory with replies.
    if (this.#backlog > this.#core.settings.limits.outboundSoftBytes) this.pause(PAUSE.backlog);
    else this.#owner.writable();
  }

  release(mark: number): void {
    if (this.#isClosed) return;
    const firstHeld = this.#held.findIndex((held) => held.mark > mark);
    const count = firstHeld < 0 ? this.#held.length : firstHeld;
    for (const { bytes } of this.#held.splice(0, count)) this.#push(bytes);
    if (this.#held.length > 0) this.#core.turn.wait(this);
    if (this.#held.length <= this.#core.settings.limits.inFlight) this.resume(PAUSE.held);
  }

  storeFailed(): void {
    if (!this.#isClosed) this.#owner.storeFailed();
  }

  #deliver(
    bytes: Uint8Array,
    facts: { readonly idAt: number; readonly id: number; readonly topic: string; readonly qos: number },
  ): boolean {
    if (bytes.length > this.maximumPacketBytes) return false;
    this.#push(bytes, facts.idAt, facts.id);
    if (this.#trace.mayTellData(this.#core.turn.time)) this.#trace.packet("sent", "publish", bytes.length, facts);
    if (this.unsent > this.#core.settings.limits.outboundHardBytes) this.#owner.slow("outboundHardBytes");
    return true;
  }

  #tellDropping(topic: string): void {
    if (this.#isDropping) return;
    this.#isDropping = true;
    this.#trace.refusal("mqtt-limit", { limit: "outboundSoftBytes", dropped: "QoS 0 messages", topic });
  }

  #push(bytes: Uint8Array, idAt = 0, id = 0): void {
    this.#outbox.push(bytes, idAt, id);
    if (this.#joined) return;
    this.#joined = true;
    this.#core.turn.join(this);
  }

  #encoded(packet: Packet): Uint8Array {
    const bytes = this.#fitting(packet);
    this.#trace.packet("sent", packet.cmd, bytes.length, { reasonCode: reasonCodeOf(packet) });
    return bytes;
  }

  /** MQTT 5.0, section 3.2.2.3.9: a reason string that makes the packet too long for the client is left out. */
  #fitting(packet: Packet): Uint8Array {
    const { codec } = this.#core;
    const bytes = codec.encode(packet, this.version);
    if (bytes.length <= this.maximumPacketBytes || !("properties" in packet)) return bytes;
    const { reasonString: _, ...properties } = { reasonString: "", ...packet.properties };
    return codec.encode({ ...packet, properties } as Packet, this.version);
  }

  #isReleasable(mark: number): boolean {
    return this.#held.length === 0 && this.#core.turn.isDurable(mark);
  }
}

/** What a packet says about success, in its own version's codes; 0 where it says nothing. */
export function reasonCodeOf(packet: Packet): number {
  if ("reasonCode" in packet && packet.reasonCode !== undefined) return packet.reasonCode;
  return "returnCode" in packet && packet.returnCode !== undefined ? packet.returnCode : 0;
}
