import type { ErrorTable } from "../codec/index.ts";

/** The codes of `agent`. */
export const AGENT_ERRORS = {
  "connection-dropped": {
    cause:
      "The cloud closed the connection after TLS and before it answered CONNECT: MQTT 3.1.1 has no other way to say no.",
    cure: "A device that connects for the first time is registered this way; it connects again by itself. If it stays so, ask the cloud: hawser why CLIENT_ID.",
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
  "gave-up": {
    cause: "The cloud did not accept the device within the allowed number of attempts; the last failure is named.",
    cure: "Ask the cloud: hawser why CLIENT_ID. A device that stays PENDING_ACTIVATION needs the activation function (hawser cloud install-jitr).",
  },
} as const satisfies ErrorTable;

export type AgentErrorCode = keyof typeof AGENT_ERRORS;
