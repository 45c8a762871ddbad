import { createPublicKey, decapsulate, diffieHellman, generateKeyPairSync, type KeyObject } from "node:crypto";

import { concat, UsageError } from "../codec/index.ts";
import type { CryptoErrorCode } from "./errors.ts";
import { finiteFieldKey } from "./node-finite-field.ts";
import type { EphemeralKey } from "./ports.ts";

const X25519_PREFIX = Buffer.from("302a300506032b656e032100", "hex"); // RFC 8410, section 4
const X25519_LENGTH = 32;
const CIPHERTEXT_LENGTH = 1088;
const ENCAPSULATION_KEY_LENGTH = 1184;

/** Whether this Node can do ML-KEM. FIPS 203 */
export const HAS_ML_KEM: boolean = typeof decapsulate === "function";

/** X25519 and ML-KEM-768 together: safe as long as one of them is. Throws where a part is malformed. draft-ietf-tls-ecdhe-mlkem */
export function hybridKey(): EphemeralKey {
  const kem = generateKeyPairSync("ml-kem-768");
  const curve = generateKeyPairSync("x25519");
  const publicKey = concat(raw(kem.publicKey, ENCAPSULATION_KEY_LENGTH), raw(curve.publicKey, X25519_LENGTH));
  const agree = async (peer: Uint8Array) => {
    const kemSecret = decapsulate(kem.privateKey, peer.subarray(0, CIPHERTEXT_LENGTH));
    const der = Buffer.concat([X25519_PREFIX, peer.subarray(CIPHERTEXT_LENGTH)]);
    const peerKey = createPublicKey({ key: der, format: "der", type: "spki" });
    const shared = diffieHellman({ privateKey: curve.privateKey, publicKey: peerKey });
    return concat(kemSecret, shared);
  };
  return { group: "X25519MLKEM768", publicKey, agree };
}

function raw(key: KeyObject, length: number): Uint8Array {
  return new Uint8Array(key.export({ format: "der", type: "spki" }).subarray(-length));
}

/** Bits and the constant of each prime. RFC 7919, appendix A */
const FFDHE = { ffdhe2048: { bits: 2048, x: 560_316n }, ffdhe3072: { bits: 3072, x: 2_625_351n } } as const;
export type FfdheGroup = keyof typeof FFDHE;

/** A key on a finite-field group; keys and secret have the prime's full length. RFC 8446, section 4.2.8.1 and 7.4.1 */
export function ffdheKey(group: FfdheGroup): EphemeralKey {
  const prime = ffdhePrime(group);
  const { publicKey, agree } = finiteFieldKey(prime, Uint8Array.of(2));
  return { group, publicKey, agree: async (peer) => agree(checked(peer, prime)) };
}

/** Of the prime's length, and 1 < Y < p - 1. RFC 8446, section 4.2.8.1; RFC 7919, section 5.1 */
function checked(peer: Uint8Array, prime: Buffer): Uint8Array {
  const y = BigInt(`0x${Buffer.from(peer).toString("hex")}`);
  const p = BigInt(`0x${prime.toString("hex")}`);
  if (peer.length !== prime.length || y <= 1n || y >= p - 1n) {
    throw new UsageError<CryptoErrorCode>("bad-peer-key", "the peer's public key is out of the group's range");
  }
  return peer;
}

const primes = new Map<FfdheGroup, Buffer>();

/** 2^b - 2^(b-64) + (floor(2^(b-130) e) + X) 2^64 - 1. RFC 7919, appendix A */
function ffdhePrime(group: FfdheGroup): Buffer {
  const known = primes.get(group);
  if (known) return known;
  const { bits, x } = FFDHE[group];
  const b = BigInt(bits);
  const p = 2n ** b - 2n ** (b - 64n) + (scaledE(b - 130n) + x) * 2n ** 64n - 1n;
  const prime = Buffer.from(p.toString(16), "hex");
  primes.set(group, prime);
  return prime;
}

/** floor(2^k e), from the series of 1/n! with 64 bits to spare. */
function scaledE(k: bigint): bigint {
  const spare = 64n;
  let [sum, term] = [0n, 1n << (k + spare)];
  for (let n = 1n; term > 0n; n++) {
    sum += term;
    term /= n;
  }
  return sum >> spare;
}
