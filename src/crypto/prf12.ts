import { concat, utf8Bytes } from "../codec/index.ts";
import type { HashName } from "./algorithms.ts";
import type { Hash } from "./ports.ts";

/** What the pseudo-random function works on; `seed` comes in parts that are joined. */
export type PrfInput = {
  readonly secret: Uint8Array;
  readonly label: string;
  readonly seed: readonly Uint8Array[];
  readonly length: number;
};

/** The pseudo-random function of TLS 1.2: P_hash(secret, label + seed). RFC 5246, section 5 */
export function prf12(hash: Hash, name: HashName, { secret, label, seed, length }: PrfInput): Uint8Array {
  const labelAndSeed = concat(utf8Bytes(label), ...seed);
  const output = new Uint8Array(length);
  let a = labelAndSeed;
  for (let at = 0; at < length;) {
    a = hash.hmac(name, secret, a);
    const block = hash.hmac(name, secret, a, labelAndSeed).subarray(0, length - at);
    output.set(block, at);
    at += block.length;
  }
  return output;
}
