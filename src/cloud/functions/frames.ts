import { concat, ProtocolError, utf8Bytes } from "../../codec/index.ts";
import type { FunctionErrorCode } from "./errors.ts";

/** The largest message on the descriptor: a whole response of 6 MB and room for its frame, in bytes. */
export const MAX_FRAME_BYTES = 6 * 1024 * 1024 + 64 * 1024;

/** One message as it travels: four bytes of big-endian length, then that much JSON in UTF-8. */
export function frame(json: string): Uint8Array {
  const body = utf8Bytes(json);
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, body.length);
  return concat(head, body);
}

/**
 * Cuts the bytes that a function's process sends into JSON values.
 * Throws `ProtocolError` `function-frame` for a length over the limit and for a body that is not UTF-8 JSON;
 * the writer is untrusted code, so after one such error nothing more from it is worth reading.
 */
export class FrameReader {
  #waiting: Uint8Array[] = [];
  #have = 0;

  /** The values that are complete with these bytes. */
  *push(bytes: Uint8Array): Generator {
    this.#waiting.push(bytes);
    this.#have += bytes.length;
    for (let head = this.#peek(4); head; head = this.#peek(4)) {
      const length = new DataView(head.buffer, head.byteOffset).getUint32(0);
      if (length > MAX_FRAME_BYTES) throw malformed(`a frame of ${length} bytes, at most ${MAX_FRAME_BYTES}`);
      if (this.#have < 4 + length) return;
      const whole = this.#peek(4 + length) as Uint8Array;
      this.#waiting = [whole.subarray(4 + length)];
      this.#have -= 4 + length;
      yield parse(whole.subarray(4, 4 + length));
    }
  }

  /** The first bytes in one piece, joined only when all of them are there: no copying while a large frame trickles in. */
  #peek(length: number): Uint8Array | undefined {
    if (this.#have < length) return undefined;
    if ((this.#waiting[0]?.length ?? 0) < length) this.#waiting = [concat(...this.#waiting)];
    return this.#waiting[0];
  }
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(strictUtf8.decode(body));
  } catch (cause) {
    throw malformed("a frame that is not JSON", cause);
  }
}

function malformed(what: string, cause?: unknown): ProtocolError<FunctionErrorCode> {
  return new ProtocolError("function-frame", `the function's process sent ${what}`, "kill", { cause });
}
