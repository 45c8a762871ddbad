import type { CurveName } from "./algorithms.ts";
import type { DigestSigner, DigestVerifier, KeyAgreement, Random, Signer } from "./ports.ts";

/** A key pair slot of a secure element and what is in it. */
export type KeySlot = {
  readonly slot: number;
  /** DER SubjectPublicKeyInfo, or undefined where the slot is empty. */
  readonly publicKey: Uint8Array | undefined;
};

/** Where a certificate lies in a secure element's general storage, and its length in bytes. */
export type StoredCertificate = { readonly index: number; readonly length: number };

/** Bytes of any kind in a secure element's general storage, beside its certificates. */
export interface DataStorage {
  /** What is there and may be looked at, by index, with lengths in bytes. */
  list(): Promise<readonly { readonly index: number; readonly length: number }[]>;
  read(index: number): Promise<Uint8Array>;
  /** Keeps bytes, at least one, under an index where nothing is. */
  write(index: number, bytes: Uint8Array): Promise<void>;
  erase(index: number): Promise<void>;
}

/** Who a secure element says that it is. */
export type SecureElementIdentity = {
  readonly model: string;
  /** The manufacturer's unique identifier, lower-case hex. */
  readonly uniqueId: string;
  readonly firmware: string;
};

/** A plain EC key pair to inject, as big-endian scalar and uncompressed point. SEC 1, section 2.3 */
export type PlainKeyPair = { readonly scalar: Uint8Array; readonly point: Uint8Array };

/**
 * What every secure element can do for a device, whichever vendor made it.
 * What a model lacks refuses with a typed error that names it.
 */
export interface SecureElement {
  identify(): Promise<SecureElementIdentity>;
  readonly random: Random;
  readonly verifier: DigestVerifier;
  /** Ephemeral agreement whose private key is made and stays in `slot`; its former content is replaced. */
  keyAgreement(slot: number): KeyAgreement;
  keySlots(): Promise<readonly KeySlot[]>;
  /** What key pairs can be on. */
  readonly keyCurves: readonly CurveName[];
  /** Makes a key pair inside the chip, on P-256 where no curve is named, and gives its DER SubjectPublicKeyInfo. */
  generateKeyPair(slot: number, curve?: CurveName): Promise<Uint8Array>;
  injectKeyPair(slot: number, keyPair: PlainKeyPair): Promise<void>;
  eraseKeyPair(slot: number): Promise<void>;
  signer(slot: number): Promise<Signer>;
  /** Signs digests that somebody else has taken, as programs do that bring their own hash. */
  digestSigner(slot: number): Promise<DigestSigner>;
  /**
   * The secret that the key in `slot` shares with an uncompressed point: the X coordinate. Absent where the model agrees
   * with ephemeral keys alone. SEC 1, section 3.3.1
   */
  sharedSecret?(slot: number, peerPoint: Uint8Array): Promise<Uint8Array>;
  /** Certificates in the chip's general storage, by index. */
  writeCertificate(index: number, der: Uint8Array): Promise<void>;
  readCertificate(index: number): Promise<Uint8Array | undefined>;
  listCertificates(): Promise<readonly StoredCertificate[]>;
  /** Does nothing where there is none under this index. */
  eraseCertificate(index: number): Promise<void>;
  /** Absent where the model has storage for certificates alone. */
  readonly data?: DataStorage;
}
