import {
  checkPrimeSync,
  constants,
  createPrivateKey,
  createPublicKey,
  privateDecrypt,
  publicEncrypt,
} from "node:crypto";

import { fromHex, toHex } from "../codec/index.ts";
import type { Entropy } from "../crypto/index.ts";
import type { RsaArithmetic, RsaNumbers } from "./se05x/index.ts";

const EXPONENT = 65537n;
/** Exponents that are tried for a private key that came without its public one. */
const USUAL_EXPONENTS = [EXPONENT, 3n, 5n, 17n, 257n];

/** RSA of node:crypto; primes come from the chip's own entropy, so that a seeded chip's keys follow from its seed. */
export const nodeRsa: RsaArithmetic = {
  generate(bits, entropy) {
    for (;;) {
      const [p, q] = [newPrime(bits / 2, entropy), newPrime(bits / 2, entropy)];
      const key = p === q ? undefined : fromPrimes(p, q, EXPONENT);
      if (key && key.n.length * 8 === bits) return key;
    }
  },
  completed(known) {
    const [p, q, n, d, dp] = [known.p, known.q, known.n, known.d, known.dp].map((bytes) => bytes && integer(bytes));
    const e = known.e && integer(known.e);
    const primes = p && q ? ([p, q] as const) : n && d ? factored(n, d, e) : undefined;
    if (!primes || primes.some((prime) => prime < 3n)) return undefined;
    const exponent = e ?? (dp ? inverse(dp, primes[0] - 1n) : d && inverse(d, lambda(...primes)));
    const key = exponent === undefined ? undefined : fromPrimes(...primes, exponent);
    // What was given must be what follows from the rest, or signatures would give the key away.
    const agrees = key && Object.entries(known).every(([name, bytes]) => isSame(bytes, key, name, primes));
    return agrees ? key : undefined;
  },
  privateOperation(numbers) {
    const { n, e, d, p, q, dp, dq, qInv: qi } = mapped(numbers);
    const key = createPrivateKey({ key: { kty: "RSA", n, e, d, p, q, dp, dq, qi }, format: "jwk" });
    return (input) => Uint8Array.from(privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, input));
  },
  publicOperation({ n, e }) {
    const key = createPublicKey({ key: { kty: "RSA", ...mapped({ n, e }) }, format: "jwk" });
    return (input) => Uint8Array.from(publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, input));
  },
};

function mapped<T extends Readonly<Record<string, Uint8Array>>>(numbers: T): { readonly [K in keyof T]: string } {
  const entries = Object.entries(numbers).map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64url")]);
  return Object.fromEntries(entries) as { readonly [K in keyof T]: string };
}

/** Private exponents are the same when they are so modulo λ; the rest is when its numbers are. RFC 8017, section 3.2 */
function isSame(bytes: Uint8Array, key: RsaNumbers, name: string, [p, q]: readonly [bigint, bigint]): boolean {
  const value = integer(bytes);
  const own = integer(key[name as keyof RsaNumbers]);
  return name === "d" ? value % lambda(p, q) === own % lambda(p, q) : value === own;
}

function fromPrimes(p: bigint, q: bigint, e: bigint): RsaNumbers | undefined {
  const d = inverse(e, lambda(p, q));
  const qInv = inverse(q, p);
  if (d === undefined || qInv === undefined) return undefined;
  const n = p * q;
  const half = Math.ceil(n.toString(16).length / 4);
  return {
    n: bytesOf(n),
    e: bytesOf(e),
    d: bytesOf(d, 2 * half),
    p: bytesOf(p, half),
    q: bytesOf(q, half),
    dp: bytesOf(d % (p - 1n), half),
    dq: bytesOf(d % (q - 1n), half),
    qInv: bytesOf(qInv, half),
  };
}

/** The primes of a modulus, from both exponents: a power of two short of λ, roots of 1 come up. SP 800-56B, appendix C */
function factored(n: bigint, d: bigint, e: bigint | undefined): readonly [bigint, bigint] | undefined {
  for (const exponent of e === undefined ? USUAL_EXPONENTS : [e]) {
    let odd = d * exponent - 1n;
    if (odd <= 0n || (odd & 1n) === 1n) continue;
    let twos = 0;
    for (; (odd & 1n) === 0n; twos++) odd >>= 1n;
    for (let base = 2n; base < 60n; base++) {
      let root = power(base, odd, n);
      for (let i = 0; i < twos && root !== 1n && root !== n - 1n; i++) {
        const next = (root * root) % n;
        if (next === 1n) {
          const p = gcd(root - 1n, n);
          return p > n / p ? [p, n / p] : [n / p, p];
        }
        root = next;
      }
    }
  }
  return undefined;
}

/** Primes below 2000: most candidates have one as a factor, and need no test that costs. */
const SMALL_PRIMES = Array.from({ length: 1999 }, (_, i) => i + 2).filter((n, _, all) =>
  all.every((m) => m * m > n || n % m !== 0),
);

/** A prime with its two highest bits set, so that products have all their bits. FIPS 186-5, appendix A.1.3 */
function newPrime(bits: number, entropy: Entropy): bigint {
  for (;;) {
    const bytes = entropy.bytes(bits / 8);
    const candidate = integer(bytes.with(0, (bytes[0] ?? 0) | 0xc0).with(bytes.length - 1, (bytes.at(-1) ?? 0) | 1));
    if (SMALL_PRIMES.some((small) => candidate % BigInt(small) === 0n)) continue;
    if (gcd(candidate - 1n, EXPONENT) === 1n && checkPrimeSync(candidate)) return candidate;
  }
}

function lambda(p: bigint, q: bigint): bigint {
  return ((p - 1n) * (q - 1n)) / gcd(p - 1n, q - 1n);
}

function gcd(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}

function inverse(value: bigint, modulus: bigint): bigint | undefined {
  let [a, b] = [modulus, value % modulus];
  let [x, y] = [0n, 1n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return a === 1n ? ((x % modulus) + modulus) % modulus : undefined;
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % modulus;
    if (bit === "1") result = (result * base) % modulus;
  }
  return result;
}

function integer(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`);
}

function bytesOf(value: bigint, length = 0): Uint8Array {
  const digits = value.toString(16);
  return fromHex(digits.padStart(Math.max(2 * length, digits.length + (digits.length % 2)), "0"));
}
