import { UsageError } from "../codec/index.ts";
import { HASH_LENGTH, type HashName } from "./algorithms.ts";
import type { CryptoErrorCode } from "./errors.ts";
import type { Hash } from "./ports.ts";

/** A pseudo-random key from a salt and key material. RFC 5869, section 2.2 */
export function hkdfExtract(hash: Hash, name: HashName, salt: Uint8Array, keyMaterial: Uint8Array): Uint8Array {
  return hash.hmac(name, salt, keyMaterial);
}

/** What HKDF-Expand works on; `length` is in bytes. */
export type HkdfExpansion = { readonly key: Uint8Array; readonly info: Uint8Array; readonly length: number };

/** Key material from a pseudo-random key. Throws `UsageError` `too-long` beyond 255 hashes. RFC 5869, section 2.3 */
export function hkdfExpand(hash: Hash, name: HashName, { key, info, length }: HkdfExpansion): Uint8Array {
  // The counter is one byte: beyond its end the output would no longer be what the RFC says.
  if (length > 255 * HASH_LENGTH[name]) {
    throw new UsageError<CryptoErrorCode>("too-long", `${length} bytes of key material from HKDF over ${name}`);
  }
  const output = new Uint8Array(length);
  let block: Uint8Array = new Uint8Array(0);
  for (let counter = 1, at = 0; at < length; counter++, at += block.length) {
    block = hash.hmac(name, key, block, info, Uint8Array.of(counter));
    output.set(block.subarray(0, length - at), at);
  }
  return output;
}
