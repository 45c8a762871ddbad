import { fromBase64, toBase64, utf8Bytes } from "../../codec/index.ts";
import type { Entropy } from "../../crypto/index.ts";
import { parseCertificate } from "../../pki/index.ts";
import type { AuthenticationStep, Authenticator } from "../broker/index.ts";
import type { TokenBearer, TokenRefusal } from "./token.ts";

/**
 * The method of MQTT 5's enhanced authentication in which the server sends a challenge and the client answers with a
 * token that holds it as `nonce`: a token that was overheard is worth nothing. AN-7648, "Running the Device"; our own
 * name, since no standard has one.
 */
export const CHALLENGE_METHOD = "OEM-JWT-CHALLENGE";

const NONCE_BYTES = 32;

/** The method, over what verifies tokens. The client begins with empty data, and answers the nonce with a token. */
export function jwtChallenge({
  entropy,
  bearerOf,
}: {
  readonly entropy: Entropy;
  readonly bearerOf: (token: string, clientId: string) => Promise<TokenBearer | TokenRefusal>;
}): Authenticator {
  return {
    method: CHALLENGE_METHOD,
    begin({ clientId }) {
      let nonce: string | undefined;
      return {
        async next(data): Promise<AuthenticationStep> {
          if (nonce === undefined) {
            nonce = toBase64(entropy.bytes(NONCE_BYTES)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
            return { outcome: "continue", data: utf8Bytes(nonce) };
          }
          const bearer = await bearerOf(new TextDecoder("latin1").decode(data), clientId);
          if ("cause" in bearer) return { outcome: "refuse", ...bearer };
          if (bearer.nonce === nonce) return { outcome: "success", identity: identityOf(bearer) };
          const evidence = { nonce: (bearer.nonce ?? "").slice(0, 64), expected: nonce };
          return { outcome: "refuse", cause: "jwt-nonce", evidence };
        },
      };
    },
  };
}

/** A bearer as a text: it travels through the broker to the gate. */
function identityOf({ certificate, expiresAt }: TokenBearer): string {
  return `${expiresAt} ${toBase64(certificate.der)}`;
}

/** The bearer that `identityOf` wrote. */
export function bearerIn(identity: string): TokenBearer {
  const [expiresAt = "", der = ""] = identity.split(" ");
  return { certificate: parseCertificate(fromBase64(der)), expiresAt: Number(expiresAt), nonce: undefined };
}
