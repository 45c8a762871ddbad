import { DecodeError, equal, fromHex, parsePem, Reader, toPem, Writer } from "../../codec/index.ts";
import { derElement, derInteger } from "../../crypto/index.ts";

const LABEL = "RSA PRIVATE KEY";
const ONE = Uint8Array.of(1);
/** In the place of the coefficient. SE05x reference keys */
const MARKER = fromHex("a5a6b5b6");

/**
 * A reference to an RSA key as PEM, in the layout of NXP's OpenSSL engine and provider for this family: a private key
 * file with the real modulus and exponent, whose primes are 1 and the object's identifier. SE05x reference keys; RFC 8017,
 * appendix A.1.2
 */
export function encodeSe05xRsaReferenceKey(
  objectId: number,
  { n, e }: { readonly n: Uint8Array; readonly e: Uint8Array },
): string {
  const identifier = new Writer(4).u32(objectId).finish();
  const numbers = [Uint8Array.of(0), n, e, ONE, ONE, identifier, ONE, ONE, MARKER].map(derInteger);
  return toPem(LABEL, derElement(0x30, ...numbers));
}

/** The object that an RSA private key in a PEM file refers to, or undefined where none does. Throws `DecodeError` for malformed PEM. */
export function se05xRsaReferenceInPem(pem: string): number | undefined {
  for (const { label, bytes } of parsePem(pem)) {
    const found = label === LABEL ? referenceIn(bytes) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function referenceIn(der: Uint8Array): number | undefined {
  try {
    const reader = new Reader(der);
    if (reader.u8() !== 0x30) return undefined;
    const length = reader.u8();
    if (length >= 0x80) reader.bytes(length & 0x7f);
    const [, , , , prime, identifier, , , coefficient] = Array.from({ length: 9 }, () => integerIn(reader));
    if (!prime || !identifier || !coefficient) return undefined;
    if (!equal(prime, ONE) || !equal(coefficient, MARKER) || identifier.length > 4) return undefined;
    return identifier.reduce((sum, byte) => sum * 0x100 + byte, 0);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** An INTEGER's bytes without the zero that keeps it positive. */
function integerIn(reader: Reader): Uint8Array {
  const at = reader.at;
  if (reader.u8() !== 0x02) throw new DecodeError("value", "no INTEGER", at);
  const first = reader.u8();
  const length = first < 0x80 ? first : first === 0x81 ? reader.u8() : reader.u16();
  const bytes = reader.bytes(length);
  return bytes[0] === 0 && bytes.length > 1 ? bytes.subarray(1) : bytes;
}
