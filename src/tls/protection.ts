import { concat } from "../codec/index.ts";
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

/** What both versions' protections share: the cipher under one key, and the count of records. */
abstract class AeadProtection implements RecordProtection {
  abstract readonly maxFragment: number;
  protected readonly row: AeadRow;
  protected readonly keys: DirectionKeys;
  readonly #aead: Aead;
  readonly #name: AeadName;
  readonly #maxRecords: number;
  #sequence = 0;

  constructor(aead: Aead, name: AeadName, keys: DirectionKeys, maxRecords: number = AEADS[name].maxRecords) {
    this.#aead = aead;
    this.#name = name;
    this.row = AEADS[name];
    this.keys = keys;
    this.#maxRecords = maxRecords;
  }

  abstract seal(type: number, plaintext: Uint8Array): Uint8Array;
  abstract open(record: TlsRecord): OpenedRecord;

  get recordsLeft(): number {
    return this.#maxRecords - this.#sequence;
  }

  protected nextSequence(): Uint8Array {
    if (this.recordsLeft <= 0) throw new LocalFailure("keys-exhausted", `${this.#sequence} records under one key`);
    return sequenceBytes(this.#sequence++);
  }

  protected encrypt(nonce: Uint8Array, plaintext: Uint8Array, associated: Uint8Array): Uint8Array {
    return this.#aead.seal(this.#name, this.keys.key, nonce, plaintext, associated);
  }

  protected decrypt(nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array {
    const plaintext = this.#aead.open(this.#name, this.keys.key, nonce, sealed, associated);
    if (!plaintext) throw new TlsError("bad-record-mac", `a record of ${sealed.length} bytes does not verify`);
    return plaintext;
  }

  /** The sequence mixed into the IV. RFC 8446, section 5.3; RFC 7905, section 2 */
  protected mixedNonce(sequence: Uint8Array): Uint8Array {
    const nonce = this.keys.iv.slice();
    const from = NONCE_LENGTH - sequence.length;
    for (const [i, byte] of sequence.entries()) nonce[from + i] = (nonce[from + i] ?? 0) ^ byte;
    return nonce;
  }
}

/** AEAD records of TLS 1.2. RFC 5246, section 6.2.3.3; RFC 5288, section 3; RFC 7905, section 2 */
export class Aead12Protection extends AeadProtection {
  readonly maxFragment = MAX_PLAINTEXT + 2048;

  seal(type: number, plaintext: Uint8Array): Uint8Array {
    // The explicit nonce is the sequence number and never random: a repeated GCM nonce gives the key away.
    const sequence = this.nextSequence();
    const explicit = sequence.subarray(0, this.row.explicitNonceLength);
    const sealed = this.encrypt(
      this.#nonce(explicit, sequence),
      plaintext,
      associated(sequence, type, plaintext.length),
    );
    return encodeRecord({ type, version: TLS12, fragment: concat(explicit, sealed) });
  }

  open({ type, fragment }: TlsRecord): OpenedRecord {
    const { explicitNonceLength, tagLength } = this.row;
    const length = fragment.length - explicitNonceLength - tagLength;
    if (length < 0) throw new TlsError("bad-record-mac", `a protected record of ${fragment.length} bytes`);
    const sequence = this.nextSequence();
    const nonce = this.#nonce(fragment.subarray(0, explicitNonceLength), sequence);
    const sealed = fragment.subarray(explicitNonceLength);
    const plaintext = this.decrypt(nonce, sealed, associated(sequence, type, length));
    if (plaintext.length > MAX_PLAINTEXT) throw tooLong(plaintext.length);
    return { type, plaintext };
  }

  #nonce(explicit: Uint8Array, sequence: Uint8Array): Uint8Array {
    return explicit.length === 0 ? this.mixedNonce(sequence) : concat(this.keys.iv, explicit);
  }
}

/** Records of TLS 1.3: the type travels inside, behind the content and before any padding. RFC 8446, section 5.2 */
export class Aead13Protection extends AeadProtection {
  readonly maxFragment = MAX_PLAINTEXT + 256;

  seal(type: number, plaintext: Uint8Array): Uint8Array {
    const length = plaintext.length + 1 + this.row.tagLength;
    const header = recordHeader(CONTENT_TYPES.application_data, TLS12, length);
    const inner = concat(plaintext, Uint8Array.of(type));
    return concat(header, this.encrypt(this.mixedNonce(this.nextSequence()), inner, header));
  }

  open({ type, version, fragment }: TlsRecord): OpenedRecord {
    if (type === CONTENT_TYPES.change_cipher_spec) return { type, plaintext: fragment };
    if (type !== CONTENT_TYPES.application_data) {
      throw new TlsError("unexpected-message", `an unprotected record of type ${type} where protection is on`);
    }
    if (fragment.length < this.row.tagLength) {
      throw new TlsError("bad-record-mac", `a protected record of ${fragment.length} bytes`);
    }
    const header = recordHeader(type, version, fragment.length);
    const inner = this.decrypt(this.mixedNonce(this.nextSequence()), fragment, header);
    // Before the padding is stripped: what is limited is TLSInnerPlaintext. RFC 8446, section 5.4
    if (inner.length > MAX_PLAINTEXT + 1) throw tooLong(inner.length);
    let end = inner.length - 1;
    while (end >= 0 && inner[end] === 0) end--;
    const innerType = inner[end];
    if (innerType === undefined || innerType === CONTENT_TYPES.change_cipher_spec) {
      throw new TlsError(
        "unexpected-message",
        innerType === undefined ? "padding only" : "protected change_cipher_spec",
      );
    }
    return { type: innerType, plaintext: inner.subarray(0, end) };
  }
}

/** A sequence number as eight bytes. RFC 5246, section 6.1 */
export function sequenceBytes(sequence: number): Uint8Array {
  const bytes = new Uint8Array(8);
  for (let i = 7, left = sequence; i >= 0 && left > 0; i--, left = Math.floor(left / 0x100)) bytes[i] = left % 0x100;
  return bytes;
}

/** additional_data. Made for every record, hence without a Writer. RFC 5246, section 6.2.3.3 */
function associated(sequence: Uint8Array, type: number, length: number): Uint8Array {
  const bytes = new Uint8Array(13);
  bytes.set(sequence);
  bytes.set([type, TLS12 >> 8, TLS12 & 0xff, length >> 8, length & 0xff], sequence.length);
  return bytes;
}

/** The header that TLS 1.3 authenticates. RFC 8446, section 5.2 */
function recordHeader(type: number, version: number, length: number): Uint8Array {
  return Uint8Array.of(type, version >> 8, version & 0xff, length >> 8, length & 0xff);
}

function tooLong(length: number): TlsError {
  return new TlsError("record-too-long", `${length} bytes of plaintext`);
}
