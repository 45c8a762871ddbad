import assert from "node:assert/strict";
import { test } from "node:test";

import { p256 } from "@noble/curves/nist.js";

import { ecdsaDerToRaw, SeededEntropy } from "../crypto/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { toHex, utf8Bytes } from "../codec/index.ts";
import { type EcCurve, inverse, newScalar, signDigest } from "./ec-curve.ts";
import { nodeSe05xCrypto } from "./node-curves.ts";

const CURVES: readonly EcCurve[] = [nodeSe05xCrypto.p256, nodeSe05xCrypto.p384];

test("inverse times its argument is 1 modulo the order, at the edges and for 2,000 seeded scalars of each curve", () => {
  const entropy = new SeededEntropy(nodeHash, "inverses");
  for (const curve of CURVES) {
    const { order, scalarLength } = curve;
    const powers = Array.from({ length: 8 * scalarLength - 1 }, (_, bits) => 1n << BigInt(bits));
    const edges = [1n, 2n, 3n, order - 1n, order - 2n, order / 2n, order / 3n, ...powers, ...powers.map((p) => p - 1n)];
    const scalars = Array.from({ length: 2000 }, () => BigInt(`0x${toHex(newScalar(curve, entropy))}`));
    for (const value of [...edges, ...scalars]) {
      if (value === 0n) continue;
      const inverted = inverse(value, order);
      assert.ok(inverted > 0n && inverted < order, `${value}`);
      assert.equal((inverted * value) % order, 1n, `${value}`);
    }
  }
});

test("signDigest gives another nonce for another digest and for other entropy, and the same for the same", () => {
  const [curve] = CURVES;
  assert.ok(curve);
  const scalar = newScalar(curve, new SeededEntropy(nodeHash, "key"));
  const sign = (seed: string, text: string) => {
    const ports = { hash: nodeHash, entropy: new SeededEntropy(nodeHash, seed) };
    return toHex(signDigest(curve, ports, scalar, nodeHash.digest("sha256", utf8Bytes(text))));
  };
  /** r alone is the nonce's: two signatures with one r and two digests give the key away. */
  const nonceOf = (der: string) => der.slice(8, 72);
  assert.equal(sign("a", "x"), sign("a", "x"));
  assert.notEqual(nonceOf(sign("a", "x")), nonceOf(sign("a", "y")));
  assert.notEqual(nonceOf(sign("a", "x")), nonceOf(sign("b", "x")));
});

test("nodeSe05xCrypto checks signatures of digests of any length as @noble/curves does, also where no shift reaches", () => {
  const curve = nodeSe05xCrypto.p256;
  const entropy = new SeededEntropy(nodeHash, "shift");
  const empty = nodeHash.digest("sha256", new Uint8Array(0));
  for (let i = 0; i < 24; i++) {
    const scalar = newScalar(curve, entropy);
    const point = curve.publicPoint(scalar);
    // The first is the digest of the message that keys are shifted to: there is nothing to shift.
    const digest = i === 0 ? empty : entropy.bytes(1 + ((7 * i) % 64));
    const raw = ecdsaDerToRaw(signDigest(curve, { hash: nodeHash, entropy }, scalar, digest), 32);
    const options = { prehash: false, lowS: false, format: "compact" } as const;
    for (const signature of [
      raw,
      raw.with(40, (raw[40] ?? 0) ^ 1),
      raw.with(3, (raw[3] ?? 0) ^ 1),
      raw.fill(0, 0, 32),
    ]) {
      assert.equal(curve.verifyDigest(point, digest, signature), p256.verify(signature, digest, point, options));
    }
  }
});
