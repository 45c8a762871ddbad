import { concat, DecodeError, equal, fromHex, toPem } from "../../codec/index.ts";
import { EC_PRIVATE_KEY_LABEL, REFERENCE_MARKER, scalarsInPem } from "../ec-private-key.ts";

/** Which key of a chip a reference key stands for: a class of keys, and a slot in it. */
export type KeyReference = { readonly keyClass: ReferenceKeyClass; readonly index: number };

/** Classes of keys that references name. A71CH reference keys */
export const REFERENCE_KEY_CLASS = { keyPair: 0x10, publicKey: 0x20 } as const;

export type ReferenceKeyClass = (typeof REFERENCE_KEY_CLASS)[keyof typeof REFERENCE_KEY_CLASS];

// DER around scalar and point: the lengths of a P-256 key are fixed. RFC 5915, section 3
const BEFORE_SCALAR = fromHex("30770201010420");
const BEFORE_POINT = fromHex("a00a06082a8648ce3d030107a144034200");

/**
 * A reference key as PEM: a P-256 private key file whose scalar says where the real key is. `point` is the public key,
 * 65 bytes uncompressed. Throws `DecodeError` `length` for another point or an index over 255.
 *
 *     scalar: 10 | zeros, 21 bytes | A5A6B5B6 A5A6B5B6 | class | index
 *
 * A71CH reference keys; RFC 5915, section 3
 */
export function encodeReferenceKey({ keyClass, index }: KeyReference, point: Uint8Array): string {
  if (point.length !== 65 || point[0] !== 0x04) throw new DecodeError("length", "not an uncompressed P-256 point", 0);
  if (index < 0 || index > 0xff) throw new DecodeError("length", `key index ${index} needs over 8 bits`, 31);
  const scalar = new Uint8Array(32);
  scalar[0] = 0x10;
  scalar.set(REFERENCE_MARKER, 22);
  scalar.set([keyClass, index], 30);
  return toPem(EC_PRIVATE_KEY_LABEL, concat(BEFORE_SCALAR, scalar, BEFORE_POINT, point));
}

/**
 * What a scalar refers to, or undefined where it is a real private key. Only its last ten bytes count: host libraries
 * write one byte less in front when the key that they made the file from was short. A71CH reference keys
 */
export function keyReference(scalar: Uint8Array): KeyReference | undefined {
  const tail = scalar.subarray(-10);
  const [keyClass, index] = tail.subarray(8);
  if (tail.length < 10 || !equal(tail.subarray(0, 8), REFERENCE_MARKER) || index === undefined) return undefined;
  const known = Object.values(REFERENCE_KEY_CLASS).find((each) => each === keyClass);
  return known === undefined ? undefined : { keyClass: known, index };
}

/** What a PEM file refers to, or undefined where no private key in it is a reference key. Throws `DecodeError` for malformed PEM. */
export function referenceInPem(pem: string): KeyReference | undefined {
  for (const scalar of scalarsInPem(pem)) {
    const found = keyReference(scalar);
    if (found) return found;
  }
  return undefined;
}
