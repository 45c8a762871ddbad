import { CKF, CKM } from "./cryptoki.ts";
import type { DigestName } from "./digest-names.ts";

/** What a mechanism of this token does. */
export type MechanismInfo = {
  readonly type: number;
  readonly flags: bigint;
  /** The hash that it takes of the data itself; undefined where the data are a digest already. */
  readonly hash: DigestName | undefined;
  readonly does: "digest" | "sign" | "generate" | "derive";
  /** The protocol version of the first client that lets it through; an older one strikes it from every list. */
  readonly sinceVersion: 0 | 1;
};

const { HW, DIGEST, SIGN, VERIFY, GENERATE_KEY_PAIR, DERIVE, EC_F_P, EC_NAMEDCURVE, EC_UNCOMPRESS } = CKF.MECHANISM;
const EC = HW | EC_F_P | EC_NAMEDCURVE | EC_UNCOMPRESS;
const sign = { flags: EC | SIGN | VERIFY, does: "sign" } as const;
const digest = { flags: DIGEST, does: "digest" } as const;

/** The mechanisms, one a row. PKCS #11 mechanisms v2.40, sections 2.3, 2.17 and 2.18 */
export const MECHANISMS: readonly MechanismInfo[] = [
  { type: CKM.EC_KEY_PAIR_GEN, flags: EC | GENERATE_KEY_PAIR, does: "generate", hash: undefined, sinceVersion: 0 },
  { ...sign, type: CKM.ECDSA, hash: undefined, sinceVersion: 0 },
  // A program that has a digest signed by CKM_ECDSA may have taken it by SHA-1, so this gives nothing away.
  { ...sign, type: CKM.ECDSA_SHA1, hash: "sha1", sinceVersion: 0 },
  { ...sign, type: CKM.ECDSA_SHA224, hash: "sha224", sinceVersion: 1 },
  { ...sign, type: CKM.ECDSA_SHA256, hash: "sha256", sinceVersion: 1 },
  { ...sign, type: CKM.ECDSA_SHA384, hash: "sha384", sinceVersion: 1 },
  { ...sign, type: CKM.ECDSA_SHA512, hash: "sha512", sinceVersion: 1 },
  { type: CKM.ECDH1_DERIVE, flags: EC | DERIVE, does: "derive", hash: undefined, sinceVersion: 1 },
  { ...digest, type: CKM.SHA_1, hash: "sha1", sinceVersion: 0 },
  { ...digest, type: CKM.SHA224, hash: "sha224", sinceVersion: 1 },
  { ...digest, type: CKM.SHA256, hash: "sha256", sinceVersion: 0 },
  { ...digest, type: CKM.SHA384, hash: "sha384", sinceVersion: 0 },
  { ...digest, type: CKM.SHA512, hash: "sha512", sinceVersion: 0 },
];
