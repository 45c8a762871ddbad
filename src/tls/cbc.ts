import { concat, sameBytes, Writer } from "../codec/index.ts";
import type { Hash } from "../crypto/index.ts";
import { LocalFailure, TlsError } from "./errors.ts";
import { type OpenedRecord, type RecordProtection, sequenceBytes } from "./protection.ts";
import { encodeRecord, MAX_PLAINTEXT, type TlsRecord } from "./records.ts";

/** AES in CBC mode without padding, over whole blocks, and fresh unpredictable IVs. */
export interface Cbc {
  newIv(): Uint8Array;
  encrypt(key: Uint8Array, iv: Uint8Array, blocks: Uint8Array): Uint8Array;
  decrypt(key: Uint8Array, iv: Uint8Array, blocks: Uint8Array): Uint8Array;
}

/** One direction's key material of a CBC suite. RFC 5246, section 6.3 */
export type CbcKeys = { readonly macKey: Uint8Array; readonly key: Uint8Array };

const BLOCK = 16;
const MAC_LENGTH = 32;
const TLS12 = 0x0303;
/** Far below the birthday bound of 2^64 blocks. */
const MAX_RECORDS = 2 ** 32;

/**
 * AES-128-CBC with HMAC-SHA256: the MAC over the ciphertext where both sides agreed on that, else under it.
 * With the MAC under encryption JavaScript cannot hide how long the padding was (Lucky Thirteen); what it can do is to
 * hash as much and to fail in the same way whether padding or MAC was wrong. RFC 5246, section 6.2.3.2; RFC 7366, section 3
 */
export class CbcProtection implements RecordProtection {
  readonly maxFragment = MAX_PLAINTEXT + 2048;
  readonly #cbc: Cbc;
  readonly #hash: Hash;
  readonly #keys: CbcKeys;
  readonly #encryptThenMac: boolean;
  #sequence = 0;

  constructor(cbc: Cbc, hash: Hash, keys: CbcKeys, encryptThenMac: boolean) {
    this.#cbc = cbc;
    this.#hash = hash;
    this.#keys = keys;
    this.#encryptThenMac = encryptThenMac;
  }

  get recordsLeft(): number {
    return MAX_RECORDS - this.#sequence;
  }

  seal(type: number, plaintext: Uint8Array): Uint8Array {
    const sequence = this.#nextSequence();
    const iv = this.#cbc.newIv();
    if (this.#encryptThenMac) {
      const sealed = concat(iv, this.#cbc.encrypt(this.#keys.key, iv, padded(plaintext)));
      return encodeRecord({ type, version: TLS12, fragment: concat(sealed, this.#mac(sequence, type, sealed)) });
    }
    const inner = padded(concat(plaintext, this.#mac(sequence, type, plaintext)));
    return encodeRecord({ type, version: TLS12, fragment: concat(iv, this.#cbc.encrypt(this.#keys.key, iv, inner)) });
  }

  open(record: TlsRecord): OpenedRecord {
    const sequence = this.#nextSequence();
    const plaintext = this.#encryptThenMac
      ? this.#openEncryptThenMac(sequence, record)
      : this.#openMacThenEncrypt(sequence, record);
    if (plaintext.length > MAX_PLAINTEXT)
      throw new TlsError("record-too-long", `${plaintext.length} bytes of plaintext`);
    return { type: record.type, plaintext };
  }

  #openEncryptThenMac(sequence: Uint8Array, { type, fragment }: TlsRecord): Uint8Array {
    const length = fragment.length - MAC_LENGTH;
    if (length < 2 * BLOCK || length % BLOCK !== 0) throw wrong(fragment);
    const sealed = fragment.subarray(0, length);
    if (!sameBytes(this.#mac(sequence, type, sealed), fragment.subarray(length))) throw wrong(fragment);
    const inner = this.#cbc.decrypt(this.#keys.key, sealed.subarray(0, BLOCK), sealed.subarray(BLOCK));
    const padding = paddingLength(inner);
    if (padding === undefined) throw wrong(fragment);
    return inner.subarray(0, inner.length - padding);
  }

  #openMacThenEncrypt(sequence: Uint8Array, { type, fragment }: TlsRecord): Uint8Array {
    if (fragment.length < BLOCK + MAC_LENGTH + BLOCK || fragment.length % BLOCK !== 0) throw wrong(fragment);
    const inner = this.#cbc.decrypt(this.#keys.key, fragment.subarray(0, BLOCK), fragment.subarray(BLOCK));
    const found = paddingLength(inner);
    // Bad padding goes on as if there were none, so that a MAC is computed all the same. RFC 5246, section 6.2.3.2
    const isPadded = found !== undefined && found + MAC_LENGTH <= inner.length;
    const end = inner.length - (isPadded ? found : 0) - MAC_LENGTH;
    const plaintext = inner.subarray(0, end);
    const isGenuine = sameBytes(this.#mac(sequence, type, plaintext), inner.subarray(end, end + MAC_LENGTH));
    if (!isGenuine || !isPadded) throw wrong(fragment);
    return plaintext;
  }

  #mac(sequence: Uint8Array, type: number, content: Uint8Array): Uint8Array {
    const header = new Writer(13).bytes(sequence).u8(type).u16(TLS12).u16(content.length).finish();
    return this.#hash.hmac("sha256", this.#keys.macKey, header, content);
  }

  #nextSequence(): Uint8Array {
    if (this.recordsLeft <= 0) throw new LocalFailure("keys-exhausted", `${this.#sequence} records under one key`);
    return sequenceBytes(this.#sequence++);
  }
}

/** Padding to whole blocks: each of its bytes is its length less one. RFC 5246, section 6.2.3.2 */
function padded(content: Uint8Array): Uint8Array {
  const length = BLOCK - (content.length % BLOCK);
  return concat(content, new Uint8Array(length).fill(length - 1));
}

/** How many bytes of padding end the content, or undefined where they are not all the same. */
function paddingLength(content: Uint8Array): number | undefined {
  const last = content.at(-1) ?? 0;
  if (last + 1 > content.length) return undefined;
  let difference = 0;
  for (let i = content.length - last - 1; i < content.length; i++) difference |= (content[i] ?? 0) ^ last;
  return difference === 0 ? last + 1 : undefined;
}

function wrong(fragment: Uint8Array): TlsError {
  return new TlsError("bad-record-mac", `a record of ${fragment.length} bytes does not verify`);
}
