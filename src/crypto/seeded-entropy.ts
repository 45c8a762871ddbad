import { concat, utf8Bytes, Writer } from "../codec/index.ts";
import type { Entropy, Hash } from "./ports.ts";

/** Reproducible bytes from a seed: SHA-256 in counter mode. For tests and reproducible runs, never for keys in use. */
export class SeededEntropy implements Entropy {
  readonly #hash: Hash;
  readonly #seed: Uint8Array;
  #counter = 0;
  #pool: Uint8Array = new Uint8Array(0);

  constructor(hash: Hash, seed: string) {
    this.#hash = hash;
    this.#seed = utf8Bytes(seed);
  }

  bytes(length: number): Uint8Array {
    while (this.#pool.length < length) {
      const counter = new Writer().u32(this.#counter++).finish();
      this.#pool = concat(this.#pool, this.#hash.digest("sha256", this.#seed, counter));
    }
    const taken = this.#pool.slice(0, length);
    this.#pool = this.#pool.slice(length);
    return taken;
  }
}
