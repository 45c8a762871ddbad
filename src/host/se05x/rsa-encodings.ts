import { concat, fromHex, Writer } from "../../codec/index.ts";
import { type Hash, HASH_LENGTH, type HashName } from "../../crypto/index.ts";

/** DER of DigestInfo up to the digest. RFC 8017, section 9.2, note 1 */
const DIGEST_INFO: Readonly<Record<HashName, Uint8Array>> = {
  sha256: fromHex("3031300d060960864801650304020105000420"),
  sha384: fromHex("3041300d060960864801650304020205000430"),
  sha512: fromHex("3051300d060960864801650304020305000440"),
};

/** A digest in the block that RSASSA-PKCS1-v1_5 signs; `length` is the modulus's, in bytes. RFC 8017, section 9.2 */
export function pkcs1Block(name: HashName, digest: Uint8Array, length: number): Uint8Array {
  const info = concat(DIGEST_INFO[name], digest);
  const filling = new Uint8Array(length - info.length - 3).fill(0xff);
  return concat(fromHex("0001"), filling, fromHex("00"), info);
}

/** A digest in the block that RSASSA-PSS signs, with a salt of the hash's length. RFC 8017, section 9.1.1 */
export function pssBlock(
  hash: Hash,
  name: HashName,
  { digest, salt, length }: { readonly digest: Uint8Array; readonly salt: Uint8Array; readonly length: number },
): Uint8Array {
  const seal = hash.digest(name, new Uint8Array(8), digest, salt);
  const data = concat(new Uint8Array(length - salt.length - seal.length - 2), fromHex("01"), salt);
  const mask = maskOf(hash, name, seal, data.length);
  const masked = data.map((byte, i) => byte ^ (mask[i] ?? 0));
  // The block has to be below the modulus, whose highest bit is set.
  return concat(masked.with(0, (masked[0] ?? 0) & 0x7f), seal, fromHex("bc"));
}

/** MGF1. RFC 8017, appendix B.2.1 */
function maskOf(hash: Hash, name: HashName, seed: Uint8Array, length: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(length / HASH_LENGTH[name]) }, (_, i) =>
    hash.digest(name, seed, new Writer(4).u32(i).finish()),
  );
  return concat(...blocks).subarray(0, length);
}
