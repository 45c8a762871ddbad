import { UsageError } from "../codec/index.ts";
import { hashOf, isEcdsa } from "./algorithms.ts";
import type { CryptoErrorCode } from "./errors.ts";
import type { DigestVerifier, Hash, SignatureVerifier } from "./ports.ts";
import { ecPublicPoint } from "./public-key.ts";

/** A verifier of messages over a verifier of digests: the hash is taken on the host, the curve arithmetic elsewhere. */
export function verifierOverDigests(verifier: DigestVerifier, hash: Hash): SignatureVerifier {
  return {
    performer: verifier.performer,
    async verify({ publicKey, algorithm, content, signature }) {
      const key = ecPublicPoint(publicKey);
      if (!key || !isEcdsa(algorithm)) {
        throw new UsageError<CryptoErrorCode>("unsupported-algorithm", `no ${algorithm} over digests for this key`);
      }
      return verifier.verifyDigest(key.point, hash.digest(hashOf(algorithm), content), signature);
    },
  };
}
