import type { Reader } from "../../codec/index.ts";
import { malformed, violation } from "./errors.ts";

type PropertyType = "flag" | "u16" | "u32" | "varint" | "text" | "binary" | "pair";

/** Every property that a client may send outside of PUBLISH. MQTT 5.0, section 2.2.2.2, table 2-4 */
const PROPERTIES: Readonly<Record<number, readonly [name: string, type: PropertyType]>> = {
  0x01: ["payload format indicator", "flag"],
  0x02: ["message expiry interval", "u32"],
  0x03: ["content type", "text"],
  0x08: ["response topic", "text"],
  0x09: ["correlation data", "binary"],
  0x0b: ["subscription identifier", "varint"],
  0x11: ["session expiry interval", "u32"],
  0x15: ["authentication method", "text"],
  0x16: ["authentication data", "binary"],
  0x17: ["request problem information", "flag"],
  0x18: ["will delay interval", "u32"],
  0x19: ["request response information", "flag"],
  0x1f: ["reason string", "text"],
  0x21: ["receive maximum", "u16"],
  0x22: ["topic alias maximum", "u16"],
  0x26: ["user property", "pair"],
  0x27: ["maximum packet size", "u32"],
};

const USER_PROPERTY = 0x26;

/** Which of them belong where. */
const BELONGING = {
  CONNECT: [0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27],
  will: [0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26],
  SUBSCRIBE: [0x0b, 0x26],
  UNSUBSCRIBE: [0x26],
  PUBACK: [0x1f, 0x26],
  DISCONNECT: [0x11, 0x1f, 0x26],
  AUTH: [0x15, 0x16, 0x1f, 0x26],
} as const satisfies Readonly<Record<string, readonly number[]>>;

/** Where a property block stands. */
export type BlockOwner = keyof typeof BELONGING;

/**
 * Reads over a property block with its length, and gives its user properties, in order.
 * Throws `ClientFault` for what does not belong there, comes twice or holds a value that is not allowed, and
 * `DecodeError` where the bytes end. MQTT 5.0, section 2.2.2
 */
export function checkPropertyBlock(reader: Reader, owner: BlockOwner): (readonly [string, string])[] {
  const block = reader.sub(readVarint(reader));
  const seen = new Set<number>();
  const pairs: (readonly [string, string])[] = [];
  while (block.remaining > 0) {
    const id = block.u8();
    const known = PROPERTIES[id];
    if (!known || !(BELONGING[owner] as readonly number[]).includes(id)) {
      throw malformed(`property 0x${id.toString(16)} does not belong into ${owner}`);
    }
    const [name, type] = known;
    if (id !== USER_PROPERTY && seen.has(id)) throw violation(`${name} is given twice`);
    seen.add(id);
    if (type === "pair") pairs.push([readText(block), readText(block)]);
    else checkValue(block, name, type);
  }
  return pairs;
}

/** A variable byte integer. MQTT 5.0, section 1.5.5 */
function readVarint(reader: Reader): number {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = reader.u8();
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
    if (scale === 128 ** 3) throw malformed("a variable byte integer has more than four bytes");
  }
}

/** A text with its length: strict UTF-8 without null characters. MQTT 5.0, section 1.5.4 */
export function readText(reader: Reader): string {
  const value = reader.utf8(reader.u16());
  if (value.includes("\0")) throw malformed("a text holds a null character");
  return value;
}

function checkValue(block: Reader, name: string, type: Exclude<PropertyType, "pair">): void {
  switch (type) {
    case "flag": {
      const value = block.u8();
      if (value > 1) throw violation(`${name} is ${value}`);
      return;
    }
    case "u16":
      return void block.u16();
    case "u32":
      return void block.u32();
    case "varint":
      // MQTT 5.0, section 3.8.2.1.2: 1 to 268,435,455.
      if (readVarint(block) === 0) throw malformed(`${name} is 0`);
      return;
    case "text":
      return void readText(block);
    case "binary":
      return void block.bytes(block.u16());
  }
}
