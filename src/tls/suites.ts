import type { AeadName, HashName } from "../crypto/index.ts";

/** TLS versions by the names that OpenSSL and node:tls use. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** Where a TLS 1.2 premaster secret comes from. */
export type KeyExchange = "ECDHE" | "DHE" | "ECDH" | "PSK" | "ECDHE_PSK";

/** How a TLS 1.2 suite's server proves who it is. */
export type Authentication = "ecdsa" | "rsa" | "psk";

/** AES in CBC mode with an HMAC, as TLS 1.2 has it. RFC 5246, section 6.2.3.2 */
export type CbcCipher = "aes-128-cbc-sha256";

/** Everything the implementation needs to know about a TLS 1.3 cipher suite. */
export type Suite13 = {
  readonly code: number;
  readonly version: "TLSv1.3";
  readonly aead: AeadName;
  readonly hash: HashName;
  /** Offered only where it is asked for by name. */
  readonly onRequest?: boolean;
};

/** Everything the implementation needs to know about a TLS 1.2 cipher suite. */
export type Suite12 = {
  readonly code: number;
  readonly version: "TLSv1.2";
  readonly keyExchange: KeyExchange;
  readonly authentication: Authentication;
  readonly cipher: AeadName | CbcCipher;
  readonly hash: HashName;
  /** Only under the `legacy` option: no forward secrecy, or a MAC under encryption. */
  readonly legacy?: boolean;
  /** Offered only where it is asked for by name. */
  readonly onRequest?: boolean;
};

export type Suite = Suite12 | Suite13;

function suite13(code: number, aead: AeadName, hash: HashName): Suite13 {
  return { code, version: "TLSv1.3", aead, hash };
}

type Exchange = readonly [keyExchange: KeyExchange, authentication: Authentication];

function suite12(
  code: number,
  [keyExchange, authentication]: Exchange,
  cipher: Suite12["cipher"],
  hash: HashName = "sha256",
): Suite12 {
  return { code, version: "TLSv1.2", keyExchange, authentication, cipher, hash };
}

const ECDHE_ECDSA: Exchange = ["ECDHE", "ecdsa"];
const ECDHE_RSA: Exchange = ["ECDHE", "rsa"];
const DHE_RSA: Exchange = ["DHE", "rsa"];
const ECDHE_PSK: Exchange = ["ECDHE_PSK", "psk"];
const PSK: Exchange = ["PSK", "psk"];
const ECDH_ECDSA: Exchange = ["ECDH", "ecdsa"];
const CBC: CbcCipher = "aes-128-cbc-sha256";

/** TLS 1.3 suites, most preferred first. RFC 8446, appendix B.4 */
export const SUITES_13 = {
  TLS_AES_128_GCM_SHA256: suite13(0x1301, "aes-128-gcm", "sha256"),
  TLS_AES_256_GCM_SHA384: suite13(0x1302, "aes-256-gcm", "sha384"),
  TLS_CHACHA20_POLY1305_SHA256: suite13(0x1303, "chacha20-poly1305", "sha256"),
  TLS_AES_128_CCM_SHA256: { ...suite13(0x1304, "aes-128-ccm", "sha256"), onRequest: true },
  TLS_AES_128_CCM_8_SHA256: { ...suite13(0x1305, "aes-128-ccm-8", "sha256"), onRequest: true },
} as const satisfies Readonly<Record<string, Suite13>>;

/** TLS 1.2 suites, most preferred first. RFC 5289, section 3.2; RFC 7905, section 2; RFC 7251, section 2; RFC 5487, section 2; RFC 5489, section 3; RFC 8442, section 3 */
export const SUITES_12 = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: suite12(0xc02b, ECDHE_ECDSA, "aes-128-gcm"),
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: suite12(0xc02c, ECDHE_ECDSA, "aes-256-gcm", "sha384"),
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: suite12(0xcca9, ECDHE_ECDSA, "chacha20-poly1305"),
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: suite12(0xc02f, ECDHE_RSA, "aes-128-gcm"),
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: suite12(0xc030, ECDHE_RSA, "aes-256-gcm", "sha384"),
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: suite12(0xcca8, ECDHE_RSA, "chacha20-poly1305"),
  TLS_ECDHE_ECDSA_WITH_AES_128_CCM: suite12(0xc0ac, ECDHE_ECDSA, "aes-128-ccm"),
  TLS_ECDHE_ECDSA_WITH_AES_256_CCM: suite12(0xc0ad, ECDHE_ECDSA, "aes-256-ccm"),
  TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8: { ...suite12(0xc0ae, ECDHE_ECDSA, "aes-128-ccm-8"), onRequest: true },
  TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8: { ...suite12(0xc0af, ECDHE_ECDSA, "aes-256-ccm-8"), onRequest: true },
  TLS_DHE_RSA_WITH_AES_128_GCM_SHA256: suite12(0x009e, DHE_RSA, "aes-128-gcm"),
  TLS_DHE_RSA_WITH_AES_256_GCM_SHA384: suite12(0x009f, DHE_RSA, "aes-256-gcm", "sha384"),
  TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256: suite12(0xd001, ECDHE_PSK, "aes-128-gcm"),
  TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256: suite12(0xccac, ECDHE_PSK, "chacha20-poly1305"),
  TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256: suite12(0xc037, ECDHE_PSK, CBC),
  TLS_PSK_WITH_AES_128_GCM_SHA256: suite12(0x00a8, PSK, "aes-128-gcm"),
  TLS_PSK_WITH_AES_256_GCM_SHA384: suite12(0x00a9, PSK, "aes-256-gcm", "sha384"),
  TLS_PSK_WITH_CHACHA20_POLY1305_SHA256: suite12(0xccab, PSK, "chacha20-poly1305"),
  TLS_PSK_WITH_AES_128_CBC_SHA256: suite12(0x00ae, PSK, CBC),
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: { ...suite12(0xc023, ECDHE_ECDSA, CBC), legacy: true },
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: { ...suite12(0xc027, ECDHE_RSA, CBC), legacy: true },
  TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256: { ...suite12(0xc02d, ECDH_ECDSA, "aes-128-gcm"), legacy: true },
  TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256: { ...suite12(0xc025, ECDH_ECDSA, CBC), legacy: true },
} as const satisfies Readonly<Record<string, Suite12>>;

/** Every suite, TLS 1.3's first. */
export const SUITES: typeof SUITES_13 & typeof SUITES_12 = { ...SUITES_13, ...SUITES_12 };

export type Suite13Name = keyof typeof SUITES_13;
export type Suite12Name = keyof typeof SUITES_12;
export type SuiteName = keyof typeof SUITES;

const NAMES = Object.keys(SUITES) as SuiteName[];
const BY_CODE: ReadonlyMap<number, SuiteName> = new Map(NAMES.map((name) => [SUITES[name].code, name]));

/** The suite with this code, or undefined where it is not one of ours. */
export function suiteName(code: number): SuiteName | undefined {
  return BY_CODE.get(code);
}

export function isSuite13(name: SuiteName): name is Suite13Name {
  return name in SUITES_13;
}

/** A suite's row as what all rows have in common. */
export function suiteOf(name: SuiteName): Suite {
  return SUITES[name];
}

/** What a hello offers where nobody chose: suites of a pre-shared key where there is one, legacy ones only when allowed. */
export function defaultSuites({ psk, legacy }: { readonly psk: boolean; readonly legacy: boolean }): SuiteName[] {
  return NAMES.filter((name) => {
    const suite = suiteOf(name);
    if (suite.onRequest) return false;
    if (suite.version === "TLSv1.3") return true;
    return (psk || suite.authentication !== "psk") && (legacy || !suite.legacy);
  });
}

/** What OpenSSL calls a suite: TLS 1.3's as the RFC does, the older ones in its own way. */
export function opensslSuiteName(name: SuiteName): string {
  if (isSuite13(name)) return name;
  const [exchange = "", cipher = ""] = name.slice("TLS_".length).split("_WITH_");
  const short = cipher
    .replace(/^AES_(\d+)/, "AES$1")
    .replace("CHACHA20_POLY1305_SHA256", "CHACHA20_POLY1305")
    .replace("CCM_8", "CCM8")
    // Only suites of pre-shared keys keep the mode in their names.
    .replace("_CBC", exchange.endsWith("PSK") ? "_CBC" : "");
  return `${exchange}_${short}`.replaceAll("_", "-");
}
