import { equal, type Reader, Refused, toHex, type Writer } from "../codec/index.ts";
import { ecdsaRawToDer, type Entropy } from "../crypto/index.ts";
import type { ChipErrorCode } from "./errors.ts";
import type { ChipCrypto } from "./ports.ts";

/** The order of P-256. SP 800-186, section 3.2.1.3 */
export const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** A P-256 key pair inside the chip. Its scalar can be used and stored with the chip's state, but not read. */
export class KeyPair {
  readonly #scalar: Uint8Array;
  /** The public point, uncompressed, 65 bytes. SEC 1, section 2.3.3 */
  readonly point: Uint8Array;

  private constructor(scalar: Uint8Array, point: Uint8Array) {
    this.#scalar = scalar;
    this.point = point;
  }

  /** A new key pair whose scalar comes from the chip's entropy, by rejection. FIPS 186-5, appendix A.2.2 */
  static generate(crypto: ChipCrypto, entropy: Entropy): KeyPair {
    for (;;) {
      const scalar = entropy.bytes(32);
      if (isScalar(scalar)) return new KeyPair(scalar, crypto.publicPoint(scalar));
    }
  }

  /** An injected key pair. Refused with 6A80 where the scalar is out of range or the point belongs to another one. */
  static inject(crypto: ChipCrypto, scalar: Uint8Array, point: Uint8Array): KeyPair {
    if (!isScalar(scalar)) throw badKey("the private key is not within 1..n-1");
    const own = crypto.publicPoint(scalar);
    // A signature under a foreign point would leak the scalar to whoever chose the point.
    if (!equal(own, point)) throw badKey("the public key belongs to another private key");
    return new KeyPair(scalar.slice(), own);
  }

  /**
   * A DER signature over a digest as given. FIPS 186-5, section 6.4.1
   *
   * The nonce is HMAC-SHA256 of key and digest under fresh entropy, by rejection: uniform as long as the entropy is
   * fresh, and still different for different digests where it repeats, as a seeded chip's does after a restart.
   * RFC 6979, section 3.6
   */
  sign(crypto: ChipCrypto, entropy: Entropy, digest: Uint8Array): Uint8Array {
    const [d, z] = [toInteger(this.#scalar), toInteger(digest)];
    for (;;) {
      const nonce = crypto.hash.hmac("sha256", entropy.bytes(32), this.#scalar, digest);
      if (!isScalar(nonce)) continue;
      const r = toInteger(crypto.publicPoint(nonce).subarray(1, 33)) % P256_ORDER;
      const s = (inverse(toInteger(nonce)) * (z + r * d)) % P256_ORDER;
      if (r === 0n || s === 0n) continue;
      return ecdsaRawToDer(fromIntegers(r, s));
    }
  }

  /** The shared X coordinate with a peer. Refused with 6A80 for a point that is not on the curve. SEC 1, section 3.3.1 */
  agree(crypto: ChipCrypto, peerPoint: Uint8Array): Uint8Array {
    const secret = crypto.sharedX(this.#scalar, peerPoint);
    if (!secret) throw badKey("the peer's public key is not a point of P-256");
    return secret;
  }

  /** Appends the pair to the chip's own state image. */
  save(image: Writer): void {
    image.bytes(this.#scalar).bytes(this.point);
  }

  /** A pair from the chip's own state image. */
  static load(image: Reader): KeyPair {
    return new KeyPair(image.bytes(32).slice(), image.bytes(65).slice());
  }
}

function badKey(message: string): Refused<ChipErrorCode> {
  return new Refused<ChipErrorCode>("status-word", message, 0x6a80);
}

function isScalar(bytes: Uint8Array): boolean {
  const value = toInteger(bytes);
  return value > 0n && value < P256_ORDER;
}

function toInteger(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes)}`);
}

function fromIntegers(r: bigint, s: bigint): Uint8Array {
  const digits = r.toString(16).padStart(64, "0") + s.toString(16).padStart(64, "0");
  return Uint8Array.from({ length: 64 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/** The inverse modulo the order, by the extended Euclidean algorithm. The argument is within 1..n-1. */
function inverse(value: bigint): bigint {
  let [a, b] = [value, P256_ORDER];
  let [x, y] = [1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return ((x % P256_ORDER) + P256_ORDER) % P256_ORDER;
}
