import { VERIFY_RESULT } from "../../apdu/a71ch/index.ts";
import { unwrapKey } from "../../apdu/index.ts";
import { concat, DecodeError } from "../../codec/index.ts";
import { ecdsaDerToRaw } from "../../crypto/index.ts";
import type { ChipCrypto } from "../ports.ts";
import { SecretKey } from "../secret-key.ts";
import { CODE, checkCodeFor, refuseOpenChange } from "./codes.ts";
import type { A71chHandlers, A71chInside } from "./handler.ts";
import { checkSlot, contentOf, freeze, openSlot, refuse, replace } from "./objects.ts";

type PublicKeyCommand =
  | "readPublicKey"
  | "setPublicKey"
  | "setWrappedPublicKey"
  | "freezePublicKey"
  | "freezePublicKeyByCode"
  | "erasePublicKey"
  | "erasePublicKeyByCode"
  | "verify"
  | "verifyWithKey";

const PUBLIC = "public key";

/** Public keys and signature checks. A71CH APDU table, instructions 21 to 25 */
export function publicKeyHandlers(inside: A71chInside): Pick<A71chHandlers, PublicKeyCommand> {
  const { crypto } = inside;
  const fill = (slot: number, point: Uint8Array) => {
    const place = openSlot(inside.objects.publicKeys, slot, PUBLIC);
    place.content = checkedPoint(crypto, point).slice();
    inside.changed(`${PUBLIC} ${slot}`);
    return {};
  };
  const seal = (slot: number) => {
    freeze(inside.objects.publicKeys, slot, PUBLIC);
    inside.changed(`${PUBLIC} ${slot}`);
    return {};
  };
  const empty = (slot: number) => {
    replace(inside.objects.publicKeys, slot, undefined, PUBLIC);
    inside.changed(`${PUBLIC} ${slot}`);
    return {};
  };
  return {
    readPublicKey: ({ slot }) => ({ point: contentOf(inside.objects.publicKeys, slot, PUBLIC) }),
    setPublicKey({ slot, point }) {
      if (inside.objects.injectionLocked) throw refuse(0x6986, "plain injection is locked");
      return fill(slot, point);
    },
    setWrappedPublicKey({ slot, wrappedPoint }) {
      checkSlot(inside.objects.publicKeys, slot, PUBLIC);
      const wrapping = contentOf(inside.objects.configKeys, CODE.publicKey, "configuration key");
      const coordinates = SecretKey.use([wrapping], (key) => unwrapKey(crypto.aes, key, wrappedPoint));
      if (!coordinates) throw refuse(0x6a80, "the public key is not wrapped with configuration key 2");
      return fill(slot, concat(Uint8Array.of(0x04), coordinates));
    },
    freezePublicKey: ({ slot }) => (refuseOpenChange(inside), seal(slot)),
    freezePublicKeyByCode: ({ slot, code }) => (checkCodeFor(inside, CODE.publicKey, { slot, code }), seal(slot)),
    erasePublicKey: ({ slot }) => (refuseOpenChange(inside), empty(slot)),
    erasePublicKeyByCode: ({ slot, code }) => (checkCodeFor(inside, CODE.publicKey, { slot, code }), empty(slot)),
    verify: ({ slot, digest, signature }) =>
      verdict(crypto, contentOf(inside.objects.publicKeys, slot, PUBLIC), digest, signature),
    verifyWithKey: ({ digest, signature, point }) => verdict(crypto, checkedPoint(crypto, point), digest, signature),
  };
}

function checkedPoint(crypto: ChipCrypto, point: Uint8Array): Uint8Array {
  if (!crypto.isPoint(point)) throw refuse(0x6a80, "the public key is not a point of P-256");
  return point;
}

function verdict(crypto: ChipCrypto, point: Uint8Array, digest: Uint8Array, signature: Uint8Array) {
  const raw = rawSignature(signature);
  const right = raw !== undefined && crypto.verifyDigest(point, digest, raw);
  return { result: right ? VERIFY_RESULT.right : VERIFY_RESULT.wrong };
}

function rawSignature(der: Uint8Array): Uint8Array | undefined {
  try {
    return ecdsaDerToRaw(der, 32);
  } catch (error) {
    // What is not a signature is a wrong one; the command itself was well-formed.
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
