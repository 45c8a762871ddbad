import { SE05X_DIGEST } from "../../apdu/se05x/index.ts";
import type { HashName } from "../../crypto/index.ts";
import type { Se05xHandlers, Se05xInside } from "./handlers.ts";
import { refuse } from "./refuse.ts";

const DIGESTS: Readonly<Record<number, HashName>> = {
  [SE05X_DIGEST.sha256]: "sha256",
  [SE05X_DIGEST.sha384]: "sha384",
  [SE05X_DIGEST.sha512]: "sha512",
};

/** Hashing. SE05x command table, tier b */
export function digestHandlers({ hash }: Se05xInside): Pick<Se05xHandlers, "digest"> {
  return { digest: ({ algorithm, input }) => ({ digest: hash.digest(hashNamed(algorithm), input) }) };
}

/** The hash of a digest identifier. Refused with 6A80 where the chip has none. */
export function hashNamed(algorithm: number): HashName {
  const name = DIGESTS[algorithm];
  if (!name) throw refuse(0x6a80, `digest ${algorithm} is not in this chip`);
  return name;
}
