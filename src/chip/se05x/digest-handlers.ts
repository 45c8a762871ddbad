import { SE05X_DIGEST } from "../../apdu/se05x/index.ts";
import type { HashName } from "../../crypto/index.ts";
import type { DigestName } from "./arithmetic.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { refuse } from "./refuse.ts";

const DIGESTS: Readonly<Record<number, DigestName>> = {
  [SE05X_DIGEST.sha1]: "sha1",
  [SE05X_DIGEST.sha224]: "sha224",
  [SE05X_DIGEST.sha256]: "sha256",
  [SE05X_DIGEST.sha384]: "sha384",
  [SE05X_DIGEST.sha512]: "sha512",
};

/** Hashing. SE05x command table, tier b */
export function digestHandlers({ arithmetic }: Se05xInside): Pick<Se05xHandlers, "digest"> {
  return {
    digest: ({ algorithm, input }) => ({ digest: arithmetic.digest(digestNamed(algorithm), input) }),
  };
}

/** The hash of a digest identifier. Refused with 6A80 where the chip has none. */
export function digestNamed(algorithm: number): DigestName {
  const name = DIGESTS[algorithm];
  if (!name) throw refuse(0x6a80, `digest ${algorithm} is not in this chip`);
  return name;
}

/** Whether an identifier names a hash. */
export function isDigest(algorithm: number): boolean {
  return algorithm in DIGESTS;
}

/** The hash that keys are derived with. Refused with 6A80 for SHA-224, and where the chip has none. RFC 5246, section 5 */
export function hashNamed(algorithm: number): HashName {
  const name = digestNamed(algorithm);
  if (name === "sha1" || name === "sha224") throw refuse(0x6a80, `${name} derives no secrets`);
  return name;
}
