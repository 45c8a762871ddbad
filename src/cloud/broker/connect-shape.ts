import { DecodeError, Reader } from "../../codec/index.ts";
import { ClientFault, malformed } from "./errors.ts";
import { REASON } from "./reason-codes.ts";

const WILL = 0x04;
const WILL_QOS = 0x18;
const WILL_RETAIN = 0x20;
const PASSWORD = 0x40;
const USER_NAME = 0x80;

/**
 * Checks what mqtt-packet's parser leaves open in a CONNECT packet: a version that is served, will flags that make
 * sense, strict UTF-8, fields that fill the packet exactly. Gives the version. MQTT 5.0, section 3.1
 */
export function checkConnect(variableHeader: Uint8Array): 4 | 5 {
  const reader = new Reader(variableHeader);
  try {
    const protocol = text(reader);
    const level = reader.u8();
    const version = versionOf(protocol, level);
    const flags = reader.u8();
    checkFlags(flags, version);
    reader.u16();
    if (version === 5) skipProperties(reader);
    text(reader);
    if (flags & WILL) {
      if (version === 5) skipProperties(reader);
      text(reader);
      reader.bytes(reader.u16());
    }
    if (flags & USER_NAME) text(reader);
    if (flags & PASSWORD) reader.bytes(reader.u16());
    reader.end();
    return version;
  } catch (error) {
    if (error instanceof DecodeError) throw malformed(`CONNECT: ${error.message}`, error);
    throw error;
  }
}

function versionOf(protocol: string, level: number): 4 | 5 {
  if (protocol === "MQTT" && (level === 4 || level === 5)) return level;
  if (protocol !== "MQTT" && protocol !== "MQIsdp") throw malformed("CONNECT names a protocol other than MQTT");
  throw new ClientFault(
    "mqtt-violation",
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

function skipProperties(reader: Reader): void {
  let length = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = reader.u8();
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
    if (scale === 128 ** 3) throw malformed("property length has more than four bytes");
  }
  reader.bytes(length);
}

function text(reader: Reader): string {
  const value = reader.utf8(reader.u16());
  if (value.includes("\0")) throw malformed("a text holds a null character");
  return value;
}
