import type { Duplex } from "node:stream";

import { equal, utf8Bytes } from "../codec/index.ts";
import type {
  CertificateVerifier,
  Clock,
  KeyAgreement,
  NamedGroup,
  Random,
  RecordKeeper,
  Signer,
  SignatureVerifier,
  TlsSecrets,
} from "../crypto/index.ts";
import { nodeAead, nodeHash } from "../crypto/node.ts";
import { type Certificate, certificatesFromPem, parseCertificate, type RevocationMode } from "../pki/index.ts";
import type { Correlation, Trace } from "../trace/index.ts";
import { clientConfig, type ClientConfig, type ClientIdentity } from "./client-config.ts";
import { misuse } from "./errors.ts";
import { nodeCbc } from "./node-ciphers.ts";
import type { KeptSession } from "./node-duplex.ts";
import { MAX_PLAINTEXT } from "./records.ts";
import type { EarlySecrets } from "./sessions.ts";
import type { TlsVersion } from "./suites.ts";

/** Finite-field keys make a hello long that every server of today would answer with a curve; few servers know X448. */
const ON_REQUEST: ReadonlySet<NamedGroup> = new Set(["ffdhe2048", "ffdhe3072", "x448"]);

/** Certificates as DER or already read, one each, or as a PEM text of any number. Reading them once saves reconnects time. */
export type CertificateSource = readonly (Uint8Array | Certificate)[] | string;

/** What to connect to, whom to trust, who we are, and who performs which operation. */
export type ConnectOptions = Partial<
  Pick<ClientConfig, "suites" | "groups" | "schemes" | "alpn" | "recordSizeLimit" | "maxFragmentLength">
> & {
  readonly host?: string;
  readonly port?: number;
  /** A transport that is connected already, instead of host and port. */
  readonly transport?: Duplex;
  /** The name that the server's certificate must bear; the host where it is absent. */
  readonly servername?: string;
  /** Certificates that are trusted to issue; needed unless a pre-shared key is. */
  readonly ca?: CertificateSource;
  /** Our certificate and those above it, ours first; needs `signer`. */
  readonly certificate?: CertificateSource;
  readonly signer?: Signer;
  /** The client random. */
  readonly random?: Random;
  readonly keyAgreement?: KeyAgreement;
  /** Makes client random, premaster and master secret and keeps them, in TLS 1.2; `keyAgreement` must be of the same chip. */
  readonly secrets?: TlsSecrets;
  /** Seals and opens the records, with traffic keys that it keeps where it can make them itself; else they are given to it. */
  readonly records?: RecordKeeper;
  /** Allows suites without forward secrecy, or with a MAC under encryption; the trace warns when one is chosen. */
  readonly legacy?: boolean;
  /** Checks the server's handshake signature. */
  readonly verifier?: SignatureVerifier;
  /** Checks the signatures of the server's certificate chain; one that keeps keys then checks the handshake's too. */
  readonly chainVerifier?: SignatureVerifier | CertificateVerifier;
  /** How strictly certificates keep to RFC 5280 where trust does not depend on it. */
  readonly conformance?: "rfc5280" | "deployed";
  /** A key that both sides were given beforehand, with its name; without bytes where the keeper of secrets holds it, or where a chip gave its early secrets for TLS 1.3. */
  readonly psk?: { readonly identity: string; readonly key?: Uint8Array; readonly early?: EarlySecrets };
  /** Called with each session that a later connection can resume, which makes it cheaper for a slow chip. */
  readonly onSession?: (kept: KeptSession) => void;
  /** A session to resume; one that is too old is passed over. */
  readonly session?: KeptSession | undefined;
  /**
   * Whether it is asked if a certificate of the server's was revoked: of the lists in `crls`, and of the OCSP responses
   * that the server is then asked for. `if-present` where there are lists, else `off`, unless told otherwise.
   */
  readonly revocation?: RevocationMode;
  /** Revocation lists as DER. */
  readonly crls?: readonly Uint8Array[];
  /** Lets `exportKeyingMaterial` work, for which the connection keeps a secret. */
  readonly exportsKeys?: boolean;
  /** Gets each line of a key log (SSLKEYLOGFILE): whoever reads them can read the connection. */
  readonly keyLog?: (line: string) => void;
  readonly trace?: Trace;
  readonly correlation?: Correlation;
  readonly clock?: Clock;
  readonly minVersion?: TlsVersion;
  readonly maxVersion?: TlsVersion;
  /**
   * Whether `connect` also waits for the server's first data. A TLS 1.3 server refuses our certificate only after we
   * are connected; a server that waits for us to speak first (HTTP, MQTT) must not be waited for.
   */
  readonly waitsForServer?: boolean;
  /** For the whole handshake, in milliseconds. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
};

/** The engine's configuration; throws `UsageError` `bad-option` for options that cannot work. */
export function engineConfig(
  options: ConnectOptions,
  servername: string,
  keyAgreement: KeyAgreement,
  now: number,
): ClientConfig {
  const { suites, schemes, alpn, minVersion = "TLSv1.2", maxVersion = "TLSv1.3" } = options;
  const versions = (["TLSv1.3", "TLSv1.2"] as const).filter((each) => each >= minVersion && each <= maxVersion);
  return clientConfig({
    servername,
    versions,
    hash: nodeHash,
    aead: nodeAead,
    groups: options.groups ?? keyAgreement.groups.filter((group) => !ON_REQUEST.has(group)),
    identities: identities(options),
    session: usableSession(options, now),
    asksStatus: (options.revocation ?? (options.crls ? "if-present" : "off")) !== "off",
    exportsKeys: options.exportsKeys ?? false,
    logsKeys: options.keyLog !== undefined,
    legacy: options.legacy ?? false,
    cbc: nodeCbc,
    secretsElsewhere: options.secrets,
    recordsElsewhere: options.records,
    psk: presharedKey(options),
    recordSizeLimit: recordSizeLimit(options),
    maxFragmentLength: options.maxFragmentLength,
    wantsSessions: options.onSession !== undefined,
    ...(suites ? { suites } : {}),
    ...(schemes ? { schemes } : {}),
    ...(alpn ? { alpn } : {}),
  });
}

/** A chip with small buffers asks for records that fit them. RFC 8449, section 4 */
function recordSizeLimit({ records, recordSizeLimit: wanted, maxFragmentLength }: ConnectOptions): number | undefined {
  if (!records || records.maxPlaintext >= MAX_PLAINTEXT || maxFragmentLength !== undefined) return wanted;
  return Math.min(wanted ?? MAX_PLAINTEXT, records.maxPlaintext);
}

function presharedKey({ psk, secrets }: ConnectOptions): ClientConfig["psk"] {
  if (!psk) return undefined;
  const { identity, key, early } = psk;
  if (early) return { identity: utf8Bytes(identity), key: new Uint8Array(0), hash: "sha256", early };
  if (!key && !secrets) throw misuse("bad-option", "psk has no key, and nobody was named to keep it");
  return { identity: utf8Bytes(identity), key: key ?? new Uint8Array(0), hash: "sha256" };
}

/** Where revocation must be looked at and only the server can say something about it, a session would skip that. */
function usableSession({ session: kept, revocation, crls }: ConnectOptions, now: number): ClientConfig["session"] {
  if (!kept || (revocation === "required" && !crls)) return undefined;
  const ageMs = Math.max(0, now - kept.receivedAt);
  return ageMs < kept.session.lifetimeSeconds * 1000 ? { session: kept.session, ageMs } : undefined;
}

function identities({ certificate, signer }: ConnectOptions): ClientIdentity[] {
  if (certificate === undefined && signer === undefined) return [];
  if (certificate === undefined || signer === undefined) {
    throw misuse("bad-option", "certificate and signer are needed together");
  }
  const chain = certificates(certificate, "certificate");
  const { publicKey, algorithms } = signer;
  if (Buffer.compare(chain[0]?.publicKey.der ?? new Uint8Array(0), publicKey) !== 0) {
    throw misuse("bad-option", "the certificate's public key is not the signer's");
  }
  return [
    { chain: chain.map(({ der }) => der), issuers: chain.map(({ issuer }) => issuer.der), publicKey, algorithms },
  ];
}

/** Certificates from either form; throws `UsageError` `bad-option` where there is none. */
export function certificates(source: CertificateSource, option: string): Certificate[] {
  const found =
    typeof source === "string"
      ? certificatesOfText(source)
      : source.map((each) => (each instanceof Uint8Array ? certificateOfBytes(each) : each));
  if (found.length === 0) throw misuse("bad-option", `${option} holds no certificate`);
  return found;
}

/** Texts and bytes that were read before: whoever connects again brings the same anchors and the same chain. */
const KEPT_TEXTS = 16;
const textsRead = new Map<string, readonly Certificate[]>();
const bytesRead = new WeakMap<Uint8Array, Certificate>();

function certificatesOfText(text: string): Certificate[] {
  const known = textsRead.get(text);
  if (known) return [...known];
  const found = certificatesFromPem(text);
  const [oldest] = textsRead.keys();
  if (oldest !== undefined && textsRead.size >= KEPT_TEXTS) textsRead.delete(oldest);
  textsRead.set(text, found);
  return [...found];
}

function certificateOfBytes(bytes: Uint8Array): Certificate {
  const known = bytesRead.get(bytes);
  // The bytes are the caller's, who may have put others there.
  if (known && equal(known.der, bytes)) return known;
  const found = parseCertificate(bytes.slice());
  bytesRead.set(bytes, found);
  return found;
}
