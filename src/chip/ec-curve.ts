import { toHex } from "../codec/index.ts";
import { ecdsaRawToDer, type Entropy, type Hash } from "../crypto/index.ts";

/** A prime curve as a simulated chip needs it, synchronous as silicon is to its firmware. */
export interface EcCurve {
  /** Bytes of a scalar and of a coordinate. */
  readonly scalarLength: 32 | 48;
  readonly order: bigint;
  /** The uncompressed point of a scalar within 1..n-1. SEC 1, section 3.2.1 */
  publicPoint(scalar: Uint8Array): Uint8Array;
  /** The shared X coordinate, or undefined where the peer's point is not on the curve. SEC 1, section 3.3.1 */
  sharedX(scalar: Uint8Array, peerPoint: Uint8Array): Uint8Array | undefined;
  /** Whether bytes are an uncompressed point on the curve. SEC 1, section 3.2.2 */
  isPoint(point: Uint8Array): boolean;
  /** Checks `r ‖ s` over a digest as given; any r and s outside 1..n-1 is wrong. FIPS 186-5, section 6.4.2 */
  verifyDigest(point: Uint8Array, digest: Uint8Array, rawSignature: Uint8Array): boolean;
}

/** What signing takes besides the key. */
export type SigningPorts = { readonly hash: Hash; readonly entropy: Entropy };

/**
 * A DER signature over a digest as given, of which the leftmost bits count. FIPS 186-5, section 6.4.1
 *
 * The nonce is an HMAC of key and digest under fresh entropy, by rejection: uniform as long as the entropy is fresh,
 * and still different for different digests where it repeats, as a seeded chip's does after a restart.
 * RFC 6979, section 3.6
 */
export function signDigest(
  curve: EcCurve,
  { hash, entropy }: SigningPorts,
  scalar: Uint8Array,
  digest: Uint8Array,
): Uint8Array {
  const { order, scalarLength } = curve;
  const name = scalarLength === 32 ? "sha256" : "sha384";
  const [d, z] = [toInteger(scalar), toInteger(digest.subarray(0, scalarLength))];
  for (;;) {
    const nonce = hash.hmac(name, entropy.bytes(scalarLength), scalar, digest);
    if (!isScalar(curve, nonce)) continue;
    const r = toInteger(curve.publicPoint(nonce).subarray(1, 1 + scalarLength)) % order;
    const s = (inverse(toInteger(nonce), order) * (z + r * d)) % order;
    if (r !== 0n && s !== 0n) return ecdsaRawToDer(fromIntegers(scalarLength, r, s));
  }
}

/** Whether bytes are a private key of the curve: within 1..n-1. SEC 1, section 3.2.1 */
export function isScalar({ order, scalarLength }: EcCurve, bytes: Uint8Array): boolean {
  if (bytes.length !== scalarLength) return false;
  const value = toInteger(bytes);
  return value > 0n && value < order;
}

/** A new private key from the chip's entropy, by rejection. FIPS 186-5, appendix A.2.2 */
export function newScalar(curve: EcCurve, entropy: Entropy): Uint8Array {
  for (;;) {
    const scalar = entropy.bytes(curve.scalarLength);
    if (isScalar(curve, scalar)) return scalar;
  }
}

function toInteger(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`);
}

function fromIntegers(length: number, ...values: readonly bigint[]): Uint8Array {
  const digits = values.map((value) => value.toString(16).padStart(2 * length, "0")).join("");
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/** The inverse modulo the order, by the extended Euclidean algorithm. The argument is within 1..n-1. */
function inverse(value: bigint, order: bigint): bigint {
  let [a, b] = [value, order];
  let [x, y] = [1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return ((x % order) + order) % order;
}
