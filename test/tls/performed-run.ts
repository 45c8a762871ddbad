/** Runs the engine, with its effects carried out by performers, against a scripted server and without a socket. */
import { concat, type HawserError } from "../../src/codec/index.ts";
import { nodeAead, nodeClock, nodeHash } from "../../src/crypto/node.ts";
import { EffectPerformer, type Performers } from "../../src/tls/effect-performer.ts";
import {
  clientConfig,
  type ClientConfigOptions,
  Connection,
  type Effect,
  type Input,
  type Output,
} from "../../src/tls/index.ts";
import { silentTrace } from "../../src/trace/index.ts";
import type { Peer } from "./run-client.ts";

type TalkingPeer = Peer & { data(content: Uint8Array): Uint8Array };

/** One connection from start to end: it sends, it hears, and says goodbye. */
export class PerformedRun {
  readonly outputs: Output[] = [];
  readonly connection: Connection;
  readonly #peer: TalkingPeer;
  readonly #performer: EffectPerformer;
  readonly #done = Promise.withResolvers<void>();
  readonly #script: ((run: PerformedRun) => void)[];

  constructor(
    peer: TalkingPeer,
    performers: Performers,
    config: Partial<ClientConfigOptions>,
    script: readonly ((run: PerformedRun) => void)[],
  ) {
    this.#peer = peer;
    this.#script = [...script];
    this.#performer = new EffectPerformer(performers, silentTrace, nodeClock);
    const { secrets, records } = performers;
    this.connection = new Connection(
      clientConfig({
        servername: "device.example",
        hash: nodeHash,
        aead: nodeAead,
        groups: ["secp256r1"],
        secretsElsewhere: secrets,
        recordsElsewhere: records,
        ...config,
      }),
    );
  }

  /** Runs until the connection is over. */
  async run(): Promise<this> {
    this.step({ on: "start" });
    await this.#done.promise;
    await this.#performer.release();
    return this;
  }

  step(input: Input): void {
    for (const output of this.connection.step(input)) {
      this.outputs.push(output);
      if (output.do === "write") this.#hear(this.#peer.receive(output.bytes));
      else if (output.do === "connected") void this.#performer.handshakeOver().then(() => this.#next());
      else if (output.do === "deliver") this.#next();
      else if (output.do === "shutdown" || output.do === "fail") this.#done.resolve();
      else if (isEffect(output)) void this.#perform(output);
    }
  }

  /** Bytes of the server's, which arrive after what is under way. */
  #hear(bytes: Uint8Array): void {
    if (bytes.length > 0) queueMicrotask(() => this.step({ on: "bytes", bytes }));
  }

  /** The server says something. */
  serverSays(content: Uint8Array): void {
    this.#hear(this.#peer.data(content));
  }

  get error(): HawserError | undefined {
    return this.outputs.find((output) => output.do === "fail")?.error;
  }

  get written(): Uint8Array {
    return concat(...this.outputs.flatMap((output) => (output.do === "write" ? [output.bytes] : [])));
  }

  get delivered(): Uint8Array {
    return concat(...this.outputs.flatMap((output) => (output.do === "deliver" ? [output.data] : [])));
  }

  #next(): void {
    const step = this.#script.shift();
    if (step && this.connection.phase === "connected") step(this);
  }

  async #perform(effect: Effect): Promise<void> {
    this.step(await this.#performer.perform(effect));
  }
}

const NO_EFFECTS: readonly string[] = "write connected session key-log deliver end shutdown fail trace".split(" ");

function isEffect(output: Output): output is Effect {
  return !NO_EFFECTS.includes(output.do);
}
