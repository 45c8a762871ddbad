import type { Aead, AeadName } from "../crypto/index.ts";
import { AEADS, type AeadRow, NONCE_LENGTH } from "./aead-suites.ts";
import { LocalFailure, TlsError } from "./errors.ts";
import { CONTENT_TYPES, encodeRecord, MAX_PLAINTEXT, type TlsRecord } from "./records.ts";

/** What a record holds once it is opened. */
export type OpenedRecord = { readonly type: number; readonly plaintext: Uint8Array };

/** One direction's record protection under one key; it counts the records itself. */
export interface RecordProtection {
  /** The longest protected fragment that the peer may send. */
  readonly maxFragment: number;
  /** How many records may still be sealed. */
  readonly recordsLeft: number;
  /** A whole record. */
  seal(type: number, plaintext: Uint8Array): Uint8Array;
  /** Type and plaintext; throws `bad-record-mac` where the record does not verify. */
  open(record: TlsRecord): OpenedRecord;
}

/** What records are before any key is agreed. RFC 5246, section 6.1 */
export function unprotected(version: number): RecordProtection {
  return {
    maxFragment: MAX_PLAINTEXT,
    recordsLeft: Number.MAX_SAFE_INTEGER,
    seal: (type, fragment) => encodeRecord({ type, version, fragment }),
    open: ({ type, fragment }) => ({ type, plaintext: fragment }),
  };
}

/** One direction's key material. RFC 5246, section 6.3; RFC 8446, section 7.3 */
export type DirectionKeys = { readonly key: Uint8Array; readonly iv: Uint8Array };

const TLS12 = 0x0303;
const HEADER_LENGTH = 5;
/** additional_data of TLS 1.2; that of TLS 1.3 is shorter. RFC 5246, section 6.2.3.3 */
const ASSOCIATED_LENGTH = 13;

/** What both versions' protections share: the cipher under one key, and the count of records. */
abstract class AeadProtection implements RecordProtection {
  abstract readonly maxFragment: number;
  protected readonly row: AeadRow;
  protected readonly keys: DirectionKeys;
  readonly #aead: Aead;
  readonly #name: AeadName;
  readonly #maxRecords: number;
  /** Number, nonce and associated data of the record at hand; one record after the other uses their memory. */
  protected readonly sequenceBytes = new Uint8Array(8);
  protected readonly nonce = new Uint8Array(NONCE_LENGTH);
  protected readonly associated = new Uint8Array(ASSOCIATED_LENGTH);
  #sequence = 0;

  constructor(aead: Aead, name: AeadName, keys: DirectionKeys, maxRecords: number = AEADS[name].maxRecords) {
    this.#aead = aead;
    this.#name = name;
    this.row = AEADS[name];
    this.keys = keys;
    this.#maxRecords = maxRecords;
    this.nonce.set(keys.iv);
  }

  abstract seal(type: number, plaintext: Uint8Array): Uint8Array;
  abstract open(record: TlsRecord): OpenedRecord;

  get recordsLeft(): number {
    return this.#maxRecords - this.#sequence;
  }

  protected nextSequence(): Uint8Array {
    if (this.recordsLeft <= 0) throw new LocalFailure("keys-exhausted", `${this.#sequence} records under one key`);
    writeSequence(this.sequenceBytes, this.#sequence++);
    return this.sequenceBytes;
  }

  protected encrypt(nonce: Uint8Array, plaintext: Uint8Array, associated: Uint8Array): readonly Uint8Array[] {
    return this.#aead.seal(this.#name, this.keys.key, nonce, plaintext, associated);
  }

  protected decrypt(nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array {
    const plaintext = this.#aead.open(this.#name, this.keys.key, nonce, sealed, associated);
    if (!plaintext) throw new TlsError("bad-record-mac", `a record of ${sealed.length} bytes does not verify`);
    return plaintext;
  }

  /** The sequence mixed into the IV. RFC 8446, section 5.3; RFC 7905, section 2 */
  protected mixedNonce(sequence: Uint8Array): Uint8Array {
    const { nonce } = this;
    const { iv } = this.keys;
    for (let i = 0, at = NONCE_LENGTH - 8; i < 8; i++, at++) nonce[at] = (iv[at] ?? 0) ^ (sequence[i] ?? 0);
    return nonce;
  }
}

/** AEAD records of TLS 1.2. RFC 5246, section 6.2.3.3; RFC 5288, section 3; RFC 7905, section 2 */
export class Aead12Protection extends AeadProtection {
  readonly maxFragment = MAX_PLAINTEXT + 2048;

  seal(type: number, plaintext: Uint8Array): Uint8Array {
    const { explicitNonceLength, tagLength } = this.row;
    // The explicit nonce is the sequence number and never random: a repeated GCM nonce gives the key away.
    const sequence = this.nextSequence();
    const explicit = sequence.subarray(0, explicitNonceLength);
    const record = newRecord(type, explicitNonceLength + plaintext.length + tagLength);
    record.set(explicit, HEADER_LENGTH);
    const sealed = this.encrypt(this.#nonce(explicit, sequence), plaintext, this.#associated(type, plaintext.length));
    return filled(record, HEADER_LENGTH + explicitNonceLength, sealed);
  }

  open({ type, fragment }: TlsRecord): OpenedRecord {
    const { explicitNonceLength, tagLength } = this.row;
    const length = fragment.length - explicitNonceLength - tagLength;
    if (length < 0) throw new TlsError("bad-record-mac", `a protected record of ${fragment.length} bytes`);
    const sequence = this.nextSequence();
    const nonce = this.#nonce(fragment.subarray(0, explicitNonceLength), sequence);
    const plaintext = this.decrypt(nonce, fragment.subarray(explicitNonceLength), this.#associated(type, length));
    if (plaintext.length > MAX_PLAINTEXT) throw tooLong(plaintext.length);
    return { type, plaintext };
  }

  #nonce(explicit: Uint8Array, sequence: Uint8Array): Uint8Array {
    if (explicit.length === 0) return this.mixedNonce(sequence);
    this.nonce.set(explicit, this.keys.iv.length);
    return this.nonce;
  }

  /** additional_data: the sequence, then the header as if nothing were protected. RFC 5246, section 6.2.3.3 */
  #associated(type: number, length: number): Uint8Array {
    this.associated.set(this.sequenceBytes);
    writeHeader(this.associated, 8, { type, version: TLS12, length });
    return this.associated;
  }
}

/** Records of TLS 1.3: the type travels inside, behind the content and before any padding. RFC 8446, section 5.2 */
export class Aead13Protection extends AeadProtection {
  readonly maxFragment = MAX_PLAINTEXT + 256;

  seal(type: number, plaintext: Uint8Array): Uint8Array {
    const inner = new Uint8Array(plaintext.length + 1);
    inner.set(plaintext);
    inner[plaintext.length] = type;
    const record = newRecord(CONTENT_TYPES.application_data, inner.length + this.row.tagLength);
    const nonce = this.mixedNonce(this.nextSequence());
    return filled(record, HEADER_LENGTH, this.encrypt(nonce, inner, record.subarray(0, HEADER_LENGTH)));
  }

  open({ type, version, fragment }: TlsRecord): OpenedRecord {
    if (type === CONTENT_TYPES.change_cipher_spec) return { type, plaintext: fragment };
    if (type !== CONTENT_TYPES.application_data) {
      throw new TlsError("unexpected-message", `an unprotected record of type ${type} where protection is on`);
    }
    if (fragment.length < this.row.tagLength) {
      throw new TlsError("bad-record-mac", `a protected record of ${fragment.length} bytes`);
    }
    const header = this.associated.subarray(0, HEADER_LENGTH);
    writeHeader(header, 0, { type, version, length: fragment.length });
    const inner = this.decrypt(this.mixedNonce(this.nextSequence()), fragment, header);
    return unwrapped13(inner);
  }
}

/** Type and content of a TLSInnerPlaintext. RFC 8446, section 5.4 */
export function unwrapped13(inner: Uint8Array): OpenedRecord {
  // Before the padding is stripped: what is limited is TLSInnerPlaintext.
  if (inner.length > MAX_PLAINTEXT + 1) throw tooLong(inner.length);
  let end = inner.length - 1;
  while (end >= 0 && inner[end] === 0) end--;
  const innerType = inner[end];
  if (innerType === undefined || innerType === CONTENT_TYPES.change_cipher_spec) {
    throw new TlsError("unexpected-message", innerType === undefined ? "padding only" : "protected change_cipher_spec");
  }
  return { type: innerType, plaintext: inner.subarray(0, end) };
}

/** A sequence number as eight bytes. RFC 5246, section 6.1 */
export function sequenceBytes(sequence: number): Uint8Array {
  const bytes = new Uint8Array(8);
  writeSequence(bytes, sequence);
  return bytes;
}

function writeSequence(bytes: Uint8Array, sequence: number): void {
  for (let i = 7, left = sequence; i >= 0; i--, left = Math.floor(left / 0x100)) bytes[i] = left % 0x100;
}

type Header = { readonly type: number; readonly version: number; readonly length: number };

/** A record's header, which is also a part of what is authenticated. Made for every record, hence without a Writer. */
function writeHeader(bytes: Uint8Array, at: number, { type, version, length }: Header): void {
  bytes[at] = type;
  bytes[at + 1] = version >> 8;
  bytes[at + 2] = version & 0xff;
  bytes[at + 3] = length >> 8;
  bytes[at + 4] = length & 0xff;
}

function newRecord(type: number, length: number): Uint8Array {
  const record = new Uint8Array(HEADER_LENGTH + length);
  writeHeader(record, 0, { type, version: TLS12, length });
  return record;
}

function filled(record: Uint8Array, at: number, parts: readonly Uint8Array[]): Uint8Array {
  let end = at;
  for (const part of parts) {
    record.set(part, end);
    end += part.length;
  }
  return record;
}

function tooLong(length: number): TlsError {
  return new TlsError("record-too-long", `${length} bytes of plaintext`);
}
