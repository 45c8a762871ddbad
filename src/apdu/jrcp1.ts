import { concat, DecodeError, Reader, Writer } from "../codec/index.ts";

/** Message types of JRCP v1; the same numbers travel in both directions. */
export const JRCP1_TYPE = {
  /** Reset the card and give its ATR. */
  reset: 0x00,
  apdu: 0x01,
  status: 0x02,
  /** An error from the server, a farewell from the client. */
  close: 0x03,
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

/** Bytes of a frame. JRCP v1: type, node, length as u16, payload */
export function encodeJrcp1({ type, node, payload }: Jrcp1Frame): Uint8Array {
  return new Writer(payload.length + 4).u8(type).u8(node).u16(payload.length).bytes(payload).finish();
}

/**
 * The frame that these bytes begin with, and its length in all; undefined until more bytes come. Throws `DecodeError`
 * `length` for a payload over the limit as soon as its header is there. `origin` is where in the stream the bytes begin.
 */
export function readJrcp1(
  bytes: Uint8Array,
  { maxPayload = 1024, origin = 0 }: { readonly maxPayload?: number; readonly origin?: number } = {},
): { readonly frame: Jrcp1Frame; readonly length: number } | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const reader = new Reader(bytes, origin);
  const [type, node, at, length] = [reader.u8(), reader.u8(), reader.at, reader.u16()];
  if (length > maxPayload) throw new DecodeError("length", `a payload of ${length} bytes, at most ${maxPayload}`, at);
  if (reader.remaining < length) return undefined;
  return { frame: { type, node, payload: reader.bytes(length).slice() }, length: HEADER_BYTES + length };
}

const HEADER_BYTES = 4;

/**
 * Cuts a stream of bytes into JRCP v1 frames, however the stream is fragmented.
 * A payload over the limit throws `DecodeError` `length` as soon as its header is there; the stream is then lost.
 */
export class Jrcp1Parser {
  readonly #maxPayload: number;
  #pending: Uint8Array = new Uint8Array(0);
  #consumed = 0;

  constructor({ maxPayload = 1024 }: { readonly maxPayload?: number } = {}) {
    this.#maxPayload = maxPayload;
  }

  /** Takes bytes in; `next` then gives the frames. */
  push(chunk: Uint8Array): void {
    // A copy, and never a Buffer: what comes from a socket is a view into memory that Node uses again.
    this.#pending = concat(this.#pending, chunk);
  }

  /** The next complete frame, or undefined until more bytes come. */
  next(): Jrcp1Frame | undefined {
    const found = readJrcp1(this.#pending, { maxPayload: this.#maxPayload, origin: this.#consumed });
    if (!found) return undefined;
    this.#pending = this.#pending.subarray(found.length);
    this.#consumed += found.length;
    return found.frame;
  }

  /** How many bytes wait for the rest of their frame. */
  get pendingBytes(): number {
    return this.#pending.length;
  }
}
