import { malformed, violation } from "./errors.ts";
import type { QoS } from "./ports.ts";
import type { Slab } from "./slab.ts";

const FIXED_HEADER = 0x30;
const DUP = 0x08;
const RETAIN = 0x01;

/** One PUBLISH packet as bytes; `idAt` is where its packet identifier stands, or 0 where it has none. */
export type Frame = { readonly bytes: Uint8Array; readonly idAt: number };

/**
 * Where the parts of one received PUBLISH packet lie. One object is used again and again: it is read on the hot path,
 * for which mqtt-packet's general parser is too slow (docs/decisions/004-publish-codec.md). MQTT 5.0, section 3.3
 */
export class PublishView {
  qos: QoS = 0;
  dup = false;
  retain = false;
  packetId = 0;
  topicAt = 0;
  topicEnd = 0;
  /** Equal to `propertiesEnd` where there are none. */
  propertiesAt = 0;
  propertiesEnd = 0;
  payloadAt = 0;

  /** Reads the packet between two offsets. Throws `ClientFault` for anything that is not well formed. */
  read(bytes: Uint8Array, place: { start: number; body: number; end: number }, version: 4 | 5): void {
    const { start, body, end } = place;
    this.#readHeader(bytes[start] ?? 0);
    if (body + 2 > end) throw malformed("PUBLISH ends before its topic");
    this.topicAt = body + 2;
    let at = (this.topicEnd = this.topicAt + u16(bytes, body));
    if (this.topicEnd > end) throw malformed("PUBLISH ends within its topic");
    this.packetId = 0;
    if (this.qos > 0) {
      if (at + 2 > end) throw malformed("PUBLISH ends before its packet identifier");
      this.packetId = u16(bytes, at);
      // MQTT 5.0, section 2.2.1: non-zero.
      if (this.packetId === 0) throw violation("packet identifier is 0");
      at += 2;
    }
    this.propertiesAt = this.propertiesEnd = at;
    if (version === 5) at = this.#readPropertyLength(bytes, at, end);
    this.payloadAt = at;
  }

  #readHeader(header: number): void {
    const qos = (header >>> 1) & 3;
    if (qos === 3) throw malformed("QoS is 3");
    this.qos = qos as QoS;
    this.dup = (header & DUP) !== 0;
    if (this.dup && qos === 0) throw malformed("DUP is set on QoS 0");
    this.retain = (header & RETAIN) !== 0;
  }

  #readPropertyLength(bytes: Uint8Array, from: number, end: number): number {
    let at = from;
    let length = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at];
      if (byte === undefined || at >= end || scale > 128 ** 3) throw malformed("property length is malformed");
      at += 1;
      length += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    if (at + length > end) throw malformed("PUBLISH ends within its properties");
    this.propertiesAt = at;
    this.propertiesEnd = at + length;
    return this.propertiesEnd;
  }
}

/** What a PUBLISH packet is made of; `properties` is the block without its length, undefined for MQTT 3.1.1. */
export type PublishParts = {
  readonly topic: Uint8Array;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup?: boolean;
  readonly properties: Uint8Array | undefined;
};

/** A PUBLISH packet with packet identifier 0, to be patched for each receiver. MQTT 5.0, section 3.3 */
export function encodePublish(parts: PublishParts, slab: Slab): Frame {
  const { topic, payload, qos, retain, dup = false, properties } = parts;
  const propertiesLength = properties === undefined ? 0 : lengthSize(properties.length) + properties.length;
  const length = 2 + topic.length + (qos > 0 ? 2 : 0) + propertiesLength + payload.length;
  const bytes = slab.take(1 + lengthSize(length) + length);
  bytes[0] = FIXED_HEADER | (dup ? DUP : 0) | (qos << 1) | (retain ? RETAIN : 0);
  let at = writeLength(bytes, 1, length);
  bytes[at] = topic.length >>> 8;
  bytes[at + 1] = topic.length & 0xff;
  bytes.set(topic, at + 2);
  at += 2 + topic.length;
  const idAt = qos > 0 ? at : 0;
  if (qos > 0) at += 2;
  if (properties !== undefined) {
    at = writeLength(bytes, at, properties.length);
    bytes.set(properties, at);
    at += properties.length;
  }
  bytes.set(payload, at);
  return { bytes, idAt };
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** How many bytes a variable byte integer takes. MQTT 5.0, section 1.5.5 */
function lengthSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4;
}

function writeLength(bytes: Uint8Array, from: number, value: number): number {
  let at = from;
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 128)) bytes[at++] = (left & 0x7f) | 0x80;
  bytes[at] = left;
  return at + 1;
}
