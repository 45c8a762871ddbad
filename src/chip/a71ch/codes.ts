import { sameBytes } from "../../codec/index.ts";
import { SecretKey } from "../secret-key.ts";
import type { A71chInside } from "./handler.ts";
import { checkSlot, contentOf, refuse } from "./objects.ts";

/** What a code authorises; also the configuration key that it is made with, and the kind of its challenge. */
export const CODE = { transport: 0, keyPair: 1, publicKey: 2 } as const;

/**
 * Checks a code, and spends its challenge whichever way that goes: each challenge is one try. Refused with 6985 where
 * the configuration key is empty or no challenge waits, 6A80 where the code is wrong. A71CH APDU table
 */
export function checkCode(inside: A71chInside, kind: (typeof CODE)[keyof typeof CODE], code: Uint8Array): void {
  const key = contentOf(inside.objects.configKeys, kind, "configuration key");
  const challenge = inside.session.challenges.get(kind);
  inside.session.challenges.delete(kind);
  if (!challenge) throw refuse(0x6985, "no challenge waits for a code");
  const expected = SecretKey.use([key], (bytes) => inside.crypto.aes.decrypt(bytes, challenge));
  if (!sameBytes(expected, code)) throw refuse(0x6a80, "the code is wrong");
}

/**
 * Checks a code for a change of a slot; that the slot exists is looked at first, and costs no challenge. Refused as
 * `checkCode` and `checkSlot` do.
 */
export function checkCodeFor(
  inside: A71chInside,
  kind: (typeof CODE)[keyof typeof CODE],
  change: { readonly slot: number; readonly code: Uint8Array },
): void {
  const [slots, what] =
    kind === CODE.publicKey ? [inside.objects.publicKeys, "public key"] : [inside.objects.keyPairs, "key pair"];
  checkSlot(slots, change.slot, what);
  checkCode(inside, kind, change.code);
}

/** Once injection is locked, freezing and erasing keys takes a code; without one it is refused with 6A80. */
export function refuseOpenChange(inside: A71chInside): void {
  if (inside.objects.injectionLocked) throw refuse(0x6a80, "injection is locked: freeze and erase by code");
}
