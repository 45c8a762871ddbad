import { utf8Bytes } from "../../codec/index.ts";
import type { Clock } from "../../crypto/index.ts";
import type { MessageProperties, QoS, StoredMessage } from "./ports.ts";
import { encodePublish, type Frame } from "./publish-packet.ts";
import type { Slab } from "./slab.ts";
import { encodePublishProperties, NO_PROPERTIES, type ReceiverProperties } from "./publish-properties.ts";

const NO_BYTES = new Uint8Array(0);

/** What makes a message. `expiresAt` is in milliseconds since 1970. */
export type MessageParts = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties?: MessageProperties;
  readonly expiresAt?: number | undefined;
};

/** A variant of a message's packet. */
export type OwnFrame = {
  readonly version: 4 | 5;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Whether it was sent before. MQTT 5.0, section 3.3.1.1 */
  readonly dup?: boolean;
  readonly own?: ReceiverProperties | undefined;
  /** Whether the receiver knows the topic by its alias. MQTT 5.0, section 3.3.2.3.4 */
  readonly isTopicKnown?: boolean;
};

/** Where packets take their memory and the time that is left from. */
export type FramePorts = { readonly clock: Clock; readonly slab: Slab };

/**
 * One accepted message, and its packets: each variant (MQTT version, QoS, RETAIN) is serialised once, for all receivers.
 * Packet identifiers are patched in where each packet is sent.
 */
export class Message {
  readonly topic: string;
  readonly qos: QoS;
  /** As the publisher set it. */
  readonly retain: boolean;
  /** Without the expiry interval, which is `expiresAt`. */
  readonly properties: MessageProperties;
  readonly expiresAt: number | undefined;
  #payload: Uint8Array;
  /** Whether the payload, and the adopted frame, are views of bytes that were received. */
  #isView = true;
  #adopted: Frame | undefined;
  #adoptedAs = -1;
  /** The message for a store, with RETAIN 0 and 1. */
  #stored: StoredMessage | undefined;
  #storedRetained: StoredMessage | undefined;
  #frames: (Frame | undefined)[] | undefined;
  #topicBytes: Uint8Array | undefined;

  constructor({ topic, payload, qos, retain, properties = NO_PROPERTIES, expiresAt }: MessageParts) {
    this.topic = topic;
    this.qos = qos;
    this.retain = retain;
    this.properties = properties;
    this.expiresAt = expiresAt;
    this.#payload = payload;
  }

  /** A message that was stored. */
  static from(stored: StoredMessage): Message {
    const message = new Message(stored);
    message.#isView = false;
    if (stored.retain) message.#storedRetained = stored;
    else message.#stored = stored;
    return message;
  }

  get payload(): Uint8Array {
    return this.#payload;
  }

  /** Takes a received packet as the serialised form of the variant that it happens to be. */
  adopt(version: 4 | 5, frame: Frame): void {
    this.#adopted = frame;
    this.#adoptedAs = variant(version, this.qos, false);
  }

  /** Copies what is only a view of received bytes, so that the message can wait without holding them. */
  keep(): this {
    if (!this.#isView) return this;
    this.#isView = false;
    this.#frames = undefined;
    const adopted = this.#adopted;
    if (!adopted) {
      this.#payload = new Uint8Array(this.#payload);
      return this;
    }
    // The payload is the end of the packet: one copy serves as both.
    const bytes = new Uint8Array(adopted.bytes);
    this.#adopted = { bytes, idAt: adopted.idAt };
    this.#payload = bytes.subarray(bytes.length - this.#payload.length);
    return this;
  }

  /** The message as a store takes it: one object for all sessions that queue it with the same RETAIN flag. */
  stored(retain: boolean): StoredMessage {
    const { topic, qos, properties, expiresAt, payload } = this.keep();
    if (retain) return (this.#storedRetained ??= { topic, payload, qos, retain, properties, expiresAt });
    return (this.#stored ??= { topic, payload, qos, retain, properties, expiresAt });
  }

  isExpired(clock: Clock): boolean {
    return this.expiresAt !== undefined && this.expiresAt <= clock.now();
  }

  /** The PUBLISH packet of one variant, with the time that is left by the clock. MQTT 5.0, section 3.3.2.3.3 */
  frame(version: 4 | 5, qos: QoS, retain: boolean, ports: FramePorts): Frame {
    const at = variant(version, qos, retain);
    if (this.#adopted && at === this.#adoptedAs) return this.#adopted;
    const known = this.#frames?.[at];
    if (known) return known;
    const frame = this.#encode({ version, qos, retain }, ports);
    // What waits keeps its payload only: its packets are made again, and would pin the memory that they were cut from.
    if (this.#isView && (version === 4 || this.expiresAt === undefined)) (this.#frames ??= [])[at] = frame;
    return frame;
  }

  /** The PUBLISH packet that only one receiver is sent. MQTT 5.0, section 3.3 */
  ownFrame(how: OwnFrame, ports: FramePorts): Frame {
    return this.#encode(how, ports);
  }

  #encode(how: OwnFrame, { clock, slab }: FramePorts): Frame {
    const { version, qos, retain, dup = false, own, isTopicKnown = false } = how;
    const topic = isTopicKnown ? NO_BYTES : (this.#topicBytes ??= utf8Bytes(this.topic));
    const properties = version === 5 ? this.#propertyBlock(clock, own) : undefined;
    return encodePublish({ topic, payload: this.#payload, properties, qos, retain, dup }, slab);
  }

  #propertyBlock(clock: Clock, own: ReceiverProperties | undefined): Uint8Array {
    if (!own && this.expiresAt === undefined && this.properties === NO_PROPERTIES) return NO_BYTES;
    const left =
      this.expiresAt === undefined ? undefined : Math.max(1, Math.ceil((this.expiresAt - clock.now()) / 1000));
    return encodePublishProperties(this.properties, left, own);
  }
}

function variant(version: 4 | 5, qos: QoS, retain: boolean): number {
  return (version === 5 ? 6 : 0) + qos * 2 + (retain ? 1 : 0);
}
