import type { IAuthPacket, Packet } from "mqtt-packet";

import type { ClientTopics } from "./client-topics.ts";
import type { BrokerCore } from "./core.ts";
import type { InboundRate } from "./inbound-rate.ts";
import type { Link } from "./link.ts";
import type { Outbound } from "./outbound.ts";
import type { PacketTrace } from "./packet-trace.ts";
import type { SessionConnection } from "./session-connection.ts";

/** A client's connection as those see it who handle its packets. */
export interface ClientConnection extends SessionConnection {
  readonly core: BrokerCore;
  readonly trace: PacketTrace;
  readonly out: Outbound;
  readonly rate: InboundRate | undefined;
  readonly topics: ClientTopics;
  /** The client proves again who it is. MQTT 5.0, section 4.12.1 */
  reauthenticate(packet: IAuthPacket, link: Link): void;
  /** The client says goodbye. MQTT 5.0, section 3.14 */
  disconnected(link: Link, packet: Extract<Packet, { cmd: "disconnect" }>): void;
}
