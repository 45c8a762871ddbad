import { concat } from "../codec/index.ts";
import { ecdsaRawToDer, type Entropy, type Hash } from "../crypto/index.ts";
import { inverse } from "./inverse.ts";

/** A prime curve as a simulated chip needs it, synchronous as silicon is to its firmware. */
export interface EcCurve {
  /** Bytes of a scalar and of a coordinate: 20 to 66. An order may be a bit longer; scalars up there are not made. */
  readonly scalarLength: number;
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

/** A prime curve with the arithmetic of points that some chips lend to their hosts. */
export interface PointCurve extends EcCurve {
  /** `scalar · point`, uncompressed, or undefined where the point is not on the curve. SEC 1, section 2.2.1 */
  product(scalar: Uint8Array, point: Uint8Array): Uint8Array | undefined;
  /** `scalar · G + point`, or undefined where the point is not on the curve or the sum is none. SEC 1, section 2.2.1 */
  shifted(scalar: Uint8Array, point: Uint8Array): Uint8Array | undefined;
}

/** What signing takes besides the key. */
export type SigningPorts = {
  readonly hash: Hash;
  readonly entropy: Entropy;
  /** Gives the lesser of `s` and `n - s`, both of which are right; what comes first where absent. SEC 1, section 4.1.3 */
  readonly lowS?: boolean;
};

/**
 * A DER signature over a digest as given, of which the leftmost bits count. FIPS 186-5, section 6.4.1
 *
 * The nonce is a hash of fresh entropy, key and digest, by rejection: uniform as long as the entropy is fresh,
 * and still different for different digests where it repeats, as a seeded chip's does after a restart.
 * RFC 6979, section 3.6
 */
export function signDigest(
  curve: EcCurve,
  { hash, entropy, lowS = false }: SigningPorts,
  scalar: Uint8Array,
  digest: Uint8Array,
): Uint8Array {
  const { order, scalarLength } = curve;
  const [d, z] = [toInteger(scalar), leftmostBits(digest, bitsOf(order))];
  for (;;) {
    const nonce = masked(curve, nonceBytes(hash, scalarLength, [entropy.bytes(scalarLength), scalar, digest]));
    if (!isScalar(curve, nonce)) continue;
    const r = toInteger(curve.publicPoint(nonce).subarray(1, 1 + scalarLength)) % order;
    const first = (inverse(toInteger(nonce), order) * (z + r * d)) % order;
    const s = lowS && 2n * first > order ? order - first : first;
    const fits = s < 1n << BigInt(8 * scalarLength);
    if (r !== 0n && s !== 0n && fits) return ecdsaRawToDer(fromIntegers(scalarLength, r, s));
  }
}

/** As many bytes as a scalar has: SHA-256 or SHA-384 where they fit, SHA-512 in a row otherwise. */
function nonceBytes(hash: Hash, length: number, parts: readonly Uint8Array[]): Uint8Array {
  if (length === 32 || length === 48) return hash.digest(length === 32 ? "sha256" : "sha384", ...parts);
  const halves = [0, 1].map((i) => hash.digest("sha512", Uint8Array.of(i), ...parts));
  return concat(...halves).slice(0, length);
}

/** Asked for at every signature, of the same few curves. */
const orderBits = new Map<bigint, number>();

function bitsOf(order: bigint): number {
  const known = orderBits.get(order);
  if (known !== undefined) return known;
  const bits = order.toString(2).length;
  orderBits.set(order, bits);
  return bits;
}

/** The leftmost bits of a digest as a number. FIPS 186-5, section 6.4.1 */
export function leftmostBits(digest: Uint8Array, bits: number): bigint {
  return toInteger(digest) >> BigInt(Math.max(0, 8 * digest.length - bits));
}

/** Without the bits above those of the order, so that rejection is rare. */
function masked({ order, scalarLength }: EcCurve, bytes: Uint8Array): Uint8Array {
  const surplus = 8 * scalarLength - bitsOf(order);
  return surplus > 0 ? bytes.with(0, (bytes[0] ?? 0) & (0xff >> surplus)) : bytes;
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
    const scalar = masked(curve, entropy.bytes(curve.scalarLength));
    if (isScalar(curve, scalar)) return scalar;
  }
}

function toInteger(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let value = 0n;
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) value = (value << 64n) | view.getBigUint64(at);
  for (; at < bytes.length; at++) value = (value << 8n) | BigInt(view.getUint8(at));
  return value;
}

/** Big-endian, each in `length` bytes, which must hold it. */
function fromIntegers(length: number, ...values: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(length * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    let [left, at] = [value, length * (i + 1)];
    for (; at - 8 >= length * i; left >>= 64n) view.setBigUint64((at -= 8), left);
    for (; at > length * i; left >>= 8n) view.setUint8(--at, Number(left & 0xffn));
  });
  return bytes;
}
