import { concat, fromHex } from "../codec/index.ts";

/** rsaEncryption with parameters NULL. RFC 3279, section 2.3.1 */
const RSA_ENCRYPTION = fromHex("300d06092a864886f70d0101010500");

/** DER SubjectPublicKeyInfo of an RSA key's public numbers, big-endian. RFC 3279, section 2.3.1 */
export function rsaPublicKeyInfo(modulus: Uint8Array, exponent: Uint8Array): Uint8Array {
  const key = derElement(0x30, derInteger(modulus), derInteger(exponent));
  return derElement(0x30, RSA_ENCRYPTION, derElement(0x03, Uint8Array.of(0), key));
}

/** A positive INTEGER in the fewest bytes. X.690, section 8.3 */
export function derInteger(bytes: Uint8Array): Uint8Array {
  const start = bytes.findIndex((byte) => byte !== 0);
  const value = start < 0 ? Uint8Array.of(0) : bytes.subarray(start);
  return (value[0] ?? 0) < 0x80 ? derElement(0x02, value) : derElement(0x02, Uint8Array.of(0), value);
}

/** An element of up to 65535 bytes. X.690, section 8.1 */
export function derElement(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const contents = concat(...parts);
  const { length } = contents;
  const form = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return concat(Uint8Array.of(tag, ...form), contents);
}
