import { concat, equal, Reader, UsageError, utf8Bytes, Writer } from "../codec/index.ts";
import type { Aead } from "../crypto/index.ts";
import type { ChipErrorCode } from "./errors.ts";

/** A chip's state as it lies on a disk: the image encrypted, the write counter readable, both bound together. */
export type OpenedImage = { readonly counter: bigint; readonly image: Uint8Array };

/** Length of the key that seals, in bytes. */
export const STATE_KEY_LENGTH = 32;

const MAGIC = utf8Bytes("HWSR");
const VERSION = 1;
const HEADER_LENGTH = MAGIC.length + 1 + 8;
const NONCE_LENGTH = 12;

/**
 * Seals an image with AES-256-GCM; magic, version and counter are associated data. SP 800-38D, section 7.1
 *
 *     "HWSR" | version | write counter u64 | nonce 12 | ciphertext | tag 16
 *
 * The nonce must be random: the counter alone would repeat when a power cut undoes a write.
 */
export function sealImage(
  aead: Aead,
  key: Uint8Array,
  { counter, image, nonce }: OpenedImage & { readonly nonce: Uint8Array },
): Uint8Array {
  const header = new Writer(HEADER_LENGTH).bytes(MAGIC).u8(VERSION).u64(counter).finish();
  return concat(header, nonce, ...aead.seal("aes-256-gcm", key, nonce, image, header));
}

/**
 * The image of a sealed file. Throws `UsageError` `state-damaged` where any bit is not as it was written or the key is
 * another, and `state-version` where another version wrote it. SP 800-38D, section 7.2
 */
export function openImage(aead: Aead, key: Uint8Array, sealed: Uint8Array): OpenedImage {
  const counter = readCounter(sealed);
  const header = sealed.subarray(0, HEADER_LENGTH);
  const nonce = sealed.subarray(HEADER_LENGTH, HEADER_LENGTH + NONCE_LENGTH);
  const image = aead.open("aes-256-gcm", key, nonce, sealed.subarray(HEADER_LENGTH + NONCE_LENGTH), header);
  if (!image) throw damaged("its seal is broken, or it was sealed under another key");
  return { counter, image };
}

/** The write counter in a sealed file's header, not yet authenticated. */
export function readCounter(sealed: Uint8Array): bigint {
  if (sealed.length < HEADER_LENGTH + NONCE_LENGTH + 16) throw damaged(`it is only ${sealed.length} bytes long`);
  const reader = new Reader(sealed);
  if (!equal(reader.bytes(MAGIC.length), MAGIC)) throw damaged("it does not begin as a state file does");
  const version = reader.u8();
  if (version !== VERSION) {
    throw new UsageError<ChipErrorCode>("state-version", `the state file has version ${version}, not ${VERSION}`);
  }
  return reader.u64();
}

function damaged(why: string): UsageError<ChipErrorCode> {
  return new UsageError<ChipErrorCode>("state-damaged", `the state file cannot be used: ${why}`);
}
