import assert from "node:assert/strict";
import { createDiffieHellman, getDiffieHellman } from "node:crypto";
import { test } from "node:test";

import { finiteFieldKey } from "./node-finite-field.ts";

const MODP14 = getDiffieHellman("modp14");
const PRIME = new Uint8Array(MODP14.getPrime());
/** Of a size that takes an INTEGER without and with a leading zero, and lengths of one and two bytes. */
const SMALL = new Uint8Array(createDiffieHellman(getDiffieHellman("modp1").getPrime()).getPrime());

for (const [what, prime, generator] of [
  ["a generator of 2", PRIME, Uint8Array.of(2)],
  ["a prime and generator with zeros before them", Uint8Array.of(0, 0, ...PRIME), Uint8Array.of(0, 2)],
  ["a generator as long as the prime", PRIME, new Uint8Array(MODP14.generateKeys())],
  ["a shorter prime", SMALL, Uint8Array.of(5)],
] as const) {
  test(`finiteFieldKey agrees with createDiffieHellman for ${what}`, () => {
    const length = prime.filter((_, at) => at > 1 || prime[at] !== 0).length;
    const other = createDiffieHellman(Buffer.from(prime), Buffer.from(generator));
    const theirs = new Uint8Array(other.generateKeys());
    for (let round = 0; round < (generator.length > 4 ? 1 : 20); round++) {
      const ours = finiteFieldKey(prime, generator);
      assert.equal(ours.publicKey.length, length);
      const secret = ours.agree(theirs);
      assert.equal(secret.length, length);
      assert.deepEqual(Buffer.from(secret), other.computeSecret(ours.publicKey));
    }
  });
}

test("finiteFieldKey refuses a peer's value that gives the secret away", () => {
  const { agree } = finiteFieldKey(PRIME, Uint8Array.of(2));
  for (const value of [Uint8Array.of(0), Uint8Array.of(1), PRIME]) assert.throws(() => agree(value));
});
