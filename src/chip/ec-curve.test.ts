import assert from "node:assert/strict";
import { test } from "node:test";

import { p256 } from "@noble/curves/nist.js";

import { ecdsaDerToRaw, SeededEntropy } from "../crypto/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { toHex, utf8Bytes } from "../codec/index.ts";
import { type EcCurve, newScalar, signDigest } from "./ec-curve.ts";
import { nodeSe05xCrypto } from "./node-curves.ts";

const CURVES: readonly EcCurve[] = [nodeSe05xCrypto.p256, nodeSe05xCrypto.p384];

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
