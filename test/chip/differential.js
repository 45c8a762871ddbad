import { SeededEntropy } from "../../src/crypto/index.js";
import { nodeHash } from "../../src/crypto/node.js";
/** Ten thousand cases of each operation in the deep run, a sample otherwise. */
export const CASES = process.env.HAWSER_DEEP === "1" ? 10_000 : 40;
/** Random choices that follow from a seed. */
export class Chance {
  #entropy;
  constructor(seed) {
    this.#entropy = new SeededEntropy(nodeHash, seed);
  }
  bytes(length) {
    return this.#entropy.bytes(length);
  }
  /** From 0 up to, but not, `end`. */
  below(end) {
    const [a = 0, b = 0, c = 0, d = 0] = this.#entropy.bytes(4);
    return (((a << 24) | (b << 16) | (c << 8) | d) >>> 0) % end;
  }
  of(values) {
    // The index is within the values, of which there is at least one.
    return values[this.below(values.length)];
  }
  /** The bytes cut into parts at random places. */
  parts(bytes) {
    const cuts = [0, this.below(bytes.length + 1), this.below(bytes.length + 1), bytes.length].sort((a, b) => a - b);
    return cuts.slice(1).map((end, i) => bytes.slice(cuts[i] ?? 0, end));
  }
}
