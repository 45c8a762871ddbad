import type { AeadName, HashName } from "../crypto/index.ts";

/** TLS versions by the names that OpenSSL and node:tls use. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** How a TLS 1.2 suite's server proves who it is. */
export type Authentication = "ecdsa" | "rsa";

/** Everything the implementation needs to know about a TLS 1.3 cipher suite. */
export type Suite13 = {
  readonly code: number;
  readonly version: "TLSv1.3";
  readonly aead: AeadName;
  readonly hash: HashName;
};

/** Everything the implementation needs to know about a TLS 1.2 cipher suite. */
export type Suite12 = {
  readonly code: number;
  readonly version: "TLSv1.2";
  readonly authentication: Authentication;
  readonly aead: AeadName;
  readonly hash: HashName;
};

export type Suite = Suite12 | Suite13;

function suite13(code: number, aead: AeadName, hash: HashName): Suite13 {
  return { code, version: "TLSv1.3", aead, hash };
}

function ecdhe(code: number, authentication: Authentication, aead: AeadName, hash: HashName): Suite12 {
  return { code, version: "TLSv1.2", authentication, aead, hash };
}

/** TLS 1.3 suites, most preferred first. RFC 8446, appendix B.4 */
export const SUITES_13 = {
  TLS_AES_128_GCM_SHA256: suite13(0x1301, "aes-128-gcm", "sha256"),
  TLS_AES_256_GCM_SHA384: suite13(0x1302, "aes-256-gcm", "sha384"),
  TLS_CHACHA20_POLY1305_SHA256: suite13(0x1303, "chacha20-poly1305", "sha256"),
} as const;

/** TLS 1.2 suites, most preferred first. RFC 5289, section 3.2; RFC 7905, section 2 */
export const SUITES_12 = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: ecdhe(0xc02b, "ecdsa", "aes-128-gcm", "sha256"),
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: ecdhe(0xc02c, "ecdsa", "aes-256-gcm", "sha384"),
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: ecdhe(0xcca9, "ecdsa", "chacha20-poly1305", "sha256"),
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: ecdhe(0xc02f, "rsa", "aes-128-gcm", "sha256"),
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: ecdhe(0xc030, "rsa", "aes-256-gcm", "sha384"),
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: ecdhe(0xcca8, "rsa", "chacha20-poly1305", "sha256"),
} as const;

/** Every suite, TLS 1.3's first. */
export const SUITES: typeof SUITES_13 & typeof SUITES_12 = { ...SUITES_13, ...SUITES_12 };

export type Suite13Name = keyof typeof SUITES_13;
export type Suite12Name = keyof typeof SUITES_12;
export type SuiteName = keyof typeof SUITES;

const BY_CODE: ReadonlyMap<number, SuiteName> = new Map(
  (Object.keys(SUITES) as SuiteName[]).map((name) => [SUITES[name].code, name]),
);

/** The suite with this code, or undefined where it is not one of ours. */
export function suiteName(code: number): SuiteName | undefined {
  return BY_CODE.get(code);
}

export function isSuite13(name: SuiteName): name is Suite13Name {
  return name in SUITES_13;
}
