import type { ErrorTable } from "../codec/index.ts";

/** The codes of `crypto`. */
export const CRYPTO_ERRORS = {
  "unsupported-algorithm": {
    cause: "The key cannot be used with the requested algorithm, curve or group.",
    cure: "Choose one of the algorithms that the signer or key agreement lists.",
  },
  "bad-key": {
    cause: "A key is malformed, of an unknown kind, or encrypted under another passphrase.",
    cure: "Give an EC (P-256, P-384, P-521) or RSA key as PKCS#8, SEC 1 or SubjectPublicKeyInfo, and the right passphrase.",
  },
  "too-long": {
    cause: "More key material was asked for than the derivation function can give.",
    cure: "Ask for at most 255 times the hash's length: 8160 bytes with SHA-256, 12240 with SHA-384.",
  },
  "bad-peer-key": {
    cause: "The peer's public key is not a point on the agreed group.",
    cure: "The peer is broken or hostile; do not retry with the same key.",
  },
} as const satisfies ErrorTable;

export type CryptoErrorCode = keyof typeof CRYPTO_ERRORS;
