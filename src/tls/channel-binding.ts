import { type Hash, hashOf } from "../crypto/index.ts";
import { misuse } from "./errors.ts";
import { parseCertificate } from "../pki/index.ts";

/**
 * The channel binding `tls-server-end-point`: the hash of the server's certificate, by the hash that signed it. Throws
 * `UsageError` `bad-option` for a signature without such a hash, whose binding is undefined. RFC 5929, section 4.1
 */
export function serverEndPoint(hash: Hash, certificate: Uint8Array): Uint8Array {
  const { accepted } = parseCertificate(certificate).signatureAlgorithm;
  if (accepted === "ed25519") throw misuse("bad-option", "no channel binding is defined for Ed25519 certificates");
  return hash.digest(accepted ? hashOf(accepted) : "sha256", certificate);
}
