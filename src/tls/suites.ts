import type { AeadName, HashName } from "../crypto/index.ts";

/** How a TLS 1.2 suite's server proves who it is. */
export type Authentication = "ecdsa" | "rsa";

/** Everything the implementation needs to know about one cipher suite, in one place. */
export type Suite = {
  readonly code: number;
  readonly authentication: Authentication;
  readonly aead: AeadName;
  readonly hash: HashName;
};

/** The cipher suites, most preferred first. RFC 5289, section 3.2; AES-GCM: RFC 5288, section 3 */
export const SUITES = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: {
    code: 0xc02b,
    authentication: "ecdsa",
    aead: "aes-128-gcm",
    hash: "sha256",
  },
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: {
    code: 0xc02c,
    authentication: "ecdsa",
    aead: "aes-256-gcm",
    hash: "sha384",
  },
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: { code: 0xc02f, authentication: "rsa", aead: "aes-128-gcm", hash: "sha256" },
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: { code: 0xc030, authentication: "rsa", aead: "aes-256-gcm", hash: "sha384" },
} as const satisfies Readonly<Record<string, Suite>>;

export type SuiteName = keyof typeof SUITES;

const BY_CODE: ReadonlyMap<number, SuiteName> = new Map(
  (Object.keys(SUITES) as SuiteName[]).map((name) => [SUITES[name].code, name]),
);

/** The suite with this code, or undefined where it is not one of ours. */
export function suiteName(code: number): SuiteName | undefined {
  return BY_CODE.get(code);
}
