import type { Packet } from "mqtt-packet";

import type { BrokerCore } from "./core.ts";
import { tellings } from "./cure-property.ts";
import type { Message } from "./message.ts";
import type { Outgoing } from "./outbound-flow.ts";
import { OutboundRate } from "./outbound-rate.ts";
import type { Outbox } from "./outbox.ts";
import type { PacketTrace } from "./packet-trace.ts";
import type { QoS, Sink } from "./ports.ts";
import type { Frame } from "./publish-packet.ts";
import { REASON, type ReasonCode } from "./reason-codes.ts";
import type { TurnMember } from "./turn.ts";
import type { OutboundLimit } from "./rate-account.ts";

const PUBACK = Uint8Array.of(0x40, 2, 0, 0);
const PUBREL = Uint8Array.of(0x62, 2, 0, 0);
const PINGRESP = Uint8Array.of(0xd0, 0);
const NOTHING = new Uint8Array(0);

/** Why a connection is not read for the moment; each holder lets go of its own. */
export const PAUSE = { admission: 1, backlog: 2, held: 4, rate: 8 } as const;

/** What a reply to a message says besides that it came. */
export type Answer = { readonly reasonCode: ReasonCode; readonly why?: string };

/** A packet that waits until what it promises is durable. Where `idAt` is not 0, `id` replaces the two bytes there. */
type Held = {
  readonly bytes: Uint8Array;
  readonly mark: number;
  readonly idAt: number;
  readonly id: number;
  /** Whether a QoS 1 message of the client counts as unacknowledged until it leaves. */
  readonly isOwed?: boolean;
};

/** What the outgoing half tells the connection that it belongs to. */
export type OutboundOwner = {
  /** The client does not read what is sent to it. */
  closeSlowConsumer(limit: string): void;
  /** There is room again for what waits in the session's queue. */
  sendMore(): void;
  storeFailed(): void;
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

  /** Whether CONNACK and DISCONNECT say why in words, which they may where other packets do not. MQTT 5.0, section 3.1.2.11.7 */
  get explains(): boolean {
    return this.wantsReasons || this.#core.settings.reasonStrings === "by default";
  }

  /** Topics that go out by alias: how many, and which have one. MQTT 5.0, section 3.1.2.11.5 */
  topicAliases = 0;
  #aliases: Map<string, number> | undefined;
  readonly #core: BrokerCore;
  readonly #sink: Sink;
  readonly #trace: PacketTrace;
  readonly #owner: OutboundOwner;
  readonly #rate: OutboundRate | undefined;
  /** Absent while there is nothing to send. */
  #outbox: Outbox | undefined;
  /** Replies that wait until what they promise is durable, in order. */
  #held: Held[] = [];
  #owed = 0;
  #pauses = 0;
  #joined = false;
  /** The last turn in which there was a packet to send. */
  #turn = 0;
  #isClosed = false;
  /** Nothing leaves before the store writes up to here are durable: what CONNACK says, it promises. */
  #opensAt = 0;
  /** False where that will never be. */
  #mayOpen = true;
  /** What the sink had not sent yet when it was asked last. */
  #backlog = 0;
  /** What QoS 0 messages were last dropped for, until there is room again. */
  #dropsFor: string | undefined;
  /** Whether anybody was told to wait since it was told last that there is room. */
  #hasChoked = false;

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
    this.#rate = OutboundRate.of(parts.core, () => this.#roomAgain());
  }

  /** Bytes that have not left the process. */
  get unsent(): number {
    return this.#backlog + (this.#outbox?.bytes ?? 0);
  }

  /** How many packets wait for the store. */
  get held(): number {
    return this.#held.length;
  }

  /** How many PUBACK wait for the store. */
  get owed(): number {
    return this.#owed;
  }

  /** Whether the peer is so far behind that QoS 0 is dropped and QoS 1 waits. */
  get isChoked(): boolean {
    const { outboundSoftBytes } = this.#core.settings.limits;
    if (this.unsent <= outboundSoftBytes) return false;
    this.#backlog = this.#sink.writableLength;
    const isChoked = this.unsent > outboundSoftBytes;
    this.#hasChoked ||= isChoked;
    return isChoked;
  }

  /** Whether one more message at QoS 1 or 2 has to wait, for the peer's sake or for a rate's. */
  get isFull(): boolean {
    return this.isChoked || this.overRate !== undefined;
  }

  /** The rate that one more message would go over, if there is one: there will be room again. */
  get overRate(): OutboundLimit | undefined {
    return this.#rate?.over();
  }

  /** The sink has sent everything. */
  drained(): void {
    this.#backlog = this.#sink.writableLength;
    this.resume(PAUSE.backlog);
    this.#roomAgain();
  }

  #roomAgain(): void {
    this.#dropsFor = undefined;
    this.#owner.sendMore();
  }

  /**
   * Sends a message at QoS 0, or drops it where the client is behind or over a rate; a retained message on subscribe is
   * not dropped.
   */
  deliver(message: Message, retain: boolean, identifiers: readonly number[]): void {
    const limit = retain ? undefined : this.isChoked ? "outboundSoftBytes" : this.#rate?.over();
    if (limit) return this.#tellDropping(limit, message.topic);
    const frame = this.#frame(message, { qos: 0, retain, identifiers }, true);
    this.#deliver(frame, { id: 0, topic: message.topic, qos: 0 }, 0);
  }

  /**
   * Sends a message at QoS 1 or 2, once the store writes up to `mark` are durable; DUP is set where it was sent before.
   * False where the client does not take packets so large. MQTT 5.0, section 4.4
   */
  deliverAcknowledged(
    id: number,
    outgoing: Pick<Outgoing, "message" | "qos" | "retain" | "identifiers">,
    { mark = 0, dup = false }: { readonly mark?: number; readonly dup?: boolean } = {},
  ): boolean {
    const { message, qos } = outgoing;
    const frame = this.#frame(message, { ...outgoing, dup }, this.#isReleasable(mark));
    return this.#deliver(frame, { id, topic: message.topic, qos }, mark);
  }

  /** Sends PUBREL, once the store writes up to `mark` are durable. MQTT 5.0, section 3.6 */
  sendRelease(id: number, mark: number, reasonCode: ReasonCode = REASON.success): void {
    if (reasonCode === REASON.success) this.#pushOrHold({ bytes: PUBREL, mark, idAt: 2, id });
    else this.reply({ cmd: "pubrel", messageId: id, reasonCode }, mark);
  }

  /** Sends PUBACK, once the store writes up to `mark` are durable. MQTT 5.0, section 3.4 */
  acknowledge(packetId: number, mark: number, answer?: Answer): void {
    if (!answer) {
      this.#pushOrHold({ bytes: PUBACK, mark, idAt: 2, id: packetId, isOwed: true });
      if (this.#trace.mayTellData(this.#core.turn.time)) this.#trace.packet("sent", "puback", PUBACK.length);
      return;
    }
    this.answer("puback", packetId, { mark, ...answer });
  }

  /** Sends PUBACK, PUBREC or PUBCOMP, once the store writes up to `mark` are durable. MQTT 5.0, section 4.3.3 */
  answer(
    cmd: "puback" | "pubrec" | "pubcomp",
    messageId: number,
    how: { readonly mark: number } & Partial<Answer>,
  ): void {
    const { mark, reasonCode = REASON.success, why } = how;
    const properties = why !== undefined && this.wantsReasons ? { properties: { reasonString: why } } : {};
    this.reply({ cmd, messageId, reasonCode, ...properties }, mark);
  }

  /** Sends a reply, once the store writes up to `mark` are durable, and behind the replies before it. */
  reply(packet: Packet, mark: number): void {
    this.#pushOrHold({ bytes: this.#encoded(packet), mark, idAt: 0, id: 0 });
  }

  /** Sends a packet behind what was sent before. */
  send(packet: Packet): void {
    this.#push(this.#encoded(packet));
  }

  /** Sends CONNACK, and all that follows, once the store writes up to `mark` are durable. */
  open(connack: Packet, mark: number): void {
    this.#opensAt = mark;
    this.send(connack);
  }

  sendPingResponse(): void {
    this.#push(PINGRESP);
  }

  /** Closes the transport, after everything sent has left unless the peer does not read. */
  close(options: { readonly politely: boolean }): void {
    if (options.politely && this.#mayOpen) {
      this.#drain();
      this.#sink.end();
    } else this.#sink.destroy();
    this.abandon();
  }

  /** The transport is gone. */
  abandon(): void {
    this.#isClosed = true;
    this.#rate?.stop();
    this.#held = [];
    this.#outbox = undefined;
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
    if (this.#opensAt > 0) {
      if (!this.#core.turn.isDurable(this.#opensAt)) return this.#core.turn.wait(this);
      this.#opensAt = 0;
    }
    this.#drain();
    this.#backlog = this.#sink.writableLength;
    // Who does not read is not read either: its own requests could otherwise fill our memory with replies.
    if (this.#backlog > this.#core.settings.limits.outboundSoftBytes) this.pause(PAUSE.backlog);
    else if (this.#hasChoked) {
      this.#hasChoked = false;
      this.#owner.sendMore();
    }
  }

  release(mark: number): void {
    if (this.#isClosed) return;
    const firstHeld = this.#held.findIndex((held) => held.mark > mark);
    const count = firstHeld < 0 ? this.#held.length : firstHeld;
    for (const { bytes, idAt, id, isOwed } of this.#held.splice(0, count)) {
      this.#push(bytes, idAt, id);
      if (isOwed) this.#owed -= 1;
    }
    if (this.#opensAt > 0) this.#join();
    if (this.#held.length > 0) this.#core.turn.wait(this);
    if (this.#held.length <= this.#core.settings.limits.inFlight) this.resume(PAUSE.held);
  }

  storeFailed(): void {
    if (this.#isClosed) return;
    this.#mayOpen = this.#opensAt === 0;
    this.#owner.storeFailed();
  }

  /** The packet for this receiver; it may rest on a topic alias only where it leaves in the order of the calls. */
  #frame(
    message: Message,
    what: Pick<Outgoing, "retain" | "identifiers"> & { readonly qos: QoS; readonly dup?: boolean },
    isInOrder: boolean,
  ): Frame {
    const { qos, retain, identifiers, dup = false } = what;
    const { version } = this;
    const aliases = version === 5 && isInOrder && this.topicAliases > 0;
    if (!dup && !aliases && (version === 4 || identifiers.length === 0)) {
      return message.frame(version, qos, retain, this.#core);
    }
    const known = aliases ? this.#aliases?.get(message.topic) : undefined;
    const topicAlias = known ?? (aliases ? this.#newAlias(message.topic) : 0);
    const own = topicAlias > 0 || identifiers.length > 0 ? { identifiers, topicAlias } : undefined;
    const how = { version, qos, retain, dup, own, isTopicKnown: known !== undefined };
    const frame = message.ownFrame(how, this.#core);
    // A packet that is not sent sets no alias.
    if (known === undefined && frame.bytes.length > this.maximumPacketBytes) this.#aliases?.delete(message.topic);
    return frame;
  }

  #newAlias(topic: string): number {
    const aliases = (this.#aliases ??= new Map());
    if (aliases.size >= this.topicAliases) return 0;
    aliases.set(topic, aliases.size + 1);
    return aliases.size;
  }

  #deliver(
    { bytes, idAt }: Frame,
    facts: { readonly id: number; readonly topic: string; readonly qos: number },
    mark: number,
  ): boolean {
    if (bytes.length > this.maximumPacketBytes) return false;
    this.#rate?.sent(bytes.length);
    if (mark > 0) this.#pushOrHold({ bytes, mark, idAt, id: facts.id });
    else this.#push(bytes, idAt, facts.id);
    if (this.#trace.mayTellData(this.#core.turn.time)) this.#trace.packet("sent", "publish", bytes.length, facts);
    if (this.unsent > this.#core.settings.limits.outboundHardBytes) this.#owner.closeSlowConsumer("outboundHardBytes");
    return true;
  }

  #pushOrHold(held: Held): void {
    if (this.#isReleasable(held.mark)) {
      this.#push(held.bytes, held.idAt, held.id);
      return;
    }
    this.#held.push(held);
    if (held.isOwed) this.#owed += 1;
    this.#core.turn.wait(this);
    if (this.#held.length > this.#core.settings.limits.inFlight) this.pause(PAUSE.held);
  }

  #tellDropping(limit: string, topic: string): void {
    if (this.#dropsFor === limit) return;
    this.#dropsFor = limit;
    this.#trace.refusal("mqtt-limit", { limit, dropped: "QoS 0 messages", topic });
  }

  #push(bytes: Uint8Array, idAt = 0, id = 0): void {
    const { turn, outboxes } = this.#core;
    turn.notePacket(this.#turn !== turn.number);
    this.#turn = turn.number;
    (this.#outbox ??= outboxes.take()).push(bytes, idAt, id);
    this.#join();
  }

  #drain(): void {
    const outbox = this.#outbox;
    if (!outbox) return;
    this.#outbox = undefined;
    outbox.drain(this.#core.slab, this.#sink);
    this.#core.outboxes.give(outbox);
  }

  #join(): void {
    if (this.#joined) return;
    this.#joined = true;
    this.#core.turn.join(this);
  }

  #encoded(packet: Packet): Uint8Array {
    const bytes = this.#fitting(packet);
    this.#trace.packet("sent", packet.cmd, bytes.length, { reasonCode: reasonCodeOf(packet) });
    return bytes;
  }

  /** What makes the packet too long for the client is left out. MQTT 5.0, section 3.2.2.3.9 */
  #fitting(packet: Packet): Uint8Array {
    let bytes: Uint8Array = NOTHING;
    for (const telling of this.version === 5 ? tellings(packet) : [packet]) {
      bytes = this.#core.codec.encode(telling, this.version);
      if (bytes.length <= this.maximumPacketBytes) break;
    }
    return bytes;
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
