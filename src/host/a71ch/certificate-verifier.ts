import { VERIFY_RESULT } from "../../apdu/a71ch/index.ts";
import {
  type CertificateVerifier,
  ecPublicPoint,
  type Hash,
  hashOf,
  type SignatureCheck,
  type VerificationKey,
  verifierOverDigests,
} from "../../crypto/index.ts";
import { notInChip } from "../kept-master.ts";
import type { A71ch } from "./device.ts";

/**
 * Checks certificates' signatures in the chip and keeps the last one's key in a public key slot, which it takes for
 * itself: a slot is non-volatile memory, and wears with each handshake.
 */
export class A71chCertificateVerifier implements CertificateVerifier {
  readonly performer = "chip";
  readonly #chip: A71ch;
  readonly #hash: Hash;
  readonly #slot: number;
  /** How often the slot was given a key. */
  #uses = 0;

  constructor(chip: A71ch, hash: Hash, slot: number) {
    this.#chip = chip;
    this.#hash = hash;
    this.#slot = slot;
  }

  verify(check: SignatureCheck): Promise<boolean> {
    return verifierOverDigests(this.#chip.verifier, this.#hash).verify(check);
  }

  async keep(publicKey: Uint8Array): Promise<VerificationKey> {
    const key = ecPublicPoint(publicKey);
    if (key?.curve !== "P-256") throw notInChip("an A71CH keeps public keys on P-256 only");
    const slot = this.#slot;
    const use = ++this.#uses;
    await this.#chip.send("setPublicKey", { slot, point: key.point });
    return {
      performer: "chip",
      verify: async ({ algorithm, content, signature }) => {
        if (use !== this.#uses) throw notInChip("a newer handshake took the place of this server's key");
        if (algorithm !== "ecdsa_sha256") throw notInChip(`an A71CH verifies ecdsa_sha256, not ${algorithm}`);
        const digest = this.#hash.digest(hashOf(algorithm), content);
        // No DER signature of P-256 is longer; what is longer is wrong without asking.
        if (signature.length > 72) return false;
        return (await this.#chip.send("verify", { slot, digest, signature })).result === VERIFY_RESULT.right;
      },
      release: async () => {
        if (use !== this.#uses) return;
        this.#uses++;
        await this.#chip.send("erasePublicKey", { slot });
      },
    };
  }
}
