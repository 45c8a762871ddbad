/** The reason codes that this broker sends or acts on. MQTT 5.0, section 2.4 */
export const REASON = {
  success: 0x00,
  disconnectWithWill: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  continueAuthentication: 0x18,
  reAuthenticate: 0x19,
  unspecifiedError: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  unsupportedProtocolVersion: 0x84,
  clientIdentifierNotValid: 0x85,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdentifierNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  retainNotSupported: 0x9a,
  qosNotSupported: 0x9b,
  sharedSubscriptionsNotSupported: 0x9e,
  subscriptionIdentifiersNotSupported: 0xa1,
} as const;

export type ReasonCode = (typeof REASON)[keyof typeof REASON];

/** What an MQTT 3.1.1 client is told in CONNACK instead. MQTT 3.1.1, section 3.2.2.3 */
const RETURN_CODE: Partial<Record<ReasonCode, number>> = {
  [REASON.unsupportedProtocolVersion]: 1,
  [REASON.clientIdentifierNotValid]: 2,
  [REASON.serverUnavailable]: 3,
  [REASON.quotaExceeded]: 3,
};

/** The MQTT 3.1.1 CONNACK return code for a reason, or undefined where only closing says it. */
export function returnCodeFor(reason: ReasonCode): number | undefined {
  return RETURN_CODE[reason];
}
