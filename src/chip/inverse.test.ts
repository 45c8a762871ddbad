import assert from "node:assert/strict";
import { test } from "node:test";

import { EC_DOMAINS } from "../apdu/se05x/index.ts";
import { toHex } from "../codec/index.ts";
import { SeededEntropy } from "../crypto/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { inverse } from "./inverse.ts";

const MODULI = [...EC_DOMAINS.values()].flatMap(({ n, p }) => [BigInt(`0x${n}`), BigInt(`0x${p}`)]);

test("inverse times its argument is 1 modulo the order, at the edges and for 150 seeded scalars of every curve and field", () => {
  const entropy = new SeededEntropy(nodeHash, "inverses");
  for (const order of MODULI) {
    const bits = order.toString(2).length;
    const powers = Array.from({ length: bits - 1 }, (_, bit) => 1n << BigInt(bit));
    const edges = [1n, 2n, 3n, order - 1n, order - 2n, order / 2n, order / 3n, ...powers, ...powers.map((p) => p - 1n)];
    const scalars = Array.from({ length: 150 }, () => BigInt(`0x${toHex(entropy.bytes(Math.ceil(bits / 8)))}`) % order);
    for (const value of [...edges, ...scalars]) {
      if (value === 0n) continue;
      const inverted = inverse(value, order);
      assert.ok(inverted > 0n && inverted < order, `${value}`);
      assert.equal((inverted * value) % order, 1n, `${value}`);
    }
  }
});
