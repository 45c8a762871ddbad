import { RIGHT, SE05X_INS_FLAG, SE05X_PART } from "../../apdu/se05x/index.ts";
import { UsageError } from "../../codec/index.ts";
import type { EphemeralKey, KeyAgreement, NamedGroup } from "../../crypto/index.ts";
import type { HostErrorCode } from "../errors.ts";
import { agreementGroups, asInRfc, curveOfGroup } from "./agreement-groups.ts";
import type { Se05x } from "./device.ts";
import { TLS_OBJECTS } from "./object-ids.ts";
import { Places, policyOf, removeObject } from "./tls-premaster.ts";
import type { Se05xSession } from "./session.ts";

/** Groups whose premaster secrets the chip's TLS command makes, and which every model has. SE05x command table, tier c */
export const PREMASTER_GROUPS = ["secp256r1", "secp384r1"] as const;

type Place = { readonly objectId: number; readonly use: number };

/**
 * Ephemeral keys that are made in the chip's transient memory and are gone once they have agreed: they wear nothing, and
 * leave no private key behind. SE05x command table, tier b
 */
export class TransientAgreement implements KeyAgreement {
  readonly performer = "chip";
  readonly groups: readonly NamedGroup[];
  readonly #chip: Se05x;
  readonly #places = new Places(TLS_OBJECTS.ephemeral);
  readonly #keys = new WeakMap<EphemeralKey, Place>();
  /** How often each place was given a key. */
  readonly #uses = new Map<number, number>();

  constructor(chip: Se05x) {
    this.#chip = chip;
    this.groups = agreementGroups(chip.features);
  }

  async generate(group: NamedGroup): Promise<EphemeralKey> {
    const curve = curveOfGroup(group, this.groups);
    const objectId = this.#places.next();
    const use = (this.#uses.get(objectId) ?? 0) + 1;
    const publicKey = await this.#chip.exclusive(async (session) => {
      this.#uses.set(objectId, use);
      await removeObject(session, objectId);
      const policy = policyOf(RIGHT.keyAgreement | RIGHT.tlsPremaster | RIGHT.read | RIGHT.generate | RIGHT.delete);
      const insFlags = SE05X_INS_FLAG.transient;
      await session.send("writeEcKey", { part: SE05X_PART.pair, objectId, curve, policy, insFlags });
      return asInRfc(group, (await session.send("readObject", { objectId })).bytes);
    });
    const key: EphemeralKey = {
      group,
      publicKey,
      agree: (peerPoint) =>
        this.#chip.exclusive((session) =>
          this.withKey(session, key, async (id) => {
            const { sharedSecret } = await session.send("agree", {
              objectId: id,
              peerPoint: asInRfc(group, peerPoint),
            });
            return asInRfc(group, sharedSecret);
          }),
        ),
    };
    this.#keys.set(key, { objectId, use });
    return key;
  }

  /** Whether the key was made here, so that the chip can agree with it. */
  has(key: EphemeralKey): boolean {
    return this.#keys.has(key);
  }

  /** Gives a key's object to `work`, and deletes it: it is used once. Throws `ephemeral-key-replaced`. */
  async withKey<T>(session: Se05xSession, key: EphemeralKey, work: (objectId: number) => Promise<T>): Promise<T> {
    const place = this.#keys.get(key);
    if (!place || this.#uses.get(place.objectId) !== place.use) {
      throw new UsageError<HostErrorCode>(
        "ephemeral-key-replaced",
        "newer handshakes took the place of this one's key",
      );
    }
    try {
      return await work(place.objectId);
    } finally {
      this.#uses.set(place.objectId, place.use + 1);
      await session.send("deleteObject", { objectId: place.objectId });
    }
  }
}
