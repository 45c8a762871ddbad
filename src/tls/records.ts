import { Writer } from "../codec/index.ts";
import { TlsError } from "./errors.ts";

/** Record content types. RFC 8446, section 5.1 */
export const CONTENT_TYPES = { change_cipher_spec: 20, alert: 21, handshake: 22, application_data: 23 } as const;

/** The longest fragment of plaintext. RFC 8446, section 5.1 */
export const MAX_PLAINTEXT = 0x4000;

/** Fragment lengths that RFC 6066, section 4 has a code for. */
export const FRAGMENT_LENGTH_CODES = { 512: 1, 1024: 2, 2048: 3, 4096: 4 } as const;
/** A length that they name, in bytes of plaintext. */
export type FragmentLength = keyof typeof FRAGMENT_LENGTH_CODES;

/** The smallest limit that anybody may set. RFC 8449, section 4 */
export const MIN_RECORD_SIZE_LIMIT = 64;
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

/**
 * Cuts a stream of bytes, which may come in pieces of any size, into records. Bytes that were pushed belong to the
 * caller again after `keep`; a record's fragment, which may be a part of them, is good until then or the next call.
 */
export class RecordReader {
  /** The piece that is read from at present. */
  #piece: Uint8Array = NOTHING;
  #at = 0;
  /** Pieces that came while nobody wanted records. */
  readonly #backlog: Uint8Array[] = [];
  /** A record whose bytes come in several pieces is put together here. */
  #joined: Uint8Array = new Uint8Array(512);
  #filled = 0;
  /** The longest fragment that the current protection may produce. */
  maxFragment = MAX_PLAINTEXT;
  /**
   * The record version that is agreed: undefined before there is one, "any" in TLS 1.3, which ignores it.
   * RFC 5246, appendix E.1; RFC 8446, section 5.1
   */
  version: number | "any" | undefined;

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#at < this.#piece.length) {
      this.#backlog.push(bytes.slice());
      return;
    }
    this.#piece = bytes;
    this.#at = 0;
  }

  /** Copies what was not read yet, so that nothing of the caller's memory is used any more. */
  keep(): void {
    this.#piece = this.#piece.slice(this.#at);
    this.#at = 0;
  }

  /** The next whole record. Its header is judged as soon as it is there, whether or not the rest has come. */
  next(): TlsRecord | undefined {
    const header = this.#take(HEADER_LENGTH);
    if (!header) return undefined;
    const [type = 0, major = 0, minor = 0, high = 0, low = 0] = header;
    const version = major * 0x100 + minor;
    const length = high * 0x100 + low;
    this.#judge(type, version, length);
    const whole = this.#take(HEADER_LENGTH + length);
    if (!whole) return undefined;
    this.#drop(whole.length);
    return { type, version, fragment: whole.subarray(HEADER_LENGTH) };
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

  /** The first `length` bytes that were not read yet, which stay unread; copied only where they span pieces. */
  #take(length: number): Uint8Array | undefined {
    if (this.#filled === 0 && this.#at === this.#piece.length) this.#nextPiece();
    if (this.#filled === 0 && this.#piece.length - this.#at >= length) {
      return this.#piece.subarray(this.#at, this.#at + length);
    }
    this.#reserve(length);
    while (this.#filled < length) {
      if (this.#at === this.#piece.length && !this.#nextPiece()) return undefined;
      const part = this.#piece.subarray(this.#at, this.#at + length - this.#filled);
      this.#joined.set(part, this.#filled);
      this.#filled += part.length;
      this.#at += part.length;
    }
    return this.#joined.subarray(0, length);
  }

  #drop(length: number): void {
    if (this.#filled > 0) this.#filled = 0;
    else this.#at += length;
  }

  #nextPiece(): boolean {
    const piece = this.#backlog.shift();
    this.#piece = piece ?? NOTHING;
    this.#at = 0;
    return piece !== undefined;
  }

  #reserve(length: number): void {
    if (this.#joined.length >= length) return;
    // Once for all full-size records, which are what comes in pieces.
    const grown = new Uint8Array(Math.max(length, HEADER_LENGTH + this.maxFragment));
    grown.set(this.#joined.subarray(0, this.#filled));
    this.#joined = grown;
  }
}

const NOTHING = new Uint8Array(0);
