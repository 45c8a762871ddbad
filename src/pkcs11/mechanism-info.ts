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
  readonly does: "digest" | "sign" | "generate";
};

const { HW, DIGEST, SIGN, VERIFY, GENERATE_KEY_PAIR, EC_F_P, EC_NAMEDCURVE, EC_UNCOMPRESS } = CKF.MECHANISM;
const EC = EC_F_P | EC_NAMEDCURVE | EC_UNCOMPRESS;

/**
 * The mechanisms, one a row. Programs on p11-kit 0.24 are shown no ECDSA with a hash: its client leaves those out.
 * PKCS #11 mechanisms v2.40, sections 2.3 and 2.18
 */
export const MECHANISMS: readonly MechanismInfo[] = [
  ec(CKM.EC_KEY_PAIR_GEN, "generate", undefined),
  ec(CKM.ECDSA, "sign", undefined),
  ec(CKM.ECDSA_SHA256, "sign", "sha256"),
  ec(CKM.ECDSA_SHA384, "sign", "sha384"),
  ec(CKM.ECDSA_SHA512, "sign", "sha512"),
  digest(CKM.SHA256, "sha256"),
  digest(CKM.SHA384, "sha384"),
  digest(CKM.SHA512, "sha512"),
];

function ec(type: number, does: "sign" | "generate", hash: HashName | undefined): MechanismInfo {
  const flags = does === "sign" ? SIGN | VERIFY : GENERATE_KEY_PAIR;
  return { type, minBits: 256n, maxBits: 256n, flags: HW | EC | flags, hash, does };
}

function digest(type: number, hash: HashName): MechanismInfo {
  return { type, minBits: 0n, maxBits: 0n, flags: DIGEST, hash, does: "digest" };
}
