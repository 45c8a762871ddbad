import { SE05X_CURVE } from "../../apdu/se05x/index.ts";
import { equal, fromHex, utf8Bytes } from "../../codec/index.ts";
import type { Se05xInside } from "./handler.ts";
import { EcKey } from "./secrets.ts";

/** SHA-256 of "abc". FIPS 180-4 */
const DIGEST_OF_ABC = fromHex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
/** AES-128 of a known block. FIPS 197, appendix B */
const AES = {
  key: fromHex("2b7e151628aed2a6abf7158809cf4f3c"),
  plain: fromHex("3243f6a8885a308d313198a2e0370734"),
  cipher: fromHex("3925841d02dc09fbdc118597196a0b32"),
} as const;

/** Whether hash, cipher and signatures of the chip give known answers, and agree with themselves. */
export function selfTestHolds(inside: Se05xInside): boolean {
  const { hash, aes, curves } = inside;
  if (!equal(hash.digest("sha256", utf8Bytes("abc")), DIGEST_OF_ABC)) return false;
  if (!equal(aes.encrypt(AES.key, AES.plain), AES.cipher) || !equal(aes.decrypt(AES.key, AES.cipher), AES.plain)) {
    return false;
  }
  const curve = curves.get(SE05X_CURVE.p256);
  if (!curve) return false;
  const [mine, theirs] = [EcKey.generate(curve, inside.entropy), EcKey.generate(curve, inside.entropy)];
  return equal(mine.agree(theirs.point), theirs.agree(mine.point));
}
