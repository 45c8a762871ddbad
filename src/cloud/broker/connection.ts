import type { IAuthPacket, IConnectPacket, Packet } from "mqtt-packet";

import { ACKNOWLEDGEMENTS, handleAcknowledgement } from "./acknowledgements.ts";
import { ClientAdmission, type NotAdmitted } from "./client-admission.ts";
import type { ClientConnection } from "./client-connection.ts";
import { ClientTopics } from "./client-topics.ts";
import type { Closing } from "./closing.ts";
import { admittingConnack, refusingConnack } from "./connack.ts";
import { connectTerms, uuid, willDenied, type ConnectTerms } from "./connect-terms.ts";
import { handleControl } from "./control-handler.ts";
import type { BrokerCore } from "./core.ts";
import { ClientFault, overLimit, violation } from "./errors.ts";
import { causeOfFault } from "./foreign-protocol.ts";
import { InboundRate } from "./inbound-rate.ts";
import { KeepAlive } from "./keep-alive.ts";
import type { Link } from "./link.ts";
import { Outbound, PAUSE } from "./outbound.ts";
import { checkConnect, checkControl } from "./packet-shape.ts";
import { PacketSplitter } from "./packet-splitter.ts";
import { PacketTrace, PerSecond } from "./packet-trace.ts";
import type { Authority, Gatekeeper, Peer, Sink } from "./ports.ts";
import type { DisconnectReason } from "./presence.ts";
import { handlePublish } from "./publish-handler.ts";
import { REASON, type ReasonCode } from "./reason-codes.ts";
import type { Will } from "./session-registry.ts";
import { recheckSubscriptions } from "./subscribe-handler.ts";

const FORBIDDEN = { reason: REASON.notAuthorized, presence: "FORBIDDEN_ACCESS" } as const;
const NOTHING = (): void => undefined;
const TYPE = { connect: 1, publish: 3, pingreq: 12 } as const;
/** "admitting" waits for our own answer, "authenticating" for the client's AUTH. */
type Phase = "expect-connect" | "admitting" | "authenticating" | "connected" | "closed";

/** What may wait for CONNACK where packets may come before it. */
const EARLY_BYTES = 1024 * 1024;

/**
 * One client's connection, without its socket: bytes go in by `receive`, bytes come out into a `Sink`.
 * The driver tells `drained` when the sink has emptied, and `closed` when the transport is gone.
 */
export class Connection implements ClientConnection {
  readonly core: BrokerCore;
  peer: Peer;
  readonly trace: PacketTrace;
  readonly out: Outbound;
  readonly rate: InboundRate | undefined;
  readonly topics = new ClientTopics();
  readonly #splitter: PacketSplitter;
  /** Absent once it is over, unless the client may prove again who it is. */
  #admission: ClientAdmission | undefined;
  #phase: Phase = "expect-connect";
  /** The first bytes, until CONNECT was read. */
  #opening: Uint8Array | undefined;
  #link: Link | undefined;
  #will: Will | undefined;
  #versionNumber = 0;
  #keepAlive: KeepAlive | undefined;
  #cancelTimer: () => void;

  constructor(core: BrokerCore, peer: Peer, sink: Sink, gatekeeper: Gatekeeper) {
    const { settings, clock } = core;
    this.core = core;
    this.peer = peer;
    const mine = new PerSecond(settings.tracedDataPacketsPerSecond.ofOneConnection);
    this.trace = new PacketTrace(core.trace, peer, { mine, all: core.tracedDataPackets });
    this.out = new Outbound({ core, sink, trace: this.trace, owner: this });
    this.rate = InboundRate.of({ settings, clock, rates: core.rates, reader: this.out });
    this.#admission = new ClientAdmission(core, gatekeeper, {
      awaitClient: (packet) => this.#awaitAuthentication(packet),
      admitted: (terms, authority) => this.#admitted(terms, authority),
      refused: (refusal) => this.#notAdmitted(refusal),
    });
    this.#splitter = new PacketSplitter(settings.limits.connectPacketBytes, TYPE.connect << 4);
    this.#cancelTimer = clock.after(settings.limits.connectTimeoutMs, () => {
      const evidence = { afterMs: settings.limits.connectTimeoutMs, awaited: "CONNECT" };
      this.close({ presence: "CLIENT_ERROR", refusal: { cause: "connect-timeout", evidence } });
    });
  }

  /** What CONNECT agreed on, while connected. */
  get link(): Link | undefined {
    return this.#link;
  }

  /** Takes bytes from the network. They must not change afterwards. */
  receive(bytes: Uint8Array): void {
    if (this.#phase === "closed") return;
    this.#keepAlive?.heard(this.core.turn.time);
    this.rate?.received(bytes.length);
    if (this.#phase === "expect-connect") this.#opening ??= bytes;
    if (this.#phase === "admitting" && !this.#mayComeEarly(bytes.length)) return;
    this.#splitter.append(bytes);
    if (this.#phase !== "admitting") this.#run();
    this.core.turn.hasRead();
  }

  /** The sink has sent everything. */
  drained(): void {
    if (this.#phase !== "closed") this.out.drained();
  }

  /** The transport is gone. */
  closed(): void {
    this.out.abandon();
    this.#finish("CONNECTION_LOST", { withWill: true });
  }

  /** Ends the connection with what its version has to say about it. */
  close(closing: Closing): void {
    if (this.#phase === "closed") return;
    const { reason, refusal, text = refusal?.cause, politely = true, withWill = true } = closing;
    if (refusal) this.trace.refusal(refusal.cause, refusal.evidence);
    if (reason !== undefined && this.#link?.version === 5 && politely) {
      const properties = text === undefined || !this.out.explains ? {} : { properties: { reasonString: text } };
      this.out.send({ cmd: "disconnect", reasonCode: reason, ...properties });
    }
    this.out.close({ politely });
    this.#finish(closing.presence, { withWill });
  }

  /** Another connection came with the same client id. MQTT 5.0, section 3.1.4 */
  closeTakenOver(by: Peer): void {
    this.close({
      reason: REASON.sessionTakenOver,
      text: "client-id-taken-over: another connection uses this client id",
      presence: "DUPLICATE_CLIENTID",
      refusal: { cause: "client-id-taken-over", evidence: { newAddress: by.address, newConnection: by.connection } },
    });
  }

  /** The client does not read what it subscribed to. */
  closeSlowConsumer(limit: string): void {
    const evidence = { limit, unsentBytes: this.out.unsent };
    this.close({ presence: "THROTTLED", refusal: { cause: "mqtt-limit", evidence }, politely: false });
  }

  /** There is room again for what waits in the session's queue. */
  sendMore(): void {
    this.#link?.session.pump();
  }

  /** Whether one more QoS 1 or 2 message may be sent now. MQTT 5.0, section 4.9 */
  get canSend(): boolean {
    return this.canSendAgain(0);
  }

  /** The same for messages in flight of which some, `unsent`, were not sent on this connection yet. */
  canSendAgain(unsent: number): boolean {
    const link = this.#link;
    return link !== undefined && link.session.flow.inFlight - unsent < link.window && !this.out.isFull;
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
      while (this.#phase !== "admitting" && this.#phase !== "closed" && this.#splitter.next()) {
        if (this.#link) this.#dispatch(this.#link);
        else if (this.#phase === "authenticating") this.#authenticate();
        else this.#connect();
      }
    } catch (error) {
      this.#fault(error);
    }
  }

  #dispatch(link: Link): void {
    const { bytes, start, body, end } = this.#splitter;
    const header = bytes[start] ?? 0;
    // MQTT 3.1 sets DUP on a PUBREL that it repeats.
    const acknowledgement = ACKNOWLEDGEMENTS[link.isMqtt31 ? header & 0xf7 : header];
    if (header >>> 4 === TYPE.publish) handlePublish(this, link, bytes, this.#splitter);
    else if (acknowledgement !== undefined && end - body === 2) {
      if (this.trace.mayTellData(this.core.turn.time)) this.trace.packet("received", acknowledgement, 4);
      const packetId = ((bytes[body] ?? 0) << 8) | (bytes[body + 1] ?? 0);
      handleAcknowledgement(this, link, { cmd: acknowledgement, packetId, reason: REASON.success });
    } else if (header === TYPE.pingreq << 4 && end === body) this.out.sendPingResponse();
    else handleControl(this, link, bytes.subarray(start, end), body - start);
  }

  /** The client says goodbye. MQTT 5.0, section 3.14 */
  disconnected(link: Link, packet: Extract<Packet, { cmd: "disconnect" }>): void {
    const askedS = packet.properties?.sessionExpiryInterval;
    if (askedS !== undefined) {
      // MQTT 5.0, section 3.14.2.2.2: a session that was to end with its connection cannot be prolonged.
      if (link.expiryS === 0 && askedS > 0) throw violation("session expiry is raised from 0 in DISCONNECT");
      this.core.sessions.setExpiry(link.session, Math.min(askedS, this.core.settings.limits.sessionExpiryMaxS));
    }
    this.out.close({ politely: true });
    this.#finish("CLIENT_INITIATED_DISCONNECT", { withWill: (packet.reasonCode ?? 0) !== REASON.success });
  }

  #connect(): void {
    const { bytes, start, body, end } = this.#splitter;
    const { core, peer } = this;
    try {
      const shape = checkConnect(bytes.subarray(body, end), core.settings);
      this.out.version = shape.version;
      const packet = core.codec.decode(bytes.subarray(start, end), this.out.version) as IConnectPacket;
      this.trace.clientId = packet.clientId;
      this.trace.packet("received", "connect", end - start);
      if (core.sessions.connected >= core.settings.limits.connections) {
        throw overLimit("connections", REASON.quotaExceeded);
      }
      const over = core.rates.connect(packet.clientId);
      if (over) throw overLimit(over, REASON.quotaExceeded);
      const { settings, entropy } = core;
      const terms = connectTerms(packet, shape, { peer, settings, entropy });
      this.#prepare(terms);
      this.#wait();
      if (this.#mayComeEarly(0)) this.#admission?.begin(terms);
    } catch (error) {
      if (!(error instanceof ClientFault)) throw error;
      this.#faultOfConnect(error);
    }
  }

  #prepare(terms: ConnectTerms): void {
    this.trace.clientId = terms.request.clientId;
    this.#opening = undefined;
    this.out.maximumPacketBytes = terms.maximumPacketBytes;
    this.out.wantsReasons = terms.wantsReasons;
    this.out.topicAliases = terms.topicAliases;
    this.#splitter.onlyHeader = undefined;
  }

  /** An AUTH packet before CONNACK, or a DISCONNECT; nothing else may come. MQTT 5.0, section 4.12 */
  #authenticate(): void {
    const { bytes, start, body, end } = this.#splitter;
    const packet = bytes.subarray(start, end);
    checkControl(packet, body - start, 5);
    const decoded = this.core.codec.decode(packet, 5);
    if (decoded.cmd === "disconnect") return this.close({ presence: "CLIENT_INITIATED_DISCONNECT" });
    if (decoded.cmd !== "auth") throw violation(`${decoded.cmd.toUpperCase()} came before authentication was over`);
    this.#wait();
    this.#admission?.continue(decoded);
  }

  /** Nothing is read until it is decided what comes next. */
  #wait(): void {
    this.#phase = "admitting";
    this.out.pause(PAUSE.admission);
  }

  /** AUTH after CONNACK: the client proves again who it is, while everything else goes on. MQTT 5.0, section 4.12.1 */
  reauthenticate(packet: IAuthPacket, link: Link): void {
    if (!this.#admission) throw violation("AUTH came though CONNECT named no method");
    const answered = this.#admission.reauthenticate(packet).then((answer) => {
      if (this.#link !== link) return;
      if ("cmd" in answer) this.out.send(answer);
      else this.close({ ...FORBIDDEN, text: answer.cause, refusal: answer });
    });
    answered.catch((error: unknown) => {
      if (this.#link === link) this.#fault(error);
    });
  }

  /** The client is to answer with an AUTH packet of its own. */
  #awaitAuthentication(packet: Packet): void {
    if (this.#phase !== "admitting") return;
    this.out.send(packet);
    this.#phase = "authenticating";
    this.out.resume(PAUSE.admission);
    this.#run();
  }

  #admitted(terms: ConnectTerms, authority: Authority): void {
    if (this.#phase !== "admitting") return;
    this.trace.principalId = authority.principalId;
    try {
      const denied = willDenied(terms, authority);
      if (denied) {
        this.trace.refusal(denied.cause, denied.evidence);
        return this.#refuse(REASON.notAuthorized, denied.cause);
      }
      this.#establish(terms, authority);
    } catch (error) {
      this.#fault(error);
    }
    this.#run();
  }

  #establish(terms: ConnectTerms, authority: Authority): void {
    const { core } = this;
    // Certificates are for the decision that was made: they are larger than all the rest.
    const peer = (this.peer = { ...this.peer, certificates: [], chain: undefined });
    const { clientId, protocolVersion: version, cleanStart, keepAliveS } = terms.request;
    const { principalId } = authority;
    const { expiryS, window, isMqtt31, authentication } = terms;
    const parts = { clientId, principalId, protocolVersion: version, expiryS };
    const before = core.turn.mark;
    const { session, resumed } = core.sessions.attach(this, parts, cleanStart);
    const sessionIdentifier = uuid(core.entropy);
    const publisher = { origin: "client", clientId, principalId, peer, session };
    const facts = { peer, clientId, version, authority, session, window, isMqtt31, expiryS, publisher };
    if (!authentication) this.#admission = undefined;
    this.#link = { ...facts, keepAliveS, since: core.clock.now(), sessionIdentifier };
    this.#will = terms.will;
    if (terms.will) core.sessions.keepWill(session, terms.will);
    this.#phase = "connected";
    this.#splitter.maximum = core.settings.limits.packetBytes;
    this.#cancelTimer();
    this.#cancelTimer = NOTHING;
    this.#keepAlive = new KeepAlive(this, keepAliveS);
    if (resumed) recheckSubscriptions(this, this.#link);
    this.out.open(admittingConnack(terms, resumed), core.turn.mark === before ? 0 : core.turn.mark);
    this.#versionNumber = core.presence?.connected({ clientId, principalId, sessionIdentifier }, peer.address) ?? 0;
    session.resume();
    this.out.resume(PAUSE.admission);
  }

  #notAdmitted({ cause, evidence, reply, failure }: NotAdmitted): void {
    if (this.#phase !== "admitting") return;
    if (failure !== undefined) {
      if (failure instanceof ClientFault) return this.#faultOfConnect(failure);
      this.#warn("CONNECT could not be decided", failure);
      return this.#refuse(REASON.serverUnavailable, "try again later");
    }
    if (evidence) this.trace.refusal(cause, evidence);
    // Who first has to be registered did not fail, and is told about elsewhere.
    if (reply === "connack") {
      const facts = { clientId: this.trace.clientId, principalId: "", sessionIdentifier: uuid(this.core.entropy) };
      this.core.presence?.connectFailed(facts, this.peer.address);
    }
    const isSilent = reply === "close" && this.out.version === 4;
    this.#refuse(isSilent ? undefined : REASON.notAuthorized, cause);
  }

  #faultOfConnect(fault: ClientFault): void {
    const cause = causeOfFault(fault, undefined);
    this.trace.refusal(cause, { rule: fault.message, reasonCode: fault.reply });
    // MQTT 3.1.1, section 3.1.4: what is no CONNECT packet gets no CONNACK. MQTT 5.0, section 3.1.4 leaves it open.
    this.#refuse(fault.reply === REASON.malformedPacket ? undefined : fault.reply, `${cause}: ${fault.message}`);
  }

  /** Refuses CONNECT: by CONNACK where the version has a code for it, by closing in any case. */
  #refuse(reason: ReasonCode | undefined, text: string): void {
    const { version, explains } = this.out;
    const told = { version, text: explains ? text : undefined };
    const connack = reason === undefined ? undefined : refusingConnack(reason, told, this.core.settings);
    if (connack) this.out.send(connack);
    this.close({ presence: "CLIENT_ERROR" });
  }

  /** Whether packets may arrive before CONNACK. MQTT 5.0, section 3.1.4 lets clients not wait; AWS IoT does not. */
  #mayComeEarly(more: number): boolean {
    const { beforeConnack, limits } = this.core.settings;
    const early = this.#splitter.buffered + more;
    if (early === 0 || (beforeConnack === "hold" && early <= Math.min(limits.packetBytes, EARLY_BYTES))) return true;
    const evidence = { rule: "packets were sent before CONNACK", bytes: early };
    this.close({ presence: "CLIENT_ERROR", refusal: { cause: "mqtt-malformed", evidence } });
    return false;
  }

  #fault(error: unknown): void {
    if (error instanceof ClientFault) {
      const cause = causeOfFault(error, this.#opening);
      const refusal = { cause, evidence: { rule: error.message, reasonCode: error.reply } };
      this.close({ reason: error.reply, text: `${cause}: ${error.message}`, presence: "CLIENT_ERROR", refusal });
      return;
    }
    this.#warn("a packet could not be handled", error);
    this.close({ reason: REASON.unspecifiedError, presence: "SERVER_ERROR" });
  }

  /** What was promised to the client will never be durable. */
  storeFailed(): void {
    this.close({ reason: REASON.unspecifiedError, text: "the session store failed", presence: "SERVER_ERROR" });
  }

  #warn(what: string, error: unknown): void {
    const detail = `${what}: ${error instanceof Error ? error.message : String(error)}`;
    const { connection } = this.peer;
    this.core.trace.emit("cloud", { kind: "process", what: "warning", detail }, { connection });
  }

  #finish(reason: DisconnectReason, { withWill }: { readonly withWill: boolean }): void {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    this.#cancelTimer();
    this.#cancelTimer = NOTHING;
    this.#keepAlive?.stop();
    this.rate?.stop();
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
