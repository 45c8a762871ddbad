import { toBase64, UsageError, utf8Bytes } from "../codec/index.ts";
import { ecdsaDerToRaw } from "../crypto/index.ts";
import { parsePublicKey } from "../pki/index.ts";
import type { AgentErrorCode } from "./errors.ts";
import type { DeviceIdentity } from "./identity.ts";

export type TokenOrder = {
  /** The name of the device registry: who the token is for. */
  readonly audience: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** How long the token is good for; the cloud takes at most a day. */
  readonly lifetimeS: number;
  /** Sends the device's certificate along, for registries that register by it; otherwise only its id goes. */
  readonly sendsCertificate?: boolean;
  /** The challenge that the token answers. */
  readonly nonce?: string;
};

/** What a key on each curve signs with, JWS's name of it, and the size of its numbers in bytes. RFC 7518, section 3.4 */
const BY_CURVE = {
  "P-256": { algorithm: "ecdsa_sha256", alg: "ES256", size: 32 },
  "P-384": { algorithm: "ecdsa_sha384", alg: "ES384", size: 48 },
} as const;

/**
 * A JSON Web Token that the device's key signs wherever it lives: what takes the place of a client certificate in
 * AN-7648. A JWS in compact form; its `kid` is the certificate's id. RFC 7515, section 7.1; RFC 7519, section 4.1
 *
 * Throws `UsageError` `token-key` for a key that signs with neither ES256 nor ES384.
 */
export async function deviceToken({ signer, chain }: DeviceIdentity, order: TokenOrder): Promise<string> {
  const [certificate] = chain;
  const key = parsePublicKey(signer.publicKey);
  const method =
    key.kind === "ec" && (key.curve === "P-256" || key.curve === "P-384") ? BY_CURVE[key.curve] : undefined;
  if (!method || !certificate) {
    const what = key.kind === "ec" ? `on ${key.curve}` : `of kind ${key.kind}`;
    throw new UsageError<AgentErrorCode>("token-key", `the device's key is ${what}`);
  }
  const { alg, algorithm, size } = method;
  const x5c = order.sendsCertificate === true ? { x5c: [toBase64(certificate.der)] } : {};
  const issuedAt = Math.floor(order.now / 1000);
  const { audience: aud, nonce } = order;
  const claims = { aud, iat: issuedAt, exp: issuedAt + order.lifetimeS, ...(nonce !== undefined && { nonce }) };
  const signed = `${part({ alg, typ: "JWT", kid: certificate.id, ...x5c })}.${part(claims)}`;
  const signature = ecdsaDerToRaw(await signer.sign(algorithm, utf8Bytes(signed)), size);
  return `${signed}.${base64url(signature)}`;
}

function part(value: object): string {
  return base64url(utf8Bytes(JSON.stringify(value)));
}

/** RFC 7515, section 2 */
function base64url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
