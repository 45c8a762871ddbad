import type { HashName } from "../crypto/index.ts";
import { CKF, CKM } from "./cryptoki.ts";

/** What a mechanism of this token does. Key sizes are in bits. */
export type MechanismInfo = {
  readonly type: number;
  readonly minBits: bigint;
  readonly maxBits: bigint;
  readonly flags: bigint;
  /** The hash that it takes of the data itself; undefined where the data are a digest already. */
  readonly hash: HashName | undefined;
  readonly does: "digest" | "sign" | "generate" | "derive";
  /** The protocol version of the first client that lets it through; an older one strikes it from every list. */
  readonly sinceVersion: 0 | 1;
};

const { HW, DIGEST, SIGN, VERIFY, GENERATE_KEY_PAIR, DERIVE, EC_F_P, EC_NAMEDCURVE, EC_UNCOMPRESS } = CKF.MECHANISM;
const EC = EC_F_P | EC_NAMEDCURVE | EC_UNCOMPRESS;
const digest = { minBits: 0n, maxBits: 0n, flags: DIGEST };

/** The mechanisms, one a row. PKCS #11 mechanisms v2.40, sections 2.3 and 2.18 */
export const MECHANISMS: readonly MechanismInfo[] = [
  { ...ec(GENERATE_KEY_PAIR), type: CKM.EC_KEY_PAIR_GEN, does: "generate", hash: undefined, sinceVersion: 0 },
  { ...ec(SIGN | VERIFY), type: CKM.ECDSA, does: "sign", hash: undefined, sinceVersion: 0 },
  { ...ec(SIGN | VERIFY), type: CKM.ECDSA_SHA256, does: "sign", hash: "sha256", sinceVersion: 1 },
  { ...ec(SIGN | VERIFY), type: CKM.ECDSA_SHA384, does: "sign", hash: "sha384", sinceVersion: 1 },
  { ...ec(SIGN | VERIFY), type: CKM.ECDSA_SHA512, does: "sign", hash: "sha512", sinceVersion: 1 },
  { ...ec(DERIVE), type: CKM.ECDH1_DERIVE, does: "derive", hash: undefined, sinceVersion: 1 },
  { ...digest, type: CKM.SHA256, does: "digest", hash: "sha256", sinceVersion: 0 },
  { ...digest, type: CKM.SHA384, does: "digest", hash: "sha384", sinceVersion: 0 },
  { ...digest, type: CKM.SHA512, does: "digest", hash: "sha512", sinceVersion: 0 },
];

function ec(flags: bigint) {
  return { minBits: 256n, maxBits: 256n, flags: HW | EC | flags };
}
