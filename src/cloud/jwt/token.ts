import { base64url, decodeJwt, decodeProtectedHeader, errors, importSPKI, jwtVerify } from "jose";

import { DecodeError, fromBase64, toPem } from "../../codec/index.ts";
import { ecdsaDerToRaw } from "../../crypto/index.ts";
import { parseCertificate, type Certificate } from "../../pki/index.ts";
import type { RefusalCause } from "../../trace/index.ts";

/** The largest token, in characters: one with a chain of four certificates fits. */
const MAX_TOKEN = 16_384;
const MAX_CHAIN = 4;

/** How far ahead of ours a device's clock may be, and how long its tokens may be good for. */
export const TOKEN_TIMES = { skewS: 600, lifetimeS: 24 * 60 * 60 } as const;

/** The signature algorithms that devices may use. RFC 7518, section 3.1 */
const ALGORITHMS: readonly string[] = ["ES256", "ES384", "RS256"];

/** A token's claim about itself: nothing of it is verified. */
export type ClaimedToken = {
  readonly token: string;
  readonly algorithm: string;
  readonly audiences: readonly string[];
  readonly keyId: string | undefined;
  readonly subject: string | undefined;
  /** The certificates that came along, the device's own first. RFC 7515, section 4.1.6 */
  readonly chain: readonly Certificate[];
};

/** Why a token was refused: the cause, and what was seen. */
export type TokenRefusal = {
  readonly cause: RefusalCause;
  readonly evidence: Readonly<Record<string, string | number>>;
};

/** A token that was accepted: until when, in milliseconds since 1970, and the nonce that it answers. */
export type VerifiedToken = { readonly expiresAt: number; readonly nonce: string | undefined };

/** Whether a password or bearer credential is meant to be a JWT. RFC 7515, section 3.1 */
export function looksLikeToken(text: string): boolean {
  return text.length <= MAX_TOKEN && /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/.test(text);
}

/** What a token says of itself, or why it cannot be read. RFC 7519, section 7.2 */
export function claimedToken(token: string): ClaimedToken | TokenRefusal {
  try {
    const header = decodeProtectedHeader(token);
    const { aud = [], sub } = decodeJwt(token);
    const { alg = "", kid, x5c = [] } = header;
    if (!ALGORITHMS.includes(alg)) return refusal("jwt-algorithm", { algorithm: alg, accepted: ALGORITHMS.join(", ") });
    if (!Array.isArray(x5c) || x5c.length > MAX_CHAIN) return refusal("jwt-malformed", { problem: "x5c" });
    const chain = x5c.map((each) => parseCertificate(fromBase64(each)));
    const audiences = typeof aud === "string" ? [aud] : aud;
    return { token, algorithm: alg, audiences, keyId: kid, subject: sub, chain };
  } catch (error) {
    return refusal("jwt-malformed", { problem: error instanceof Error ? error.message.slice(0, 200) : "" });
  }
}

/**
 * Verifies a token with the key of a certificate: signature, audience, and the times that it is good for.
 * `now` in milliseconds since 1970. RFC 7519, section 7.2; RFC 7515, section 5.2
 */
export async function verifyToken(
  { token, algorithm }: ClaimedToken,
  certificate: Certificate,
  terms: { readonly audience: string; readonly now: number; readonly derSignatures: boolean },
): Promise<VerifiedToken | TokenRefusal> {
  const { audience, now } = terms;
  try {
    const key = await importSPKI(toPem("PUBLIC KEY", certificate.publicKey.der), algorithm);
    const checked = terms.derSignatures ? withRawSignature(token, algorithm) : token;
    const { payload } = await jwtVerify(checked, key, {
      algorithms: [algorithm],
      audience,
      currentDate: new Date(now),
      requiredClaims: ["iat", "exp"],
    });
    const { iat = 0, exp = 0 } = payload;
    const times = { issuedAt: iso(iat), expiresAt: iso(exp), serverTime: iso(now / 1000) };
    if (iat > now / 1000 + TOKEN_TIMES.skewS) return refusal("jwt-not-yet-valid", times);
    if (exp > iat + TOKEN_TIMES.lifetimeS) return refusal("jwt-lifetime", { ...times, atMostS: TOKEN_TIMES.lifetimeS });
    const { nonce } = payload;
    return { expiresAt: exp * 1000, nonce: typeof nonce === "string" ? nonce : undefined };
  } catch (error) {
    return refused(error, terms, certificate.id);
  }
}

function refused(
  error: unknown,
  { audience, now }: { audience: string; now: number },
  certificateId: string,
): TokenRefusal {
  const serverTime = iso(now / 1000);
  const said = error instanceof Error ? error.message : String(error);
  if (error instanceof errors.JWTExpired) {
    return refusal("jwt-expired", { expiresAt: iso(Number(error.payload.exp)), serverTime });
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "aud") return refusal("jwt-audience", { expected: audience });
    const isEarly = error.claim === "nbf" && error.reason === "check_failed";
    return refusal(isEarly ? "jwt-not-yet-valid" : "jwt-malformed", { claim: error.claim, said, serverTime });
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return refusal("jwt-signature", { certificateId });
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) {
    return refusal("jwt-malformed", { problem: said });
  }
  // The key is of another kind or curve than the algorithm wants.
  return refusal("jwt-algorithm", { certificateId, said: said.slice(0, 200) });
}

/** The token with a DER signature made raw; as it is where it is not DER. RFC 7518, section 3.4 */
function withRawSignature(token: string, algorithm: string): string {
  const size = algorithm === "ES256" ? 32 : algorithm === "ES384" ? 48 : undefined;
  if (size === undefined) return token;
  const at = token.lastIndexOf(".") + 1;
  const signature = base64url.decode(token.slice(at));
  if (signature.length === 2 * size) return token;
  try {
    return token.slice(0, at) + base64url.encode(ecdsaDerToRaw(signature, size));
  } catch (error) {
    if (error instanceof DecodeError) return token;
    throw error;
  }
}

function refusal(cause: RefusalCause, evidence: TokenRefusal["evidence"]): TokenRefusal {
  return { cause, evidence };
}

function iso(seconds: number): string {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? String(seconds) : time.toISOString();
}

/** A client whose token was accepted: its certificate, and until when it may stay, in milliseconds since 1970. */
export type TokenBearer = {
  readonly certificate: Certificate;
  readonly expiresAt: number;
  readonly nonce: string | undefined;
};
