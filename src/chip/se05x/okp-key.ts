import type { Reader, Writer } from "../../codec/index.ts";
import type { Entropy } from "../../crypto/index.ts";
import type { EdwardsCurve, MontgomeryCurve } from "./arithmetic.ts";
import { refuse } from "./refuse.ts";
import { Secret } from "./secrets.ts";

/** A curve whose keys are plain byte strings: Ed25519 signs, X25519 and X448 agree. */
export type OkpCurve = EdwardsCurve | MontgomeryCurve;

/** A private key of such a curve inside the chip, with its public key. Bytes in the order of the RFCs. RFC 8032; RFC 7748 */
export class OkpKey {
  readonly #secret: Secret;
  readonly curve: OkpCurve;
  readonly publicKey: Uint8Array;

  private constructor(curve: OkpCurve, secret: Uint8Array) {
    this.curve = curve;
    this.#secret = new Secret(secret);
    this.publicKey = curve.publicKey(secret);
  }

  static generate(curve: OkpCurve, entropy: Entropy): OkpKey {
    return new OkpKey(curve, entropy.bytes(curve.keyLength));
  }

  /** An injected key. Refused with 6A80 where it has another length. */
  static inject(curve: OkpCurve, secret: Uint8Array): OkpKey {
    if (secret.length !== curve.keyLength) throw refuse(0x6a80, `a private key of ${secret.length} bytes`);
    return new OkpKey(curve, secret);
  }

  /** Refused with 6985 where the curve only agrees. */
  sign(message: Uint8Array): Uint8Array {
    const { curve } = this;
    if (!("sign" in curve)) throw refuse(0x6985, "this key only agrees on secrets");
    return this.#secret.use((secret) => curve.sign(secret, message));
  }

  /** Refused with 6985 where the curve only signs, 6A80 for a peer that it does not take. */
  agree(peer: Uint8Array): Uint8Array {
    const { curve } = this;
    if (!("agree" in curve)) throw refuse(0x6985, "this key only signs");
    const shared = this.#secret.use((secret) => curve.agree(secret, peer));
    if (!shared) throw refuse(0x6a80, "the peer's public key is not acceptable");
    return shared;
  }

  save(image: Writer): void {
    this.#secret.save(image);
  }

  static load(curve: OkpCurve, image: Reader): OkpKey {
    return Secret.load(image).use((secret) => new OkpKey(curve, secret));
  }
}
