import { generate, parser, type Packet, type Parser } from "mqtt-packet";

import { utf8Bytes } from "../../codec/index.ts";
import { malformed, violation } from "./errors.ts";

const REPLACEMENT = "\uFFFD";

/**
 * Every packet but PUBLISH, read and written by mqtt-packet.
 *
 * It is given exactly one whole packet at a time, so that it can neither buffer nor read beyond one; what it accepts
 * too easily is checked behind it.
 */
export class ControlCodec {
  readonly #parsers = new Map<4 | 5, Parser>();
  #packet: Packet | undefined;
  #error: unknown;

  /** Decodes one whole packet. Throws `ClientFault`. */
  decode(bytes: Uint8Array, version: 4 | 5): Packet {
    this.#packet = this.#error = undefined;
    try {
      this.#parser(version).parse(bytes as Parameters<Parser["parse"]>[0]);
    } catch (error) {
      this.#error = error;
    }
    const packet: Packet | undefined = this.#packet;
    if (this.#error !== undefined || !packet) {
      this.#parsers.clear();
      throw malformed(this.#error instanceof Error ? this.#error.message : "the packet is incomplete", this.#error);
    }
    checkProperties(packet);
    checkTexts(packet, bytes);
    return packet;
  }

  /** Encodes one packet. */
  encode(packet: Packet, version: 4 | 5): Uint8Array {
    return generate(packet, { protocolVersion: version });
  }

  #parser(version: 4 | 5): Parser {
    const known = this.#parsers.get(version);
    if (known) return known;
    const made = parser({ protocolVersion: version });
    made.on("packet", (packet) => (this.#packet = packet));
    made.on("error", (error) => (this.#error = error));
    this.#parsers.set(version, made);
    return made;
  }
}

/** MQTT 5.0, section 2.2.2: only user properties may come twice, which mqtt-packet reports as an array. */
function checkProperties(packet: Packet): void {
  const blocks = [propertiesOf(packet), packet.cmd === "connect" ? propertiesOf(packet.will) : undefined];
  for (const block of blocks) {
    for (const [name, value] of Object.entries(block ?? {})) {
      if (name === "userProperties") continue;
      if (Array.isArray(value)) throw violation(`property ${name} is given twice`);
      if (value === undefined || value === null || value === -1) throw malformed(`property ${name} is incomplete`);
    }
  }
}

function propertiesOf(holder: object | undefined): object | undefined {
  return holder && "properties" in holder && typeof holder.properties === "object" && holder.properties
    ? holder.properties
    : undefined;
}

/** MQTT 5.0, section 1.5.4: ill-formed UTF-8 and null characters end the connection; mqtt-packet replaces the former. */
function checkTexts(packet: Packet, bytes: Uint8Array): void {
  for (const text of textsOf(packet)) {
    if (text.includes("\0")) throw malformed("a text holds a null character");
    if (text.includes(REPLACEMENT) && !contains(bytes, text)) throw malformed("a text is not valid UTF-8");
  }
}

function textsOf(value: unknown, depth = 0): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || depth > 4) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    ...(key.includes(REPLACEMENT) ? [key] : []),
    ...textsOf(inner, depth + 1),
  ]);
}

function contains(bytes: Uint8Array, text: string): boolean {
  const wanted = utf8Bytes(text);
  for (let at = 0; at + 2 + wanted.length <= bytes.length; at++) {
    const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    if (length === wanted.length && wanted.every((byte, i) => bytes[at + 2 + i] === byte)) return true;
  }
  return false;
}
