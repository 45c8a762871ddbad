import { UsageError } from "../codec/index.ts";
import type { Signer } from "../crypto/index.ts";
import { isIssuingAlgorithm, type IssuingAlgorithm } from "./der-write.ts";
import type { PkiErrorCode } from "./errors.ts";
import { parsePublicKey } from "./public-key.ts";

/**
 * The algorithm with which a key issues: ECDSA with the hash of its curve's strength.
 * Throws `UsageError` `issuing-key` for keys that are not on P-256 or P-384.
 */
export function issuingAlgorithm(signer: Signer): IssuingAlgorithm {
  const key = parsePublicKey(signer.publicKey);
  const algorithm = signer.algorithms.find(isIssuingAlgorithm);
  if (key.kind !== "ec" || key.curve === "P-521" || !algorithm) {
    const what = key.kind === "ec" ? key.curve : key.kind;
    throw new UsageError<PkiErrorCode>("issuing-key", `a ${what} key does not sign certificates here`);
  }
  return algorithm;
}
