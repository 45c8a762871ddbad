import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject, sign, verify } from "node:crypto";

import { concat, fromHex } from "../codec/index.ts";
import type { EdwardsCurve, MontgomeryCurve } from "./se05x/index.ts";

/** DER before the key itself, of 32 bytes or, for X448, 56. RFC 8410, sections 4 and 7 */
type Prefixes = { readonly length: number; readonly secret: Uint8Array; readonly public: Uint8Array };

const ED25519: Prefixes = {
  length: 32,
  secret: fromHex("302e020100300506032b657004220420"),
  public: fromHex("302a300506032b6570032100"),
};
const X25519: Prefixes = {
  length: 32,
  secret: fromHex("302e020100300506032b656e04220420"),
  public: fromHex("302a300506032b656e032100"),
};
const X448: Prefixes = {
  length: 56,
  secret: fromHex("3046020100300506032b656f043a0438"),
  public: fromHex("3042300506032b656f033900"),
};

/** Ed25519 of node:crypto. RFC 8032, section 5.1 */
export const nodeEdwards: EdwardsCurve = {
  keyLength: 32,
  publicKey: (secret) => publicBytes(ED25519, secret),
  sign: (secret, message) => Uint8Array.from(sign(null, message, secretKey(ED25519, secret))),
  verify(publicKey, message, signature) {
    try {
      return verify(null, message, publicKeyOf(ED25519, publicKey), signature);
    } catch {
      return false;
    }
  },
};

/** X25519 and X448 of node:crypto, by their identifiers on the wire. RFC 7748, section 5 */
export const nodeMontgomery: ReadonlyMap<number, MontgomeryCurve> = new Map([
  [0x41, montgomery(X25519)],
  [0x43, montgomery(X448)],
]);

function montgomery(prefixes: Prefixes): MontgomeryCurve {
  return {
    keyLength: prefixes.length,
    publicKey: (secret) => publicBytes(prefixes, secret),
    agree(secret, peer) {
      if (peer.length !== prefixes.length) return undefined;
      try {
        const keys = { privateKey: secretKey(prefixes, secret), publicKey: publicKeyOf(prefixes, peer) };
        return Uint8Array.from(diffieHellman(keys));
      } catch {
        // A peer of small order, which makes a secret of zeros. RFC 7748, section 6.1
        return undefined;
      }
    },
  };
}

function secretKey({ secret: prefix }: Prefixes, secret: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.from(concat(prefix, secret)), format: "der", type: "pkcs8" });
}

function publicKeyOf({ public: prefix }: Prefixes, key: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(concat(prefix, key)), format: "der", type: "spki" });
}

function publicBytes(prefixes: Prefixes, secret: Uint8Array): Uint8Array {
  const spki = createPublicKey(secretKey(prefixes, secret)).export({ format: "der", type: "spki" });
  return Uint8Array.from(spki.subarray(prefixes.public.length));
}
