import { concat, Writer } from "../codec/index.ts";
import type { Aead, AeadName } from "../crypto/index.ts";
import { LocalFailure, TlsError } from "./errors.ts";
import { encodeRecord, MAX_PLAINTEXT, type TlsRecord } from "./records.ts";

/** One direction's record protection under one key; it counts the records itself. */
export interface RecordProtection {
  /** The longest protected fragment that the peer may send. */
  readonly maxFragment: number;
  /** A whole record. */
  seal(type: number, plaintext: Uint8Array): Uint8Array;
  /** Type and plaintext; throws `bad-record-mac` where the record does not verify. */
  open(record: TlsRecord): { readonly type: number; readonly plaintext: Uint8Array };
}

/** What records are before any key is agreed. RFC 5246, section 6.1 */
export function unprotected(version: number): RecordProtection {
  return {
    maxFragment: MAX_PLAINTEXT,
    seal: (type, fragment) => encodeRecord({ type, version, fragment }),
    open: ({ type, fragment }) => ({ type, plaintext: fragment }),
  };
}

/** Lengths in bytes, and how many records one key may protect. */
export type AeadRow = { readonly keyLength: number; readonly saltLength: number; readonly maxRecords: number };

/** AES-GCM as TLS uses it: RFC 5288, section 3; 2^24.5 full-size records keep the safety margin of RFC 8446, section 5.5. */
export const AEADS = {
  "aes-128-gcm": { keyLength: 16, saltLength: 4, maxRecords: 23_726_566 },
  "aes-256-gcm": { keyLength: 32, saltLength: 4, maxRecords: 23_726_566 },
} as const satisfies Readonly<Record<AeadName, AeadRow>>;

/** One direction's key material of a TLS 1.2 AEAD suite. RFC 5246, section 6.3 */
export type DirectionKeys = { readonly key: Uint8Array; readonly salt: Uint8Array };

const EXPLICIT_NONCE_LENGTH = 8;
const TAG_LENGTH = 16;
const TLS12 = 0x0303;

/** Records of AES-GCM in TLS 1.2: nonce = salt and sequence, the sequence also sent in front. RFC 5288, section 3 */
export class Aead12Protection implements RecordProtection {
  readonly maxFragment = MAX_PLAINTEXT + 2048; // RFC 5246, section 6.2.3
  readonly #aead: Aead;
  readonly #name: AeadName;
  readonly #keys: DirectionKeys;
  readonly #maxRecords: number;
  #sequence = 0;

  constructor(aead: Aead, name: AeadName, keys: DirectionKeys, maxRecords: number = AEADS[name].maxRecords) {
    this.#aead = aead;
    this.#name = name;
    this.#keys = keys;
    this.#maxRecords = maxRecords;
  }

  seal(type: number, plaintext: Uint8Array): Uint8Array {
    // The explicit nonce is the sequence number and never random: a repeated GCM nonce gives the key away.
    const sequence = this.#next();
    const sealed = this.#aead.seal(
      this.#name,
      this.#keys.key,
      concat(this.#keys.salt, sequence),
      plaintext,
      associated(sequence, type, plaintext.length),
    );
    return encodeRecord({ type, version: TLS12, fragment: concat(sequence, sealed) });
  }

  open({ type, fragment }: TlsRecord): { type: number; plaintext: Uint8Array } {
    const length = fragment.length - EXPLICIT_NONCE_LENGTH - TAG_LENGTH;
    if (length < 0) throw new TlsError("bad-record-mac", `a protected record of ${fragment.length} bytes`);
    const plaintext = this.#aead.open(
      this.#name,
      this.#keys.key,
      concat(this.#keys.salt, fragment.subarray(0, EXPLICIT_NONCE_LENGTH)),
      fragment.subarray(EXPLICIT_NONCE_LENGTH),
      associated(this.#next(), type, length),
    );
    if (!plaintext) throw new TlsError("bad-record-mac", `a record of ${fragment.length} bytes does not verify`);
    if (plaintext.length > MAX_PLAINTEXT)
      throw new TlsError("record-too-long", `${plaintext.length} bytes of plaintext`);
    return { type, plaintext };
  }

  #next(): Uint8Array {
    if (this.#sequence >= this.#maxRecords) throw new LocalFailure("keys-exhausted", `${this.#sequence} records`);
    return sequenceBytes(this.#sequence++);
  }
}

/** A sequence number as eight bytes. RFC 5246, section 6.1 */
export function sequenceBytes(sequence: number): Uint8Array {
  return new Writer(8)
    .u32(Math.floor(sequence / 0x100000000))
    .u32(sequence % 0x100000000)
    .finish();
}

/** additional_data. RFC 5246, section 6.2.3.3 */
function associated(sequence: Uint8Array, type: number, length: number): Uint8Array {
  return new Writer(13).bytes(sequence).u8(type).u16(TLS12).u16(length).finish();
}
