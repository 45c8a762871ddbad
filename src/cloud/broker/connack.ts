import type { Packet } from "mqtt-packet";

import type { ConnectTerms } from "./connect-terms.ts";
import { REASON, returnCodeFor, type ReasonCode } from "./reason-codes.ts";
import type { BrokerSettings } from "./settings.ts";

/** The CONNACK of a client that is let in. MQTT 5.0, section 3.2 */
export function admittingConnack(terms: ConnectTerms, sessionPresent: boolean): Packet {
  const { request, connackProperties: properties, isMqtt31 } = terms;
  if (request.protocolVersion === 5) return { cmd: "connack", sessionPresent, reasonCode: 0, properties };
  return { cmd: "connack", sessionPresent: sessionPresent && !isMqtt31, returnCode: 0 };
}

/** The CONNACK of a client that is not, or undefined where its version has no code for the reason. */
export function refusingConnack(
  reasonCode: ReasonCode,
  { version, text }: { readonly version: 4 | 5; readonly text: string | undefined },
  { unauthorizedReturnCode }: Pick<BrokerSettings, "unauthorizedReturnCode">,
): Packet | undefined {
  const refusal = { cmd: "connack", sessionPresent: false } as const;
  if (version === 5)
    return { ...refusal, reasonCode, ...(text === undefined ? {} : { properties: { reasonString: text } }) };
  const returnCode = reasonCode === REASON.notAuthorized ? unauthorizedReturnCode : returnCodeFor(reasonCode);
  return returnCode === undefined || returnCode === "none" ? undefined : { ...refusal, returnCode };
}
