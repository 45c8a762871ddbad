import type { HawserError } from "../codec/index.ts";
import type { AeadName, HashName, NamedGroup, RecordInput, SignatureAlgorithm } from "../crypto/index.ts";
import type { EventBody } from "../trace/index.ts";
import type { TrafficKeyOf } from "./protection-elsewhere.ts";
import type { Session } from "./sessions.ts";
import type { SuiteName, TlsVersion } from "./suites.ts";

/**
 * OCSP responses that came along, each at its certificate's place; undefined where none were asked for. A certificate may
 * demand that one comes where it is asked for. RFC 6066, section 8; RFC 7633, section 4.2.3.1
 */
export type Staples = readonly (Uint8Array | undefined)[] | undefined;

/**
 * What somebody outside the engine has to do before the connection can go on, each answered once. One at a time, but for
 * `seal` and `open`, of which one each may be under way beside another.
 */
export type Effect =
  /** Answered by `random`. The client random; a server asks for its own and for a session id at once. */
  | { readonly do: "random"; readonly length: number }
  /** Answered by `generated`. The key pair must be kept for `agree`. */
  | { readonly do: "generate"; readonly group: NamedGroup }
  /** Answered by `agreed`. */
  | { readonly do: "agree"; readonly group: NamedGroup; readonly peerKey: Uint8Array }
  /** Answered by `agreed`. A server agrees with its certificate's own key. RFC 8422, section 2.1 */
  | { readonly do: "agree-static"; readonly peerKey: Uint8Array }
  /** Answered by `dh-agreed`. Our key pair and the agreement in one, on a group of the server's own; big-endian. */
  | {
      readonly do: "agree-dh";
      readonly prime: Uint8Array;
      readonly generator: Uint8Array;
      readonly peerKey: Uint8Array;
    }
  /** Answered by `chain-verified`. DER certificates, the server's own first; name and key usage must be checked too. */
  | {
      readonly do: "verify-chain";
      readonly chain: readonly Uint8Array[];
      readonly staples: Staples;
      readonly servername: string;
      readonly keyUsage: "digitalSignature" | "keyAgreement";
    }
  /** Answered by `chain-verified`. DER certificates of a client, its own first. */
  | { readonly do: "verify-client"; readonly chain: readonly Uint8Array[] }
  /** Answered by `verified`. */
  | {
      readonly do: "verify";
      readonly publicKey: Uint8Array;
      readonly algorithm: SignatureAlgorithm;
      readonly content: Uint8Array;
      readonly signature: Uint8Array;
    }
  /** Answered by `master-derived`. A keeper of secrets makes premaster and master secret and keeps both. RFC 5246, section 8.1 */
  | {
      readonly do: "derive-master";
      readonly source: MasterSource;
      readonly hash: HashName;
      readonly label: string;
      readonly seed: Uint8Array;
    }
  /** Answered by `expanded`. The pseudo-random function over the secret that was kept. RFC 5246, section 5 */
  | {
      readonly do: "expand";
      readonly hash: HashName;
      readonly label: string;
      readonly seed: Uint8Array;
      readonly length: number;
    }
  /** Answered by `keys-derived`. Both directions' traffic keys out of the secret that was kept. RFC 5246, section 6.3 */
  | { readonly do: "derive-keys"; readonly hash: HashName; readonly seed: Uint8Array; readonly cipher: AeadName }
  /** Answered by `sealed` or `not-sealed`: ciphertext and tag of one record. */
  | { readonly do: "seal"; readonly key: TrafficKeyOf; readonly input: RecordInput }
  /** Answered by `opened` or `not-opened`: the plaintext of one record. */
  | { readonly do: "open"; readonly key: TrafficKeyOf; readonly input: RecordInput }
  /** Answered by `signed`. `identity` counts in the configuration's list. */
  | {
      readonly do: "sign";
      readonly identity: number;
      readonly algorithm: SignatureAlgorithm;
      readonly content: Uint8Array;
    };

/** What became of a record that was given away to be sealed or opened. */
export type RecordAnswer =
  | { readonly on: "sealed"; readonly bytes: Uint8Array }
  | { readonly on: "not-sealed"; readonly error: unknown }
  /** `plaintext` is undefined where the tag is wrong. */
  | { readonly on: "opened"; readonly plaintext: Uint8Array | undefined }
  | { readonly on: "not-opened"; readonly error: unknown };

/** The result of an effect; `failed` answers any of them but `seal` and `open`. */
export type Answer =
  | { readonly on: "random"; readonly bytes: Uint8Array }
  | { readonly on: "generated"; readonly publicKey: Uint8Array }
  | { readonly on: "agreed"; readonly secret: Uint8Array }
  /** `secret` without leading zeros. RFC 5246, section 8.1.2 */
  | { readonly on: "dh-agreed"; readonly publicKey: Uint8Array; readonly secret: Uint8Array }
  /** `publicKey` is the DER SubjectPublicKeyInfo of the peer's certificate. */
  | { readonly on: "chain-verified"; readonly publicKey: Uint8Array }
  | { readonly on: "verified"; readonly valid: boolean }
  | { readonly on: "master-derived" }
  | { readonly on: "expanded"; readonly bytes: Uint8Array }
  | { readonly on: "keys-derived" }
  | { readonly on: "signed"; readonly signature: Uint8Array }
  | { readonly on: "failed"; readonly error: unknown };

/** Everything that can happen to a connection. */
export type Input =
  | { readonly on: "start" }
  /** Bytes from the transport, cut anywhere. */
  | { readonly on: "bytes"; readonly bytes: Uint8Array }
  /** The transport ended. */
  | { readonly on: "end" }
  /** Application data to send. */
  | { readonly on: "send"; readonly data: Uint8Array }
  /** The application has no more to send. */
  | { readonly on: "close" }
  /** New keys, for our direction and, on our request, for the server's. TLS 1.3 only. */
  | { readonly on: "update-keys" }
  /** The caller gives up. */
  | { readonly on: "abort"; readonly error: HawserError }
  | RecordAnswer
  | Answer;

/** Everything that a connection asks of its driver, in order. */
export type Output =
  /** One flight: to be written to the transport in one piece. */
  | { readonly do: "write"; readonly bytes: Uint8Array }
  | Effect
  | { readonly do: "connected"; readonly facts: ConnectionFacts }
  /** What makes a later handshake shorter; to be kept as a secret, with the time. */
  | { readonly do: "session"; readonly session: Session }
  /** A line of the key log format that other programs read. Only where the configuration asks for it. */
  | { readonly do: "key-log"; readonly line: string }
  | { readonly do: "deliver"; readonly data: Uint8Array }
  /** The server said goodbye: all its data was delivered. */
  | { readonly do: "end" }
  /** Nothing more will be written: the transport's sending side can be closed. */
  | { readonly do: "shutdown" }
  /** The connection is over; the alert, if any, stands in the `write` before. */
  | { readonly do: "fail"; readonly error: HawserError }
  | { readonly do: "trace"; readonly event: EventBody };

/** What a handshake agreed on. */
export type ConnectionFacts = {
  readonly protocol: TlsVersion;
  readonly suite: SuiteName;
  /** The group of the key agreement; a resumed TLS 1.2 session has none. */
  readonly group: NamedGroup | undefined;
  readonly servername: string;
  /** The application protocol, or undefined where none was agreed. */
  readonly alpn: string | undefined;
  /** The peer's DER certificates as sent, its own first. */
  readonly peerChain: readonly Uint8Array[];
  /** Whether the keys are bound to the whole handshake; TLS 1.3's always are. RFC 7627, section 4 */
  readonly extendedMasterSecret: boolean;
  /** Whether a session was resumed; the certificates are then those of its first handshake, verified again. */
  readonly resumed: boolean;
  /** What became of the server's request for a certificate. */
  readonly clientCertificate: "sent" | "none-fitting" | "not-requested";
};

/** What a keeper of secrets makes the premaster secret of. */
export type MasterSource =
  | { readonly kind: "ecdhe"; readonly group: NamedGroup; readonly peerKey: Uint8Array }
  | { readonly kind: "psk" }
  | { readonly kind: "ecdhe_psk"; readonly group: NamedGroup; readonly peerKey: Uint8Array };
