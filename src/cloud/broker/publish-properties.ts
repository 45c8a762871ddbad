import { DecodeError, Reader, utf8Bytes, Writer } from "../../codec/index.ts";
import { malformed, violation } from "./errors.ts";
import type { MessageProperties } from "./ports.ts";
import { readText } from "./property-block.ts";
import { REASON } from "./reason-codes.ts";

/** The properties of a message that has none. */
export const NO_PROPERTIES: MessageProperties = {};

/** What a PUBLISH packet's properties say, to the receiver of the message and to the receiver of the packet. */
export type PublishProperties = { readonly message: MessageProperties; readonly topicAlias: number | undefined };

/** Identifiers of the properties that a PUBLISH packet may carry. MQTT 5.0, section 2.2.2.2 */
const ID = {
  payloadFormatIndicator: 0x01,
  messageExpiryInterval: 0x02,
  contentType: 0x03,
  responseTopic: 0x08,
  correlationData: 0x09,
  subscriptionIdentifier: 0x0b,
  topicAlias: 0x23,
  userProperty: 0x26,
} as const;

type Found = {
  payloadFormatIndicator?: 0 | 1;
  messageExpiryIntervalS?: number;
  contentType?: string;
  responseTopic?: string;
  correlationData?: Uint8Array;
  userProperties?: (readonly [string, string])[];
  topicAlias?: number;
};

/**
 * Reads the properties of a PUBLISH that a client sent, without their length. Throws `ClientFault`.
 * The order of user properties is kept. MQTT 5.0, section 3.3.2.3
 */
export function decodePublishProperties(bytes: Uint8Array): PublishProperties {
  const reader = new Reader(bytes);
  const found: Found = {};
  try {
    while (reader.remaining > 0) readProperty(reader, found);
  } catch (error) {
    if (error instanceof DecodeError) throw malformed(`PUBLISH properties: ${error.message}`, error);
    throw error;
  }
  const { topicAlias, ...message } = found;
  return { message, topicAlias };
}

/** What a PUBLISH packet carries for one receiver. MQTT 5.0, sections 3.3.2.3.4 and 3.3.2.3.8 */
export type ReceiverProperties = {
  /** The subscription identifiers of its subscriptions that matched. */
  readonly identifiers?: readonly number[];
  /** 0 for none. */
  readonly topicAlias?: number;
};

/** The property block of a PUBLISH packet, without its length. `expiryS` replaces the message's own. */
export function encodePublishProperties(
  properties: MessageProperties,
  expiryS: number | undefined,
  { identifiers = [], topicAlias = 0 }: ReceiverProperties = {},
): Uint8Array {
  const w = new Writer(64);
  const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } = properties;
  if (payloadFormatIndicator !== undefined) w.u8(ID.payloadFormatIndicator).u8(payloadFormatIndicator);
  if (expiryS !== undefined) w.u8(ID.messageExpiryInterval).u32(expiryS);
  if (contentType !== undefined) text(w.u8(ID.contentType), contentType);
  if (responseTopic !== undefined) text(w.u8(ID.responseTopic), responseTopic);
  if (correlationData !== undefined) w.u8(ID.correlationData).prefixed(2, (inner) => inner.bytes(correlationData));
  if (topicAlias > 0) w.u8(ID.topicAlias).u16(topicAlias);
  for (const identifier of identifiers) varint(w.u8(ID.subscriptionIdentifier), identifier);
  for (const [name, value] of userProperties ?? []) text(text(w.u8(ID.userProperty), name), value);
  return w.finish();
}

/** A variable byte integer. MQTT 5.0, section 1.5.5 */
function varint(w: Writer, value: number): void {
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 128)) w.u8((left & 0x7f) | 0x80);
  w.u8(left);
}

function text(w: Writer, value: string): Writer {
  return w.prefixed(2, (inner) => inner.bytes(utf8Bytes(value)));
}

function readProperty(reader: Reader, found: Found): void {
  const id = reader.u8();
  switch (id) {
    case ID.payloadFormatIndicator: {
      once(found.payloadFormatIndicator, "payload format indicator");
      const value = reader.u8();
      if (value !== 0 && value !== 1) throw violation(`payload format indicator is ${value}`);
      found.payloadFormatIndicator = value;
      return;
    }
    case ID.messageExpiryInterval:
      once(found.messageExpiryIntervalS, "message expiry interval");
      found.messageExpiryIntervalS = reader.u32();
      return;
    case ID.contentType:
      once(found.contentType, "content type");
      found.contentType = readText(reader);
      return;
    case ID.responseTopic:
      once(found.responseTopic, "response topic");
      found.responseTopic = readText(reader);
      if (/[+#]/.test(found.responseTopic)) throw violation("response topic holds a wildcard");
      return;
    case ID.correlationData:
      once(found.correlationData, "correlation data");
      // A copy, since properties outlive the packet.
      found.correlationData = new Uint8Array(reader.bytes(reader.u16()));
      return;
    case ID.topicAlias:
      once(found.topicAlias, "topic alias");
      found.topicAlias = reader.u16();
      return;
    case ID.userProperty:
      (found.userProperties ??= []).push([readText(reader), readText(reader)]);
      return;
    case ID.subscriptionIdentifier:
      // "A PUBLISH packet sent from a Client to a Server MUST NOT contain a Subscription Identifier"
      throw violation("PUBLISH carries a subscription identifier");
    default:
      throw violation(`property 0x${id.toString(16)} does not belong into PUBLISH`, REASON.malformedPacket);
  }
}

function once(value: unknown, name: string): void {
  if (value !== undefined) throw violation(`${name} is given twice`);
}
