import { concat, DecodeError, sameBytes } from "../codec/index.ts";

/** One block of AES at a time, the key of 16, 24 or 32 bytes; everything here is built from it. FIPS 197 */
export interface BlockCipher {
  encrypt(key: Uint8Array, block: Uint8Array): Uint8Array;
  decrypt(key: Uint8Array, block: Uint8Array): Uint8Array;
}

/** Bytes in a block of AES. FIPS 197 */
export const BLOCK = 16;

/** AES-CMAC of the parts one behind the other, 16 bytes. SP 800-38B, section 6.2 */
export function cmac(aes: BlockCipher, key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const message = concat(...parts);
  const blocks = Math.max(1, Math.ceil(message.length / BLOCK));
  const last = message.slice((blocks - 1) * BLOCK);
  const whole = last.length === BLOCK;
  const [forWhole, forPart] = cmacSubkeys(aes.encrypt(key, new Uint8Array(BLOCK)));
  const final = xor(whole ? last : padded(last), whole ? forWhole : forPart);
  let state: Uint8Array = new Uint8Array(BLOCK);
  for (let i = 0; i < blocks - 1; i++) {
    state = aes.encrypt(key, xor(state, message.subarray(i * BLOCK, (i + 1) * BLOCK)));
  }
  return aes.encrypt(key, xor(state, final));
}

/** AES-CBC of whole blocks. SP 800-38A, section 6.2 */
export function cbcEncrypt(aes: BlockCipher, key: Uint8Array, iv: Uint8Array, blocks: Uint8Array): Uint8Array {
  const out = new Uint8Array(blocks.length);
  let previous = iv;
  for (let at = 0; at < blocks.length; at += BLOCK) {
    previous = aes.encrypt(key, xor(previous, blocks.subarray(at, at + BLOCK)));
    out.set(previous, at);
  }
  return out;
}

/** The reverse of `cbcEncrypt`. SP 800-38A, section 6.2 */
export function cbcDecrypt(aes: BlockCipher, key: Uint8Array, iv: Uint8Array, blocks: Uint8Array): Uint8Array {
  const out = new Uint8Array(blocks.length);
  let previous = iv;
  for (let at = 0; at < blocks.length; at += BLOCK) {
    const block = blocks.subarray(at, at + BLOCK);
    out.set(xor(aes.decrypt(key, block), previous), at);
    previous = block;
  }
  return out;
}

/** Data with 80 and as many zeros as fill the last block; always at least the 80. ISO/IEC 7816-4, section 10.2.3.1 */
export function padded(data: Uint8Array): Uint8Array {
  const blocks = new Uint8Array((Math.floor(data.length / BLOCK) + 1) * BLOCK);
  blocks.set(data);
  blocks[data.length] = 0x80;
  return blocks;
}

/** Data without its padding. Throws `DecodeError` `value` where there is none. ISO/IEC 7816-4, section 10.2.3.1 */
export function unpadded(blocks: Uint8Array): Uint8Array {
  let at = blocks.length - 1;
  while (at > 0 && blocks[at] === 0) at--;
  if (blocks[at] !== 0x80) throw new DecodeError("value", "no padding", Math.max(0, at));
  return blocks.slice(0, at);
}

const WRAP_CHECK = new Uint8Array(8).fill(0xa6);

/** A key of at least two blocks of 8 bytes, wrapped: 8 bytes longer. RFC 3394, section 2.2.1 */
export function wrapKey(aes: BlockCipher, wrappingKey: Uint8Array, key: Uint8Array): Uint8Array {
  const n = key.length / 8;
  let a: Uint8Array = WRAP_CHECK;
  const r = Array.from({ length: n }, (_, i) => key.slice(8 * i, 8 * i + 8));
  for (let t = 1; t <= 6 * n; t++) {
    const i = (t - 1) % n;
    const b = aes.encrypt(wrappingKey, concat(a, r[i] ?? WRAP_CHECK));
    a = withStep(b.subarray(0, 8), t);
    r[i] = b.slice(8);
  }
  return concat(a, ...r);
}

/** The key, or undefined where the integrity check fails or the length is impossible. RFC 3394, section 2.2.2 */
export function unwrapKey(aes: BlockCipher, wrappingKey: Uint8Array, wrapped: Uint8Array): Uint8Array | undefined {
  const n = wrapped.length / 8 - 1;
  if (!Number.isInteger(n) || n < 2) return undefined;
  let a = wrapped.slice(0, 8);
  const r = Array.from({ length: n }, (_, i) => wrapped.slice(8 * i + 8, 8 * i + 16));
  for (let t = 6 * n; t >= 1; t--) {
    const i = (t - 1) % n;
    const b = aes.decrypt(wrappingKey, concat(withStep(a, t), r[i] ?? WRAP_CHECK));
    a = b.slice(0, 8);
    r[i] = b.slice(8);
  }
  return sameBytes(a, WRAP_CHECK) ? concat(...r) : undefined;
}

function withStep(block: Uint8Array, step: number): Uint8Array {
  const changed = block.slice();
  const view = new DataView(changed.buffer);
  // A step of over 32 bits would take a key of gigabytes.
  view.setUint32(4, view.getUint32(4) ^ step);
  return changed;
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ (b[i] ?? 0));
}

/** Multiplication by x in the field of the subkeys. SP 800-38B, section 6.1 */
/** The masks of a last block that is whole and of one that is not, from an encrypted block of zeros. SP 800-38B, section 6.1 */
export function cmacSubkeys(encryptedZeros: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const first = doubled(encryptedZeros);
  return [first, doubled(first)];
}

function doubled(block: Uint8Array): Uint8Array {
  const carry = (block[0] ?? 0) >> 7;
  const shifted = block.map((byte, i) => (byte << 1) | ((block[i + 1] ?? 0) >> 7));
  const last = block.length - 1;
  shifted[last] = (shifted[last] ?? 0) ^ (carry * (block.length === BLOCK ? 0x87 : 0x1b));
  return shifted;
}
