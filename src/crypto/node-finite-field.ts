import { createDiffieHellman, createPublicKey, diffieHellman, generateKeyPairSync } from "node:crypto";

import { concat, fromHex } from "../codec/index.ts";

const DH_KEY_AGREEMENT = fromHex("06092a864886f70d010301"); // PKCS #3, section 9
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const SEQUENCE = 0x30;

/** A key pair on a finite-field group; public key and secrets have the prime's length. */
export type FiniteFieldKey = {
  readonly publicKey: Uint8Array;
  /** Throws what node:crypto throws where the peer's value is out of range. */
  readonly agree: (peerKey: Uint8Array) => Uint8Array;
};

/**
 * Makes a key pair on the group of a prime and generator, which are taken as they are: `createDiffieHellman` would test
 * the prime at each call, which takes some hundred times as long as the key.
 */
export function finiteFieldKey(prime: Uint8Array, generator: Uint8Array): FiniteFieldKey {
  const p = trimmed(prime);
  const g = trimmed(generator);
  // A key pair is only made with a generator that fits an int32; every group of the RFCs 3526 and 7919 has 2.
  return g.length < 4 ? quickKey(p, g) : testedKey(p, g);
}

function quickKey(prime: Uint8Array, generator: Uint8Array): FiniteFieldKey {
  const small = generator.reduce((value, byte) => value * 256 + byte, 0);
  const { privateKey, publicKey } = generateKeyPairSync("dh", { prime: Buffer.from(prime), generator: small });
  const algorithm = element(SEQUENCE, DH_KEY_AGREEMENT, element(SEQUENCE, integer(prime), integer(generator)));
  return {
    publicKey: padded(valueOf(publicKey.export({ format: "der", type: "spki" })), prime.length),
    agree: (peerKey) => {
      const spki = element(SEQUENCE, algorithm, element(BIT_STRING, Uint8Array.of(0), integer(peerKey)));
      const peer = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
      return padded(diffieHellman({ privateKey, publicKey: peer }), prime.length);
    },
  };
}

function testedKey(prime: Uint8Array, generator: Uint8Array): FiniteFieldKey {
  const dh = createDiffieHellman(Buffer.from(prime), Buffer.from(generator));
  const publicKey = padded(dh.generateKeys(), prime.length);
  return { publicKey, agree: (peerKey) => padded(dh.computeSecret(peerKey), prime.length) };
}

/** The public value in a SubjectPublicKeyInfo of our own: AlgorithmIdentifier, then an INTEGER in a BIT STRING. */
function valueOf(spki: Uint8Array): Uint8Array {
  const algorithm = contentAt(spki, contentAt(spki, 0).start);
  const bits = contentAt(spki, algorithm.end);
  const { start, end } = contentAt(spki, bits.start + 1);
  return spki.subarray(start, end);
}

function contentAt(der: Uint8Array, at: number): { readonly start: number; readonly end: number } {
  const first = der[at + 1] ?? 0;
  const longer = first < 0x80 ? 0 : first - 0x80;
  let length = longer === 0 ? first : 0;
  for (const byte of der.subarray(at + 2, at + 2 + longer)) length = length * 256 + byte;
  return { start: at + 2 + longer, end: at + 2 + longer + length };
}

/** DER with lengths up to 65535. */
function element(tag: number, ...parts: Uint8Array[]): Uint8Array {
  const content = concat(...parts);
  const { length } = content;
  const header = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return concat(Uint8Array.of(tag, ...header), content);
}

function integer(bytes: Uint8Array): Uint8Array {
  const value = trimmed(bytes);
  // A leading bit of one would make it negative.
  return (value[0] ?? 0x80) >= 0x80 ? element(INTEGER, Uint8Array.of(0), value) : element(INTEGER, value);
}

function trimmed(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? bytes.subarray(bytes.length) : bytes.subarray(first);
}

function padded(bytes: Uint8Array, length: number): Uint8Array {
  const value = trimmed(bytes);
  return concat(new Uint8Array(length - value.length), value);
}
