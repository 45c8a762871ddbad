import { DecodeError } from "./errors.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The value of each character, or NONE. */
const NONE = 0xff;
const VALUES = new Uint8Array(128).fill(NONE);
for (let value = 0; value < ALPHABET.length; value++) VALUES[ALPHABET.charCodeAt(value)] = value;

/** Standard base64 with padding. RFC 4648, section 4 */
export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let i = 0; i < bytes.length; i += 0x8000) binary += characters(bytes.subarray(i, i + 0x8000));
  return btoa(binary);
}

/** To spread the bytes as arguments makes an iterator's object of each: seven times slower. */
function characters(bytes: Uint8Array): string {
  return Reflect.apply(String.fromCharCode, undefined, bytes) as string;
}

/** Bytes of standard base64, padding required; anything else throws `DecodeError` `encoding`. RFC 4648, section 4 */
export function fromBase64(text: string): Uint8Array {
  // One pass over the characters: function code of 50 MB comes this way, and whoever reads it holds everybody up.
  const padding = text.endsWith("==") ? 2 : Number(text.endsWith("="));
  const digits = text.length - padding;
  const bytes = new Uint8Array(Math.floor((digits * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < digits; i++) {
    const value = VALUES[text.charCodeAt(i)] ?? NONE;
    if (value === NONE) throw new DecodeError("encoding", "not a base64 character", i);
    held = (held << 6) | value;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = held >> bits;
    held &= (1 << bits) - 1;
  }
  if (text.length % 4 !== 0) throw new DecodeError("encoding", "base64 is not padded to groups of four", text.length);
  // Bits beyond the last byte must be zero: two texts for one value would be two identities for one certificate.
  if (held !== 0) throw new DecodeError("encoding", "base64 ends in stray bits", text.length);
  return bytes;
}
