import { utf8Bytes } from "../../codec/index.ts";
import type { SystemMessage } from "../broker/index.ts";

export type Registration = {
  readonly certificateId: string;
  readonly caCertificateId: string;
  readonly accountId: string;
  /** When the event happens, in milliseconds since 1970. */
  readonly time: number;
  /** When the certificate was registered, for every event but the first. */
  readonly registeredAt: number | undefined;
};

/** Where a CA's new devices are told of. AWS IoT Core, "Just-in-time registration" */
export function registrationTopic(caCertificateId: string): string {
  return `$aws/events/certificates/registered/${caCertificateId}`;
}

/**
 * The message that tells of a device which connected with a certificate that waits for activation.
 * Members, their order and their types are those of AWS. AWS IoT Core, "Just-in-time registration"
 */
export function registrationEvent(registration: Registration): SystemMessage {
  const { certificateId, caCertificateId, accountId, time, registeredAt } = registration;
  const event = {
    certificateId,
    caCertificateId,
    timestamp: Math.floor(time),
    certificateStatus: "PENDING_ACTIVATION",
    awsAccountId: accountId,
    // A text where there is one, unlike timestamp: so it comes from AWS, and so programs expect it.
    certificateRegistrationTimestamp: registeredAt === undefined ? null : String(Math.floor(registeredAt)),
  };
  return {
    topic: registrationTopic(caCertificateId),
    payload: utf8Bytes(JSON.stringify(event)),
    qos: 1,
  };
}
