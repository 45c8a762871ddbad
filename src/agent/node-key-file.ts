import { concat, UsageError } from "../codec/index.ts";
import type { PlainKeyPair } from "../crypto/index.ts";
import { privateKeyFromPem } from "../crypto/node.ts";
import type { AgentErrorCode } from "./errors.ts";

/**
 * A P-256 key pair to inject from PEM as OpenSSL writes it, parameters in front or not. Throws `UsageError` `not-p256`, or
 * `bad-key` where there is no readable key. AN12131, section 8.6
 */
export function keyPairFromPem(pem: string, passphrase?: string): PlainKeyPair {
  const key = privateKeyFromPem(pem, passphrase);
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const { d, x, y } = curve === "prime256v1" ? key.export({ format: "jwk" }) : {};
  if (d === undefined || x === undefined || y === undefined) {
    throw new UsageError<AgentErrorCode>("not-p256", `the key is ${curve ?? key.asymmetricKeyType ?? "unknown"}`);
  }
  return { scalar: bytesOf(d), point: concat(Uint8Array.of(4), bytesOf(x), bytesOf(y)) };
}

/** JSON Web Keys hold numbers of a curve at its full length. RFC 7518, section 6.2.1.2 */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "base64url"));
}
