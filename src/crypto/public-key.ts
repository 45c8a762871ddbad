import { concat, DecodeError, fromHex } from "../codec/index.ts";
import type { CurveName } from "./algorithms.ts";

// DER of SubjectPublicKeyInfo up to the point: the length of an EC key's info is fixed by its curve. RFC 5480, section 2
const PREFIX: readonly { curve: CurveName; prefix: Uint8Array; length: number }[] = [
  { curve: "P-256", prefix: fromHex("3059301306072a8648ce3d020106082a8648ce3d030107034200"), length: 65 },
  { curve: "P-384", prefix: fromHex("3076301006072a8648ce3d020106052b81040022036200"), length: 97 },
  { curve: "P-521", prefix: fromHex("30819b301006072a8648ce3d020106052b8104002303818600"), length: 133 },
];

/** DER SubjectPublicKeyInfo of an uncompressed point. RFC 5480, section 2 */
export function ecPublicKeyInfo(point: Uint8Array): Uint8Array {
  const form = PREFIX.find((each) => each.length === point.length);
  if (!form || point[0] !== 0x04) throw new DecodeError("value", "not an uncompressed point of a known curve", 0);
  return concat(form.prefix, point);
}

// AlgorithmIdentifier without parameters, then 32 bytes. RFC 8410, section 4
const ED25519_PREFIX = fromHex("302a300506032b6570032100");
const ED25519_LENGTH = 32;

/** DER SubjectPublicKeyInfo of an Ed25519 key of 32 bytes. RFC 8410, section 4 */
export function ed25519PublicKeyInfo(publicKey: Uint8Array): Uint8Array {
  if (publicKey.length !== ED25519_LENGTH)
    throw new DecodeError("length", `an Ed25519 key of ${publicKey.length} bytes`, 0);
  return concat(ED25519_PREFIX, publicKey);
}

/** The 32 bytes of an Ed25519 SubjectPublicKeyInfo, or undefined where the key is of another kind. RFC 8410, section 4 */
export function ed25519PublicKey(publicKey: Uint8Array): Uint8Array | undefined {
  const isEd25519 =
    publicKey.length === ED25519_PREFIX.length + ED25519_LENGTH &&
    ED25519_PREFIX.every((byte, i) => publicKey[i] === byte);
  return isEd25519 ? publicKey.subarray(ED25519_PREFIX.length) : undefined;
}

/** Curve and uncompressed point of an EC SubjectPublicKeyInfo, or undefined where the key is of another kind. RFC 5480, section 2 */
export function ecPublicPoint(publicKey: Uint8Array): { curve: CurveName; point: Uint8Array } | undefined {
  for (const { curve, prefix, length } of PREFIX) {
    if (publicKey.length !== prefix.length + length) continue;
    if (!prefix.every((byte, i) => publicKey[i] === byte)) continue;
    const point = publicKey.subarray(prefix.length);
    return point[0] === 0x04 ? { curve, point } : undefined;
  }
  return undefined;
}
