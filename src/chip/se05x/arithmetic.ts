import type { Entropy, HashName } from "../../crypto/index.ts";

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
  digest(name: DigestName, input: Uint8Array): Uint8Array;
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

/** A curve that signs whole messages. RFC 8032, section 5.1 */
export interface EdwardsCurve {
  readonly keyLength: number;
  publicKey(secret: Uint8Array): Uint8Array;
  sign(secret: Uint8Array, message: Uint8Array): Uint8Array;
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** A curve that only agrees; all bytes in the order of its specification. RFC 7748, section 5 */
export interface MontgomeryCurve {
  readonly keyLength: number;
  publicKey(secret: Uint8Array): Uint8Array;
  /** The shared secret, or undefined for a peer of small order or another length. RFC 7748, section 6.1 */
  agree(secret: Uint8Array, peer: Uint8Array): Uint8Array | undefined;
}

/** The parts of an RSA key as unsigned numbers in bytes. RFC 8017, section 3 */
export type RsaNumbers = {
  readonly n: Uint8Array;
  readonly e: Uint8Array;
  readonly d: Uint8Array;
  readonly p: Uint8Array;
  readonly q: Uint8Array;
  readonly dp: Uint8Array;
  readonly dq: Uint8Array;
  readonly qInv: Uint8Array;
};

/** The primitives of RSA; input and output are as long as the modulus. RFC 8017, section 5 */
export interface RsaArithmetic {
  /** A new key whose primes come from the entropy. FIPS 186-5, appendix A.1.3 */
  generate(bits: number, entropy: Entropy): RsaNumbers;
  /** Every number of a key of which primes, or both exponents, are known; undefined where they are of no key. */
  completed(known: Partial<RsaNumbers>): RsaNumbers | undefined;
  /** `m ↦ m^d`, with the key ready for many uses. */
  privateOperation(key: RsaNumbers): (input: Uint8Array) => Uint8Array;
  /** `m ↦ m^e`. */
  publicOperation(key: Pick<RsaNumbers, "n" | "e">): (input: Uint8Array) => Uint8Array;
}
