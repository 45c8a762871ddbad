import { type Reader, Refused, type Writer } from "../codec/index.ts";
import type { Entropy } from "../crypto/index.ts";
import { isScalar, newScalar, signDigest, type EcCurve } from "./ec-curve.ts";
import type { ChipErrorCode } from "./errors.ts";
import type { ChipCrypto } from "./ports.ts";

/** The order of P-256. SP 800-186, section 3.2.1.3 */
export const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** With both numbers of 32 bytes; one in a hundred is shorter. X.690, section 8.3.2 */
const SHORTEST_SIGNATURE = 70;

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
    const scalar = newScalar(curveOf(crypto), entropy);
    return new KeyPair(scalar, crypto.publicPoint(scalar));
  }

  /**
   * An injected key pair. Refused with 6A80 where the scalar is out of range or the point is not on the curve; whether
   * the halves belong together is not looked at: scripts of the vendor inject pairs whose halves do not.
   */
  static inject(crypto: ChipCrypto, scalar: Uint8Array, point: Uint8Array): KeyPair {
    if (!isScalar(curveOf(crypto), scalar)) throw badKey("the private key is not within 1..n-1");
    if (!crypto.isPoint(point)) throw badKey("the public key is not a point of P-256");
    return new KeyPair(scalar.slice(), point.slice());
  }

  /**
   * A DER signature over a digest as given, of 70 or 71 bytes: the vendor's host library normalises no others, and one
   * signature in four would have 72. FIPS 186-5, section 6.4.1
   */
  sign(crypto: ChipCrypto, entropy: Entropy, digest: Uint8Array): Uint8Array {
    for (;;) {
      const signature = signDigest(curveOf(crypto), { hash: crypto.hash, entropy, lowS: true }, this.#scalar, digest);
      if (signature.length >= SHORTEST_SIGNATURE) return signature;
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

function curveOf(crypto: ChipCrypto): EcCurve {
  return { ...crypto, scalarLength: 32, order: P256_ORDER };
}
