import type { NamedGroup } from "../crypto/index.ts";

/** Key-agreement groups: their codes, and how long a server's public keys are in bytes. RFC 8446, section 4.2.7; RFC 8422, section 5.1.1 */
export const GROUPS = {
  secp256r1: { code: 0x0017, publicKeyLength: 65 },
  secp384r1: { code: 0x0018, publicKeyLength: 97 },
  secp521r1: { code: 0x0019, publicKeyLength: 133 },
  x25519: { code: 0x001d, publicKeyLength: 32 },
  x448: { code: 0x001e, publicKeyLength: 56 },
  ffdhe2048: { code: 0x0100, publicKeyLength: 256 },
  ffdhe3072: { code: 0x0101, publicKeyLength: 384 },
  /** The server's share is a ciphertext and a point. draft-ietf-tls-ecdhe-mlkem */
  X25519MLKEM768: { code: 0x11ec, publicKeyLength: 1120 },
} as const satisfies Readonly<Record<NamedGroup, { code: number; publicKeyLength: number }>>;

/** The group of each curve that a certificate's key may be on. RFC 8422, section 5.1.1 */
export const GROUP_OF_CURVE = { "P-256": "secp256r1", "P-384": "secp384r1", "P-521": "secp521r1" } as const;

/** The group with this code, or undefined where it is not one of ours. */
export function groupName(code: number): NamedGroup | undefined {
  return (Object.keys(GROUPS) as NamedGroup[]).find((name) => GROUPS[name].code === code);
}

/** Whether bytes have the form of a public key of the group: length, and uncompressed where it is a point. RFC 8422, section 5.4 */
export function isPublicKeyOf(group: NamedGroup, publicKey: Uint8Array): boolean {
  return publicKey.length === GROUPS[group].publicKeyLength && (!group.startsWith("secp") || publicKey[0] === 0x04);
}
