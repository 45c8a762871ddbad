/** F-22 and F-23: the broker is killed at random points under load, and the history of what it acknowledged is checked. */
import assert from "node:assert/strict";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { generate, parser, type Packet } from "mqtt-packet";

import { SeededEntropy } from "../../src/crypto/index.ts";
import { nodeHash } from "../../src/crypto/node.ts";

const DEEP = process.env["HAWSER_DEEP"] === "1";
/** As many messages as anybody has the patience for: a million take about ten minutes. */
const ASKED = Number(process.env["HAWSER_CRASH_MESSAGES"] ?? 0);
const SIZE =
  ASKED > 0
    ? { kills: Math.ceil(ASKED / 10_000), messages: ASKED, window: 500 }
    : DEEP
      ? { kills: 60, messages: 60_000, window: 15 }
      : { kills: 3, messages: 900, window: 15 };

/** A client with a persistent session, whose own state survives every connection. */
class Client {
  readonly clientId: string;
  readonly #hear: (packet: Packet, client: Client) => void;
  #socket: Socket | undefined;

  constructor(clientId: string, hear: (packet: Packet, client: Client) => void) {
    this.clientId = clientId;
    this.#hear = hear;
  }

  /** Connects; gives whether the broker knew the session. */
  async connect(port: number, more: object = {}): Promise<boolean> {
    const socket = connect(port, "127.0.0.1").setNoDelay(true);
    const read = parser({ protocolVersion: 4 });
    const connack = new Promise<boolean>((resolve) => {
      read.on("packet", (packet) => {
        if (packet.cmd === "connack") resolve(packet.sessionPresent);
        else this.#hear(packet, this);
      });
    });
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => read.parse(bytes));
    this.#socket = socket;
    this.send({ cmd: "connect", clientId: this.clientId, clean: false, keepalive: 0, protocolVersion: 4, ...more });
    return connack;
  }

  send(packet: Packet): void {
    this.#socket?.write(generate(packet, { protocolVersion: 4 }));
  }
}

type Sent = {
  readonly id: number;
  readonly text: string;
  readonly qos: 1 | 2;
  readonly retain: boolean;
  state: "sent" | "received";
};

/** Publishes numbered messages, QoS 1 and 2 in turn, with a window, and repeats after a reconnect what was not finished. */
class Publisher {
  readonly client = new Client("publisher", (packet) => this.#hear(packet));
  readonly acknowledged = new Set<string>();
  /** The last acknowledged message that its topic was to retain. */
  readonly retained = new Map<string, number>();
  readonly #open = new Map<number, Sent>();
  readonly #total: number;
  #next = 0;
  /** Called with each acknowledgement. */
  tick = (): void => undefined;

  constructor(total: number) {
    this.#total = total;
  }

  resume(): void {
    for (const sent of this.#open.values()) {
      if (sent.state === "received") this.client.send({ cmd: "pubrel", messageId: sent.id });
      else this.#publish(sent, true);
    }
    this.#fill();
  }

  get isDone(): boolean {
    return this.acknowledged.size === this.#total;
  }

  #fill(): void {
    while (this.#open.size < SIZE.window && this.#next < this.#total) {
      const n = this.#next++;
      const id = (n % 60_000) + 1;
      const sent: Sent = { id, text: String(n), qos: n % 2 === 0 ? 1 : 2, retain: n % 8 < 2, state: "sent" };
      this.#open.set(id, sent);
      this.#publish(sent, false);
    }
  }

  #publish({ id, text, qos, retain }: Sent, dup: boolean): void {
    this.client.send({ cmd: "publish", topic: `q${qos}`, payload: text, qos, messageId: id, dup, retain });
  }

  #hear(packet: Packet): void {
    const sent = this.#open.get(packet.messageId ?? 0);
    if (!sent) return;
    if (packet.cmd === "pubrec") {
      sent.state = "received";
      this.client.send({ cmd: "pubrel", messageId: sent.id });
    } else if (packet.cmd === "puback" || packet.cmd === "pubcomp") {
      this.#open.delete(sent.id);
      this.acknowledged.add(sent.text);
      if (sent.retain) this.retained.set(`q${sent.qos}`, Number(sent.text));
      this.#fill();
    }
    this.tick();
  }
}

/** Counts deliveries; keeps to the QoS 2 protocol, so that a repetition under the same identifier is none. */
class Subscriber {
  readonly client = new Client("subscriber", (packet) => this.#hear(packet));
  readonly deliveries = new Map<string, number>();
  readonly wills: string[] = [];
  readonly #held = new Set<number>();
  duplicates = 0;
  #tick = (): void => undefined;

  /** Resolves once all these messages have come. */
  has(...texts: readonly string[]): Promise<void> {
    return new Promise((resolve) => {
      this.#tick = () => {
        if (texts.every((text) => this.deliveries.has(text))) resolve();
      };
      this.#tick();
    });
  }

  #hear(packet: Packet): void {
    const messageId = packet.messageId ?? 0;
    if (packet.cmd === "pubrel") {
      this.#held.delete(messageId);
      this.client.send({ cmd: "pubcomp", messageId });
    }
    if (packet.cmd !== "publish") return;
    const text = String(packet.payload);
    if (packet.topic === "will") this.wills.push(text);
    if (packet.dup) this.duplicates += 1;
    if (packet.qos < 2 || !this.#held.has(messageId)) {
      this.deliveries.set(text, (this.deliveries.get(text) ?? 0) + 1);
    }
    if (packet.qos === 2) this.#held.add(messageId);
    if (packet.qos > 0) this.client.send({ cmd: packet.qos === 2 ? "pubrec" : "puback", messageId });
    this.#tick();
  }
}

/** What a stranger is told to be the retained messages, by topic. */
async function retainedAt(port: number): Promise<Map<string, number>> {
  const retained = new Map<string, number>();
  const { promise, resolve } = Promise.withResolvers<void>();
  const stranger = new Client("stranger", (packet) => {
    if (packet.cmd === "publish") retained.set(packet.topic, Number(packet.payload));
    // Its answer comes behind the retained messages.
    if (packet.cmd === "pingresp") resolve();
  });
  await stranger.connect(port, { clean: true });
  const subscriptions = ["q1", "q2"].map((topic) => ({ topic, qos: 0 as const }));
  stranger.send({ cmd: "subscribe", messageId: 1, subscriptions });
  stranger.send({ cmd: "pingreq" });
  await promise;
  stranger.send({ cmd: "disconnect" });
  return retained;
}

async function start(t: TestContext, directory: string): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(join(import.meta.dirname, "broker-crash-server.ts"), [directory, String(SIZE.window + 5)]);
  t.after(() => child.kill("SIGKILL"));
  const [port] = (await once(child, "message")) as [number];
  return { child, port };
}

test("F-22 F-23 a broker killed under load loses no acknowledged message, delivers QoS 2 once, and keeps wills and what is retained", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "hawser-crash-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const entropy = new SeededEntropy(nodeHash, "broker-crash");
  const [publisher, subscriber] = [new Publisher(SIZE.messages), new Subscriber()];
  const mortal = new Client("mortal", () => undefined);
  let isFirst = true;
  const open = async (port: number, round: number) => {
    assert.equal(await subscriber.client.connect(port), !isFirst);
    if (isFirst) {
      const subscriptions = ["q1", "q2", "will"].map((topic) => ({ topic, qos: 2 as const }));
      subscriber.client.send({ cmd: "subscribe", messageId: 1, subscriptions });
    }
    await mortal.connect(port, { will: { topic: "will", payload: Buffer.from(`w${round}`), qos: 1, retain: false } });
    assert.equal(await publisher.client.connect(port), !isFirst);
    isFirst = false;
    publisher.resume();
  };
  for (let round = 0; round <= SIZE.kills; round++) {
    const { child, port } = await start(t, directory);
    const retained = await retainedAt(port);
    for (const [topic, n] of publisher.retained) assert.ok((retained.get(topic) ?? -1) >= n, `${topic} retains ${n}`);
    const perRound = SIZE.messages / (SIZE.kills + 1);
    let left = round === SIZE.kills ? Infinity : Math.ceil(perRound * (0.5 + (entropy.bytes(1)[0] ?? 0) / 255));
    const over = new Promise<void>((resolve) => {
      publisher.tick = () => {
        left -= 1;
        if (left <= 0 || publisher.isDone) resolve();
      };
    });
    await open(port, round);
    await over;
    // Each topic keeps its order: behind the last messages nothing is on its way any more.
    if (round === SIZE.kills) await subscriber.has(String(SIZE.messages - 2), String(SIZE.messages - 1));
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  const lost = [...publisher.acknowledged].filter((text) => !subscriber.deliveries.has(text));
  const twice = [...subscriber.deliveries].filter(([text, times]) => times > 1 && Number(text) % 2 === 1);
  assert.deepEqual([lost, twice], [[], []]);
  assert.equal(publisher.acknowledged.size, SIZE.messages);
  assert.deepEqual(
    subscriber.wills,
    Array.from({ length: SIZE.kills }, (_, round) => `w${round}`),
  );
  t.diagnostic(`${SIZE.messages} messages, ${SIZE.kills} kills, ${subscriber.duplicates} repetitions with DUP`);
});
