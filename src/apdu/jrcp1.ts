import { concat, DecodeError } from "../codec/index.ts";

/** Message types of JRCP v1; the same numbers travel in both directions. */
export const JRCP1_TYPE = {
  /** Reset the card and give its ATR. */
  reset: 0x00,
  apdu: 0x01,
  status: 0x02,
  /** An error from the server, a farewell from the client. */
  close: 0x03,
  /** What a terminal says of itself, and what it says to whoever debugs it: a card's server says nothing. */
  terminalInfo: 0x04,
  debugInfo: 0x07,
  /** Of clients that share a chip: to have it alone, and no longer. */
  lock: 0x30,
  unlock: 0x31,
} as const;

/** One frame: message type, node address (always 0 here) and payload. */
export type Jrcp1Frame = { readonly type: number; readonly node: number; readonly payload: Uint8Array };

/** What the client sends first: a reset request that carries the time it is ready to wait, 256 ms, as u32. */
export const JRCP1_RESET_REQUEST: Jrcp1Frame = {
  type: JRCP1_TYPE.reset,
  node: 0,
  payload: Uint8Array.of(0x00, 0x00, 0x01, 0x00),
};

/** Bytes of a frame. Throws `DecodeError` `length`. JRCP v1: type, node, length as u16, payload */
export function encodeJrcp1(frame: Jrcp1Frame): Uint8Array {
  return encodeJrcp1Into((length) => new Uint8Array(length), frame);
}

/** The same in memory that is given for it, whatever that held. */
export function encodeJrcp1Into(room: (length: number) => Uint8Array, { type, node, payload }: Jrcp1Frame): Uint8Array {
  const { length } = payload;
  if (length > 0xffff) throw new DecodeError("length", `a payload of ${length} bytes, at most 65535`, 2);
  const bytes = room(HEADER_BYTES + length);
  bytes[0] = type;
  bytes[1] = node;
  bytes[2] = length >> 8;
  bytes[3] = length;
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/**
 * The frame that these bytes begin with, and its length in all; undefined until more bytes come. Throws `DecodeError`
 * `length` for a payload over the limit as soon as its header is there. `origin` is where in the stream the bytes begin.
 */
export function readJrcp1(
  bytes: Uint8Array,
  { maxPayload = 1024, origin = 0 }: { readonly maxPayload?: number; readonly origin?: number } = {},
): { readonly frame: Jrcp1Frame; readonly length: number } | undefined {
  const end = frameEnd(bytes, maxPayload, origin);
  if (end === undefined) return undefined;
  const [type = 0, node = 0] = bytes;
  return { frame: { type, node, payload: new Uint8Array(bytes.subarray(HEADER_BYTES, end)) }, length: end };
}

const HEADER_BYTES = 4;

/** Where the first frame ends, or undefined until all of it is there. */
function frameEnd(bytes: Uint8Array, maxPayload: number, origin: number): number | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const length = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  if (length > maxPayload) {
    throw new DecodeError("length", `a payload of ${length} bytes, at most ${maxPayload}`, origin + 2);
  }
  return bytes.length < HEADER_BYTES + length ? undefined : HEADER_BYTES + length;
}

const NOTHING = new Uint8Array(0);

/**
 * Cuts a stream of bytes into JRCP v1 frames, however the stream is fragmented.
 * A payload over the limit throws `DecodeError` `length` as soon as its header is there; the stream is then lost.
 */
export class Jrcp1Parser {
  readonly #maxPayload: number;
  #pending: Uint8Array = NOTHING;
  #consumed = 0;

  constructor({ maxPayload = 1024 }: { readonly maxPayload?: number } = {}) {
    this.#maxPayload = maxPayload;
  }

  /** Takes bytes in; `next` then gives the frames. */
  push(chunk: Uint8Array): void {
    // A copy, and never a Buffer: what comes from a socket may be a view into memory that Node uses again.
    this.pushOwn(new Uint8Array(chunk));
  }

  /** The same with bytes that nobody changes from now on: payloads may be views of them. */
  pushOwn(chunk: Uint8Array): void {
    this.#pending = this.#pending.length === 0 ? chunk : concat(this.#pending, chunk);
  }

  /** The next complete frame, or undefined until more bytes come. */
  next(): Jrcp1Frame | undefined {
    const bytes = this.#pending;
    const end = frameEnd(bytes, this.#maxPayload, this.#consumed);
    if (end === undefined) return undefined;
    this.#pending = end === bytes.length ? NOTHING : bytes.subarray(end);
    this.#consumed += end;
    return { type: bytes[0] ?? 0, node: bytes[1] ?? 0, payload: bytes.subarray(HEADER_BYTES, end) };
  }

  /** How many bytes wait for the rest of their frame. */
  get pendingBytes(): number {
    return this.#pending.length;
  }
}
