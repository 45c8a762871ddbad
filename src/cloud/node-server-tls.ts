import { DEFAULT_CIPHERS } from "node:tls";

import type { ServerTls } from "./broker/node.ts";
import type { ServerIdentity } from "./node-server-identity.ts";

/**
 * With an RSA certificate an RSA key exchange and CBC under DHE_RSA would become possible too. Neither is wanted: the one
 * has no forward secrecy and an oracle's history, the other its MAC under encryption. RFC 9325, section 4.2
 */
const LEGACY_CIPHERS = `${DEFAULT_CIPHERS}:!kRSA:-kDHE:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384`;

/**
 * The listeners' keys and suites. An identity with an RSA certificate is offered under ECDHE_RSA, and under DHE_RSA with
 * AES-GCM on the 2048-bit group of RFC 3526, which is what `auto` means for a certificate of 2048 bits.
 */
export function serverTls({ key, certificate, rsa }: ServerIdentity): ServerTls {
  if (!rsa) return { key, cert: certificate };
  return { key: [key, rsa.key], cert: [certificate, rsa.certificate], ciphers: LEGACY_CIPHERS, dhparam: "auto" };
}
