import type { Packet } from "mqtt-packet";

import { REFUSALS, type RefusalCause } from "../../trace/index.ts";

/**
 * A packet with all that it may say, and then with less and less, for clients that take only short packets. A reason
 * string that begins with a refusal's cause brings the cure along as a user property. MQTT 5.0, sections 3.2.2.3.9 and
 * 3.2.2.3.10
 */
export function* tellings(packet: Packet): Iterable<Packet> {
  const properties = "properties" in packet ? (packet.properties as Properties | undefined) : undefined;
  const cause = properties?.reasonString === undefined ? undefined : causeIn(properties.reasonString);
  if (cause)
    yield { ...packet, properties: { ...properties, userProperties: { cure: REFUSALS[cause].cure } } } as Packet;
  yield packet;
  if (properties?.reasonString === undefined) return;
  const { reasonString: _, ...rest } = properties;
  yield { ...packet, properties: rest } as Packet;
}

type Properties = { readonly reasonString?: string };

function causeIn(reason: string): RefusalCause | undefined {
  const [word = ""] = reason.split(":");
  return Object.hasOwn(REFUSALS, word) ? (word as RefusalCause) : undefined;
}
