import type { ErrorEntry } from "../codec/index.ts";
import type { AlertName } from "./alerts.ts";

/** A code's cause and cure, and the alert that tells the peer; without one, nobody is told. */
export type TlsErrorEntry = ErrorEntry & { readonly alert?: AlertName };

/** The codes of `tls`. Alerts: RFC 5246, section 7.2.2; RFC 8446, section 6.2 */
export const TLS_ERRORS = {
  "unexpected-message": {
    alert: "unexpected_message",
    cause: "A message came that the protocol does not allow at this point.",
    cure: "The peer is broken or hostile, or something other than TLS answered; the message names what came and when.",
  },
  "malformed-message": {
    alert: "decode_error",
    cause: "A handshake message does not have the form that its specification gives it.",
    cure: "The peer is broken or hostile; the cause holds the offset of the offending byte.",
  },
  "not-tls": {
    alert: "protocol_version",
    cause: "The peer's first bytes are not a TLS record.",
    cure: "Check host and port: something that speaks plain text (HTTP, MQTT on 1883) may be on the other side.",
  },
  "bad-record-version": {
    alert: "protocol_version",
    cause: "A record names another version than the one that was agreed.",
    cure: "The peer is broken, or bytes were changed on the way.",
  },
  "record-too-long": {
    alert: "record_overflow",
    cause: "A record is longer than the protocol allows.",
    cure: "The peer is broken, or bytes were lost or added on the way.",
  },
  "bad-record-mac": {
    alert: "bad_record_mac",
    cause: "A protected record does not verify: it was changed, dropped, repeated or reordered on the way.",
    cure: "Suspect the network or an attacker on it. If it happens on every connection, the key exchange disagrees.",
  },
  "empty-record-flood": {
    alert: "unexpected_message",
    cause: "The peer sent many records in a row that carry nothing.",
    cure: "The peer is broken or wants to keep this side busy.",
  },
  "warning-flood": {
    alert: "unexpected_message",
    cause: "The peer sent many warnings or renegotiation requests in a row.",
    cure: "The peer is broken or wants to keep this side busy.",
  },
  "message-too-long": {
    alert: "illegal_parameter",
    cause: "A handshake message is longer than 64 KiB.",
    cure: "No sound peer sends one; check how many certificates it is configured to send.",
  },
  "misaligned-key-change": {
    alert: "unexpected_message",
    cause: "Handshake bytes were left over in a record when the keys changed.",
    cure: "The peer is broken or hostile: bytes without protection must not continue under protection.",
  },
  "unsupported-version": {
    alert: "protocol_version",
    cause: "The server chose a TLS version that this client did not offer.",
    cure: "Enable TLS 1.2 on the server.",
  },
  "bad-selected-version": {
    alert: "illegal_parameter",
    cause: "The server's hello names TLS 1.3 in a way that contradicts itself or what was offered.",
    cure: "The server or a middlebox is broken or hostile.",
  },
  downgrade: {
    alert: "illegal_parameter",
    cause: "The server can do TLS 1.3 but was made to choose TLS 1.2: somebody changed our hello on the way.",
    cure: "Suspect an attacker or a middlebox. Offer only TLS 1.2 (maxVersion) where the middlebox is known and harmless.",
  },
  "unoffered-session": {
    alert: "illegal_parameter",
    cause: "The server resumes a session that this client did not offer, or echoes another session id than ours.",
    cure: "The server or a middlebox is broken or hostile.",
  },
  "changed-session": {
    alert: "illegal_parameter",
    cause: "The server resumes a session with another suite or protection than the session had.",
    cure: "The server is broken or hostile; forget the session.",
  },
  "bad-selected-psk": {
    alert: "illegal_parameter",
    cause: "The server chose a pre-shared key that was not offered, or one that does not fit its suite.",
    cure: "The server is broken or hostile.",
  },
  "bad-record-limit": {
    alert: "illegal_parameter",
    cause: "The server's limit of record sizes is not one that it may set.",
    cure: "The server is broken; leave out recordSizeLimit and maxFragmentLength.",
  },
  "needless-retry": {
    alert: "illegal_parameter",
    cause: "The server asked for another hello that would not differ from the first.",
    cure: "The server is broken or hostile.",
  },
  "changed-after-retry": {
    alert: "illegal_parameter",
    cause: "After asking for another hello, the server chose another suite or group than it had announced.",
    cure: "The server is broken or hostile.",
  },
  "missing-extension": {
    alert: "missing_extension",
    cause: "A message lacks an extension that it must have.",
    cure: "The server is broken; the message names the extension.",
  },
  "bad-certificate-context": {
    alert: "illegal_parameter",
    cause: "A certificate message or request of the handshake carries a context, which only later ones may.",
    cure: "The server is broken.",
  },
  "bad-key-update": {
    alert: "illegal_parameter",
    cause: "A KeyUpdate holds neither of the two values that are defined.",
    cure: "The server is broken.",
  },
  "key-update-flood": {
    alert: "unexpected_message",
    cause: "The server changed its keys many times in a row without sending data.",
    cure: "The server is broken or wants to keep this device busy.",
  },
  "unoffered-suite": {
    alert: "illegal_parameter",
    cause: "The server chose a cipher suite that this client did not offer.",
    cure: "The server is broken or hostile.",
  },
  "bad-compression": {
    alert: "illegal_parameter",
    cause: "The peer insists on compression, which is never spoken here.",
    cure: "The peer is broken or hostile.",
  },
  "unsolicited-extension": {
    alert: "unsupported_extension",
    cause: "The server answered with an extension that this client did not send.",
    cure: "The server is broken or hostile; the message names the extension.",
  },
  "misplaced-extension": {
    alert: "illegal_parameter",
    cause: "An extension stands in a message where it does not belong.",
    cure: "The peer is broken; the message names the extension.",
  },
  "duplicate-extension": {
    alert: "illegal_parameter",
    cause: "The same extension stands twice in one message.",
    cure: "The peer is broken or hostile; the message names the extension.",
  },
  "insecure-renegotiation": {
    alert: "handshake_failure",
    cause:
      "The peer's word about secure renegotiation is missing or wrong, so an attacker could have spoken before the client.",
    cure: "Update the peer: RFC 5746 is from 2010.",
  },
  "bad-alpn": {
    alert: "illegal_parameter",
    cause: "The server chose an application protocol that this client did not offer.",
    cure: "The server is broken; compare the `alpn` option with the server's list.",
  },
  "bad-point-formats": {
    alert: "illegal_parameter",
    cause: "The peer does not accept uncompressed points.",
    cure: "The peer is broken: uncompressed points are mandatory.",
  },
  "unoffered-group": {
    alert: "illegal_parameter",
    cause: "The server chose a key-agreement group that this client did not offer.",
    cure: "The server is broken or hostile; with a chip, only the chip's groups are offered.",
  },
  "unoffered-scheme": {
    alert: "illegal_parameter",
    cause: "The peer signed with an algorithm that was not offered to it.",
    cure: "Configure the peer to sign with SHA-256 or better; SHA-1 is never accepted.",
  },
  "scheme-not-for-key": {
    alert: "illegal_parameter",
    cause: "The signature algorithm that the peer names does not fit the key in its certificate.",
    cure: "The peer is broken or hostile.",
  },
  "certificate-not-for-suite": {
    alert: "unsupported_certificate",
    cause: "The key in the peer's certificate is not of a kind that the cipher suite or the request for it allows.",
    cure: "The peer is misconfigured: an ECDSA suite needs an EC key, an RSA suite an RSA key; clients sign with either.",
  },
  "no-server-certificate": {
    alert: "decode_error",
    cause: "The server sent an empty certificate list.",
    cure: "Give the server a certificate.",
  },
  "chain-too-long": {
    alert: "bad_certificate",
    cause: "The peer sent more than ten certificates.",
    cure: "Configure the peer to send only its own chain.",
  },
  "certificate-refused": {
    alert: "bad_certificate",
    cause: "The peer's certificate chain is not valid, not trusted, or not for this name or purpose.",
    cure: "The cause names the certificate and the rule. Check the `ca` option, the name connected to, and both clocks.",
  },
  "bad-server-signature": {
    alert: "decrypt_error",
    cause: "The server's handshake signature does not verify: it does not hold the certificate's private key.",
    cure: "Suspect an attacker, or a server whose key and certificate do not belong together.",
  },
  "no-common-version": {
    alert: "protocol_version",
    cause: "The client does not offer TLS 1.2, the one version that the demonstration server speaks.",
    cure: "Let the client offer TLS 1.2.",
  },
  "needless-fallback": {
    alert: "inappropriate_fallback",
    cause: "The client says that it fell back to an older version, although this server speaks a newer one.",
    cure: "Suspect an attacker who makes connections fail, or a network that does; do not let the client fall back.",
  },
  "no-common-suite": {
    alert: "handshake_failure",
    cause:
      "No cipher suite of the server's can be used with this client: its suites, groups or signature algorithms exclude it.",
    cure: "Compare both sides: a client that offers ECDHE only and a server that was started for ECDH never meet.",
  },
  "no-client-certificate": {
    alert: "handshake_failure",
    cause: "The server demands a client certificate and the client sent none.",
    cure: "Give the client a certificate of an authority that the server names.",
  },
  "bad-client-signature": {
    alert: "decrypt_error",
    cause: "The client's signature does not verify: it does not hold its certificate's private key.",
    cure: "Suspect an attacker, or a client whose key and certificate do not belong together: is the chip's key the certificate's?",
  },
  "bad-key-share": {
    alert: "illegal_parameter",
    cause: "The peer's public key for the key agreement is not a point on the agreed group.",
    cure: "The peer is broken or hostile.",
  },
  "weak-dh-group": {
    alert: "insufficient_security",
    cause: "The server's Diffie-Hellman group is smaller than 2048 bits, or malformed.",
    cure: "Configure the server with ffdhe2048 or larger, or with elliptic curves.",
  },
  "bad-finished": {
    alert: "decrypt_error",
    cause: "The peer's Finished does not match this side's view of the handshake: somebody changed it on the way.",
    cure: "Suspect an attacker or a broken middlebox between device and server.",
  },
  "alert-received": {
    cause: "The peer ended the connection with an alert.",
    cure: "The alert's name says why: handshake_failure (no common suite), bad_certificate or unknown_ca (our certificate), protocol_version.",
  },
  "closed-in-handshake": {
    cause: "The peer closed the connection before the handshake was complete.",
    cure: "Look at the peer's log; some servers close without an alert when they dislike the client's certificate.",
  },
  truncated: {
    cause: "The connection ended without the peer's goodbye (close_notify): data may be missing.",
    cure: "Treat what was received as incomplete; some programs omit the goodbye, an attacker can cut it off.",
  },
  "operation-failed": {
    alert: "internal_error",
    cause: "A cryptographic operation on our side failed, on the host or in the secure element.",
    cure: "The cause holds the reason; for a chip, check that it is reachable and that the key slot holds the key.",
  },
  "keys-exhausted": {
    alert: "internal_error",
    cause: "So many records were sent under one key that going on would be unsafe.",
    cure: "Connect again; that makes new keys.",
  },
  "connect-failed": {
    cause: "No TCP connection to the server could be made.",
    cure: "Check host, port and network; the cause holds the system's error.",
  },
  "transport-failed": {
    cause: "The TCP connection broke.",
    cure: "Check the network and connect again; the cause holds the system's error.",
  },
  "handshake-timeout": {
    alert: "user_canceled",
    cause: "The handshake did not finish in time.",
    cure: "Check that TLS is spoken on that port, and whether the secure element answers.",
  },
  aborted: {
    alert: "user_canceled",
    cause: "The caller gave up through its AbortSignal.",
    cure: "Nothing to repair.",
  },
  "unexpected-answer": {
    cause: "The driver answered an operation that was not asked for.",
    cure: "Correct the driver: one answer for each effect, in order.",
  },
  "not-connected": {
    cause: "Data was given to send before the handshake was complete or after the connection was over.",
    cure: "Wait for the connection to be established; look at `phase`.",
  },
  "bad-option": {
    cause: "An option of the connection cannot work.",
    cure: "The message names the option and what it must be.",
  },
} as const satisfies Readonly<Record<string, TlsErrorEntry>>;

export type TlsErrorCode = keyof typeof TLS_ERRORS;
