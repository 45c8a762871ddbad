/** Hash functions, as node:crypto and the RFCs' lower-case form name them. FIPS 180-4 */
export type HashName = "sha256" | "sha384" | "sha512";

/** Output lengths in bytes. FIPS 180-4 */
export const HASH_LENGTH: Readonly<Record<HashName, number>> = { sha256: 32, sha384: 48, sha512: 64 };

/** Prime curves of FIPS 186-4 by their NIST names. */
export type CurveName = "P-256" | "P-384" | "P-521";

/**
 * How a signature is made, without binding ECDSA to a curve: X.509 and TLS 1.2 leave the curve to the key.
 * RSA-PSS uses MGF1 with the same hash and a salt of the hash's length.
 */
export type SignatureAlgorithm =
  | "ecdsa_sha256"
  | "ecdsa_sha384"
  | "ecdsa_sha512"
  | "rsa_pkcs1_sha256"
  | "rsa_pkcs1_sha384"
  | "rsa_pkcs1_sha512"
  | "rsa_pss_sha256"
  | "rsa_pss_sha384"
  | "rsa_pss_sha512"
  /** Over the message itself, which its signer needs whole. RFC 8032, section 5.1 */
  | "ed25519";

/** Signature algorithms that sign a hash of the content. */
export type HashedAlgorithm = Exclude<SignatureAlgorithm, "ed25519">;

/** Whether an algorithm is ECDSA, with whichever hash. */
export function isEcdsa(algorithm: SignatureAlgorithm): algorithm is Extract<SignatureAlgorithm, `ecdsa_${string}`> {
  return algorithm.startsWith("ecdsa_");
}

/** The hash that a signature algorithm applies to the content. */
export function hashOf(algorithm: HashedAlgorithm): HashName {
  return algorithm.slice(algorithm.lastIndexOf("_") + 1) as HashName;
}

/** Key agreement groups by their IANA names. RFC 8446, section 4.2.7 */
export type NamedGroup =
  | "secp256r1"
  | "secp384r1"
  | "secp521r1"
  | "x25519"
  | "x448"
  | "ffdhe2048"
  | "ffdhe3072"
  | "X25519MLKEM768";

/** AEAD ciphers. RFC 5116, section 5; RFC 6655, section 6; RFC 8439, section 2.8 */
export type AeadName =
  | "aes-128-gcm"
  | "aes-256-gcm"
  | "chacha20-poly1305"
  | "aes-128-ccm"
  | "aes-256-ccm"
  | "aes-128-ccm-8"
  | "aes-256-ccm-8";

/** Who carried an operation out: the device's host processor, or its secure element. */
export type Performer = "host" | "chip";
