import { HawserError } from "../codec/index.ts";
import type { PkiErrorCode } from "../pki/index.ts";
import type { AlertName } from "./alerts.ts";
import { LocalFailure, TlsError } from "./errors.ts";

/** What to tell a peer about its certificate; a reason that is not listed is a bad_certificate. RFC 8446, section 6.2 */
const ALERT_FOR: Readonly<Partial<Record<PkiErrorCode, AlertName>>> = {
  "unknown-issuer": "unknown_ca",
  "key-identifier": "unknown_ca",
  expired: "certificate_expired",
  "not-yet-valid": "certificate_expired",
  revoked: "certificate_revoked",
  "revocation-unknown": "certificate_unknown",
  "stapled-response": "bad_certificate_status_response",
  "weak-algorithm": "unsupported_certificate",
  "weak-key": "unsupported_certificate",
  "extended-key-usage": "unsupported_certificate",
  "key-usage": "unsupported_certificate",
  "unknown-critical-extension": "unsupported_certificate",
};

/** The error for a refused chain; what the validator did not say as one of its own errors is a failure of ours. */
export function certificateFailure(cause: unknown, peer: "client" | "server" = "server"): HawserError {
  if (!(cause instanceof HawserError)) {
    return new LocalFailure("operation-failed", `the ${peer}'s certificate could not be checked`, { cause });
  }
  const alert = ALERT_FOR[cause.code as PkiErrorCode] ?? "bad_certificate";
  return new TlsError("certificate-refused", `the ${peer}'s certificate is refused: ${cause.message}`, {
    cause,
    alert,
  });
}
