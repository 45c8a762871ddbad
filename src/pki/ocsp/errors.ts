import { HawserError, type ErrorTable } from "../../codec/index.ts";

/** The codes of `pki/ocsp`. */
export const OCSP_ERRORS = {
  "ocsp-question": {
    cause: "The request would ask about no certificate, or its nonce is not of 1 to 128 bytes.",
    cure: "Give at least one certificate with its issuer; take 32 random bytes as nonce, or none.",
  },
  "ocsp-status": {
    cause:
      "The responder did not answer the question: malformedRequest, internalError, tryLater, sigRequired or unauthorized.",
    cure: "Ask again later; where it persists, the responder does not serve this CA, or wants signed requests.",
  },
  "ocsp-type": {
    cause: "The response is of another type than id-pkix-ocsp-basic.",
    cure: "Have the responder send basic responses; no client is required to understand others.",
  },
  "ocsp-unrelated": {
    cause: "The response says nothing about the certificate that was asked about.",
    cure: "Check that the server staples the response for its own certificate, and that issuer and certificate belong together.",
  },
  "ocsp-responder": {
    cause: "The response is signed by nobody whom the certificate's issuer authorised.",
    cure: "Sign with the issuer's key, or with a valid certificate that this key issued with extended key usage OCSPSigning.",
  },
  "ocsp-signature": {
    cause: "The response's signature does not verify, or its algorithm is not accepted.",
    cure: "The response was altered, or is signed with SHA-1; fetch it again, sign with SHA-256.",
  },
  "ocsp-not-yet-valid": {
    cause: "The response is of the future: thisUpdate or producedAt lies behind the present.",
    cure: "Check this machine's clock and that of the responder.",
  },
  "ocsp-stale": {
    cause: "The response's nextUpdate has passed, or it has none and is too old.",
    cure: "Fetch a new response; a server that staples must renew it before nextUpdate.",
  },
  "ocsp-nonce": {
    cause: "The response does not repeat the nonce of the request.",
    cure: "The answer was replayed or made in advance; ask a responder that supports nonces, or ask without one.",
  },
  "ocsp-critical-extension": {
    cause: "The response holds a critical extension that is not processed.",
    cure: "Have the responder leave it out; a critical extension must not be ignored.",
  },
} as const satisfies ErrorTable;

export type OcspErrorCode = keyof typeof OCSP_ERRORS;

/** A response was well understood and must not be relied on. */
export class OcspError extends HawserError<OcspErrorCode> {}
