import { DecodeError, equal, fromHex, parsePem, Reader } from "../codec/index.ts";

/** What stands in the scalar of every reference key. Reference key formats */
export const REFERENCE_MARKER = fromHex("a5a6b5b6a5a6b5b6");

/** The PEM label of a private key by itself. RFC 5915, section 4 */
export const EC_PRIVATE_KEY_LABEL = "EC PRIVATE KEY";

const VERSION_AND_TAG = fromHex("02010104");

/** The scalars of all EC private keys in a PEM file. Throws `DecodeError` for malformed PEM. RFC 5915, section 3 */
export function scalarsInPem(pem: string): readonly Uint8Array[] {
  return parsePem(pem).flatMap(({ label, bytes }) => {
    const scalar = label === EC_PRIVATE_KEY_LABEL ? scalarIn(bytes) : undefined;
    return scalar ? [scalar] : [];
  });
}

/**
 * The scalar of an EC private key: SEQUENCE, version 1, OCTET STRING. What follows is not looked at: NXP's tool writes the
 * curve with all its parameters. RFC 5915, section 3
 */
function scalarIn(der: Uint8Array): Uint8Array | undefined {
  try {
    const reader = new Reader(der);
    if (reader.u8() !== 0x30) return undefined;
    const length = reader.u8();
    if (length >= 0x80) reader.bytes(length & 0x7f);
    return equal(reader.bytes(4), VERSION_AND_TAG) ? reader.prefixed(1, (body) => body.rest()) : undefined;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
