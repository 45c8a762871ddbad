import { UsageError } from "../codec/index.ts";
import type { Signer } from "../crypto/index.ts";
import { isIssuingAlgorithm, type IssuingAlgorithm, type RequestAlgorithm } from "./der-write.ts";
import type { PkiErrorCode } from "./errors.ts";
import { parsePublicKey } from "./public-key.ts";

/**
 * The algorithm with which a key issues: Ed25519, or ECDSA with the hash of its curve's strength.
 * Throws `UsageError` `issuing-key` for keys that are not on P-256, P-384 or Curve25519.
 */
export function issuingAlgorithm(signer: Signer): IssuingAlgorithm {
  const key = parsePublicKey(signer.publicKey);
  const algorithm = signer.algorithms.find(isIssuingAlgorithm);
  const isIssuing = key.kind === "ed25519" || (key.kind === "ec" && key.curve !== "P-521");
  if (!isIssuing || !algorithm) {
    const what = key.kind === "ec" ? key.curve : key.kind;
    throw new UsageError<PkiErrorCode>("issuing-key", `a ${what} key does not sign certificates here`);
  }
  return algorithm;
}

/** The algorithm with which a key signs a request: as it issues or, for RSA keys, PKCS #1. Throws `UsageError` `issuing-key`. */
export function requestAlgorithm(signer: Signer): RequestAlgorithm {
  const isRsa = parsePublicKey(signer.publicKey).kind === "rsa" && signer.algorithms.includes("rsa_pkcs1_sha256");
  return isRsa ? "rsa_pkcs1_sha256" : issuingAlgorithm(signer);
}
