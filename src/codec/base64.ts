import { DecodeError } from "./errors.ts";

/** Standard base64 with padding. RFC 4648, section 4 */
export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let i = 0; i < bytes.length; i += 0x8000) binary += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(binary);
}

/** Bytes of standard base64, padding required; anything else throws `DecodeError` `encoding`. RFC 4648, section 4 */
export function fromBase64(text: string): Uint8Array {
  const bad = /[^A-Za-z0-9+/=]|=(?=[^=])|={3}/.exec(text);
  if (bad) throw new DecodeError("encoding", "not a base64 character", bad.index);
  if (text.length % 4 !== 0) throw new DecodeError("encoding", "base64 is not padded to groups of four", text.length);
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  // Bits beyond the last byte must be zero: two texts for one value would be two identities for one certificate.
  if (toBase64(bytes) !== text) throw new DecodeError("encoding", "base64 ends in stray bits", text.length);
  return bytes;
}
