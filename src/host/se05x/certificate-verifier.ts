import {
  RIGHT,
  SE05X_CURVE,
  SE05X_INS_FLAG,
  SE05X_PART,
  SE05X_RESULT,
  SE05X_SIGNATURE,
} from "../../apdu/se05x/index.ts";
import {
  type CertificateVerifier,
  ecPublicPoint,
  type Hash,
  hashOf,
  isEcdsa,
  type SignatureCheck,
  type VerificationKey,
  verifierOverDigests,
} from "../../crypto/index.ts";
import { notInChip } from "../kept-master.ts";
import type { Se05x } from "./device.ts";
import { TLS_OBJECTS } from "./object-ids.ts";
import { Places, policyOf, removeObject } from "./tls-premaster.ts";

const CURVES: Partial<Record<string, number>> = { "P-256": SE05X_CURVE.p256, "P-384": SE05X_CURVE.p384 };

/** Checks certificates' signatures in the chip and keeps the last one's key there, in transient memory. */
export class Se05xCertificateVerifier implements CertificateVerifier {
  readonly performer = "chip";
  readonly #chip: Se05x;
  readonly #hash: Hash;
  readonly #places = new Places(TLS_OBJECTS.serverKey);
  /** How often each place was given a key. */
  readonly #uses = new Map<number, number>();

  constructor(chip: Se05x, hash: Hash) {
    this.#chip = chip;
    this.#hash = hash;
  }

  verify(check: SignatureCheck): Promise<boolean> {
    return verifierOverDigests(this.#chip.verifier, this.#hash).verify(check);
  }

  async keep(publicKey: Uint8Array): Promise<VerificationKey> {
    const key = ecPublicPoint(publicKey);
    const curve = key && CURVES[key.curve];
    if (!key || curve === undefined) throw notInChip("an SE05x keeps public keys on P-256 and P-384 only");
    const objectId = this.#places.next();
    const use = (this.#uses.get(objectId) ?? 0) + 1;
    await this.#chip.exclusive(async (session) => {
      this.#uses.set(objectId, use);
      await removeObject(session, objectId);
      const policy = policyOf(RIGHT.verify | RIGHT.delete);
      const [part, insFlags] = [SE05X_PART.public, SE05X_INS_FLAG.transient] as const;
      await session.send("writeEcKey", { part, objectId, curve, publicKey: key.point, policy, insFlags });
    });
    const isHeld = () => this.#uses.get(objectId) === use;
    return {
      performer: "chip",
      verify: ({ algorithm, content, signature }) =>
        this.#chip.exclusive(async (session) => {
          if (!isHeld()) throw notInChip("newer handshakes took the place of this server's key");
          if (!isEcdsa(algorithm)) throw notInChip(`an SE05x does not verify ${algorithm}`);
          const digest = this.#hash.digest(hashOf(algorithm), content);
          const request = { objectId, algorithm: SE05X_SIGNATURE.plain, digest, signature };
          return (await session.send("verify", request)).result === SE05X_RESULT.yes;
        }),
      release: () =>
        this.#chip.exclusive(async (session) => {
          if (!isHeld()) return;
          this.#uses.set(objectId, use + 1);
          await session.send("deleteObject", { objectId });
        }),
    };
  }
}
