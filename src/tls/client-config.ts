import { utf8Bytes } from "../codec/index.ts";
import type {
  Aead,
  Hash,
  MasterSecretSource,
  NamedGroup,
  RecordKeeper,
  SignatureAlgorithm,
  TlsSecrets,
} from "../crypto/index.ts";
import type { Cbc } from "./cbc.ts";
import { isDnsName, parseIpAddress } from "../pki/index.ts";
import { misuse } from "./errors.ts";
import { type FragmentLength, MAX_PLAINTEXT, MIN_RECORD_SIZE_LIMIT } from "./records.ts";
import type { ExternalPsk, Session } from "./sessions.ts";
import { ALL_SCHEMES, type SignatureScheme } from "./signature-schemes.ts";
import { defaultSuites, type KeyExchange, type SuiteName, suiteOf, SUITES, type TlsVersion } from "./suites.ts";

/** A client certificate chain and what its key can do; the key itself stays with the driver. */
export type ClientIdentity = {
  /** DER, the client's own certificate first. */
  readonly chain: readonly Uint8Array[];
  /** DER names of the issuers of the chain's certificates, in the chain's order. RFC 5280, section 4.1.2.4 */
  readonly issuers: readonly Uint8Array[];
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  readonly algorithms: readonly SignatureAlgorithm[];
};

/** What a connection is to do, and the synchronous cryptography it does it with. */
export type ClientConfig = {
  /** Offered, most preferred first; TLS 1.3 needs the generation of a key share before the hello. */
  readonly versions: readonly TlsVersion[];
  /** The name or IP literal that the server's certificate must bear. */
  readonly servername: string;
  readonly suites: readonly SuiteName[];
  /** Most preferred first; with a chip, the chip's. */
  readonly groups: readonly NamedGroup[];
  readonly schemes: readonly SignatureScheme[];
  /** Application protocols, most preferred first. RFC 7301, section 3.1 */
  readonly alpn: readonly string[];
  readonly identities: readonly ClientIdentity[];
  /** A session to resume, and how long ago it was received in milliseconds. */
  readonly session: { readonly session: Session; readonly ageMs: number } | undefined;
  readonly psk: ExternalPsk | undefined;
  /** Whether to ask for sessions that can be resumed. */
  readonly wantsSessions: boolean;
  /** Whether secrets are given out as lines of a key log: whoever reads them can read the connection. */
  readonly logsKeys: boolean;
  /** Whether keys may be exported, for which the connection keeps a secret. RFC 5705, section 4 */
  readonly exportsKeys: boolean;
  /** Whether to ask the server for OCSP responses about its certificates. RFC 6066, section 8 */
  readonly asksStatus: boolean;
  /** The longest plaintext that a record to us may hold, for chips with small buffers: 64 to 16384. RFC 8449, section 4 */
  readonly recordSizeLimit: number | undefined;
  /** The same for servers that only know the older way; it binds both directions. RFC 6066, section 4 */
  readonly maxFragmentLength: FragmentLength | undefined;
  /** Whether suites without forward secrecy, or with a MAC under encryption, may be offered. */
  readonly legacy: boolean;
  /** What the keeper can do who makes and keeps the secrets of TLS 1.2, where that is not the engine itself. */
  readonly secretsElsewhere: Pick<TlsSecrets, "extendedMasterSecret" | "sources" | "hashes"> | undefined;
  /** What the keeper of traffic keys can do who seals and opens the records, where that is not the engine itself. */
  readonly recordsElsewhere: Pick<RecordKeeper, "ciphers" | "maxPlaintext"> | undefined;
  /** Needed for CBC suites. */
  readonly cbc: Cbc | undefined;
  readonly hash: Hash;
  readonly aead: Aead;
};

/** The parts of a configuration that have a default. */
export type ClientConfigOptions = Partial<ClientConfig> & Pick<ClientConfig, "servername" | "hash" | "aead">;

function checkSuites({ suites, psk, legacy }: ClientConfig): void {
  for (const name of suites) {
    if (!(name in SUITES)) throw misuse("bad-option", `unknown suite ${name}`);
    const suite = suiteOf(name);
    if (suite.version === "TLSv1.3") continue;
    if (suite.legacy && !legacy) throw misuse("bad-option", `${name} needs the legacy option`);
    if (suite.authentication === "psk" && !psk) throw misuse("bad-option", `${name} needs a pre-shared key`);
  }
}

/** The suites that are offered: those of the offered versions that whoever is to do the work can do. */
export function offeredSuites(config: ClientConfig): readonly SuiteName[] {
  return config.suites.filter((name) => isPossible(config, name));
}

const SOURCE_OF: Readonly<Record<KeyExchange, MasterSecretSource["kind"] | undefined>> = {
  ECDHE: "ecdhe",
  ECDH: "ecdhe",
  PSK: "psk",
  ECDHE_PSK: "ecdhe_psk",
  // No chip agrees on a group that the server makes up.
  DHE: undefined,
};

function isPossible(
  { versions, cbc, psk, secretsElsewhere, recordsElsewhere }: ClientConfig,
  name: SuiteName,
): boolean {
  const suite = suiteOf(name);
  const cipher = suite.version === "TLSv1.3" ? suite.aead : suite.cipher;
  if (recordsElsewhere && !recordsElsewhere.ciphers.some((each) => each === cipher)) return false;
  if (!versions.includes(suite.version) || (!cbc && name.includes("_CBC_"))) return false;
  if (suite.version === "TLSv1.3") return true;
  // A key that is not here, and whose keeper only knows what TLS 1.3 makes of it.
  if (!secretsElsewhere) return suite.authentication !== "psk" || psk?.early === undefined;
  const source = SOURCE_OF[suite.keyExchange];
  return (
    source !== undefined && secretsElsewhere.sources.includes(source) && secretsElsewhere.hashes.includes(suite.hash)
  );
}

/** A whole configuration; throws `UsageError` `bad-option` for what cannot work. */
export function clientConfig(options: ClientConfigOptions): ClientConfig {
  const { psk, legacy = false } = options;
  const { suites = defaultSuites({ psk: psk !== undefined, legacy }), versions = ["TLSv1.3", "TLSv1.2"] } = options;
  const config: ClientConfig = {
    suites,
    groups: ["secp256r1", "x25519", "secp384r1", "secp521r1"],
    schemes: ALL_SCHEMES,
    alpn: [],
    identities: [],
    session: undefined,
    psk: undefined,
    legacy,
    secretsElsewhere: undefined,
    recordsElsewhere: undefined,
    cbc: undefined,
    logsKeys: false,
    exportsKeys: false,
    asksStatus: false,
    recordSizeLimit: undefined,
    maxFragmentLength: undefined,
    wantsSessions: false,
    ...options,
    // A version without a suite cannot be offered.
    versions: versions.filter((version) => {
      // No secure element here makes the secrets of TLS 1.3.
      const isPossible = version === "TLSv1.2" || !options.secretsElsewhere;
      return isPossible && suites.some((name) => SUITES[name]?.version === version);
    }),
  };
  checkSuites(config);
  for (const option of ["versions", "suites", "groups", "schemes"] as const) {
    if (config[option].length === 0) throw misuse("bad-option", `nothing to offer: ${option} is empty`);
  }
  if (offeredSuites(config).length === 0) throw nothingPossible(config);
  for (const name of config.alpn) {
    const { length } = utf8Bytes(name);
    if (length === 0 || length > 255) throw misuse("bad-option", `alpn ${JSON.stringify(name)} is not 1 to 255 bytes`);
  }
  if (psk && psk.identity.length > 0xffff) throw misuse("bad-option", `psk identity of ${psk.identity.length} bytes`);
  if (psk?.identity.length === 0 && config.versions.includes("TLSv1.3")) {
    throw misuse("bad-option", "an empty psk identity can only be said in TLS 1.2 (maxVersion)");
  }
  const { session } = config;
  if (session && session.session.servername !== config.servername) {
    throw misuse("bad-option", `the session is for ${session.session.servername}, not for ${config.servername}`);
  }
  const { recordSizeLimit: limit } = config;
  if (limit !== undefined && !(limit >= MIN_RECORD_SIZE_LIMIT && limit <= MAX_PLAINTEXT)) {
    throw misuse("bad-option", `recordSizeLimit ${limit} is not within ${MIN_RECORD_SIZE_LIMIT}..${MAX_PLAINTEXT}`);
  }
  if (!isIpLiteral(config.servername) && !isDnsName(config.servername.replace(/\.$/, ""), { wildcard: false })) {
    const message = `servername ${JSON.stringify(config.servername)} is no host name (xn-- for others than ASCII) or address`;
    throw misuse("bad-option", message);
  }
  for (const { chain, issuers } of config.identities) {
    if (chain.length === 0) throw misuse("bad-option", "certificate is an empty chain");
    if (chain.length !== issuers.length) throw misuse("bad-option", "issuers must be one for each certificate");
  }
  return config;
}

function nothingPossible({ secretsElsewhere, recordsElsewhere, suites }: ClientConfig) {
  const { sources = [], hashes = [] } = secretsElsewhere ?? {};
  const limits = [
    ...(secretsElsewhere
      ? [`the keeper of secrets makes them of ${sources.join(", ")} with ${hashes.join(", ")}`]
      : []),
    ...(recordsElsewhere ? [`the keeper of traffic keys does ${recordsElsewhere.ciphers.join(", ")}`] : []),
  ];
  const why = limits.length === 0 ? "nobody does CBC" : limits.join("; ");
  return misuse("bad-option", `nothing to offer: none of ${suites.join(", ")} is possible, for ${why}`);
}

/** The name for the server_name extension; undefined for IP literals, which do not belong there. RFC 6066, section 3 */
export function serverNameIndication(servername: string): string | undefined {
  return isIpLiteral(servername) ? undefined : servername.replace(/\.$/, "");
}

function isIpLiteral(servername: string): boolean {
  return parseIpAddress(servername.replace(/^\[(.*)\]$/, "$1")) !== undefined;
}
