import type { IConnectPacket, Packet } from "mqtt-packet";

import type { FieldValue, RefusalCause } from "../../trace/index.ts";
import { connectTerms, uuid, willDenied, type ConnectTerms } from "./connect-terms.ts";
import type { BrokerCore } from "./core.ts";
import { ClientFault, malformed, overLimit, violation } from "./errors.ts";
import { InboundRate } from "./inbound-rate.ts";
import { afterLong } from "./long-timer.ts";
import { Outbound, PAUSE, reasonCodeOf } from "./outbound.ts";
import { checkConnect, checkControl } from "./packet-shape.ts";
import { PacketSplitter } from "./packet-splitter.ts";
import { PacketTrace, PerSecond } from "./packet-trace.ts";
import type { Admission, Authority, Gatekeeper, Peer, Sink } from "./ports.ts";
import type { DisconnectReason } from "./presence.ts";
import { ClientTopics, handlePublish } from "./publish-handler.ts";
import { REASON, returnCodeFor, type ReasonCode } from "./reason-codes.ts";
import type { Publisher } from "./router.ts";
import type { Session } from "./session.ts";
import type { Will } from "./session-registry.ts";
import { handleSubscribe, handleUnsubscribe, recheckSubscriptions } from "./subscribe-handler.ts";

const CONNECT_HEADER = 0x10;
const TYPE = { publish: 3, puback: 4, pingreq: 12 } as const;

/** What is true of a connection from CONNACK on. */
export type Link = {
  readonly peer: Peer;
  readonly clientId: string;
  readonly version: 4 | 5;
  readonly authority: Authority;
  readonly session: Session;
  readonly terms: ConnectTerms;
  readonly publisher: Publisher;
  readonly keepAliveS: number;
  readonly since: number;
  readonly sessionIdentifier: string;
};

/** How a connection ends from our side. */
export type Closing = {
  /** Told to an MQTT 5 client. */
  readonly reason?: ReasonCode;
  readonly text?: string;
  readonly presence: DisconnectReason;
  readonly refusal?: { readonly cause: RefusalCause; readonly evidence: Readonly<Record<string, FieldValue>> };
  /** Whether to wait for what was written. False for a peer that does not read. */
  readonly politely?: boolean;
};

/**
 * One client's connection, without its socket: bytes go in by `receive`, bytes come out into a `Sink`.
 * The driver tells `drained` when the sink has emptied, and `closed` when the transport is gone.
 */
export class Connection {
  readonly core: BrokerCore;
  readonly peer: Peer;
  readonly trace: PacketTrace;
  readonly out: Outbound;
  readonly rate: InboundRate;
  readonly topics = new ClientTopics();
  readonly #splitter: PacketSplitter;
  readonly #gatekeeper: Gatekeeper;
  #phase: "expect-connect" | "admitting" | "connected" | "closed" = "expect-connect";
  #link: Link | undefined;
  #will: Will | undefined;
  #versionNumber = 0;
  #lastReceived = 0;
  #cancelTimer: () => void;

  constructor(core: BrokerCore, peer: Peer, sink: Sink, gatekeeper: Gatekeeper) {
    const { settings, clock } = core;
    this.#gatekeeper = gatekeeper;
    this.core = core;
    this.peer = peer;
    const mine = new PerSecond(settings.tracedDataPacketsPerSecond.ofOneConnection);
    this.trace = new PacketTrace(core.trace, peer, { mine, all: core.tracedDataPackets });
    this.out = new Outbound({
      core,
      sink,
      trace: this.trace,
      owner: {
        slow: (limit) => this.closeSlowConsumer(limit),
        writable: () => this.#link?.session.pump(),
        storeFailed: () => this.#storeFailed(),
      },
    });
    this.rate = new InboundRate(settings.limits, clock, {
      pause: () => this.out.pause(PAUSE.rate),
      resume: () => this.out.resume(PAUSE.rate),
    });
    this.#splitter = new PacketSplitter(settings.limits.connectPacketBytes, CONNECT_HEADER);
    this.#cancelTimer = clock.after(settings.limits.connectTimeoutMs, () => this.#connectTimedOut());
  }

  /** What CONNECT agreed on, while connected. */
  get link(): Link | undefined {
    return this.#link;
  }

  /** Takes bytes from the network. They must not change afterwards. */
  receive(bytes: Uint8Array): void {
    if (this.#phase === "closed") return;
    this.#lastReceived = this.core.turn.time;
    this.rate.received(bytes.length);
    if (this.#phase === "admitting" && !this.#mayComeEarly(bytes.length)) return;
    this.#splitter.append(bytes);
    if (this.#phase !== "admitting") this.#run();
  }

  /** The sink has sent everything. */
  drained(): void {
    if (this.#phase === "closed") return;
    this.out.drained();
  }

  /** The transport is gone. */
  closed(): void {
    this.out.abandon();
    this.#finish("CONNECTION_LOST", { withWill: true });
  }

  /** Ends the connection with what its version has to say about it. */
  close(closing: Closing): void {
    if (this.#phase === "closed") return;
    const { reason, text, refusal, politely = true } = closing;
    if (refusal) this.trace.refusal(refusal.cause, refusal.evidence);
    if (reason !== undefined && this.#link?.version === 5 && politely) {
      const properties = text === undefined ? {} : { properties: { reasonString: text } };
      this.out.send({ cmd: "disconnect", reasonCode: reason, ...properties });
    }
    this.out.close({ politely });
    this.#finish(closing.presence, { withWill: true });
  }

  /** Another connection came with the same client id. MQTT 5.0, section 3.1.4 */
  closeTakenOver(by: Peer): void {
    this.close({
      reason: REASON.sessionTakenOver,
      text: "another connection uses this client id",
      presence: "DUPLICATE_CLIENTID",
      refusal: { cause: "client-id-taken-over", evidence: { newAddress: by.address, newConnection: by.connection } },
    });
  }

  /** The client does not read what it subscribed to. */
  closeSlowConsumer(limit: string): void {
    const evidence = { limit, unsentBytes: this.out.unsent };
    this.close({ presence: "THROTTLED", refusal: { cause: "mqtt-limit", evidence }, politely: false });
  }

  /** Whether one more QoS 1 message may be sent now. MQTT 5.0, section 4.9 */
  get canSendQos1(): boolean {
    const link = this.#link;
    return link !== undefined && link.session.flow.inFlight < link.terms.window && !this.out.isChoked;
  }

  /** Whether policies let the client receive a topic; a refusal is told once for each topic. */
  mayReceive(topic: string): boolean {
    const verdict = this.#link?.authority.may("iot:Receive", topic);
    if (!verdict || verdict.allowed) return verdict !== undefined;
    this.trace.refusalOnce(topic, verdict.cause, verdict.evidence);
    return false;
  }

  #run(): void {
    try {
      while ((this.#phase === "expect-connect" || this.#phase === "connected") && this.#splitter.next()) {
        if (this.#link) this.#dispatch(this.#link);
        else this.#connect();
      }
    } catch (error) {
      this.#fault(error);
    }
  }

  #dispatch(link: Link): void {
    const { bytes, start, body, end } = this.#splitter;
    const header = bytes[start] ?? 0;
    if (header >>> 4 === TYPE.publish) handlePublish(this, link, bytes, this.#splitter);
    else if (header === TYPE.puback << 4 && end - body === 2) {
      if (this.trace.mayTellData(this.core.turn.time)) this.trace.packet("received", "puback", 4);
      link.session.acknowledge(((bytes[body] ?? 0) << 8) | (bytes[body + 1] ?? 0));
    } else if (header === TYPE.pingreq << 4 && end === body) this.out.sendPingResponse();
    else this.#control(link, bytes.subarray(start, end), body - start);
  }

  #control(link: Link, bytes: Uint8Array, bodyAt: number): void {
    checkControl(bytes, bodyAt, link.version);
    const packet = this.core.codec.decode(bytes, link.version);
    this.trace.packet("received", packet.cmd, bytes.length, { reasonCode: reasonCodeOf(packet) });
    switch (packet.cmd) {
      case "subscribe":
        return handleSubscribe(this, link, packet);
      case "unsubscribe":
        return handleUnsubscribe(this, link, packet);
      case "puback":
        return link.session.acknowledge(packet.messageId ?? 0);
      case "disconnect":
        return this.#disconnected(link, packet);
      case "pingreq":
        throw malformed("PINGREQ has a body");
      default:
        throw violation(`${packet.cmd.toUpperCase()} is not accepted from a client here`);
    }
  }

  #disconnected(link: Link, packet: Extract<Packet, { cmd: "disconnect" }>): void {
    const askedS = packet.properties?.sessionExpiryInterval;
    if (askedS !== undefined) {
      // MQTT 5.0, section 3.14.2.2.2: a session that was to end with its connection cannot be prolonged.
      if (link.terms.expiryS === 0 && askedS > 0) throw violation("session expiry is raised from 0 in DISCONNECT");
      this.core.sessions.setExpiry(link.session, Math.min(askedS, this.core.settings.limits.sessionExpiryMaxS));
    }
    this.out.close({ politely: true });
    this.#finish("CLIENT_INITIATED_DISCONNECT", { withWill: (packet.reasonCode ?? 0) !== REASON.success });
  }

  #connect(): void {
    const { bytes, start, body, end } = this.#splitter;
    const { core, peer } = this;
    try {
      const shape = checkConnect(bytes.subarray(body, end));
      this.out.version = shape.version;
      const packet = core.codec.decode(bytes.subarray(start, end), this.out.version) as IConnectPacket;
      this.trace.clientId = packet.clientId;
      this.trace.packet("received", "connect", end - start);
      if (core.sessions.connected >= core.settings.limits.connections) {
        throw overLimit("connections", REASON.quotaExceeded);
      }
      const { settings, entropy } = core;
      this.#ask(connectTerms(packet, shape, { peer, settings, entropy }));
    } catch (error) {
      if (!(error instanceof ClientFault)) throw error;
      this.trace.refusal(causeOf(error), { rule: error.message, reasonCode: error.reply });
      this.#refuse(error.reply, error.message);
    }
  }

  #ask(terms: ConnectTerms): void {
    this.trace.clientId = terms.request.clientId;
    this.out.maximumPacketBytes = terms.maximumPacketBytes;
    this.out.wantsReasons = terms.wantsReasons;
    this.#phase = "admitting";
    this.out.pause(PAUSE.admission);
    if (!this.#mayComeEarly(0)) return;
    this.#gatekeeper.admit(terms.request).then(
      (admission) => this.#admitted(terms, admission),
      (error: unknown) => {
        if (this.#phase !== "admitting") return;
        this.#warn("CONNECT could not be decided", error);
        this.#refuse(REASON.serverUnavailable, "try again later");
      },
    );
  }

  #admitted(terms: ConnectTerms, admission: Admission): void {
    if (this.#phase !== "admitting") return;
    if (!admission.admit) {
      const isSilent = admission.reply === "close" && this.out.version === 4;
      this.#refuse(isSilent ? undefined : REASON.notAuthorized, admission.cause);
      return;
    }
    try {
      this.trace.principalId = admission.authority.principalId;
      const denied = willDenied(terms, admission.authority);
      if (denied) {
        this.trace.refusal(denied.cause, denied.evidence);
        this.#refuse(REASON.notAuthorized, denied.cause);
        return;
      }
      this.#establish(terms, admission.authority);
    } catch (error) {
      this.#fault(error);
    }
    this.#run();
  }

  #establish(terms: ConnectTerms, authority: Authority): void {
    const { core, peer } = this;
    const { clientId, protocolVersion: version, cleanStart, keepAliveS } = terms.request;
    const { principalId } = authority;
    const parts = { clientId, principalId, protocolVersion: version, expiryS: terms.expiryS };
    const { session, resumed } = core.sessions.attach(this, parts, cleanStart);
    const since = core.clock.now();
    const sessionIdentifier = uuid(core.entropy);
    const publisher = { origin: "client", clientId, principalId, session };
    this.#link = {
      peer,
      clientId,
      version,
      authority,
      session,
      terms,
      publisher,
      keepAliveS,
      since,
      sessionIdentifier,
    };
    this.#will = terms.will;
    this.#phase = "connected";
    this.#splitter.maximum = core.settings.limits.packetBytes;
    this.#splitter.onlyHeader = undefined;
    this.#cancelTimer();
    this.#lastReceived = since;
    this.#armKeepAlive();
    if (resumed) recheckSubscriptions(this, this.#link);
    this.out.send(
      version === 5
        ? { cmd: "connack", sessionPresent: resumed, reasonCode: 0, properties: terms.connackProperties }
        : { cmd: "connack", sessionPresent: resumed, returnCode: 0 },
    );
    this.#versionNumber = core.presence?.connected({ clientId, principalId, sessionIdentifier }, peer.address) ?? 0;
    session.resume();
    this.out.resume(PAUSE.admission);
  }

  /** Refuses CONNECT: by CONNACK where the version has a code for it, by closing in any case. */
  #refuse(reason: ReasonCode | undefined, text: string): void {
    const returnCode = reason === undefined ? undefined : returnCodeFor(reason);
    if (this.out.version === 5 && reason !== undefined) {
      const properties = { reasonString: text };
      this.out.send({ cmd: "connack", sessionPresent: false, reasonCode: reason, properties });
    } else if (returnCode !== undefined) this.out.send({ cmd: "connack", sessionPresent: false, returnCode });
    this.close({ presence: "CLIENT_ERROR" });
  }

  /** Whether packets may arrive before CONNACK. MQTT 5.0, section 3.1.4 lets clients not wait; AWS IoT does not. */
  #mayComeEarly(more: number): boolean {
    const { beforeConnack, limits } = this.core.settings;
    const early = this.#splitter.buffered + more;
    if (early === 0 || (beforeConnack === "hold" && early <= limits.packetBytes)) return true;
    const evidence = { rule: "packets were sent before CONNACK", bytes: early };
    this.close({ presence: "CLIENT_ERROR", refusal: { cause: "mqtt-malformed", evidence } });
    return false;
  }

  #fault(error: unknown): void {
    if (error instanceof ClientFault) {
      const refusal = { cause: causeOf(error), evidence: { rule: error.message, reasonCode: error.reply } };
      this.close({ reason: error.reply, text: error.message, presence: "CLIENT_ERROR", refusal });
      return;
    }
    this.#warn("a packet could not be handled", error);
    this.close({ reason: REASON.unspecifiedError, presence: "SERVER_ERROR" });
  }

  #storeFailed(): void {
    this.close({ reason: REASON.unspecifiedError, text: "the session store failed", presence: "SERVER_ERROR" });
  }

  #warn(what: string, error: unknown): void {
    const detail = `${what}: ${error instanceof Error ? error.message : String(error)}`;
    const { connection } = this.peer;
    this.core.trace.emit("cloud", { kind: "process", what: "warning", detail }, { connection });
  }

  #connectTimedOut(): void {
    const evidence = { afterMs: this.core.settings.limits.connectTimeoutMs, awaited: "CONNECT" };
    this.close({ presence: "CLIENT_ERROR", refusal: { cause: "connect-timeout", evidence } });
  }

  /** MQTT 5.0, section 3.1.2.10: one and a half times the keep alive without a packet ends the connection. */
  #armKeepAlive(): void {
    const { clock } = this.core;
    const keepAliveS = this.#link?.keepAliveS ?? 0;
    if (keepAliveS === 0) return;
    this.#cancelTimer = afterLong(clock, this.#lastReceived + keepAliveS * 1500 - clock.now(), () => {
      // Who is not read for our sake cannot be heard.
      if (this.rate.isWaiting || this.out.held > 0) this.#lastReceived = clock.now();
      const silentMs = clock.now() - this.#lastReceived;
      // Packets only note their time: the timer looks when it falls due, instead of being set anew each time.
      if (silentMs < keepAliveS * 1500) return this.#armKeepAlive();
      this.close({
        reason: REASON.keepAliveTimeout,
        presence: "MQTT_KEEP_ALIVE_TIMEOUT",
        refusal: { cause: "keep-alive-expired", evidence: { keepAliveS, silentMs } },
      });
    });
  }

  #finish(reason: DisconnectReason, { withWill }: { readonly withWill: boolean }): void {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    this.#cancelTimer();
    this.rate.stop();
    const link = this.#link;
    this.#link = undefined;
    if (!link) return;
    const { presence, sessions } = this.core;
    const { clientId, publisher, sessionIdentifier } = link;
    sessions.detach(link.session, withWill ? this.#will : undefined);
    const facts = { clientId, principalId: publisher.principalId, sessionIdentifier };
    presence?.disconnected(facts, { reason, versionNumber: this.#versionNumber });
  }
}

function causeOf(fault: ClientFault): RefusalCause {
  return fault.code === "mqtt-over-limit" ? "mqtt-limit" : "mqtt-malformed";
}
