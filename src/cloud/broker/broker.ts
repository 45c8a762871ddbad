import { UsageError } from "../../codec/index.ts";
import type { Clock, Entropy } from "../../crypto/index.ts";
import type { RefusalCause, Trace } from "../../trace/index.ts";
import { AccountRates } from "./account-rates.ts";
import { Connection } from "./connection.ts";
import { ControlCodec } from "./control-codec.ts";
import type { BrokerCore } from "./core.ts";
import type { BrokerErrorCode } from "./errors.ts";
import { volatileStore } from "./memory-store.ts";
import { Message } from "./message.ts";
import { PerSecond } from "./packet-trace.ts";
import type {
  Authenticator,
  Defer,
  Gatekeeper,
  Peer,
  PublishListener,
  SessionFacts,
  SessionStore,
  RetainedMessage,
  Sink,
  SystemMessage,
} from "./ports.ts";
import { Presence } from "./presence.ts";
import { PublishView } from "./publish-packet.ts";
import { REASON, type ReasonCode } from "./reason-codes.ts";
import { OutboxPool } from "./outbox.ts";
import { RetainedMessages } from "./retained-messages.ts";
import { Router, systemMessage, type Publisher } from "./router.ts";
import type { SessionPorts } from "./session.ts";
import { SessionRegistry } from "./session-registry.ts";
import { AWS_PROFILE, type BrokerSettings } from "./settings.ts";
import { Slab } from "./slab.ts";
import { topicNameProblem } from "./topics.ts";
import { notingStore, Turn } from "./turn.ts";

export type BrokerOptions = {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly trace: Trace;
  readonly gatekeeper: Gatekeeper;
  readonly defer: Defer;
  /** Methods of enhanced authentication; by default none. MQTT 5.0, section 4.12 */
  readonly authenticators?: readonly Authenticator[];
  readonly settings?: BrokerSettings;
  /** Where persistent sessions and retained messages survive a restart; by default they do not. */
  readonly store?: SessionStore;
};

/** Who a session belongs to. */
export type SessionOwner = { readonly clientId: string; readonly principalId: string };

/** Why sessions are closed: the refusal's cause, and the reason code that MQTT 5 clients are told. */
export type SessionClosing = {
  readonly cause: RefusalCause;
  /** By default 0x87, not authorized. MQTT 5.0, section 3.14.2.1 */
  readonly reason?: ReasonCode;
  readonly evidence?: Readonly<Record<string, string | number | boolean>>;
};

/** An MQTT 3.1.1 and 5 broker without sockets, clock or files: all of them are ports. */
export class Broker {
  readonly settings: BrokerSettings;
  readonly #core: BrokerCore;
  #isStopped = false;

  /** Reads the store at once. */
  constructor(options: BrokerOptions) {
    this.settings = options.settings ?? AWS_PROFILE;
    this.#core = assemble(options, this.settings);
    const { retained, ...state } = this.#core.store.load();
    for (const stored of retained) this.#core.retained.restore(Message.from(stored), stored.modifiedAt);
    this.#core.sessions.load(state);
  }

  /** Whether `stop` was called: nothing can be opened or published any more. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /**
   * Publishes the wills of connections that the end of the last process cut: to be called once, when whoever observes
   * messages is there. Throws `UsageError` `broker-stopped`.
   */
  publishLeftWills(): void {
    this.#checkRunning();
    this.#core.sessions.publishLeftWills();
  }

  /**
   * A new transport connection. `gatekeeper` decides on its CONNECT where the listener knows better than the broker's
   * own whom it let in. Throws `UsageError` `broker-stopped`.
   */
  open(peer: Peer, sink: Sink, gatekeeper: Gatekeeper = this.#core.gatekeeper): Connection {
    this.#checkRunning();
    return new Connection(this.#core, peer, sink, gatekeeper);
  }

  /**
   * Publishes for the cloud itself: no policy is asked, `$` topics are allowed. `origin` names the publisher to observers,
   * `publisher` is the device on whose behalf, where there is one; `onlyTo` the one client that may receive the message.
   * Throws `UsageError` `bad-system-topic` or `broker-stopped`.
   */
  publish(
    message: SystemMessage,
    origin: string,
    publisher: Partial<SessionOwner> & { readonly onlyTo?: string } = {},
  ): void {
    this.#checkRunning();
    const limits = { ...this.settings.limits, topicSlashes: Infinity, topicBytes: 65_535 };
    const problem = topicNameProblem(message.topic, limits);
    if (problem !== undefined) {
      throw new UsageError<BrokerErrorCode>("bad-system-topic", `topic ${JSON.stringify(message.topic)}: ${problem}`);
    }
    publishSystem(this.#core, message, { origin, clientId: "", principalId: "", ...publisher });
  }

  /**
   * Answers a client's question: the message goes to this client whether it subscribed or not, and neither to observers
   * nor to anybody else. Nothing happens where the client is gone. Throws `UsageError` `broker-stopped`.
   */
  answer(clientId: string, message: SystemMessage): void {
    this.#checkRunning();
    const { router, sessions, clock } = this.#core;
    const session = sessions.find(clientId);
    if (session) router.answer(systemMessage(message, clock.now()), session);
  }

  /** Calls `listener` with each accepted message from now on; the returned function ends that. */
  onPublish(listener: PublishListener): () => void {
    return this.#core.router.observe(listener);
  }

  /** Closes the live connections of matching sessions at once, and gives their number. The sessions stay. */
  closeSessions(matches: (owner: SessionOwner) => boolean, closing: SessionClosing): number {
    const { cause, reason = REASON.notAuthorized, evidence = {} } = closing;
    const found = [...this.#core.sessions.all()].filter(({ connection, clientId, principalId }) => {
      return connection !== undefined && matches({ clientId, principalId });
    });
    for (const { connection } of found) {
      connection?.close({
        reason,
        text: cause,
        presence: "SERVER_INITIATED_DISCONNECT",
        refusal: { cause, evidence },
      });
    }
    return found.length;
  }

  /**
   * Ends a client's connection for an operator, and with `cleanSession` its session, even of a client that is away. Gives
   * whether there was what is to end, once that is durable. AWS IoT data plane API, DeleteConnection
   */
  async disconnect(
    clientId: string,
    { cleanSession = false, withWill = true }: { readonly cleanSession?: boolean; readonly withWill?: boolean } = {},
  ): Promise<boolean> {
    const { sessions, store } = this.#core;
    const session = sessions.find(clientId);
    if (!session || (!session.connection && !cleanSession)) return false;
    const text = "an operator ended the connection";
    const how = { reason: REASON.administrativeAction, text, presence: "API_INITIATED_DISCONNECT", withWill } as const;
    session.connection?.close(how);
    if (cleanSession && sessions.find(clientId) === session) sessions.discard(session, { withWill });
    await store.commit();
    return true;
  }

  /** Whether this client is connected, as this principal. */
  isConnected({ clientId, principalId }: SessionOwner): boolean {
    const session = this.#core.sessions.find(clientId);
    return session?.connection !== undefined && session.principalId === principalId;
  }

  /** Facts about all sessions, live and waiting. */
  sessions(): SessionFacts[] {
    return [...this.#core.sessions.all()].map((session) => session.facts);
  }

  /** The retained message of a topic, if there is one. */
  retainedMessage(topic: string): RetainedMessage | undefined {
    return this.#core.retained.stored(topic);
  }

  /** The topics that have a retained message, in order. */
  retainedTopics(): string[] {
    return this.#core.retained.topics();
  }

  /** How many retained messages there are. */
  get retained(): number {
    return this.#core.retained.size;
  }

  /**
   * Closes all live connections with "server shutting down", and gives their number. Their wills and what hears of
   * their end still pass: the broker goes on. MQTT 5.0, section 3.14.2.1
   */
  sayGoodbye(): number {
    const live = [...this.#core.sessions.all()].flatMap(({ connection }) => (connection ? [connection] : []));
    for (const connection of live) {
      connection.close({ reason: REASON.serverShuttingDown, presence: "SERVER_INITIATED_DISCONNECT" });
    }
    return live.length;
  }

  /** Closes all connections with "server shutting down", commits what the store holds and ends all timers. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.sayGoodbye();
    this.#core.sessions.stop();
    this.#core.turn.end();
    await this.#core.store.commit();
  }

  #checkRunning(): void {
    if (this.#isStopped) throw new UsageError<BrokerErrorCode>("broker-stopped", "the broker was stopped");
  }
}

function assemble(options: BrokerOptions, settings: BrokerSettings): BrokerCore {
  const { clock, entropy, trace, gatekeeper, defer } = options;
  const given = options.store ?? volatileStore;
  const turn = new Turn({ defer, store: given, trace, clock });
  const store = notingStore(given, turn);
  const retained = new RetainedMessages({ settings, store, clock });
  const router = new Router(settings, retained, (until) => turn.hold(until));
  const rates = new AccountRates(settings.limits, clock);
  const dropped: SessionPorts["dropped"] = ({ clientId, principalId, connection }, limit) => {
    const whose = connection ? "held back by this rate" : "away";
    const evidence = { limit, dropped: `QoS 1 messages for a client that is ${whose}` };
    trace.emit(
      "cloud",
      { kind: "refusal", cause: "mqtt-limit", clientId, address: "", evidence },
      { device: clientId, certificate: principalId },
    );
  };
  const publish = (message: SystemMessage): void =>
    publishSystem({ router, clock }, message, { origin: "presence", clientId: "", principalId: "" });
  return {
    settings,
    clock,
    entropy,
    trace,
    rates,
    tracedDataPackets: new PerSecond(settings.tracedDataPacketsPerSecond.inAll),
    gatekeeper,
    authenticators: new Map((options.authenticators ?? []).map((each) => [each.method, each])),
    store,
    turn,
    slab: new Slab(),
    outboxes: new OutboxPool(),
    codec: new ControlCodec(),
    view: new PublishView(),
    retained,
    router,
    sessions: new SessionRegistry({
      settings,
      clock,
      store,
      router,
      dropped,
      mayQueue: () => rates.queue(),
      mark: () => turn.mark,
    }),
    presence: settings.presence ? new Presence({ clock, publish }) : undefined,
  };
}

function publishSystem(
  { router, clock }: Pick<BrokerCore, "router" | "clock">,
  message: SystemMessage,
  publisher: Publisher,
) {
  router.publish(systemMessage(message, clock.now()), publisher);
}
