import { type Hash, hashOf } from "../crypto/index.ts";
import { parseCertificate } from "../pki/index.ts";

/** The channel binding `tls-server-end-point`: the hash of the server's certificate, by the hash that signed it. RFC 5929, section 4.1 */
export function serverEndPoint(hash: Hash, certificate: Uint8Array): Uint8Array {
  const { accepted } = parseCertificate(certificate).signatureAlgorithm;
  return hash.digest(accepted ? hashOf(accepted) : "sha256", certificate);
}
