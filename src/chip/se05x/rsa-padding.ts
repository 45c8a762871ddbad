import { concat, equal, fromHex, Writer } from "../../codec/index.ts";
import type { Entropy } from "../../crypto/index.ts";
import type { DigestName, Se05xArithmetic } from "./arithmetic.ts";

/** What paddings are made with. */
export type PaddingPorts = { readonly arithmetic: Se05xArithmetic; readonly entropy: Entropy };

/** DER of DigestInfo up to the digest. RFC 8017, section 9.2, note 1 */
const DIGEST_INFO: Readonly<Record<DigestName, Uint8Array>> = {
  sha1: fromHex("3021300906052b0e03021a05000414"),
  sha224: fromHex("302d300d06096086480165030402040500041c"),
  sha256: fromHex("3031300d060960864801650304020105000420"),
  sha384: fromHex("3041300d060960864801650304020205000430"),
  sha512: fromHex("3051300d060960864801650304020305000440"),
};

/** A digest as PKCS #1 v1.5 signs it, or undefined where the modulus is too short. RFC 8017, section 9.2 */
export function pkcs1SignatureBlock(name: DigestName, digest: Uint8Array, length: number): Uint8Array | undefined {
  const info = concat(DIGEST_INFO[name], digest);
  const fill = length - info.length - 3;
  return fill < 8 ? undefined : concat(fromHex("0001"), new Uint8Array(fill).fill(0xff), Uint8Array.of(0), info);
}

/** A digest as PSS signs it, with a salt of the digest's length; undefined where the modulus is too short. RFC 8017, section 9.1.1 */
export function pssBlock(
  { arithmetic, entropy }: PaddingPorts,
  name: DigestName,
  digest: Uint8Array,
  length: number,
): Uint8Array | undefined {
  const fill = length - 2 * digest.length - 2;
  if (fill < 0) return undefined;
  const salt = entropy.bytes(digest.length);
  const hash = digestOf(arithmetic, name, new Uint8Array(8), digest, salt);
  const data = concat(new Uint8Array(fill), Uint8Array.of(1), salt);
  const masked = xor(data, mask(arithmetic, name, hash, data.length));
  return concat(masked.with(0, (masked[0] ?? 0) & 0x7f), hash, Uint8Array.of(0xbc));
}

/** Whether a block is a digest as PSS signs it, with a salt of the digest's length. RFC 8017, section 9.1.2 */
export function isPssBlock(
  arithmetic: Se05xArithmetic,
  name: DigestName,
  digest: Uint8Array,
  block: Uint8Array,
): boolean {
  const at = block.length - digest.length - 1;
  const fill = at - digest.length - 1;
  if (fill < 0 || block.at(-1) !== 0xbc || (block[0] ?? 0) > 0x7f) return false;
  const hash = block.slice(at, -1);
  const data = xor(block.slice(0, at), mask(arithmetic, name, hash, at));
  const plain = data.with(0, (data[0] ?? 0) & 0x7f);
  const isFilled = plain.subarray(0, fill).every((byte) => byte === 0) && plain[fill] === 1;
  return isFilled && equal(digestOf(arithmetic, name, new Uint8Array(8), digest, plain.subarray(fill + 1)), hash);
}

/** A message as PKCS #1 v1.5 encrypts it, or undefined where it is too long. RFC 8017, section 7.2.1 */
export function pkcs1EncryptionBlock(entropy: Entropy, message: Uint8Array, length: number): Uint8Array | undefined {
  const fill = length - message.length - 3;
  if (fill < 8) return undefined;
  const filling = new Uint8Array(fill);
  for (let i = 0; i < fill;) {
    const [byte = 0] = entropy.bytes(1);
    if (byte !== 0) filling[i++] = byte;
  }
  return concat(fromHex("0002"), filling, Uint8Array.of(0), message);
}

/** The message in such a block, or undefined. RFC 8017, section 7.2.2 */
export function fromPkcs1EncryptionBlock(block: Uint8Array): Uint8Array | undefined {
  const end = block.indexOf(0, 2);
  return block[0] === 0 && block[1] === 2 && end >= 10 ? block.slice(end + 1) : undefined;
}

/** Chips of the family take SHA-1 for OAEP, and no label. RFC 8017, section 7.1.1 */
const OAEP_HASH = "sha1";
const OAEP_HASH_LENGTH = 20;

/** A message as OAEP encrypts it, or undefined where it is too long. RFC 8017, section 7.1.1 */
export function oaepBlock(
  { arithmetic, entropy }: PaddingPorts,
  message: Uint8Array,
  length: number,
): Uint8Array | undefined {
  const fill = length - message.length - 2 * OAEP_HASH_LENGTH - 2;
  if (fill < 0) return undefined;
  const seed = entropy.bytes(OAEP_HASH_LENGTH);
  const data = concat(digestOf(arithmetic, OAEP_HASH), new Uint8Array(fill), Uint8Array.of(1), message);
  const masked = xor(data, mask(arithmetic, OAEP_HASH, seed, data.length));
  return concat(Uint8Array.of(0), xor(seed, mask(arithmetic, OAEP_HASH, masked, seed.length)), masked);
}

/** The message in such a block, or undefined. RFC 8017, section 7.1.2 */
export function fromOaepBlock(arithmetic: Se05xArithmetic, block: Uint8Array): Uint8Array | undefined {
  if (block.length < 2 * OAEP_HASH_LENGTH + 2) return undefined;
  const masked = block.slice(1 + OAEP_HASH_LENGTH);
  const seed = xor(block.slice(1, 1 + OAEP_HASH_LENGTH), mask(arithmetic, OAEP_HASH, masked, OAEP_HASH_LENGTH));
  const data = xor(masked, mask(arithmetic, OAEP_HASH, seed, masked.length));
  const mark = data.findIndex((byte, i) => i >= OAEP_HASH_LENGTH && byte !== 0);
  const isWhole = equal(data.slice(0, OAEP_HASH_LENGTH), digestOf(arithmetic, OAEP_HASH)) && data[mark] === 1;
  return isWhole && block[0] === 0 ? data.slice(mark + 1) : undefined;
}

function digestOf(arithmetic: Se05xArithmetic, name: DigestName, ...parts: readonly Uint8Array[]): Uint8Array {
  const hash = arithmetic.startDigest(name);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** MGF1. RFC 8017, appendix B.2.1 */
function mask(arithmetic: Se05xArithmetic, name: DigestName, seed: Uint8Array, length: number): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let made = 0, i = 0; made < length; i++) {
    const block = digestOf(arithmetic, name, seed, new Writer(4).u32(i).finish());
    blocks.push(block);
    made += block.length;
  }
  return concat(...blocks).slice(0, length);
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ (b[i] ?? 0));
}
