import { concat } from "../codec/index.ts";
import { TlsError } from "./errors.ts";
import { type HandshakeMessage, messageName } from "./messages.ts";

/** No sound handshake message comes near this; what is longer would only fill memory. */
const MAX_HANDSHAKE_MESSAGE = 0x10000;
const HEADER_LENGTH = 4;

/** Joins record fragments to handshake messages: a message may span records, a record may hold many. RFC 8446, section 5.1 */
export class HandshakeJoiner {
  #buffer: Uint8Array = new Uint8Array(0);

  push(fragment: Uint8Array): void {
    // A copy in any case: the fragment may lie in the transport's memory.
    this.#buffer = concat(this.#buffer, fragment);
  }

  /** Whether no part of a message is waiting for its rest. */
  get isEmpty(): boolean {
    return this.#buffer.length === 0;
  }

  next(): HandshakeMessage | undefined {
    const [type, high, middle, low] = this.#buffer;
    if (type === undefined || high === undefined || middle === undefined || low === undefined) return undefined;
    const length = high * 0x10000 + middle * 0x100 + low;
    if (length > MAX_HANDSHAKE_MESSAGE) {
      throw new TlsError("message-too-long", `${messageName(type)} of ${length} bytes`);
    }
    const end = HEADER_LENGTH + length;
    if (this.#buffer.length < end) return undefined;
    const raw = this.#buffer.slice(0, end);
    this.#buffer = this.#buffer.subarray(end);
    return { type, body: raw.subarray(HEADER_LENGTH), raw };
  }
}
