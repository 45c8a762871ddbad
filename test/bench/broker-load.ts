/**
 * Load for a broker, from a process of its own: sockets and packets that were serialised beforehand, nothing else.
 * Outstanding messages are bounded, so that no broker needs to drop any. Forked by broker.bench.ts.
 */
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

import { generate, type Packet } from "mqtt-packet";

/** One shape of load: `pairs` publishers with `subscribers` each, or all of them on one topic. */
export type Load = {
  readonly port: number;
  readonly tls: boolean;
  /** Whether sessions outlive their connections. */
  readonly persistent: boolean;
  readonly publishers: number;
  readonly subscribers: number;
  readonly sharedTopic: boolean;
  /** Messages in flight for each publisher, and how many it writes at once. */
  readonly window: number;
  readonly batch: number;
  readonly warmupMs: number;
  readonly measureMs: number;
};

/** What one QoS gave: deliveries in a time, the CPU time of this process then, and the time with warm-up. */
export type Measured = {
  readonly deliveries: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly activeSeconds: number;
};

const PAYLOAD = Buffer.alloc(100, 0x78);
const encode = (packet: Packet) => generate(packet, { protocolVersion: 4 });

type Publisher = {
  readonly socket: Socket;
  readonly topic: string;
  chunk: Buffer;
  /** Messages that were not delivered yet, and at QoS 1 those not acknowledged yet. */
  undelivered: number;
  unacknowledged: number;
  /** Bytes of acknowledgements that make no whole one yet. */
  partial: number;
};
type Subscriber = { readonly socket: Socket; readonly publisher: Publisher | undefined; rest: Buffer };

class Generator {
  readonly #load: Load;
  readonly #publishers: Publisher[] = [];
  readonly #subscribers: Subscriber[] = [];
  #qos: 0 | 1 = 0;
  #packetLength = 0;
  #idAt = 0;
  #isRunning = false;
  #deliveries = 0;
  #nextId = 1;

  constructor(load: Load) {
    this.#load = load;
  }

  async connect(): Promise<void> {
    const { publishers, subscribers, sharedTopic } = this.#load;
    const topic = (i: number) => (sharedTopic ? "bench/shared" : `bench/${String(i).padStart(6, "0")}`);
    const opened = await Promise.all(Array.from({ length: publishers }, (_, i) => this.#open(`p${i}`)));
    for (const [i, socket] of opened.entries()) {
      this.#publishers.push({
        socket,
        topic: topic(i),
        chunk: Buffer.alloc(0),
        undelivered: 0,
        unacknowledged: 0,
        partial: 0,
      });
    }
    const readers = await Promise.all(Array.from({ length: subscribers }, (_, i) => this.#open(`s${i}`)));
    for (const [i, socket] of readers.entries()) {
      const publisher = sharedTopic ? undefined : this.#publishers[i];
      socket.write(encode({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: topic(i), qos: 1 }] }));
      await new Promise((resolve) => socket.once("data", resolve));
      this.#subscribers.push({ socket, publisher, rest: Buffer.alloc(0) });
    }
    for (const subscriber of this.#subscribers) {
      subscriber.socket.on("data", (chunk: Buffer) => this.#received(subscriber, chunk));
    }
    for (const publisher of this.#publishers) {
      publisher.socket.on("data", (chunk: Buffer) => this.#acknowledged(publisher, chunk));
    }
  }

  async measure(qos: 0 | 1): Promise<Measured> {
    this.#prepare(qos);
    this.#isRunning = true;
    const began = performance.now();
    for (const publisher of this.#publishers) this.#fill(publisher);
    await sleep(this.#load.warmupMs);
    const cpu = process.cpuUsage();
    const start = performance.now();
    const before = this.#deliveries;
    await sleep(this.#load.measureMs);
    const deliveries = this.#deliveries - before;
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    this.#isRunning = false;
    const activeSeconds = (performance.now() - began) / 1000;
    // What is still on its way arrives before the next measurement begins.
    await sleep(100);
    return { deliveries, seconds, cpuSeconds: (user + system) / 1e6, activeSeconds };
  }

  #prepare(qos: 0 | 1): void {
    this.#qos = qos;
    for (const publisher of this.#publishers) {
      const packet = encode({
        cmd: "publish",
        topic: publisher.topic,
        payload: PAYLOAD,
        qos,
        dup: false,
        retain: false,
        ...(qos ? { messageId: 1 } : {}),
      });
      publisher.chunk = Buffer.concat(Array<Buffer>(this.#load.batch).fill(packet));
      publisher.undelivered = publisher.unacknowledged = publisher.partial = 0;
      this.#packetLength = packet.length;
      this.#idAt = 2 + 2 + publisher.topic.length;
    }
    for (const subscriber of this.#subscribers) subscriber.rest = Buffer.alloc(0);
  }

  /** Writes whole batches as far as the window allows. */
  #fill(publisher: Publisher): void {
    const { window, batch } = this.#load;
    while (this.#isRunning && Math.max(publisher.undelivered, publisher.unacknowledged) + batch <= window) {
      publisher.undelivered += batch;
      if (this.#qos === 1) publisher.unacknowledged += batch;
      publisher.socket.write(this.#qos === 0 ? publisher.chunk : this.#numbered(publisher.chunk));
    }
  }

  #numbered(chunk: Buffer): Buffer {
    const numbered = Buffer.from(chunk);
    for (let at = this.#idAt; at < numbered.length; at += this.#packetLength) {
      numbered.writeUInt16BE(this.#nextId, at);
      this.#nextId = this.#nextId === 0xffff ? 1 : this.#nextId + 1;
    }
    return numbered;
  }

  #acknowledged(publisher: Publisher, chunk: Buffer): void {
    publisher.partial += chunk.length;
    const count = Math.floor(publisher.partial / 4);
    publisher.partial -= count * 4;
    publisher.unacknowledged -= count;
    this.#fill(publisher);
  }

  #received(subscriber: Subscriber, chunk: Buffer): void {
    const bytes = subscriber.rest.length > 0 ? Buffer.concat([subscriber.rest, chunk]) : chunk;
    const count = Math.floor(bytes.length / this.#packetLength);
    const used = count * this.#packetLength;
    subscriber.rest = used < bytes.length ? Buffer.from(bytes.subarray(used)) : Buffer.alloc(0);
    if (count === 0) return;
    this.#deliveries += count;
    if (this.#qos === 1) this.#acknowledge(subscriber.socket, bytes, count);
    this.#credit(subscriber, count);
  }

  #acknowledge(socket: Socket, bytes: Buffer, count: number): void {
    const acks = Buffer.allocUnsafe(count * 4);
    for (let i = 0, at = this.#idAt; i < count; i++, at += this.#packetLength) {
      acks[i * 4] = 0x40;
      acks[i * 4 + 1] = 2;
      acks[i * 4 + 2] = bytes[at] ?? 0;
      acks[i * 4 + 3] = bytes[at + 1] ?? 0;
    }
    socket.write(acks);
  }

  #shared = 0;
  #sharedTurn = 0;

  /** Deliveries tell when more may be sent: each pair its own, all on one topic in turn. */
  #credit({ publisher }: Subscriber, count: number): void {
    if (publisher) {
      publisher.undelivered -= count;
      this.#fill(publisher);
      return;
    }
    this.#shared += count / this.#subscribers.length;
    while (this.#shared >= this.#load.batch) {
      this.#shared -= this.#load.batch;
      const next = this.#publishers[this.#sharedTurn++ % this.#publishers.length];
      if (!next) return;
      next.undelivered -= this.#load.batch;
      this.#fill(next);
    }
  }

  async #open(clientId: string): Promise<Socket> {
    const { port, tls, persistent } = this.#load;
    const socket = tls
      ? connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false })
      : connectPlain({ host: "127.0.0.1", port });
    socket.setNoDelay(true);
    await new Promise((resolve, reject) => {
      socket.once(tls ? "secureConnect" : "connect", resolve);
      socket.once("error", reject);
    });
    socket.write(encode({ cmd: "connect", clientId, clean: !persistent, keepalive: 1200, protocolVersion: 4 }));
    await new Promise((resolve) => socket.once("data", resolve));
    return socket;
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function serve(load: Load): Promise<void> {
  const generator = new Generator(load);
  await generator.connect();
  const measure = async (qos: 0 | 1): Promise<void> => void process.send?.(await generator.measure(qos));
  process.on("message", (qos: 0 | 1) => void measure(qos));
  process.send?.("connected");
}

process.once("message", (load: Load) => void serve(load));
process.once("disconnect", () => process.exit(0));
