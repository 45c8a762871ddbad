import { ecPublicPoint, ed25519PublicKey, type CurveName, type SignatureAlgorithm } from "../crypto/index.ts";
import type { TlsVersion } from "./suites.ts";

/** What one signature scheme is: its code, the algorithm, and the curve that TLS 1.3 binds it to. */
export type SchemeRow = { readonly code: number; readonly algorithm: SignatureAlgorithm; readonly curve?: CurveName };

/** Signature schemes, most preferred first. No SHA-1, no MD5. RFC 8446, section 4.2.3 */
export const SIGNATURE_SCHEMES = {
  ecdsa_secp256r1_sha256: { code: 0x0403, algorithm: "ecdsa_sha256", curve: "P-256" },
  ecdsa_secp384r1_sha384: { code: 0x0503, algorithm: "ecdsa_sha384", curve: "P-384" },
  ecdsa_secp521r1_sha512: { code: 0x0603, algorithm: "ecdsa_sha512", curve: "P-521" },
  ed25519: { code: 0x0807, algorithm: "ed25519" },
  rsa_pss_rsae_sha256: { code: 0x0804, algorithm: "rsa_pss_sha256" },
  rsa_pss_rsae_sha384: { code: 0x0805, algorithm: "rsa_pss_sha384" },
  rsa_pss_rsae_sha512: { code: 0x0806, algorithm: "rsa_pss_sha512" },
  rsa_pkcs1_sha256: { code: 0x0401, algorithm: "rsa_pkcs1_sha256" },
  rsa_pkcs1_sha384: { code: 0x0501, algorithm: "rsa_pkcs1_sha384" },
  rsa_pkcs1_sha512: { code: 0x0601, algorithm: "rsa_pkcs1_sha512" },
} as const satisfies Readonly<Record<string, SchemeRow>>;

export type SignatureScheme = keyof typeof SIGNATURE_SCHEMES;

/** All schemes, in order of preference. */
export const ALL_SCHEMES = Object.keys(SIGNATURE_SCHEMES) as readonly SignatureScheme[];

/** The scheme with this code, or undefined where it is not one of ours. */
export function schemeName(code: number): SignatureScheme | undefined {
  return ALL_SCHEMES.find((name) => SIGNATURE_SCHEMES[name].code === code);
}

/** What kind of key a DER SubjectPublicKeyInfo holds; Ed25519 keys serve the suites of ECDSA. RFC 8422, section 5.10 */
export type KeyKind =
  | { readonly kind: "ecdsa"; readonly curve: CurveName }
  | { readonly kind: "ed25519" }
  | { readonly kind: "rsa" };

// AlgorithmIdentifier { rsaEncryption, NULL }. RFC 3279, section 2.3.1
const RSA_ENCRYPTION = [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/** Tells EC keys of the three NIST curves, Ed25519 and RSA keys apart; undefined for any other. RFC 5480, section 2; RFC 8410, section 4; RFC 3279, section 2.3.1 */
export function keyKindOf(publicKey: Uint8Array): KeyKind | undefined {
  const ec = ecPublicPoint(publicKey);
  if (ec) return { kind: "ecdsa", curve: ec.curve };
  if (ed25519PublicKey(publicKey)) return { kind: "ed25519" };
  // Behind the header of the outer SEQUENCE. Whether the key is long enough is for path validation to say.
  const header = publicKey[1] === 0x81 ? 3 : 4;
  const isRsa = RSA_ENCRYPTION.every((byte, i) => publicKey[header + i] === byte);
  return isRsa ? { kind: "rsa" } : undefined;
}

/** Whether a key can make signatures of the scheme; TLS 1.2 leaves the curve to the key. RFC 8446, section 4.2.3; RFC 8422, sections 5.1.1 and 5.1.3 */
export function schemeFitsKey(scheme: SignatureScheme, key: KeyKind, version: TlsVersion): boolean {
  const row: SchemeRow = SIGNATURE_SCHEMES[scheme];
  if (key.kind === "rsa") {
    // RFC 8446, section 4.4.3: PKCS#1 v1.5 signs certificates only.
    return row.algorithm.startsWith("rsa_pss_") || (version === "TLSv1.2" && row.algorithm.startsWith("rsa_pkcs1_"));
  }
  if (key.kind === "ed25519") return row.algorithm === "ed25519";
  return row.algorithm.startsWith("ecdsa_") && (version === "TLSv1.2" || row.curve === key.curve);
}
