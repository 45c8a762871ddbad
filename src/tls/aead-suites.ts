import type { AeadName } from "../crypto/index.ts";

/** How TLS uses one AEAD cipher. Lengths in bytes. */
export type AeadRow = {
  readonly keyLength: number;
  readonly tagLength: number;
  /** The part of a TLS 1.2 nonce that the key block gives. */
  readonly fixedNonceLength: number;
  /** The part of a TLS 1.2 nonce that every record carries; without one, the sequence is mixed into the fixed part. */
  readonly explicitNonceLength: number;
  /** How many full-size records one key may protect. */
  readonly maxRecords: number;
};

/** 2^24.5 full-size records keep AES-GCM's safety margin, 2^23 that of AES-CCM. RFC 8446, section 5.5; RFC 9147, appendix B */
const GCM = { fixedNonceLength: 4, explicitNonceLength: 8, tagLength: 16, maxRecords: 23_726_566 };
const CCM = { ...GCM, maxRecords: 0x800000 };

/** RFC 5288, section 3; RFC 6655, section 3; RFC 7905, section 2. ChaCha20-Poly1305 has no limit that is ever reached. */
export const AEADS: Readonly<Record<AeadName, AeadRow>> = {
  "aes-128-gcm": { ...GCM, keyLength: 16 },
  "aes-256-gcm": { ...GCM, keyLength: 32 },
  "aes-128-ccm": { ...CCM, keyLength: 16 },
  "aes-256-ccm": { ...CCM, keyLength: 32 },
  "aes-128-ccm-8": { ...CCM, keyLength: 16, tagLength: 8 },
  "aes-256-ccm-8": { ...CCM, keyLength: 32, tagLength: 8 },
  "chacha20-poly1305": {
    keyLength: 32,
    tagLength: 16,
    fixedNonceLength: 12,
    explicitNonceLength: 0,
    maxRecords: Number.MAX_SAFE_INTEGER,
  },
};

/** The whole nonce of both TLS 1.3 and ciphers without an explicit part. RFC 8446, section 5.3 */
export const NONCE_LENGTH = 12;
