import type { HashName } from "../../crypto/index.ts";

/** Hash functions that chips of the family have; the two first are weak and here for old partners. FIPS 180-4 */
export type DigestName = "sha1" | "sha224" | HashName;

/** A hash or a code in progress. `digest` ends it. */
export interface RunningDigest {
  update(input: Uint8Array): void;
  digest(): Uint8Array;
}

/** A block cipher in a mode without padding; a stream gives a byte for a byte, the others whole blocks. SP 800-38A */
export interface RunningCipher {
  update(input: Uint8Array): Uint8Array;
}

export type CipherRequest = {
  readonly family: "aes" | "des";
  readonly mode: "ecb" | "cbc" | "ctr";
  readonly encrypts: boolean;
  /** AES: 16, 24 or 32 bytes. DES: 8, or 16 or 24 for two or three keys. */
  readonly key: Uint8Array;
  /** Empty for ECB. */
  readonly iv: Uint8Array;
};

/** Everything authenticated encryption takes but the text. SP 800-38C; SP 800-38D */
export type AeadRequest = {
  readonly mode: "gcm" | "ccm";
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly tagLength: number;
};

/** Authenticated encryption in progress; text comes after all associated data. */
export interface RunningAead {
  update(input: Uint8Array): Uint8Array;
  /** The tag of what was encrypted, or that what was decrypted should have. Ends it. */
  tag(): Uint8Array;
}

/** What a chip of the family computes besides points, hashes and single blocks of AES; synchronous as silicon is to its firmware. */
export interface Se05xArithmetic {
  startDigest(name: DigestName): RunningDigest;
  /** HMAC. RFC 2104, section 2 */
  startMac(name: DigestName, key: Uint8Array): RunningDigest;
  startCipher(request: CipherRequest): RunningCipher;
  /** Streams GCM; the associated data is given whole. */
  startGcm(
    request: Omit<AeadRequest, "mode"> & { readonly encrypts: boolean; readonly associated: Uint8Array },
  ): RunningAead;
  /** Ciphertext and tag. */
  seal(request: AeadRequest, input: Uint8Array, associated: Uint8Array): readonly [Uint8Array, Uint8Array];
  /** The plaintext, or undefined where the tag is wrong. */
  open(request: AeadRequest, input: Uint8Array, associated: Uint8Array, tag: Uint8Array): Uint8Array | undefined;
  /** RFC 8018, section 5.2 */
  pbkdf2(
    name: DigestName,
    password: Uint8Array,
    request: { readonly salt: Uint8Array; readonly iterations: number; readonly length: number },
  ): Uint8Array;
}
