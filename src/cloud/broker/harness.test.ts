/** What the broker's tests share: a broker without sockets, clients made of mqtt-packet, and time that stands still. */
import { generate, parser, type Packet } from "mqtt-packet";

import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { Ledger, type TraceEvent } from "../../trace/index.ts";
import {
  AWS_PROFILE,
  Broker,
  type Admission,
  type Authenticator,
  type AuthorityAction,
  type BrokerLimits,
  type BrokerSettings,
  type Connection,
  type ConnectRequest,
  type SessionStore,
  type Sink,
  type Verdict,
} from "./index.ts";

const ALLOWED: Verdict = { allowed: true };

export type WorldOptions = {
  readonly settings?: BrokerSettings;
  readonly limits?: Partial<BrokerLimits>;
  readonly store?: SessionStore;
  readonly clock?: VirtualClock;
  readonly may?: (action: AuthorityAction, resource: string, clientId: string) => Verdict;
  readonly authenticators?: readonly Authenticator[];
  readonly admit?: (request: ConnectRequest) => Promise<Admission> | undefined;
};

/** A broker and everything around it. Call `settle` after each step: it ends turns and lets promises run. */
export class World {
  readonly clock: VirtualClock;
  readonly ledger: Ledger;
  readonly broker: Broker;
  readonly requests: ConnectRequest[] = [];
  readonly #tasks: (() => void)[] = [];
  #connections = 0;

  constructor(options: WorldOptions = {}) {
    const { settings = AWS_PROFILE, limits = {}, may = () => ALLOWED } = options;
    this.clock = options.clock ?? new VirtualClock();
    this.ledger = new Ledger({ clock: this.clock });
    this.broker = new Broker({
      clock: this.clock,
      entropy: new SeededEntropy(nodeHash, "broker"),
      trace: this.ledger,
      defer: (task) => this.#tasks.push(task),
      settings: { ...settings, limits: { ...settings.limits, ...limits } },
      ...(options.store ? { store: options.store } : {}),
      authenticators: options.authenticators ?? [],
      gatekeeper: {
        admit: async (request) => {
          this.requests.push(request);
          const decided = await options.admit?.(request);
          const principalId = request.username ?? `principal-of-${request.clientId}`;
          const authority = {
            principalId,
            may: (action: AuthorityAction, resource: string) => may(action, resource, request.clientId),
          };
          return decided ?? { admit: true, authority };
        },
      },
    });
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) {
      await Promise.resolve();
      this.turn();
    }
  }

  /** Ends the current turn. */
  turn(): void {
    for (const task of this.#tasks.splice(0)) task();
  }

  async advance(ms: number): Promise<void> {
    await this.settle();
    this.clock.advance(ms);
    await this.settle();
  }

  client(version: 4 | 5 = 4): Client {
    this.#connections += 1;
    return new Client(this, version, `c${this.#connections}`);
  }

  /** A client that is connected. */
  async connected(clientId: string, connect: Partial<Extract<Packet, { cmd: "connect" }>> = {}): Promise<Client> {
    const client = this.client(connect.protocolVersion === 5 ? 5 : 4);
    await client.connect(clientId, connect);
    return client;
  }

  refusals(): Extract<TraceEvent, { kind: "refusal" }>[] {
    return this.ledger.events({ kinds: ["refusal"] }).filter((event) => event.kind === "refusal");
  }

  /** The causes of all refusals so far. */
  causes(): string[] {
    return this.refusals().map((event) => event.cause);
  }
}

/** The other end of one connection: sends what mqtt-packet generates, and keeps what the broker wrote. */
export class Client implements Sink {
  readonly world: World;
  readonly version: 4 | 5;
  readonly connection: Connection;
  readonly writes: Uint8Array[] = [];
  writableLength = 0;
  isPaused = false;
  ended: "end" | "destroy" | undefined;
  readonly #parser;
  readonly #packets: Packet[] = [];

  constructor(world: World, version: 4 | 5, connection: string) {
    this.world = world;
    this.version = version;
    this.#parser = parser({ protocolVersion: version });
    this.#parser.on("packet", (packet) => this.#packets.push(packet));
    this.#parser.on("error", (error: Error) => {
      throw error;
    });
    const peer = { connection, address: "192.0.2.1", certificates: [], servername: undefined };
    this.connection = world.broker.open(peer, this);
  }

  write(bytes: Uint8Array): void {
    this.writes.push(new Uint8Array(bytes));
    this.#parser.parse(Buffer.from(bytes));
  }

  end(): void {
    this.ended ??= "end";
  }

  destroy(): void {
    this.ended ??= "destroy";
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  /** The packets that came since the last call. */
  take(): Packet[] {
    return this.#packets.splice(0);
  }

  /** The packets of one kind that came since the last call; others are thrown away. */
  takeAll<Cmd extends Packet["cmd"]>(cmd: Cmd): Extract<Packet, { cmd: Cmd }>[] {
    return this.take().filter((packet): packet is Extract<Packet, { cmd: Cmd }> => packet.cmd === cmd);
  }

  bytes(packet: Packet): Uint8Array {
    return new Uint8Array(generate(packet, { protocolVersion: this.version }));
  }

  async send(...packets: readonly Packet[]): Promise<void> {
    for (const packet of packets) this.connection.receive(this.bytes(packet));
    await this.world.settle();
  }

  async raw(...bytes: readonly number[]): Promise<void> {
    this.connection.receive(Uint8Array.from(bytes));
    await this.world.settle();
  }

  /** Connects and gives the CONNACK packet, if one came; what came behind it stays. */
  async connect(clientId: string, more: Partial<Extract<Packet, { cmd: "connect" }>> = {}) {
    await this.send({ cmd: "connect", clientId, clean: true, keepalive: 60, ...more, protocolVersion: this.version });
    const at = this.#packets.findIndex((packet) => packet.cmd === "connack");
    const [connack] = at < 0 ? [] : this.#packets.splice(at, 1);
    return connack?.cmd === "connack" ? connack : undefined;
  }

  async subscribe(filter: string, qos: 0 | 1 | 2 = 1, more: { nl?: boolean; rap?: boolean; rh?: number } = {}) {
    await this.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: filter, qos, ...more }] });
    return this.take();
  }

  async publish(
    topic: string,
    payload: string,
    more: { qos?: 0 | 1 | 2; retain?: boolean; dup?: boolean; messageId?: number; properties?: object } = {},
  ): Promise<void> {
    const { qos = 0, retain = false, dup = false, messageId = qos > 0 ? 7 : undefined, properties } = more;
    await this.send({
      cmd: "publish",
      topic,
      payload,
      qos,
      retain,
      dup,
      ...(messageId === undefined ? {} : { messageId }),
      ...(properties === undefined ? {} : { properties }),
    });
  }

  /** The payloads that came since the last call, by topic and text. */
  messages(): string[] {
    return this.takeAll("publish").map(({ topic, payload }) => `${topic}=${String(payload)}`);
  }

  /** The transport breaks. */
  async drop(): Promise<void> {
    this.connection.closed();
    await this.world.settle();
  }
}
