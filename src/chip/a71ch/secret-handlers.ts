import { unwrapKey } from "../../apdu/index.ts";
import { concat } from "../../codec/index.ts";
import type { Hash } from "../../crypto/index.ts";
import { SecretKey } from "../secret-key.ts";
import type { A71chHandlers, A71chInside } from "./handler.ts";
import { CODE, checkCode, refuseOpenChange } from "./codes.ts";
import { checkSlot, contentOf, freeze, openSlot, refuse, replace, type Slot } from "./objects.ts";

type SecretCommand =
  | "setConfigKey"
  | "setWrappedConfigKey"
  | "setSecret"
  | "setWrappedSecret"
  | "freezeSecret"
  | "eraseSecret"
  | "freezeSecretByCode"
  | "eraseSecretByCode"
  | "expand"
  | "extractAndExpand";

const CONFIG = "configuration key";
const SECRET = "symmetric secret";

/** Configuration keys and symmetric secrets. A71CH APDU table, instructions 32 and 42 to 45 */
export function secretHandlers(inside: A71chInside): Pick<A71chHandlers, SecretCommand> {
  const { aes, hash } = inside.crypto;
  const setPlain = (slots: readonly Slot<SecretKey>[], slot: number, what: string, key: Uint8Array) => {
    if (inside.objects.injectionLocked) throw refuse(0x6986, "plain injection is locked");
    openSlot(slots, slot, what).content = new SecretKey(key);
    inside.changed(`${what} ${slot}`);
    return {};
  };
  const setWrapped = (slots: readonly Slot<SecretKey>[], slot: number, what: string, wrapped: Uint8Array) => {
    const place = openSlot(slots, slot, what);
    const unwrapped = SecretKey.use([contentOf(slots, slot, what)], (key) => unwrapKey(aes, key, wrapped));
    if (!unwrapped) throw refuse(0x6a80, `the key is not wrapped with the present ${what} ${slot}`);
    place.content = new SecretKey(unwrapped);
    inside.changed(`${what} ${slot}`);
    return {};
  };
  const seal = (slot: number) => {
    freeze(inside.objects.secrets, slot, SECRET);
    inside.changed(`${SECRET} ${slot}`);
    return {};
  };
  const empty = (slot: number) => {
    replace(inside.objects.secrets, slot, undefined, SECRET);
    inside.changed(`${SECRET} ${slot}`);
    return {};
  };
  /** No document says which key's code a secret takes; that of private keys, being a private thing. */
  const checked = (slot: number, code: Uint8Array) => {
    checkSlot(inside.objects.secrets, slot, SECRET);
    checkCode(inside, CODE.keyPair, code);
  };
  return {
    setConfigKey: ({ slot, key }) => setPlain(inside.objects.configKeys, slot, CONFIG, key),
    setWrappedConfigKey: ({ slot, wrappedKey }) => setWrapped(inside.objects.configKeys, slot, CONFIG, wrappedKey),
    setSecret: ({ slot, key }) => setPlain(inside.objects.secrets, slot, SECRET, key),
    setWrappedSecret: ({ slot, wrappedKey }) => setWrapped(inside.objects.secrets, slot, SECRET, wrappedKey),
    freezeSecret: ({ slot }) => (refuseOpenChange(inside), seal(slot)),
    freezeSecretByCode: ({ slot, code }) => (checked(slot, code), seal(slot)),
    eraseSecret: ({ slot }) => (refuseOpenChange(inside), empty(slot)),
    eraseSecretByCode: ({ slot, code }) => (checked(slot, code), empty(slot)),
    expand: ({ blocks, slot, length, info }) =>
      SecretKey.use(secretsOf(inside, slot, blocks), (key) => ({ derived: expand(hash, key, info, length) })),
    extractAndExpand: ({ blocks, slot, length, salt, info }) =>
      SecretKey.use(secretsOf(inside, slot, blocks), (input) => {
        const key = hash.hmac("sha256", salt, input);
        return { derived: expand(hash, key, info, length) };
      }),
  };
}

/** The secrets from `slot` on that are taken as one. Refused with 6A86 outside 1 to 4 and beyond the last, 6985 where one is empty. */
export function secretsOf(inside: A71chInside, slot: number, blocks: number): SecretKey[] {
  checkGroup(inside, slot, blocks);
  return Array.from({ length: blocks }, (_, i) => contentOf(inside.objects.secrets, slot + i, SECRET));
}

/** Refused with 6A86 where there are no such secrets to be taken as one. */
export function checkGroup({ objects }: A71chInside, slot: number, blocks: number): void {
  const fits = blocks >= 1 && blocks <= 4 && slot + blocks <= objects.secrets.length;
  if (!fits) throw refuse(0x6a86, `${blocks} secrets from ${slot} on cannot be taken as one`);
}

/** RFC 5869, section 2.3 */
function expand(hash: Hash, key: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (length === 0) throw refuse(0x6a86, "nothing is to be derived");
  let block: Uint8Array = new Uint8Array(0);
  let derived: Uint8Array = new Uint8Array(0);
  for (let i = 1; derived.length < length; i++) {
    block = hash.hmac("sha256", key, block, info, Uint8Array.of(i));
    derived = concat(derived, block);
  }
  return derived.slice(0, length);
}
