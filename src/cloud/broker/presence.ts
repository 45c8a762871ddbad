import type { Clock } from "../../crypto/index.ts";
import { utf8Bytes } from "../../codec/index.ts";
import type { SystemMessage } from "./ports.ts";

/** Why a connection ended, in the words of AWS IoT's lifecycle events. */
export type DisconnectReason =
  | "CLIENT_INITIATED_DISCONNECT"
  | "CLIENT_ERROR"
  | "CONNECTION_LOST"
  | "DUPLICATE_CLIENTID"
  | "FORBIDDEN_ACCESS"
  | "MQTT_KEEP_ALIVE_TIMEOUT"
  | "SERVER_ERROR"
  | "SERVER_INITIATED_DISCONNECT"
  | "API_INITIATED_DISCONNECT"
  | "THROTTLED";

/** Whose presence changed. */
export type PresenceFacts = {
  readonly clientId: string;
  readonly principalId: string;
  readonly sessionIdentifier: string;
};

/** A client id keeps its version numbers for an hour after it went. */
const FORGET_AFTER_MS = 3600_000;
const REMEMBERED_CLIENTS = 100_000;

/**
 * The `$aws/events/…` messages about clients: one when a client connects, one when it goes, with the same version number;
 * one when it could not connect; and what it subscribed to.
 */
export class Presence {
  readonly #clock: Clock;
  readonly #publish: (message: SystemMessage) => void;
  readonly #versions = new Map<string, { readonly version: number; readonly since: number }>();

  constructor(ports: { readonly clock: Clock; readonly publish: (message: SystemMessage) => void }) {
    this.#clock = ports.clock;
    this.#publish = ports.publish;
  }

  /** Gives the version number, which `disconnected` must be told. */
  connected(facts: PresenceFacts, ipAddress: string): number {
    const version = this.#nextVersion(facts.clientId);
    this.#send("presence/connected", facts, { ipAddress, versionNumber: version });
    return version;
  }

  disconnected(facts: PresenceFacts, how: { reason: DisconnectReason; versionNumber: number }): void {
    this.#send("presence/disconnected", facts, {
      clientInitiatedDisconnect: how.reason === "CLIENT_INITIATED_DISCONNECT",
      disconnectReason: how.reason,
      versionNumber: how.versionNumber,
    });
  }

  /** A client that was known, but not allowed to connect. */
  connectFailed(facts: PresenceFacts, ipAddress: string): void {
    this.#send("presence/connect_failed", facts, { ipAddress, connectFailureReason: "AUTHORIZATION_FAILED" });
  }

  /** What one SUBSCRIBE or UNSUBSCRIBE changed; nothing is told where that is nothing. */
  subscriptions(eventType: "subscribed" | "unsubscribed", facts: PresenceFacts, topics: readonly string[]): void {
    if (topics.length > 0) this.#send(`subscriptions/${eventType}`, facts, { topics });
  }

  #nextVersion(clientId: string): number {
    const now = this.#clock.now();
    const known = this.#versions.get(clientId);
    const version = known && now - known.since < FORGET_AFTER_MS ? known.version + 1 : 0;
    // Deleted first, so that the map stays in the order of last use and its head can be forgotten.
    this.#versions.delete(clientId);
    this.#versions.set(clientId, { version, since: now });
    if (this.#versions.size > REMEMBERED_CLIENTS) {
      for (const oldest of this.#versions.keys()) {
        this.#versions.delete(oldest);
        break;
      }
    }
    return version;
  }

  #send(
    event: `${"presence" | "subscriptions"}/${string}`,
    { clientId, sessionIdentifier, principalId }: PresenceFacts,
    more: Readonly<Record<string, string | number | boolean | readonly string[]>>,
  ): void {
    // A wildcard in a topic name would be malformed: such clients have no events.
    if (/[+#]/.test(clientId)) return;
    const body = {
      clientId,
      timestamp: Math.floor(this.#clock.now()),
      eventType: event.slice(event.indexOf("/") + 1),
      sessionIdentifier,
      principalIdentifier: principalId,
      ...more,
    };
    this.#publish({
      topic: `$aws/events/${event}/${clientId}`,
      payload: utf8Bytes(JSON.stringify(body)),
      qos: 1,
    });
  }
}
