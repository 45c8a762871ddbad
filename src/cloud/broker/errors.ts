import { ProtocolError, type ErrorTable } from "../../codec/index.ts";
import { REASON, type ReasonCode } from "./reason-codes.ts";

/** The codes of `cloud/broker`. */
export const BROKER_ERRORS = {
  "mqtt-malformed": {
    cause: "A client sent bytes that cannot be read as an MQTT packet.",
    cure: "Check that the client speaks MQTT 3.1.1 or 5 to this port; the message names the rule.",
  },
  "mqtt-violation": {
    cause: "A client sent a packet that the MQTT protocol forbids at this point, or that this broker does not support.",
    cure: "The message names the rule; correct or update the client.",
  },
  "mqtt-over-limit": {
    cause: "A client went over a limit that the broker announced or documents.",
    cure: "The message names the limit; change the client, or raise the limit in the broker's settings.",
  },
  "broker-stopped": {
    cause: "A connection was opened or a message published after the broker had been stopped.",
    cure: "Stop the listeners and publishers before the broker.",
  },
  "bad-system-topic": {
    cause: "A part of the cloud tried to publish to something that is not a topic name.",
    cure: "Topic names are not empty and hold no wildcards; check the id that was put into the topic.",
  },
  "mqtt-setting": {
    cause:
      "A setting of the MQTT broker, or a limit of the account, that was chosen does not exist, or not with this value.",
    cure: "The message names what there is; write it as name=value, once for each.",
  },
  "not-loopback": {
    cause: "MQTT without TLS was to be offered on an address that other machines can reach.",
    cure: "Use 127.0.0.1 or ::1, or listen with TLS.",
  },
} as const satisfies ErrorTable;

export type BrokerErrorCode = keyof typeof BROKER_ERRORS;

/** A client's offence: `reply` is the reason code with which its connection ends. MQTT 5.0, section 4.13 */
export class ClientFault extends ProtocolError<BrokerErrorCode, ReasonCode> {}

/** The bytes break the packet format. MQTT 5.0, section 4.13.1 */
export function malformed(rule: string, cause?: unknown): ClientFault {
  return new ClientFault("mqtt-malformed", rule, REASON.malformedPacket, cause === undefined ? {} : { cause });
}

/** The packet is well formed but not allowed here. */
export function violation(rule: string, reason: ReasonCode = REASON.protocolError): ClientFault {
  return new ClientFault("mqtt-violation", rule, reason);
}

/** The client went over a limit. */
export function overLimit(limit: string, reason: ReasonCode): ClientFault {
  return new ClientFault("mqtt-over-limit", limit, reason);
}
