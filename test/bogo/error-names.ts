import { ALERTS, type TlsErrorCode } from "../../src/tls/index.ts";

/** Which of our codes stand for an error that BoringSSL's runner expects. */
export const ERROR_NAMES: Readonly<Record<string, readonly TlsErrorCode[]>> = {
  ":UNEXPECTED_MESSAGE:": ["unexpected-message", "warning-flood"],
  ":UNEXPECTED_RECORD:": ["unexpected-message", "warning-flood", "misaligned-key-change"],
  ":EXCESSIVE_MESSAGE_SIZE:": ["message-too-long"],
  ":DATA_LENGTH_TOO_LONG:": ["record-too-long"],
  ":ENCRYPTED_LENGTH_TOO_LONG:": ["record-too-long"],
  ":DECRYPTION_FAILED_OR_BAD_RECORD_MAC:": ["bad-record-mac", "unexpected-message"],
  ":BAD_CHANGE_CIPHER_SPEC:": ["unexpected-message", "malformed-message"],
  ":INVALID_OUTER_RECORD_TYPE:": ["unexpected-message"],
  ":APPLICATION_DATA_INSTEAD_OF_HANDSHAKE:": ["unexpected-message"],
  ":WRONG_VERSION_NUMBER:": ["not-tls", "bad-record-version"],
  ":HTTP_REQUEST:": ["not-tls"],
  ":TOO_MANY_EMPTY_FRAGMENTS:": ["empty-record-flood"],
  ":TOO_MANY_WARNING_ALERTS:": ["warning-flood"],
  ":TOO_MANY_KEY_UPDATES:": ["key-update-flood"],
  ":BUFFERED_MESSAGES_ON_CIPHER_CHANGE:": ["misaligned-key-change"],
  ":EXCESS_HANDSHAKE_DATA:": ["misaligned-key-change", "unexpected-message"],
  ":UNSUPPORTED_PROTOCOL:": ["unsupported-version", "bad-selected-version"],
  ":TLS13_DOWNGRADE:": ["downgrade"],
  ":WRONG_CIPHER_RETURNED:": ["unoffered-suite", "changed-after-retry"],
  ":UNKNOWN_CIPHER_RETURNED:": ["unoffered-suite"],
  ":UNSUPPORTED_COMPRESSION_ALGORITHM:": ["bad-compression"],
  ":SECOND_SERVERHELLO_VERSION_MISMATCH:": ["bad-selected-version"],
  ":UNEXPECTED_EXTENSION:": ["unsolicited-extension", "misplaced-extension", "bad-selected-version"],
  ":ERROR_PARSING_EXTENSION:": ["misplaced-extension", "bad-point-formats", "malformed-message", "bad-alpn"],
  ":DUPLICATE_EXTENSION:": ["duplicate-extension"],
  ":DECODE_ERROR:": [
    "malformed-message",
    "no-server-certificate",
    "bad-certificate-context",
    "bad-key-update",
    "bad-compression",
    "bad-selected-version",
    "missing-extension",
  ],
  ":PARSE_TLSEXT:": ["malformed-message"],
  ":BAD_ALERT:": ["malformed-message"],
  ":UNKNOWN_ALERT_TYPE:": ["malformed-message"],
  ":PEER_DID_NOT_RETURN_A_CERTIFICATE:": ["no-server-certificate"],
  ":RENEGOTIATION_MISMATCH:": ["insecure-renegotiation"],
  ":INVALID_ALPN_PROTOCOL:": ["bad-alpn"],
  ":WRONG_CURVE:": ["unoffered-group", "changed-after-retry", "needless-retry"],
  ":BAD_ECPOINT:": ["bad-key-share"],
  ":WRONG_SIGNATURE_TYPE:": ["unoffered-scheme", "scheme-not-for-key"],
  ":BAD_SIGNATURE:": ["bad-server-signature"],
  ":DIGEST_CHECK_FAILED:": ["bad-finished"],
  ":WRONG_CERTIFICATE_TYPE:": ["certificate-not-for-suite"],
  ":BAD_ECC_CERT:": ["certificate-not-for-suite"],
  ":MISSING_EXTENSION:": ["missing-extension"],
  ":MISSING_KEY_SHARE:": ["missing-extension"],
  ":SERVER_ECHOED_INVALID_SESSION_ID:": ["unoffered-session"],
  ":OLD_SESSION_CIPHER_NOT_RETURNED:": ["changed-session"],
  ":OLD_SESSION_VERSION_NOT_RETURNED:": ["unsolicited-extension", "unoffered-session"],
  ":OLD_SESSION_PRF_HASH_MISMATCH:": ["bad-selected-psk"],
  ":RESUMED_EMS_SESSION_WITHOUT_EMS_EXTENSION:": ["changed-session"],
  ":PSK_IDENTITY_NOT_FOUND:": ["bad-selected-psk"],
  ":EMPTY_HELLO_RETRY_REQUEST:": ["needless-retry"],
  ":CERTIFICATE_VERIFY_FAILED:": ["certificate-refused"],
  ":KEY_USAGE_BIT_INCORRECT:": ["certificate-refused"],
  "Unexpected SSL_shutdown result: -1 != 1": ["truncated"],
};

/** An alert of old, which has no name here. RFC 8446, section 6 */
const DECOMPRESSION_FAILURE = 30;

/** The runner's names for one of our codes; an alert that was received has a name of its own. */
export function boringNames(code: string, received: number | undefined): string[] {
  const names = Object.entries(ERROR_NAMES).flatMap(([name, codes]) =>
    (codes as readonly string[]).includes(code) ? [name] : [],
  );
  if (received === DECOMPRESSION_FAILURE) return [":SSLV3_ALERT_DECOMPRESSION_FAILURE:"];
  const alert = Object.entries(ALERTS)
    .find(([, number]) => number === received)?.[0]
    .toUpperCase();
  if (alert !== undefined) names.push(`:TLSV1_ALERT_${alert}:`, `:SSLV3_ALERT_${alert}:`);
  if (alert === "HANDSHAKE_FAILURE") names.push(":HANDSHAKE_FAILURE_ON_CLIENT_HELLO:");
  return names;
}
