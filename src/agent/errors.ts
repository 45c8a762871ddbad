import type { ErrorTable } from "../codec/index.ts";

/** The codes of `agent`. */
export const AGENT_ERRORS = {
  "token-key": {
    cause: "The device's key can sign no JSON Web Token: ES256 and ES384 need an elliptic-curve key.",
    cure: "Give the device a P-256 key pair (hawser device init --generate).",
  },
  "connection-dropped": {
    cause:
      "The cloud closed the connection after TLS and before it answered CONNECT: MQTT 3.1.1 has no other way to say no.",
    cure: "A device that connects for the first time is registered this way; it connects again by itself. If it stays so, ask the cloud: hawser why CLIENT_ID.",
  },
  "not-mqtt": {
    cause: "What answers at this address over TLS is not an MQTT broker.",
    cure: "Check the port: devices connect to the MQTT port that hawser up prints (8883 by default), not to the control plane.",
  },
  "connection-lost": {
    cause: "The connection broke before the cloud acknowledged a message or a subscription.",
    cure: "The message may or may not have arrived; with QoS 1 it is sent again. If it repeats, hawser why CLIENT_ID names the reason.",
  },
  "connack-refused": {
    cause: "The cloud answered CONNECT with a refusal; its reason code is in the message.",
    cure: "0x87 means not authorized: the certificate is not ACTIVE, or no policy allows this client id. hawser why CLIENT_ID says which.",
  },
  "publish-refused": {
    cause: "The cloud acknowledged a message with a refusal; its reason code is in the message.",
    cure: "0x87 means that no policy allows iot:Publish on this topic: hawser why CLIENT_ID shows the topic and the policies.",
  },
  "subscribe-refused": {
    cause: "The cloud refused a subscription.",
    cure: "Allow iot:Subscribe on the topic filter in a policy of the certificate: hawser why CLIENT_ID shows both.",
  },
  "dropped-at-request": {
    cause:
      "The cloud accepts the device but closes the connection each time it publishes or subscribes: with MQTT 3.1.1, that is how a broker says that a policy does not allow it.",
    cure: "hawser why CLIENT_ID names the topic and the policies. --mqtt-version 5 makes the cloud say so itself.",
  },
  "not-attested": {
    cause:
      "What a chip says about one of its objects is not proven: `reply` says whether certificate, signature, chip, object, origin, policy or contents are not what they should be.",
    cure: "Ask again with fresh random bytes, over the chip that is meant. A key of another origin was made elsewhere and may exist twice: do not admit it.",
  },
  "empty-slot": {
    cause: "The secure element holds no key pair in that slot.",
    cure: "Make one there (hawser device init --generate) or inject one (--inject KEY.pem).",
  },
  "slot-in-use": {
    cause: "The slot holds a key pair already, and it would be lost.",
    cure: "Choose another --slot, or use the key pair that is there: hawser device init without --generate and --inject.",
  },
  "no-certificate": {
    cause: "The secure element's storage holds no device certificate.",
    cure: "Run hawser device init first, or store the certificate that a CA issued: hawser device init --certificate FILE.",
  },
  "no-ca-certificate": {
    cause: "The device has no CA certificate to know the cloud by, in its chip or outside it.",
    cure: "Give the file with the cloud's root as --cafile (hawser cloud root --out root.pem gives it), or store the issuer's with hawser device init.",
  },
  "certificate-mismatch": {
    cause: "The certificate is not for the key pair in that slot.",
    cure: "Use the certificate that was issued for this chip's request, or the slot that the request was made for.",
  },
  "not-p256": {
    cause: "The key to inject is not a key pair on P-256, the only curve of this secure element.",
    cure: "openssl ecparam -genkey -name prime256v1 -out deviceKey.key",
  },
  "not-in-chip": {
    cause: "This chip cannot do an operation of the handshake that it was asked for, or not without another one.",
    cure: "The message names both: leave the operation to the host, or give the chip the other one as well.",
  },
  "gave-up": {
    cause: "The cloud did not accept the device within the allowed number of attempts; the last failure is named.",
    cure: "Where nothing was reached, compare the cloud's address with its 'listening' line (hawser up). Where the cloud refused, ask it: hawser why CLIENT_ID. A device that stays PENDING_ACTIVATION needs the activation function (hawser cloud install-jitr).",
  },
} as const satisfies ErrorTable;

export type AgentErrorCode = keyof typeof AGENT_ERRORS;
