import { concat, DecodeError, equal, fromHex, Reader, toPem, Writer } from "../../codec/index.ts";
import type { CurveName } from "../../crypto/index.ts";
import { se05xRsaReferenceInPem } from "./rsa-reference-key.ts";
import { EC_PRIVATE_KEY_LABEL, REFERENCE_MARKER, scalarsInPem } from "../ec-private-key.ts";

/** Scalar length and DER object identifier of the curves that reference keys exist for. RFC 5480, section 2.1.1.1 */
const CURVES: Partial<Record<string, { readonly size: number; readonly oid: Uint8Array }>> = {
  "P-256": { size: 32, oid: fromHex("06082a8648ce3d030107") },
  "P-384": { size: 48, oid: fromHex("06052b81040022") },
  "P-521": { size: 66, oid: fromHex("06052b81040023") },
};

/** What says that the key is a pair, behind the marker; and the index, which is always 0. SE05x reference keys */
const PAIR = fromHex("1000");
const TAIL_LENGTH = 4 + 8 + PAIR.length;

/**
 * A reference key as PEM, in the layout of NXP's OpenSSL engine and provider for this family: a private key file whose
 * scalar names an object of the chip. Throws `DecodeError` `value` for a curve that has none.
 *
 *     scalar: 10 | zeros | object identifier, 4 bytes | A5A6B5B6 A5A6B5B6 | 10 | 00
 *
 * SE05x reference keys; RFC 5915, section 3
 */
export function encodeSe05xReferenceKey(
  objectId: number,
  { curve, point }: { readonly curve: CurveName; readonly point: Uint8Array },
): string {
  const known = CURVES[curve];
  if (!known) throw new DecodeError("value", `no reference keys on ${curve}`, 0);
  const tail = concat(new Writer(4).u32(objectId).finish(), REFERENCE_MARKER, PAIR);
  const scalar = new Uint8Array(known.size);
  scalar[0] = 0x10;
  scalar.set(tail, known.size - tail.length);
  const parts = [
    fromHex("020101"),
    element(0x04, scalar),
    element(0xa0, known.oid),
    element(0xa1, element(0x03, concat(Uint8Array.of(0), point))),
  ];
  return toPem(EC_PRIVATE_KEY_LABEL, element(0x30, concat(...parts)));
}

/** The object that a PEM file refers to, or undefined where no private key in it is such a reference. Throws `DecodeError` for malformed PEM. */
export function se05xReferenceInPem(pem: string): number | undefined {
  for (const scalar of scalarsInPem(pem)) {
    const tail = new Reader(scalar.subarray(-TAIL_LENGTH));
    if (tail.remaining < TAIL_LENGTH) continue;
    const objectId = tail.u32();
    // The other family has the same marker, and zeros where the identifier is here.
    if (objectId !== 0 && equal(tail.bytes(8), REFERENCE_MARKER)) return objectId;
  }
  return se05xRsaReferenceInPem(pem);
}

/** A DER element of up to 255 bytes. */
function element(tag: number, contents: Uint8Array): Uint8Array {
  const { length } = contents;
  const head = length < 0x80 ? [tag, length] : [tag, 0x81, length];
  return concat(Uint8Array.from(head), contents);
}
