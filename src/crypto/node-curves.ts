import {
  createECDH,
  createPublicKey,
  diffieHellman,
  type ECDH,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";

import { UsageError } from "../codec/index.ts";
import type { CryptoErrorCode } from "./errors.ts";
import type { EphemeralKey } from "./ports.ts";

/** OpenSSL's names of the NIST curves. RFC 8422, section 5.1.1 */
export const NODE_CURVE = { secp256r1: "prime256v1", secp384r1: "secp384r1", secp521r1: "secp521r1" } as const;
export type CurveGroup = keyof typeof NODE_CURVE;

/** DER of SubjectPublicKeyInfo up to the key. RFC 8410, section 4 */
const MONTGOMERY_PREFIX = {
  x25519: Buffer.from("302a300506032b656e032100", "hex"),
  x448: Buffer.from("3042300506032b656f033900", "hex"),
} as const;
export type MontgomeryGroup = keyof typeof MONTGOMERY_PREFIX;

/** A new key on a NIST curve. */
export function ecKey(group: CurveGroup): EphemeralKey {
  const ecdh = createECDH(NODE_CURVE[group]);
  ecdh.generateKeys();
  return ecKeyOver(group, ecdh);
}

/** A key on a NIST curve that is there already; it takes uncompressed points of its own curve only. RFC 8422, section 5.4 */
export function ecKeyOver(group: CurveGroup, ecdh: ECDH): EphemeralKey {
  const agree = async (peer: Uint8Array) =>
    checkedAgreement(() => peer[0] === 0x04 && new Uint8Array(ecdh.computeSecret(peer)));
  return { group, publicKey: new Uint8Array(ecdh.getPublicKey()), agree };
}

/** Agreement with a key that is held for long, as a certificate's is. Throws `UsageError` `bad-key` for other than NIST curves. RFC 8422, section 2.1 */
export function nodeHeldAgreement(key: KeyObject): EphemeralKey & { readonly performer: "host" } {
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  const groups = Object.keys(NODE_CURVE) as CurveGroup[];
  const group = groups.find((each) => NODE_CURVE[each] === asymmetricKeyDetails?.namedCurve);
  if (!group) {
    throw new UsageError<CryptoErrorCode>("bad-key", `${asymmetricKeyType} keys cannot agree on secrets here`);
  }
  const ecdh = createECDH(NODE_CURVE[group]);
  ecdh.setPrivateKey(Buffer.from(key.export({ format: "jwk" }).d ?? "", "base64url"));
  return { performer: "host", ...ecKeyOver(group, ecdh) };
}

/** A new X25519 or X448 key. */
export function montgomeryKey(group: MontgomeryGroup): EphemeralKey {
  // Node types the two names apart.
  const { privateKey } = group === "x25519" ? generateKeyPairSync("x25519") : generateKeyPairSync("x448");
  return montgomeryKeyOver(group, privateKey);
}

/** An X25519 or X448 key that is there already; it refuses points of small order. RFC 7748, sections 6.1 and 6.2 */
export function montgomeryKeyOver(group: MontgomeryGroup, privateKey: KeyObject): EphemeralKey {
  const prefix = MONTGOMERY_PREFIX[group];
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  const agree = async (peer: Uint8Array) =>
    checkedAgreement(() => {
      const publicKey = createPublicKey({ key: Buffer.concat([prefix, peer]), format: "der", type: "spki" });
      const secret = new Uint8Array(diffieHellman({ privateKey, publicKey }));
      return secret.some((byte) => byte !== 0) && secret;
    });
  return { group, publicKey: new Uint8Array(spki.subarray(prefix.length)), agree };
}

function checkedAgreement(compute: () => Uint8Array | false): Uint8Array {
  let secret: Uint8Array | false;
  try {
    secret = compute();
  } catch (cause) {
    throw new UsageError<CryptoErrorCode>("bad-peer-key", "the peer's public key is not on the group", { cause });
  }
  if (!secret) throw new UsageError<CryptoErrorCode>("bad-peer-key", "the peer's public key is not acceptable");
  return secret;
}
