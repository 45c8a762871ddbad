import type { FieldValue, RefusalCause, Trace } from "../../trace/index.ts";
import type { Peer } from "./ports.ts";

/** How many different topics of one connection are reported as refused for receiving. */
const REPORTED_TOPICS = 64;

/** What is told of one packet. */
export type PacketFacts = { readonly topic?: string; readonly qos?: number; readonly reasonCode?: number };

/** A number of things a second; the first calls of each second get them. */
export class PerSecond {
  readonly #perSecond: number;
  #left = 0;
  #began = -Infinity;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Whether there is one more at `time`, in milliseconds. */
  take(time: number): boolean {
    if (this.#left === 0) {
      if (time - this.#began < 1000 || this.#perSecond === 0) return false;
      this.#began = time;
      this.#left = this.#perSecond;
    }
    this.#left -= 1;
    return true;
  }
}

/**
 * Writes one connection's packets and refusals into the trace.
 * Packets that carry data are told up to a number each second, so that traffic cannot wash everything else away.
 */
export class PacketTrace {
  clientId = "";
  principalId = "";
  readonly #trace: Trace;
  readonly #connection: string;
  readonly #address: string;
  readonly #mine: PerSecond;
  readonly #all: PerSecond;
  /** Absent until something is refused. */
  #reported: Set<string> | undefined;

  constructor(trace: Trace, peer: Peer, budget: { readonly mine: PerSecond; readonly all: PerSecond }) {
    this.#trace = trace;
    this.#connection = peer.connection;
    this.#address = peer.address;
    this.#mine = budget.mine;
    this.#all = budget.all;
  }

  packet(direction: "sent" | "received", packet: string, bytes: number, facts: PacketFacts = {}): void {
    const { topic = "", qos = 0, reasonCode = 0 } = facts;
    this.#trace.emit(
      "cloud",
      { kind: "mqtt.packet", direction, packet, clientId: this.clientId, topic, qos, bytes, reasonCode },
      this.#ids(),
    );
  }

  /** Whether one more data packet may be told at `time`. */
  mayTellData(time: number): boolean {
    return this.#mine.take(time) && this.#all.take(time);
  }

  refusal(cause: RefusalCause, evidence: Readonly<Record<string, FieldValue>>): void {
    const { clientId } = this;
    this.#trace.emit("cloud", { kind: "refusal", cause, clientId, address: this.#address, evidence }, this.#ids());
  }

  /** Tells a refusal that would repeat with every message: once for each of the first topics. */
  refusalOnce(topic: string, cause: RefusalCause, evidence: Readonly<Record<string, FieldValue>>): void {
    const reported = (this.#reported ??= new Set());
    if (reported.has(topic) || reported.size >= REPORTED_TOPICS) return;
    reported.add(topic);
    this.refusal(cause, evidence);
  }

  #ids() {
    return {
      connection: this.#connection,
      ...(this.clientId === "" ? {} : { device: this.clientId }),
      ...(this.principalId === "" ? {} : { certificate: this.principalId }),
    };
  }
}
