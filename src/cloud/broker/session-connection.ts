import type { Closing } from "./closing.ts";
import type { Message } from "./message.ts";
import type { Outgoing } from "./outbound-flow.ts";
import type { PacketTrace } from "./packet-trace.ts";
import type { Peer } from "./ports.ts";
import type { InboundLimit, OutboundLimit } from "./rate-account.ts";

/** A client's connection as its session sees it, which may have many one after the other. MQTT 5.0, section 4.1 */
export interface SessionConnection {
  readonly peer: Peer;
  readonly core: { readonly turn: { readonly time: number } };
  readonly trace: Pick<PacketTrace, "refusal">;
  readonly out: MessageOutlet;
  /** What CONNECT agreed on, while connected. */
  readonly link:
    | { readonly peer: Peer; readonly since: number; readonly keepAliveS: number; readonly window: number }
    | undefined;
  /** Absent where there are no rates; `waitsFor` is the one for which the client is read more slowly. */
  readonly rate: { readonly waitsFor: InboundLimit | undefined } | undefined;
  /** Whether one more QoS 1 or 2 message may be sent now. MQTT 5.0, section 4.9 */
  readonly canSend: boolean;
  /** The same for messages in flight of which some, `unsent`, were not sent on this connection yet. */
  canSendAgain(unsent: number): boolean;
  /** Whether policies let the client receive a topic. */
  mayReceive(topic: string): boolean;
  /** Ends the connection with what its version has to say about it. */
  close(closing: Closing): void;
  /** The client does not read what it subscribed to. */
  closeSlowConsumer(limit: string): void;
  /** Another connection came with the same client id. MQTT 5.0, section 3.1.4 */
  closeTakenOver(by: Peer): void;
}

/** Where a session's messages leave by. */
interface MessageOutlet {
  /** Whether the client is behind with reading. */
  readonly isChoked: boolean;
  /** The rate that one more message would go over, if there is one. */
  readonly overRate: OutboundLimit | undefined;
  /** Sends a message at QoS 0. */
  deliver(message: Message, retain: boolean, identifiers: readonly number[]): void;
  /** Sends one at QoS 1 or 2, once the store writes up to `mark` are durable: whether it could be sent at all. */
  deliverAcknowledged(
    id: number,
    outgoing: Pick<Outgoing, "message" | "qos" | "retain" | "identifiers">,
    how?: { readonly mark?: number; readonly dup?: boolean },
  ): boolean;
  /** Sends PUBREL, once the store writes up to `mark` are durable. MQTT 5.0, section 3.6 */
  sendRelease(id: number, mark: number): void;
}
