import { concat, DecodeError, fromHex, Reader, utf8Bytes, Writer } from "../codec/index.ts";

/** Message types of JRCP v2; an answer has the type of its request. */
export const JRCP2_TYPE = {
  apdu: 0x01,
  warmReset: 0x30,
  /** Its answer is the ATR. */
  coldReset: 0x31,
  /** What only simulators have: log texts, write counters. */
  simulator: 0xee,
  listReaders: 0xfe,
} as const;

/** One frame: message type, node address and payload. Header and timing bytes are read over. */
export type Jrcp2Frame = { readonly type: number; readonly node: number; readonly payload: Uint8Array };

/** What the client sends before any frame, a request of JRCP v1 for terminal information, and what it must get back. */
export const JRCP2_GREETING = {
  request: fromHex("04ff0000"),
  answer: concat(fromHex("04ff0010"), utf8Bytes("JRCP Protocol 2+")),
} as const;

/** The client's question which readers there are; its node is all of them. */
export const JRCP2_LIST_READERS: Jrcp2Frame = { type: JRCP2_TYPE.listReaders, node: 0xff, payload: fromHex("0001") };

/** The first byte of every frame. */
export const JRCP2_START = 0xa5;

/** The most bytes of timing information behind a payload. */
const MAX_TIMING = 19;

/** A reader as the list of readers names it. */
export type Jrcp2Reader = { readonly node: number; readonly name: string };

/** Bytes of a frame. JRCP v2: A5, type, node, header length, length as u32, payload, timing length */
export function encodeJrcp2(frame: Jrcp2Frame): Uint8Array {
  return encodeJrcp2Into((length) => new Uint8Array(length), frame);
}

/** The same in memory that is given for it, whatever that held. */
export function encodeJrcp2Into(room: (length: number) => Uint8Array, { type, node, payload }: Jrcp2Frame): Uint8Array {
  const bytes = room(HEADER_BYTES + payload.length + 1);
  bytes.set([JRCP2_START, type, node, 0]);
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(4, payload.length);
  bytes.set(payload, HEADER_BYTES);
  bytes[HEADER_BYTES + payload.length] = 0;
  return bytes;
}

/** Start, type, node, no header bytes, length. */
const HEADER_BYTES = 8;

/**
 * The frame that these bytes begin with, and its length in all; undefined until more bytes come. Throws `DecodeError`
 * `value` for another first byte and `length` for a payload or timing information over the limit.
 */
export function readJrcp2(
  bytes: Uint8Array,
  { maxPayload = 1024 }: { readonly maxPayload?: number } = {},
): { readonly frame: Jrcp2Frame; readonly length: number } | undefined {
  if (bytes.length > 0 && bytes[0] !== JRCP2_START) throw new DecodeError("value", "not a JRCP v2 frame", 0);
  if (bytes.length < 4) return undefined;
  const reader = new Reader(bytes);
  reader.u8();
  const [type, node, headerBytes] = [reader.u8(), reader.u8(), reader.u8()];
  if (reader.remaining < headerBytes + 4) return undefined;
  reader.bytes(headerBytes);
  const at = reader.at;
  const length = reader.u32();
  if (length > maxPayload) throw new DecodeError("length", `a payload of ${length} bytes, at most ${maxPayload}`, at);
  if (reader.remaining < length + 1) return undefined;
  const payload = reader.bytes(length);
  const timing = reader.u8();
  if (timing > MAX_TIMING) throw new DecodeError("length", `timing information of ${timing} bytes`, reader.at - 1);
  if (reader.remaining < timing) return undefined;
  reader.bytes(timing);
  return { frame: { type, node, payload: new Uint8Array(payload) }, length: reader.at };
}

/** The payload that lists readers. JRCP v2: 0001, then node, length and name of each */
export function encodeReaders(readers: readonly Jrcp2Reader[]): Uint8Array {
  const writer = new Writer().u16(1);
  for (const { node, name } of readers) writer.u8(node).prefixed(1, (body) => body.utf8(name));
  return writer.finish();
}

/** The readers of such a payload. Throws `DecodeError`. */
export function decodeReaders(payload: Uint8Array): readonly Jrcp2Reader[] {
  const reader = new Reader(payload);
  const version = reader.u16();
  if (version !== 1) throw new DecodeError("value", `a list of readers of form ${version}`, 0);
  const readers: Jrcp2Reader[] = [];
  while (reader.remaining > 0)
    readers.push({ node: reader.u8(), name: reader.prefixed(1, (body) => body.utf8(body.remaining)) });
  return readers;
}
