import type { Duplex } from "node:stream";

import { ErrorWithSubackPacket, MqttClient, type IClientOptions } from "mqtt";
import { generate, type Packet } from "mqtt-packet";

import { ProtocolError, Refused } from "../codec/index.ts";
import type { Clock } from "../crypto/index.ts";
import type { Trace } from "../trace/index.ts";
import type { AgentErrorCode } from "./errors.ts";

/** How a device introduces itself to the broker. */
export type MqttOptions = {
  readonly clientId: string;
  /** 4 is MQTT 3.1.1, 5 is MQTT 5. */
  readonly protocolVersion: 4 | 5;
  readonly keepAliveSeconds: number;
  /** How long CONNACK, PUBACK and SUBACK may take, in milliseconds. */
  readonly answerWithinMs: number;
  readonly clock: Clock;
  readonly trace: Trace;
};

/** Called with each message that a subscription brings. */
export type MessageListener = (topic: string, payload: Uint8Array) => void;

/** One MQTT connection that the broker accepted. */
export interface MqttSession {
  /** Publishes at QoS 1 and settles with PUBACK. Throws `Refused` `publish-refused`, `ProtocolError` `connection-lost`. */
  publish(topic: string, payload: Uint8Array): Promise<void>;
  /** Subscribes at QoS 1. Throws `Refused` `subscribe-refused`, `ProtocolError` `connection-lost`. */
  subscribe(filter: string, listener: MessageListener): Promise<void>;
  /** Settles, never rejects, when the connection is over. */
  readonly closed: Promise<void>;
  /** Sends DISCONNECT and closes. */
  end(): Promise<void>;
}

/**
 * Opens an MQTT session over a connected stream, clean start, without reconnecting: when to try again is the device's decision.
 * Throws `ProtocolError` `connection-dropped` where the stream ends before CONNACK, with what it failed of as the cause,
 * `not-mqtt` where something else answers, and `Refused` `connack-refused` where CONNACK says no. MQTT 3.1.1, section 3.2
 */
export async function openMqtt(stream: Duplex, options: MqttOptions): Promise<MqttSession> {
  const client = new MqttClient(() => stream, clientOptions(options));
  traceTo(options, client);
  const failure: Failure = {};
  const note = (error: Error) => void (failure.error ??= error);
  stream.on("error", note);
  // The broker's end is the end: MQTT has no half-open connections.
  stream.on("end", () => stream.destroy());
  client.on("error", (error) => {
    // MQTT.js tells of its parser's failures and of refusals alike; only refusals have a code.
    if (reasonCodeOf(error) === undefined && !failure.error) failure.isMalformed = true;
    note(error);
  });
  const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
  const accepted = new Promise<boolean>((resolve) => client.once("connect", () => resolve(true)));
  client.connect();
  if (!(await Promise.race([accepted, closed.then(() => false)]))) {
    client.end(true);
    throw refusalOf(failure);
  }
  return new Session(client, closed, options, failure);
}

class Session implements MqttSession {
  readonly closed: Promise<void>;
  readonly #client: MqttClient;
  readonly #options: MqttOptions;
  readonly #failure: Failure;
  #ended: Promise<void> | undefined;

  constructor(client: MqttClient, closed: Promise<void>, options: MqttOptions, failure: Failure) {
    this.#client = client;
    this.closed = closed;
    this.#options = options;
    this.#failure = failure;
  }

  publish(topic: string, payload: Uint8Array): Promise<void> {
    return this.#answered(`PUBACK for ${topic}`, async () => {
      try {
        await this.#client.publishAsync(topic, Buffer.from(payload), { qos: 1 });
      } catch (error) {
        throw coded(error, "publish-refused", `publish to ${topic} refused`);
      }
    });
  }

  subscribe(filter: string, listener: MessageListener): Promise<void> {
    this.#client.on("message", (topic, payload) => {
      if (filterMatches(filter, topic)) listener(topic, new Uint8Array(payload));
    });
    return this.#answered(`SUBACK for ${filter}`, async () => {
      try {
        await this.#client.subscribeAsync(filter, { qos: 1 });
      } catch (error) {
        throw coded(error, "subscribe-refused", `subscription to ${filter} refused`);
      }
    });
  }

  end(): Promise<void> {
    this.#ended ??= this.#goodbye();
    return this.#ended;
  }

  /** A broker that does not close its end does not keep us waiting. */
  async #goodbye(): Promise<void> {
    const cancel = this.#options.clock.after(this.#options.answerWithinMs, () => this.#client.stream.destroy());
    await this.#client.endAsync().finally(cancel);
  }

  /** The broker's answer, or `connection-lost` where the connection ends, or stays silent, before it. */
  async #answered(what: string, ask: () => Promise<void>): Promise<void> {
    let cancel = () => {};
    const silence = new Promise<"silent">((resolve) => {
      cancel = this.#options.clock.after(this.#options.answerWithinMs, () => resolve("silent"));
    });
    const asked = ask();
    // Where the connection wins the race, nobody else looks at what became of the request.
    asked.catch(() => undefined);
    const lost = this.closed.then(() => "closed" as const);
    const outcome = await Promise.race([asked, silence, lost]).finally(() => cancel());
    if (outcome === undefined) return;
    if (outcome === "silent") this.#client.end(true);
    const message = outcome === "silent" ? `no ${what} in time` : `connection ended before ${what}`;
    throw new ProtocolError<AgentErrorCode>("connection-lost", message, undefined, causeOf(this.#failure.error));
  }
}

function clientOptions(options: MqttOptions): IClientOptions {
  return {
    clientId: options.clientId,
    protocolId: "MQTT",
    protocolVersion: options.protocolVersion,
    clean: true,
    keepalive: options.keepAliveSeconds,
    connectTimeout: options.answerWithinMs,
    reconnectPeriod: 0,
    resubscribe: false,
    // Only so can its very first packet be seen.
    manualConnect: true,
  };
}

/** What a connection failed of, first things first. */
type Failure = { error?: Error; isMalformed?: true };

function refusalOf({ error, isMalformed }: Failure): Error {
  if (isMalformed) {
    return new ProtocolError<AgentErrorCode>(
      "not-mqtt",
      "the answer to CONNECT is not MQTT",
      undefined,
      causeOf(error),
    );
  }
  const code = reasonCodeOf(error);
  if (code !== undefined) {
    return new Refused<AgentErrorCode>("connack-refused", `CONNACK refuses with ${hex(code)}`, code, causeOf(error));
  }
  return new ProtocolError<AgentErrorCode>(
    "connection-dropped",
    "connection closed before CONNACK",
    undefined,
    causeOf(error),
  );
}

/** Gives a refusal by the broker our class and code; everything else passes unchanged. */
function coded(error: unknown, code: AgentErrorCode, message: string): unknown {
  const wire = error instanceof ErrorWithSubackPacket ? error.packet.granted[0] : reasonCodeOf(error);
  return typeof wire === "number" ? new Refused(code, `${message} with ${hex(wire)}`, wire, { cause: error }) : error;
}

function reasonCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "number") return undefined;
  return error.code;
}

function causeOf(error: Error | undefined): { cause?: Error } {
  return error ? { cause: error } : {};
}

function hex(code: number): string {
  return `0x${code.toString(16).padStart(2, "0")}`;
}

/** Whether a topic falls under a filter. MQTT 3.1.1, section 4.7 */
function filterMatches(filter: string, topic: string): boolean {
  const levels = topic.split("/");
  for (const [i, wanted] of filter.split("/").entries()) {
    if (wanted === "#") return true;
    if (levels[i] === undefined || (wanted !== "+" && wanted !== levels[i])) return false;
  }
  return filter.split("/").length === levels.length;
}

function traceTo({ trace, clientId, protocolVersion }: MqttOptions, client: MqttClient): void {
  const emit = (direction: "sent" | "received", packet: Packet) =>
    trace.emit("host", {
      kind: "mqtt.packet",
      direction,
      packet: packet.cmd.toUpperCase(),
      clientId,
      topic: packet.cmd === "publish" ? packet.topic : "",
      qos: packet.cmd === "publish" ? packet.qos : 0,
      bytes: packet.length ?? generate(packet, { protocolVersion }).length,
      reasonCode: reasonOf(packet),
    });
  client.on("packetsend", (packet) => emit("sent", packet));
  client.on("packetreceive", (packet) => emit("received", packet));
}

function reasonOf(packet: Packet): number {
  if ("reasonCode" in packet && typeof packet.reasonCode === "number") return packet.reasonCode;
  return "returnCode" in packet && typeof packet.returnCode === "number" ? packet.returnCode : 0;
}
