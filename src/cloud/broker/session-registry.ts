import type { Clock } from "../../crypto/index.ts";
import { afterLong } from "./long-timer.ts";
import { Message, type MessageParts } from "./message.ts";
import type { SessionStore, StoredState, StoredWill } from "./ports.ts";
import type { Publisher, Router } from "./router.ts";
import type { SessionConnection } from "./session-connection.ts";
import { Session, type SessionParts, type SessionPorts } from "./session.ts";
import type { BrokerSettings } from "./settings.ts";

/** A will as CONNECT left it. MQTT 5.0, section 3.1.2.5 */
export type Will = {
  readonly message: Omit<MessageParts, "expiresAt">;
  readonly expiryS: number | undefined;
  readonly delayS: number;
};

/** A session that never expires. MQTT 5.0, section 3.1.2.11.2 */
const NEVER_S = 0xffffffff;

export type RegistryPorts = {
  readonly settings: BrokerSettings;
  readonly clock: Clock;
  readonly store: SessionStore;
  readonly router: Router;
  readonly mark: SessionPorts["mark"];
  readonly dropped: SessionPorts["dropped"];
  readonly mayQueue: SessionPorts["mayQueue"];
};

/** All sessions by client id: who takes over, who resumes, and when a session or a will's delay ends. */
export class SessionRegistry {
  readonly #ports: RegistryPorts;
  /** One for all sessions. */
  readonly #sessionPorts: SessionPorts;
  readonly #sessions = new Map<string, Session>();
  #connected = 0;
  /** Wills of clients whose sessions ended with the process. */
  #leftWills: StoredWill[] = [];

  constructor({ settings, ...ports }: RegistryPorts) {
    this.#ports = { settings, ...ports };
    this.#sessionPorts = { limits: settings.limits, ...ports };
  }

  /** How many sessions are connected. */
  get connected(): number {
    return this.#connected;
  }

  find(clientId: string): Session | undefined {
    return this.#sessions.get(clientId);
  }

  all(): Iterable<Session> {
    return this.#sessions.values();
  }

  /** Takes in what the store kept. A session that was connected when the process ended begins its expiry now. */
  load({ sessions, wills }: Pick<StoredState, "sessions" | "wills">): void {
    const { store, router, clock } = this.#ports;
    for (const stored of sessions) {
      const session = this.#newSession(stored);
      for (const subscription of stored.subscriptions) router.subscribe({ ...subscription, session });
      session.restore(stored);
      session.disconnectedAt = stored.disconnectedAt ?? clock.now();
      if (stored.disconnectedAt === undefined) store.putSession(session.row);
      this.#expireLater(session);
    }
    for (const stored of wills) {
      const session = this.#sessions.get(stored.clientId);
      if (!session || stored.delayS === 0) this.#leftWills.push(stored);
      else {
        session.hasStoredWill = true;
        const left = (session.disconnectedAt ?? clock.now()) + stored.delayS * 1000 - clock.now();
        this.#scheduleWill(session, stored, Math.max(0, left));
      }
    }
  }

  /** Publishes the wills of connections that the end of the process cut; delayed ones wait on. MQTT 5.0, section 3.1.2.5 */
  publishLeftWills(): void {
    for (const { clientId, principalId, ...will } of this.#leftWills.splice(0)) {
      this.#ports.router.publish(this.#willMessage(will), { origin: "will", clientId, principalId });
      // A client that was quicker has left its next will already.
      const session = this.#sessions.get(clientId);
      if (!session?.hasStoredWill) this.#ports.store.deleteWill(clientId);
    }
  }

  /**
   * Gives a connection its session, after closing the connection that had it.
   * `resumed` is CONNACK's Session Present. MQTT 5.0, sections 3.1.4 and 3.2.2.1.1
   */
  attach(
    connection: SessionConnection,
    parts: SessionParts,
    cleanStart: boolean,
  ): { session: Session; resumed: boolean } {
    this.#sessions.get(parts.clientId)?.connection?.closeTakenOver(connection.peer);
    const known = this.#sessions.get(parts.clientId);
    const isResumable =
      known !== undefined &&
      !cleanStart &&
      (this.#ports.settings.resumesAcrossVersions || known.protocolVersion === parts.protocolVersion);
    if (known && !isResumable) this.discard(known);
    const session = isResumable ? known : this.#newSession(parts);
    session.cancelExpiry?.();
    session.cancelExpiry = undefined;
    session.delayedWill?.cancel();
    session.delayedWill = undefined;
    this.#forgetWill(session);
    session.principalId = parts.principalId;
    session.protocolVersion = parts.protocolVersion;
    session.connection = connection;
    session.disconnectedAt = undefined;
    this.setExpiry(session, parts.expiryS);
    this.#connected += 1;
    return { session, resumed: isResumable };
  }

  /** Changes how long a session outlives its connection, and writes it to the store accordingly. */
  setExpiry(session: Session, expiryS: number): void {
    const { store } = this.#ports;
    const wasKept = session.isKept;
    session.expiryS = expiryS;
    if (session.isKept) store.putSession(session.row);
    else if (wasKept) store.deleteSession(session.clientId);
  }

  /** Keeps the will of a client that has connected, for the case that this process ends before its connection. */
  keepWill(session: Session, { message, expiryS, delayS }: Will): void {
    session.hasStoredWill = true;
    const { clientId, principalId } = session;
    const stored = new Message({ ...message, expiresAt: undefined }).stored(message.retain);
    this.#ports.store.putWill({ clientId, principalId, message: stored, expiryS, delayS });
  }

  /** The connection is gone: publishes its will, or later, and ends the session, or later. */
  detach(session: Session, will: Will | undefined): void {
    const { clock, store } = this.#ports;
    session.connection = undefined;
    session.disconnectedAt = clock.now();
    this.#connected -= 1;
    if (will) this.#scheduleWill(session, will, will.delayS * 1000);
    else this.#forgetWill(session);
    if (!session.isKept) {
      this.discard(session);
      return;
    }
    store.putSession(session.row);
    this.#expireLater(session);
  }

  /** Ends a session with everything that it holds; a will that waits for its delay is published, or not. */
  discard(session: Session, { withWill = true }: { readonly withWill?: boolean } = {}): void {
    session.cancelExpiry?.();
    if (withWill) session.delayedWill?.publish();
    else {
      session.delayedWill?.cancel();
      this.#forgetWill(session);
    }
    for (const filter of session.subscriptions.keys()) this.#ports.router.unsubscribe(session, filter);
    this.#sessions.delete(session.clientId);
    if (session.isKept) this.#ports.store.deleteSession(session.clientId);
  }

  /** Cancels all timers; sessions stay in the store. */
  stop(): void {
    for (const session of this.#sessions.values()) {
      session.cancelExpiry?.();
      session.delayedWill?.cancel();
    }
  }

  #newSession(parts: SessionParts): Session {
    const session = new Session(parts, this.#sessionPorts);
    this.#sessions.set(session.clientId, session);
    return session;
  }

  #expireLater(session: Session): void {
    if (session.expiryS === NEVER_S) return;
    const { clock } = this.#ports;
    const left = (session.disconnectedAt ?? clock.now()) + session.expiryS * 1000 - clock.now();
    session.cancelExpiry = afterLong(clock, left, () => this.discard(session));
  }

  #forgetWill(session: Session): void {
    if (session.hasStoredWill) this.#ports.store.deleteWill(session.clientId);
    session.hasStoredWill = false;
  }

  #willMessage({ message, expiryS }: Pick<Will, "message" | "expiryS">): Message {
    const expiresAt = expiryS === undefined ? undefined : this.#ports.clock.now() + expiryS * 1000;
    return new Message({ ...message, expiresAt });
  }

  #scheduleWill(session: Session, will: Pick<Will, "message" | "expiryS">, delayMs: number): void {
    const { clock, router } = this.#ports;
    const publisher: Publisher = { origin: "will", clientId: session.clientId, principalId: session.principalId };
    const publish = (): void => {
      session.delayedWill?.cancel();
      session.delayedWill = undefined;
      this.#forgetWill(session);
      router.publish(this.#willMessage(will), publisher);
    };
    if (delayMs === 0) return publish();
    // MQTT 5.0, section 3.1.3.2.2: the end of the session publishes it too, whichever comes first.
    session.delayedWill = { publish, cancel: afterLong(clock, delayMs, publish) };
  }
}
