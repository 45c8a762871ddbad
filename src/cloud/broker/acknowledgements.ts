import type { ClientConnection } from "./client-connection.ts";
import { violation } from "./errors.ts";
import type { Link } from "./link.ts";
import { REASON } from "./reason-codes.ts";

/** The packets by which the two ends tell each other how far a message has come. */
export type Acknowledgement = "puback" | "pubrec" | "pubrel" | "pubcomp";

/** By their first byte. MQTT 5.0, section 2.1.3 */
export const ACKNOWLEDGEMENTS: Readonly<Record<number, Acknowledgement>> = {
  0x40: "puback",
  0x50: "pubrec",
  0x62: "pubrel",
  0x70: "pubcomp",
};

/** Carries on the message with a packet identifier. MQTT 5.0, section 4.3 */
export function handleAcknowledgement(
  connection: ClientConnection,
  link: Link,
  packet: { readonly cmd: Acknowledgement; readonly packetId: number; readonly reason: number },
): void {
  const { cmd, packetId, reason } = packet;
  if (cmd === "puback") return link.session.acknowledge(packetId);
  if (connection.core.settings.maximumQos < 2) throw violation(`${cmd.toUpperCase()} is not accepted here`);
  if (cmd === "pubrec") handleReceived(connection, link, packetId, reason);
  else if (cmd === "pubrel") handleRelease(connection, link, packetId);
  else link.session.complete(packetId);
}

/** PUBREL: the message goes out, once, and PUBCOMP says so. MQTT 5.0, section 4.3.3 */
function handleRelease({ core, out }: ClientConnection, link: Link, packetId: number): void {
  const message = link.session.takeReceived(packetId);
  if (message && !message.isExpired(core.clock)) core.router.publish(message, link.publisher);
  const reasonCode = message ? REASON.success : REASON.packetIdentifierNotFound;
  out.answer("pubcomp", packetId, { mark: core.turn.mark, reasonCode });
}

/** PUBREC: PUBREL follows, unless the client refused the message. MQTT 5.0, section 4.3.3 */
function handleReceived({ core, out }: ClientConnection, { session }: Link, packetId: number, reason: number): void {
  if (reason >= REASON.unspecifiedError) return session.complete(packetId);
  const isKnown = session.release(packetId);
  out.sendRelease(packetId, core.turn.mark, isKnown ? REASON.success : REASON.packetIdentifierNotFound);
}
