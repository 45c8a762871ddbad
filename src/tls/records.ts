import { Writer } from "../codec/index.ts";
import { TlsError } from "./errors.ts";

/** Record content types. RFC 8446, section 5.1 */
export const CONTENT_TYPES = { change_cipher_spec: 20, alert: 21, handshake: 22, application_data: 23 } as const;

/** The longest fragment of plaintext. RFC 8446, section 5.1 */
export const MAX_PLAINTEXT = 0x4000;
const HEADER_LENGTH = 5;

/** A record as it came: `fragment` is still protected where protection is on. */
export type TlsRecord = { readonly type: number; readonly version: number; readonly fragment: Uint8Array };

/** A record's five header bytes followed by its fragment. RFC 8446, section 5.1 */
export function encodeRecord({ type, version, fragment }: TlsRecord): Uint8Array {
  return new Writer(HEADER_LENGTH + fragment.length)
    .u8(type)
    .u16(version)
    .prefixed(2, (w) => w.bytes(fragment))
    .finish();
}

/** Cuts a stream of bytes, which may come in pieces of any size, into records. */
export class RecordReader {
  #pieces: Uint8Array[] = [];
  #buffered = 0;
  /** The longest fragment that the current protection may produce. */
  maxFragment = MAX_PLAINTEXT;
  /**
   * The record version that is agreed: undefined before there is one, "any" in TLS 1.3, which ignores it.
   * RFC 5246, appendix E.1; RFC 8446, section 5.1
   */
  version: number | "any" | undefined;

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#buffered += bytes.length;
  }

  /** How many bytes wait to be read. */
  get buffered(): number {
    return this.#buffered;
  }

  /** The next whole record. Its header is judged as soon as it is there, whether or not the rest has come. */
  next(): TlsRecord | undefined {
    if (this.#buffered < HEADER_LENGTH) return undefined;
    const header = this.#gather(HEADER_LENGTH);
    const [type = 0, major = 0, minor = 0, high = 0, low = 0] = header;
    const version = major * 0x100 + minor;
    const length = high * 0x100 + low;
    this.#judge(type, version, length);
    if (this.#buffered < HEADER_LENGTH + length) return undefined;
    const whole = this.#gather(HEADER_LENGTH + length);
    this.#drop(HEADER_LENGTH + length);
    return { type, version, fragment: whole.subarray(HEADER_LENGTH, HEADER_LENGTH + length) };
  }

  #judge(type: number, version: number, length: number): void {
    if (type < CONTENT_TYPES.change_cipher_spec || type > CONTENT_TYPES.application_data || version >> 8 !== 3) {
      if (this.version === undefined) throw new TlsError("not-tls", `type ${type}, version 0x${version.toString(16)}`);
      throw new TlsError("unexpected-message", `a record of type ${type} and version 0x${version.toString(16)}`);
    }
    if (this.version !== undefined && this.version !== "any" && version !== this.version) {
      throw new TlsError("bad-record-version", `record version 0x${version.toString(16)}`);
    }
    if (length > this.maxFragment) throw new TlsError("record-too-long", `${length} bytes, limit ${this.maxFragment}`);
  }

  /** The first `length` bytes; copies only where they span pieces, and then only them. */
  #gather(length: number): Uint8Array {
    const [first] = this.#pieces;
    if (first && first.length >= length) return first;
    const joined = new Uint8Array(length);
    let at = 0;
    for (const piece of this.#pieces) {
      joined.set(piece.subarray(0, length - at), at);
      at += piece.length;
      if (at >= length) break;
    }
    return joined;
  }

  #drop(length: number): void {
    this.#buffered -= length;
    let left = length;
    let [first] = this.#pieces;
    while (first && left >= first.length) {
      left -= first.length;
      this.#pieces.shift();
      [first] = this.#pieces;
    }
    if (first && left > 0) this.#pieces[0] = first.subarray(left);
  }
}
