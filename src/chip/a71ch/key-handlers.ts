import { VERIFY_RESULT } from "../../apdu/a71ch/index.ts";
import { DecodeError } from "../../codec/index.ts";
import { ecdsaDerToRaw } from "../../crypto/index.ts";
import { KeyPair } from "../key-pair.ts";
import type { ChipCrypto } from "../ports.ts";
import type { A71chHandlers, A71chInside } from "./handlers.ts";
import { contentOf, freeze, openSlot, refuse, replace } from "./objects.ts";

type KeyPairCommand =
  | "readKeyPairPoint"
  | "generateKeyPair"
  | "setKeyPair"
  | "freezeKeyPair"
  | "eraseKeyPair"
  | "sign"
  | "agree";
type PublicKeyCommand =
  | "readPublicKey"
  | "setPublicKey"
  | "freezePublicKey"
  | "erasePublicKey"
  | "verify"
  | "verifyWithKey";

const PAIR = "key pair";
const PUBLIC = "public key";

/** Key pairs and public keys. A71CH APDU table, instructions 1x and 2x */
export function keyHandlers(inside: A71chInside): Pick<A71chHandlers, KeyPairCommand | PublicKeyCommand> {
  return { ...keyPairHandlers(inside), ...publicKeyHandlers(inside) };
}

function keyPairHandlers(inside: A71chInside): Pick<A71chHandlers, KeyPairCommand> {
  const { crypto, entropy } = inside;
  return {
    readKeyPairPoint: ({ slot }) => ({ point: contentOf(inside.objects.keyPairs, slot, PAIR).point }),
    generateKeyPair({ slot }) {
      // The slot is checked first: a refused command takes nothing from the entropy.
      const place = openSlot(inside.objects.keyPairs, slot, PAIR);
      place.content = KeyPair.generate(crypto, entropy);
      inside.changed();
      return {};
    },
    setKeyPair({ slot, scalar, point }) {
      const place = openSlot(inside.objects.keyPairs, slot, PAIR);
      place.content = KeyPair.inject(crypto, scalar, point);
      inside.changed();
      return {};
    },
    freezeKeyPair({ slot }) {
      freeze(inside.objects.keyPairs, slot, PAIR);
      inside.changed();
      return {};
    },
    eraseKeyPair({ slot }) {
      replace(inside.objects.keyPairs, slot, undefined, PAIR);
      inside.changed();
      return {};
    },
    sign: ({ slot, digest }) => ({
      signature: contentOf(inside.objects.keyPairs, slot, PAIR).sign(crypto, entropy, digest),
    }),
    agree: ({ slot, peerPoint }) => ({
      sharedSecret: contentOf(inside.objects.keyPairs, slot, PAIR).agree(crypto, peerPoint),
    }),
  };
}

function publicKeyHandlers(inside: A71chInside): Pick<A71chHandlers, PublicKeyCommand> {
  const { crypto } = inside;
  return {
    readPublicKey: ({ slot }) => ({ point: contentOf(inside.objects.publicKeys, slot, PUBLIC) }),
    setPublicKey({ slot, point }) {
      const place = openSlot(inside.objects.publicKeys, slot, PUBLIC);
      place.content = checkedPoint(crypto, point).slice();
      inside.changed();
      return {};
    },
    freezePublicKey({ slot }) {
      freeze(inside.objects.publicKeys, slot, PUBLIC);
      inside.changed();
      return {};
    },
    erasePublicKey({ slot }) {
      replace(inside.objects.publicKeys, slot, undefined, PUBLIC);
      inside.changed();
      return {};
    },
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
