import { concat, DecodeError, Reader } from "../codec/index.ts";

/** One message of the RPC, requests and answers alike. `serial` joins an answer to its request. p11-kit RPC, frame */
export type Frame = { readonly serial: number; readonly body: Uint8Array };

/** What a frame may hold at most: the largest legitimate body is data to digest, the options are a module's file name. */
export const FRAME_LIMITS = { maxOptions: 4096, maxBody: 1024 * 1024 } as const;

const HEADER_BYTES = 12;

const NOTHING = new Uint8Array(0);

/** Memory for so many bytes that somebody is about to fill. */
export type Room = (length: number) => Uint8Array;

/**
 *     serial u32 | options length u32 | body length u32 | options | body
 *
 * Our frames carry no options. p11-kit RPC, frame
 */
export function encodeFrame({ serial, body }: Frame, room: Room = (length) => new Uint8Array(length)): Uint8Array {
  const bytes = room(HEADER_BYTES + body.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  view.setUint32(0, serial);
  view.setUint32(4, 0);
  view.setUint32(8, body.length);
  bytes.set(body, HEADER_BYTES);
  return bytes;
}

/**
 * Cuts a stream into frames, however its pieces arrive. A header beyond the limits throws `DecodeError` before any of
 * its bytes are awaited; the place in the stream is lost then.
 */
export class FrameParser {
  #pending: Uint8Array = NOTHING;

  /** Takes bytes over: they must not change any more. */
  push(chunk: Uint8Array): void {
    this.#pending = this.#pending.length === 0 ? chunk : concat(this.#pending, chunk);
  }

  /** The next whole frame, or undefined until more bytes have come. */
  next(): Frame | undefined {
    if (this.#pending.length < HEADER_BYTES) return undefined;
    const reader = new Reader(this.#pending);
    const serial = reader.u32();
    const options = bounded(reader, "options", FRAME_LIMITS.maxOptions);
    const length = bounded(reader, "body", FRAME_LIMITS.maxBody);
    // A client takes an answer with serial 0 for another protocol, so it can have sent no such request.
    if (serial === 0) throw new DecodeError("value", "serial number 0", 0);
    const [begin, end] = [HEADER_BYTES + options, HEADER_BYTES + options + length];
    if (this.#pending.length < end) return undefined;
    const body = this.#pending.subarray(begin, end);
    this.#pending = this.#pending.length === end ? NOTHING : this.#pending.subarray(end);
    return { serial, body };
  }

  /** How many bytes wait for the rest of their frame. */
  get pendingBytes(): number {
    return this.#pending.length;
  }
}

function bounded(reader: Reader, what: string, max: number): number {
  const at = reader.at;
  const length = reader.u32();
  if (length > max) throw new DecodeError("length", `${what} of ${length} bytes, over ${max}`, at);
  return length;
}
