import { Scp03Session } from "../../apdu/index.ts";
import { SE05X_AID, SE05X_CURVE, type SE05X_OBJECT, sessionOffer } from "../../apdu/se05x/index.ts";
import { concat, decode, equal, fromHex } from "../../codec/index.ts";
import type { Se05xInside } from "./handler.ts";
import { refuse } from "./refuse.ts";

/** What an agreement is for: SCP with configuration 01 and full protection. SE05x command table, tier e */
const OFFERED_SCP = fromHex("ab0133");
const OFFERED_KEY = { type: 0x88, length: 0x10 } as const;

/** An offer that was read, and the channel that it leads to; nothing is agreed before the host's proof was checked. */
export type Agreement = { readonly agree: (random: Uint8Array) => Scp03Session };

/** Reads a host's offer. Refused with 6985 without a key of the chip's own, 6A80 where it is for something else. SE05x command table, tier e */
export function readOffer(
  inside: Se05xInside,
  offer: Uint8Array,
  ownKey: typeof SE05X_OBJECT.sessionKey | typeof SE05X_OBJECT.importKey,
): Agreement {
  const own = inside.store.find(ownKey)?.content;
  if (own?.kind !== "ecPair") throw refuse(0x6985, "no key to agree with");
  const { aid, scp, keyType, keyLength, ephemeralPoint } = decode(sessionOffer, offer);
  const isKnown = equal(scp, OFFERED_SCP) && keyType === OFFERED_KEY.type && keyLength === OFFERED_KEY.length;
  if (!isKnown || !equal(aid, SE05X_AID)) throw refuse(0x6a80, "the host offers another kind of session");
  const curve = inside.curves.get(SE05X_CURVE.p256);
  if (!curve?.isPoint(ephemeralPoint)) throw refuse(0x6a80, "the host's ephemeral key is not a point of the curve");
  return {
    agree(random) {
      const prefix = inside.model.agreesWithCounter ? fromHex("00000001") : new Uint8Array(0);
      const parameters = concat(OFFERED_SCP.subarray(1), Uint8Array.of(keyType, keyLength));
      const secret = inside.hash.digest("sha256", concat(prefix, own.key.agree(ephemeralPoint), random, parameters));
      return Scp03Session.agreed(inside.aes, secret.slice(0, 16), { extendedLengths: true });
    },
  };
}
