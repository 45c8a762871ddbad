import { generate, parser, writeToStream, type Packet, type Parser } from "mqtt-packet";

import { concat, utf8Bytes } from "../../codec/index.ts";
import { malformed } from "./errors.ts";

/**
 * Every packet but PUBLISH, read and written by mqtt-packet.
 *
 * It is given exactly one whole packet at a time, so that it can neither buffer nor read beyond one. Its parser is
 * lenient about properties, texts and lengths: `packet-shape.ts` looks at the same bytes first.
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
      // Left in the middle of a packet, a parser would take the next one for its rest.
      this.#parsers.clear();
      throw malformed(this.#error instanceof Error ? this.#error.message : "the packet is incomplete", this.#error);
    }
    return packet;
  }

  /** Encodes one packet. */
  encode(packet: Packet, version: 4 | 5): Uint8Array {
    const short = version === 5 ? withoutProperties(packet) : undefined;
    if (short) return short;
    return holdsBytes(packet) ? gathered(packet, version) : generate(packet, { protocolVersion: version });
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

/** First bytes of the packets whose reason code and properties may be missing. MQTT 5.0, sections 3.4.2 and 3.14.2 */
const SHORT = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70, disconnect: 0xe0 } as const;

/** Such a packet without what it need not say; mqtt-packet always writes a property length. */
function withoutProperties(packet: Packet): Uint8Array | undefined {
  if (!(packet.cmd in SHORT) || ("properties" in packet && packet.properties !== undefined)) return undefined;
  const {
    cmd,
    messageId,
    reasonCode = 0,
  } = packet as { cmd: keyof typeof SHORT; messageId?: number; reasonCode?: number };
  const body = messageId === undefined ? [] : [messageId >>> 8, messageId & 0xff];
  if (reasonCode !== 0) body.push(reasonCode);
  return Uint8Array.of(SHORT[cmd], body.length, ...body);
}

function holdsBytes(packet: Packet): boolean {
  const properties: object = ("properties" in packet && packet.properties) || {};
  return "authenticationData" in properties;
}

/** `generate` joins Buffers only; piece by piece mqtt-packet writes any bytes. */
function gathered(packet: Packet, version: 4 | 5): Uint8Array {
  const pieces: Uint8Array[] = [];
  const stream = {
    write: (piece: Uint8Array | string) => pieces.push(typeof piece === "string" ? utf8Bytes(piece) : piece) > 0,
    cork: () => undefined,
    uncork: () => undefined,
    destroy(error: Error) {
      throw error;
    },
  };
  writeToStream(packet, stream as unknown as Parameters<typeof writeToStream>[1], { protocolVersion: version });
  return concat(...pieces);
}
