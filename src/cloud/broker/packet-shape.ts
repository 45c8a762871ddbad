import { DecodeError, Reader } from "../../codec/index.ts";
import { malformed, violation } from "./errors.ts";
import { checkPropertyBlock, readText } from "./property-block.ts";
import { REASON } from "./reason-codes.ts";

const WILL = 0x04;
const WILL_QOS = 0x18;
const WILL_RETAIN = 0x20;
const PASSWORD = 0x40;
const USER_NAME = 0x80;

/** What only the bytes of a CONNECT packet say: mqtt-packet loses the order of a will's user properties. */
export type ConnectShape = {
  readonly version: 4 | 5;
  /** Whether the client speaks the version before 3.1.1, which has no Session Present. */
  readonly isMqtt31: boolean;
  readonly willUserProperties: readonly (readonly [name: string, value: string])[];
};

/**
 * Checks what mqtt-packet's parser leaves open in a CONNECT packet, given without its fixed header: a version that is
 * served, flags that make sense, properties and UTF-8, and fields that fill the packet exactly.
 * Throws `ClientFault`. MQTT 5.0, section 3.1
 */
export function checkConnect(body: Uint8Array, { servesMqtt31 }: { readonly servesMqtt31: boolean }): ConnectShape {
  return withReader("CONNECT", body, (reader) => {
    const [protocol, level] = [readText(reader), reader.u8()];
    const version = versionOf(protocol, level, servesMqtt31);
    const flags = reader.u8();
    checkFlags(flags, version);
    reader.u16();
    if (version === 5) checkPropertyBlock(reader, "CONNECT");
    readText(reader);
    let willUserProperties: ConnectShape["willUserProperties"] = [];
    if (flags & WILL) {
      if (version === 5) willUserProperties = checkPropertyBlock(reader, "will");
      readText(reader);
      reader.bytes(reader.u16());
    }
    if (flags & USER_NAME) readText(reader);
    if (flags & PASSWORD) reader.bytes(reader.u16());
    return { version, isMqtt31: level === 3, willUserProperties };
  });
}

/** Each packet that a client sends after CONNECT, PUBLISH and PINGREQ excepted, by its type. MQTT 5.0, section 2.1.2 */
const SHAPES: Readonly<Record<number, readonly [name: string, check: (reader: Reader, version: 4 | 5) => void]>> = {
  4: ["PUBACK", (reader, version) => checkAcknowledgement(reader, version, "PUBACK")],
  5: ["PUBREC", (reader, version) => checkAcknowledgement(reader, version, "PUBREC")],
  6: ["PUBREL", (reader, version) => checkAcknowledgement(reader, version, "PUBREL")],
  7: ["PUBCOMP", (reader, version) => checkAcknowledgement(reader, version, "PUBCOMP")],
  8: ["SUBSCRIBE", (reader, version) => checkFilters(reader, version, "SUBSCRIBE")],
  10: ["UNSUBSCRIBE", (reader, version) => checkFilters(reader, version, "UNSUBSCRIBE")],
  14: ["DISCONNECT", checkDisconnect],
  15: ["AUTH", checkAuth],
};

/** The same for another packet, given whole; `bodyAt` is where its fixed header ends. Unknown types pass. */
export function checkControl(bytes: Uint8Array, bodyAt: number, version: 4 | 5): void {
  const [name, check] = SHAPES[(bytes[0] ?? 0) >>> 4] ?? [];
  if (name && check) withReader(name, bytes.subarray(bodyAt), (reader) => check(reader, version));
}

function withReader<T>(name: string, body: Uint8Array, check: (reader: Reader) => T): T {
  const reader = new Reader(body);
  try {
    const result = check(reader);
    reader.end();
    return result;
  } catch (error) {
    if (error instanceof DecodeError) throw malformed(`${name}: ${error.message}`, error);
    throw error;
  }
}

function versionOf(protocol: string, level: number, servesMqtt31: boolean): 4 | 5 {
  if (protocol === "MQTT" && (level === 4 || level === 5)) return level;
  if (servesMqtt31 && protocol === "MQIsdp" && level === 3) return 4;
  if (protocol !== "MQTT" && protocol !== "MQIsdp") throw malformed("CONNECT names a protocol other than MQTT");
  throw violation(
    `protocol ${protocol} level ${level}, only MQTT 3.1.1 and 5 are served`,
    REASON.unsupportedProtocolVersion,
  );
}

function checkFlags(flags: number, version: 4 | 5): void {
  if (flags & 1) throw malformed("CONNECT sets the reserved flag");
  if ((flags & WILL_QOS) === WILL_QOS) throw malformed("will QoS is 3");
  if (!(flags & WILL) && flags & (WILL_QOS | WILL_RETAIN)) throw malformed("will flags without a will");
  // MQTT 3.1.1, section 3.1.2.9: "If the User Name Flag is set to 0, the Password Flag MUST be set to 0"
  if (version === 4 && flags & PASSWORD && !(flags & USER_NAME)) throw malformed("password without user name");
}

/** MQTT 5.0, section 3.4.2: reason code and properties may be missing. */
function checkAcknowledgement(reader: Reader, version: 4 | 5, name: keyof typeof ANSWERS): void {
  // MQTT 5.0, section 2.2.1: non-zero.
  if (reader.u16() === 0) throw violation("packet identifier is 0");
  if (version === 4 || reader.remaining === 0) return;
  const reason = reader.u8();
  const known: readonly number[] = ANSWERS[name];
  if (!known.includes(reason)) throw violation(`${name} has no reason code 0x${reason.toString(16)}`);
  if (reader.remaining > 0) checkPropertyBlock(reader, "PUBACK");
}

const RECEIVED = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];

/** The reason codes that each may carry. MQTT 5.0, sections 3.4.2.1 to 3.7.2.1 */
const ANSWERS = {
  PUBACK: RECEIVED,
  PUBREC: RECEIVED,
  PUBREL: [0x00, 0x92],
  PUBCOMP: [0x00, 0x92],
} as const;

/** MQTT 5.0, section 3.14.2: reason code and properties may be missing. */
function checkDisconnect(reader: Reader, version: 4 | 5): void {
  if (version === 4 || reader.remaining === 0) return;
  reader.u8();
  if (reader.remaining > 0) checkPropertyBlock(reader, "DISCONNECT");
}

/** MQTT 5.0, section 3.15.2; MQTT 3.1.1 has no such packet. */
function checkAuth(reader: Reader, version: 4 | 5): void {
  if (version === 4) throw malformed("AUTH is no packet of MQTT 3.1.1");
  if (reader.remaining === 0) return;
  const reason = reader.u8();
  if (![0x00, 0x18, 0x19].includes(reason)) throw violation(`AUTH has no reason code 0x${reason.toString(16)}`);
  if (reader.remaining > 0) checkPropertyBlock(reader, "AUTH");
}

function checkFilters(reader: Reader, version: 4 | 5, name: "SUBSCRIBE" | "UNSUBSCRIBE"): void {
  if (reader.u16() === 0) throw malformed("packet identifier is 0");
  if (version === 5) checkPropertyBlock(reader, name);
  // MQTT 5.0, sections 3.8.3 and 3.10.3: "a payload with no Topic Filter is a Protocol Error"
  if (reader.remaining === 0) throw malformed(`${name} without a topic filter`);
  while (reader.remaining > 0) {
    readText(reader);
    if (name === "SUBSCRIBE") checkOptions(reader.u8(), version);
  }
}

/** MQTT 5.0, section 3.8.3.1; MQTT 3.1.1, section 3.8.3: what is reserved must be 0. */
function checkOptions(options: number, version: 4 | 5): void {
  if ((options & 0x03) === 3) throw malformed("QoS is 3");
  if (options & (version === 5 ? 0xc0 : 0xfc)) throw malformed("SUBSCRIBE sets a reserved bit");
  if ((options & 0x30) === 0x30) throw malformed("retain handling is 3");
}
