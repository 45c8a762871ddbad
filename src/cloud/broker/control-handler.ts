import { handleAcknowledgement } from "./acknowledgements.ts";
import type { ClientConnection } from "./client-connection.ts";
import { malformed, violation } from "./errors.ts";
import type { Link } from "./link.ts";
import { reasonCodeOf } from "./outbound.ts";
import { checkControl } from "./packet-shape.ts";
import { REASON } from "./reason-codes.ts";
import { handleSubscribe, handleUnsubscribe } from "./subscribe-handler.ts";

/** Handles any packet after CONNACK that is not on the fast path, given whole; `bodyAt` is where its fixed header ends. */
export function handleControl(connection: ClientConnection, link: Link, bytes: Uint8Array, bodyAt: number): void {
  checkControl(bytes, bodyAt, link.version);
  const packet = connection.core.codec.decode(bytes, link.version);
  connection.trace.packet("received", packet.cmd, bytes.length, { reasonCode: reasonCodeOf(packet) });
  switch (packet.cmd) {
    case "subscribe":
      return handleSubscribe(connection, link, packet);
    case "unsubscribe":
      return handleUnsubscribe(connection, link, packet);
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp": {
      const { cmd, messageId: packetId = 0, reasonCode: reason = REASON.success } = packet;
      return handleAcknowledgement(connection, link, { cmd, packetId, reason });
    }
    case "auth":
      return connection.reauthenticate(packet, link);
    case "disconnect":
      return connection.disconnected(link, packet);
    case "pingreq":
      throw malformed("PINGREQ has a body");
    default:
      throw violation(`${packet.cmd.toUpperCase()} is not accepted from a client here`);
  }
}
