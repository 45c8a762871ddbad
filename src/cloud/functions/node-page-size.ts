import { readFileSync } from "node:fs";

/** The entry of the auxiliary vector that holds the size of a page, and the one that ends it. Linux, getauxval(3) */
const AT_PAGESZ = 6;
const AT_NULL = 0;

/** Bytes of a page of memory; undefined where the kernel does not tell. */
export function pageBytes(): number | undefined {
  try {
    return pageBytesIn(readFileSync("/proc/self/auxv"), process.arch === "arm" || process.arch === "ia32" ? 4 : 8);
  } catch {
    return undefined;
  }
}

/** The same from an auxiliary vector: pairs of words, in the machine's own byte order. */
export function pageBytesIn(vector: Uint8Array, wordBytes: 4 | 8): number | undefined {
  // A copy: words must be aligned.
  const { buffer } = Uint8Array.from(vector.subarray(0, vector.length - (vector.length % (2 * wordBytes))));
  const words = wordBytes === 8 ? Array.from(new BigUint64Array(buffer), Number) : Array.from(new Uint32Array(buffer));
  for (let at = 0; at < words.length && words[at] !== AT_NULL; at += 2) {
    if (words[at] === AT_PAGESZ) return words[at + 1];
  }
  return undefined;
}
