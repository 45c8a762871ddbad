import type { AeadName, HashName, NamedGroup, Performer, SignatureAlgorithm } from "./algorithms.ts";

/**
 * A private key that signs, wherever it lives. Signing may take a bus transfer, so it is asynchronous.
 * `content` is the message, not its digest: an implementation over a chip hashes on the host.
 */
export interface Signer {
  readonly performer: Performer;
  /** DER SubjectPublicKeyInfo of the key. RFC 5280, section 4.1.2.7 */
  readonly publicKey: Uint8Array;
  /** What this key can sign with, most preferred first. */
  readonly algorithms: readonly SignatureAlgorithm[];
  /** ECDSA signatures are DER. Throws `UsageError` for an algorithm that is not listed. RFC 3279, section 2.2.3 */
  sign(algorithm: SignatureAlgorithm, content: Uint8Array): Promise<Uint8Array>;
}

/** One signature to check: `publicKey` is DER SubjectPublicKeyInfo, ECDSA signatures are DER. */
export type SignatureCheck = {
  readonly publicKey: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  readonly content: Uint8Array;
  readonly signature: Uint8Array;
};

/** Checks signatures over whole messages; a wrong signature gives false, an unusable key throws. */
export interface SignatureVerifier {
  readonly performer: Performer;
  verify(check: SignatureCheck): Promise<boolean>;
}

/** A public key that stays where it is used, in a chip, after its certificate was verified. */
export interface VerificationKey {
  readonly performer: Performer;
  /** Whether the key signed this; a wrong signature gives false. */
  verify(check: Omit<SignatureCheck, "publicKey">): Promise<boolean>;
  /** Frees the key's place; may be called more than once. */
  release(): Promise<void>;
}

/** Checks certificates' signatures and then keeps the key of the last of them, so that no other can take its place. */
export interface CertificateVerifier extends SignatureVerifier {
  /** `publicKey` is DER SubjectPublicKeyInfo. Throws `UsageError` for a key that it cannot hold. */
  keep(publicKey: Uint8Array): Promise<VerificationKey>;
}

/** Checks ECDSA signatures over a digest, as secure elements do. `publicKey` is an uncompressed point. SEC 1, section 2.3.3 */
export interface DigestVerifier {
  readonly performer: Performer;
  verifyDigest(publicKey: Uint8Array, digest: Uint8Array, signature: Uint8Array): Promise<boolean>;
}

/** A private key that signs a digest as given, wherever it lives. */
export interface DigestSigner {
  readonly performer: Performer;
  /** DER SubjectPublicKeyInfo of the key. RFC 5280, section 4.1.2.7 */
  readonly publicKey: Uint8Array;
  /** A DER ECDSA signature. Of a digest longer than the curve's order only the leftmost bits count. FIPS 186-5, section 6.4.1 */
  signDigest(digest: Uint8Array): Promise<Uint8Array>;
}

/** An ephemeral key pair of one agreement. */
export interface EphemeralKey {
  readonly group: NamedGroup;
  /** Uncompressed point, or 32 bytes for x25519 and 56 for x448. RFC 8446, section 4.2.8.2 */
  readonly publicKey: Uint8Array;
  /** The shared secret: the X coordinate at full field length. Throws where the peer's point is invalid. */
  agree(peerPublicKey: Uint8Array): Promise<Uint8Array>;
}

/** Makes ephemeral keys on the groups it lists, most preferred first. */
export interface KeyAgreement {
  readonly performer: Performer;
  readonly groups: readonly NamedGroup[];
  generate(group: NamedGroup): Promise<EphemeralKey>;
}

/** What a secure element makes a TLS 1.2 premaster secret of; a pre-shared key is its own. */
export type MasterSecretSource =
  | { readonly kind: "ecdhe"; readonly ephemeral: EphemeralKey; readonly peerKey: Uint8Array }
  | { readonly kind: "psk" }
  | { readonly kind: "ecdhe_psk"; readonly ephemeral: EphemeralKey; readonly peerKey: Uint8Array };

/** An expansion by the pseudo-random function of TLS 1.2; `length` in bytes. RFC 5246, section 5 */
export type PrfRequest = {
  readonly hash: HashName;
  readonly label: string;
  readonly seed: Uint8Array;
  readonly length: number;
};

/** A master secret that its keeper does not hand out. */
export interface MasterSecret {
  /** Who expands it: some chips make a master secret, and leave the rest of the key schedule to their host library. */
  readonly performer: Performer;
  expand(request: PrfRequest): Promise<Uint8Array>;
  /** Both directions' traffic keys without their bytes; absent where the keeper protects no records. RFC 5246, section 6.3 */
  trafficKeys?(request: {
    readonly hash: HashName;
    readonly seed: Uint8Array;
    readonly cipher: AeadName;
  }): Promise<{ readonly client: TrafficKey; readonly server: TrafficKey }>;
}

/** What one record is sealed or opened with, besides the key and its IV. RFC 5116, section 2 */
export type RecordInput = {
  /** Eight bytes that make the nonce together with the IV: behind it, or mixed into its end, as the key has it. */
  readonly nonce: Uint8Array;
  readonly associated: Uint8Array;
  /** Plaintext, or ciphertext and tag. */
  readonly content: Uint8Array;
};

/** One direction's traffic key with its IV, in a place that seals and opens records itself. */
export interface TrafficKey {
  readonly performer: Performer;
  /** Ciphertext and tag. */
  seal(record: RecordInput): Promise<Uint8Array>;
  /** The plaintext, or undefined where the tag is wrong. */
  open(record: RecordInput): Promise<Uint8Array | undefined>;
  /** Frees the key's place, once newer keys took over. */
  release(): Promise<void>;
}

/** Holds traffic keys of one connection at a time, and limits its own time: what does not answer must fail. */
export interface RecordKeeper {
  readonly performer: Performer;
  readonly ciphers: readonly AeadName[];
  /** The longest plaintext that one record can have in its buffers, in bytes. */
  readonly maxPlaintext: number;
  /** Takes a copy of a key that was derived on the host; an IV shorter than a nonce has the record's eight bytes behind it. */
  keyOf(cipher: AeadName, keys: { readonly key: Uint8Array; readonly iv: Uint8Array }): Promise<TrafficKey>;
  /** The end of the connection; may be called more than once. */
  release(): Promise<void>;
}

/**
 * Makes and keeps the secrets of one TLS 1.2 handshake at a time, inside a secure element.
 * From `clientRandom` until `release` the element may be leased to the handshake; a lease has a deadline of its own.
 */
export interface TlsSecrets {
  readonly performer: Performer;
  /** Whether a seed other than the randoms is possible. RFC 7627, section 4 */
  readonly extendedMasterSecret: boolean;
  /** What it makes premaster secrets of. */
  readonly sources: readonly MasterSecretSource["kind"][];
  /** The hashes of the pseudo-random functions that it has. */
  readonly hashes: readonly HashName[];
  /** The 32 bytes of the client random, and the beginning of the lease; absent where any random will do. */
  clientRandom?(): Promise<Uint8Array>;
  deriveMaster(request: {
    readonly source: MasterSecretSource;
    readonly hash: HashName;
    readonly label: string;
    readonly seed: Uint8Array;
  }): Promise<MasterSecret>;
  /** The end of the lease, also after a failure; may be called more than once. */
  release(): Promise<void>;
}

/** Random bytes that may come over a bus. */
export interface Random {
  readonly performer: Performer;
  random(length: number): Promise<Uint8Array>;
}

/** Random bytes at once, from the system or, in a test, from a seed. */
export interface Entropy {
  bytes(length: number): Uint8Array;
}

/** A hash in progress. `digest` may be taken at any time and does not end it. */
export interface RunningHash {
  update(data: Uint8Array): void;
  digest(): Uint8Array;
  /** An independent hash in the same state. */
  copy(): RunningHash;
}

/** Hash functions and HMAC, synchronous. FIPS 180-4; RFC 2104, section 2 */
export interface Hash {
  digest(name: HashName, ...parts: readonly Uint8Array[]): Uint8Array;
  hmac(name: HashName, key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
  start(name: HashName): RunningHash;
}

/** Authenticated encryption with a 12-byte nonce and a 16-byte tag behind the ciphertext. RFC 5116, section 2 */
export interface Aead {
  /** Ciphertext and tag in as many parts as come, to be joined once with what they belong to. */
  seal(
    name: AeadName,
    key: Uint8Array,
    nonce: Uint8Array,
    plaintext: Uint8Array,
    associated: Uint8Array,
  ): readonly Uint8Array[];
  /** The plaintext, or undefined where the tag is wrong. */
  open(
    name: AeadName,
    key: Uint8Array,
    nonce: Uint8Array,
    sealed: Uint8Array,
    associated: Uint8Array,
  ): Uint8Array | undefined;
}

/** Time and timers. Milliseconds since 1970-01-01T00:00:00Z, with fractions. */
export interface Clock {
  now(): number;
  /** Runs `task` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, task: () => void): () => void;
}
