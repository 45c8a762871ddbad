import type { Reader, Writer } from "../../codec/index.ts";
import type { Entropy } from "../../crypto/index.ts";
import { isScalar, newScalar, signDigest, type PointCurve, type SigningPorts } from "../ec-curve.ts";
import { refuse } from "./refuse.ts";

/** A symmetric key, a PIN or a premaster secret inside the chip: it can be used and stored, but not read. */
export class Secret {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes.slice();
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** What `work` makes of the bytes, which are for nothing else. */
  use<T>(work: (bytes: Uint8Array) => T): T {
    const bytes = this.#bytes.slice();
    try {
      return work(bytes);
    } finally {
      bytes.fill(0);
    }
  }

  /** Appends the secret to the chip's own state image. */
  save(image: Writer): void {
    image.prefixed(2, (body) => body.bytes(this.#bytes));
  }

  static load(image: Reader): Secret {
    return new Secret(image.prefixed(2, (body) => body.rest()));
  }
}

/** A private EC key inside the chip, with its public point. */
export class EcKey {
  readonly #scalar: Uint8Array;
  readonly curve: PointCurve;
  /** The public point, uncompressed. SEC 1, section 2.3.3 */
  readonly point: Uint8Array;

  private constructor(curve: PointCurve, scalar: Uint8Array) {
    this.curve = curve;
    this.#scalar = scalar;
    this.point = curve.publicPoint(scalar);
  }

  static generate(curve: PointCurve, entropy: Entropy): EcKey {
    return new EcKey(curve, newScalar(curve, entropy));
  }

  /** An injected key. Refused with 6A80 where it is out of range. */
  static inject(curve: PointCurve, scalar: Uint8Array): EcKey {
    if (!isScalar(curve, scalar)) throw refuse(0x6a80, "the private key is not within 1..n-1");
    return new EcKey(curve, scalar.slice());
  }

  sign(ports: SigningPorts, digest: Uint8Array): Uint8Array {
    return signDigest(this.curve, ports, this.#scalar, digest);
  }

  /** The shared X coordinate. Refused with 6A80 for a point that is not on the curve. */
  agree(peerPoint: Uint8Array): Uint8Array {
    const shared = this.curve.sharedX(this.#scalar, peerPoint);
    if (!shared) throw refuse(0x6a80, "the peer's public key is not a point of this curve");
    return shared;
  }

  /** The product with a point, or what PACE maps to. Refused with 6A80 where there is no such point. */
  multiply(peerPoint: Uint8Array, what: "product" | "shifted"): Uint8Array {
    const point = this.curve[what](this.#scalar, peerPoint);
    if (!point) throw refuse(0x6a80, "there is no such point of this curve");
    return point;
  }

  save(image: Writer): void {
    image.bytes(this.#scalar);
  }

  static load(curve: PointCurve, image: Reader): EcKey {
    return new EcKey(curve, image.bytes(curve.scalarLength).slice());
  }
}
