import { unwrapKey } from "../../apdu/index.ts";
import { KeyPair } from "../key-pair.ts";
import { SecretKey } from "../secret-key.ts";
import { CODE, checkCodeFor, refuseOpenChange } from "./codes.ts";
import type { A71chHandlers, A71chInside } from "./handler.ts";
import { checkSlot, contentOf, freeze, openSlot, refuse, replace } from "./objects.ts";
import { refuseRestricted, restrictionOf, signRestricted } from "./restricted.ts";

type KeyPairCommand =
  | "readKeyPairPoint"
  | "readKeyPairUsage"
  | "generateKeyPair"
  | "generateKeyPairByCode"
  | "setKeyPair"
  | "setWrappedKeyPair"
  | "freezeKeyPair"
  | "freezeKeyPairByCode"
  | "eraseKeyPair"
  | "eraseKeyPairByCode"
  | "sign"
  | "signRestricted"
  | "agree";

const PAIR = "key pair";

/** Key pairs. A71CH APDU table, instructions 11 to 15 and 17 */
export function keyPairHandlers(inside: A71chInside): Pick<A71chHandlers, KeyPairCommand> {
  const { crypto, entropy } = inside;
  const content = (slot: number) => contentOf(inside.objects.keyPairs, slot, PAIR);
  return {
    readKeyPairPoint: ({ slot }) => ({ point: content(slot).point }),
    readKeyPairUsage({ slot }) {
      content(slot);
      const restriction = restrictionOf(inside, slot);
      return { usage: restriction ? Uint8Array.of(restriction.uses, restriction.maxUses) : new Uint8Array(0) };
    },
    ...keyPairChanges(inside),
    sign({ slot, digest }) {
      const restriction = restrictionOf(inside, slot);
      // An update of 32 bytes looks like a digest; to a restricted key pair nothing is one.
      if (restriction) return { signature: Uint8Array.of(signRestricted(inside, restriction, digest)) };
      return { signature: content(slot).sign(crypto, entropy, digest) };
    },
    signRestricted({ slot, update }) {
      checkSlot(inside.objects.keyPairs, slot, PAIR);
      const restriction = restrictionOf(inside, slot);
      if (!restriction) throw refuse(0x6700, `${PAIR} ${slot} signs digests of 32 bytes, not ${update.length}`);
      return { uses: signRestricted(inside, restriction, update) };
    },
    agree({ slot, peerPoint }) {
      refuseRestricted(inside, slot);
      return { sharedSecret: content(slot).agree(crypto, peerPoint) };
    },
  };
}

function keyPairChanges(
  inside: A71chInside,
): Pick<
  A71chHandlers,
  Exclude<KeyPairCommand, "readKeyPairPoint" | "readKeyPairUsage" | "sign" | "signRestricted" | "agree">
> {
  const { crypto, entropy } = inside;
  /** The slot is checked before the key is made: a refused command takes nothing from the entropy. */
  const fill = (slot: number, make: () => KeyPair) => {
    const place = openSlot(inside.objects.keyPairs, slot, PAIR);
    place.content = make();
    inside.changed(`${PAIR} ${slot}`);
    return {};
  };
  const seal = (slot: number) => {
    freeze(inside.objects.keyPairs, slot, PAIR);
    inside.changed(`${PAIR} ${slot}`);
    return {};
  };
  const empty = (slot: number) => {
    replace(inside.objects.keyPairs, slot, undefined, PAIR);
    inside.changed(`${PAIR} ${slot}`);
    return {};
  };
  return {
    generateKeyPair({ slot }) {
      if (inside.objects.injectionLocked) throw refuse(0x6986, "injection is locked: generate by code");
      return fill(slot, () => KeyPair.generate(crypto, entropy));
    },
    generateKeyPairByCode({ slot, code }) {
      checkCodeFor(inside, CODE.keyPair, { slot, code });
      return fill(slot, () => KeyPair.generate(crypto, entropy));
    },
    setKeyPair({ slot, scalar, point }) {
      if (inside.objects.injectionLocked) throw refuse(0x6986, "plain injection is locked");
      return fill(slot, () => KeyPair.inject(crypto, scalar, point));
    },
    setWrappedKeyPair({ slot, wrappedScalar, point }) {
      checkSlot(inside.objects.keyPairs, slot, PAIR);
      const wrapping = contentOf(inside.objects.configKeys, CODE.keyPair, "configuration key");
      const scalar = SecretKey.use([wrapping], (key) => unwrapKey(crypto.aes, key, wrappedScalar));
      if (!scalar) throw refuse(0x6a80, "the private key is not wrapped with configuration key 1");
      return fill(slot, () => KeyPair.inject(crypto, scalar, point));
    },
    freezeKeyPair: ({ slot }) => (refuseOpenChange(inside), seal(slot)),
    freezeKeyPairByCode: ({ slot, code }) => (checkCodeFor(inside, CODE.keyPair, { slot, code }), seal(slot)),
    eraseKeyPair: ({ slot }) => (refuseOpenChange(inside), empty(slot)),
    eraseKeyPairByCode: ({ slot, code }) => (checkCodeFor(inside, CODE.keyPair, { slot, code }), empty(slot)),
  };
}
