/** Runs the engine against a scripted server, with no socket and no time between them. */
import { createECDH } from "node:crypto";

import { nodeCbc, nodeDh } from "../../src/tls/node-ciphers.ts";

import { concat, type HawserError, UsageError } from "../../src/codec/index.ts";
import { type CryptoErrorCode, SeededEntropy, type SignatureVerifier, type Signer } from "../../src/crypto/index.ts";
import { nodeAead, nodeHash, nodeKeyAgreement, nodeVerifier } from "../../src/crypto/node.ts";
import {
  type Answer,
  clientConfig,
  type ClientConfigOptions,
  Connection,
  type ConnectionFacts,
  type Effect,
  type Input,
  type Output,
  type RecordAnswer,
} from "../../src/tls/index.ts";
import { serverPublicKey } from "./scripted-server.ts";

/** Either of the scripted servers. */
export type Peer = { receive(bytes: Uint8Array): Uint8Array };

export type RunOptions = Partial<ClientConfigOptions> & {
  readonly seed?: string;
  readonly signers?: readonly Signer[];
  readonly verifier?: SignatureVerifier;
  /** The kind of key in the server's certificate. */
  readonly serverKey?: "ecdsa" | "rsa";
  /** Answers an effect otherwise; undefined leaves it to the software. */
  readonly answer?: (effect: Effect) => Answer | undefined;
  /** How bytes from the server are cut on their way to the client. */
  /** Answers whatever is asked through this; its answers come late. */
  readonly performer?: { perform(effect: Effect): Promise<Answer> };
  /** Seals and opens records; undefined leaves the answer to the test. */
  readonly records?: { perform(effect: RecordEffect): Promise<RecordAnswer | undefined> };
  readonly cut?: (bytes: Uint8Array) => readonly Uint8Array[];
};

type RecordEffect = Extract<Effect, { do: "seal" | "open" }>;

/** Everything that one run of a client showed. */
export class ClientRun {
  readonly connection: Connection;
  readonly outputs: Output[] = [];
  readonly #options: RunOptions;
  readonly #server: Peer;
  readonly #entropy: SeededEntropy;
  /** Of its own, so that the order of operations changes no byte. */
  readonly #keyEntropy: SeededEntropy;
  readonly #arriving: Uint8Array[] = [];
  #isDelivering = false;
  #agree: ((peer: Uint8Array) => Promise<Uint8Array>) | undefined;

  constructor(server: Peer, options: RunOptions = {}) {
    const { seed = "client", ...rest } = options;
    this.#options = rest;
    this.#server = server;
    this.#entropy = new SeededEntropy(nodeHash, seed);
    this.#keyEntropy = new SeededEntropy(nodeHash, `${seed} keys`);
    this.connection = new Connection(
      clientConfig({ servername: "device.example", hash: nodeHash, aead: nodeAead, cbc: nodeCbc, ...rest }),
    );
  }

  async start(): Promise<this> {
    await this.input({ on: "start" });
    return this;
  }

  /** One input and everything that follows from it, back and forth. */
  async input(input: Input): Promise<void> {
    for (const output of this.connection.step(input)) {
      this.outputs.push(output);
      if (output.do === "write") await this.bytes(this.#server.receive(output.bytes));
      else if (output.do === "seal" || output.do === "open") {
        const answer = await this.#options.records?.perform(output);
        if (answer) await this.input(answer);
      } else if (isEffect(output)) await this.input(await this.#perform(output));
    }
  }

  /** Bytes from the server. */
  async bytes(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    const { cut = (whole) => [whole] } = this.#options;
    this.#arriving.push(...cut(bytes));
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    // What the server answers meanwhile arrives behind what is on its way already.
    for (let piece = this.#arriving.shift(); piece; piece = this.#arriving.shift()) {
      await this.input({ on: "bytes", bytes: piece });
    }
    this.#isDelivering = false;
  }

  get facts(): ConnectionFacts | undefined {
    return this.outputs.find((output) => output.do === "connected")?.facts;
  }

  get error(): HawserError | undefined {
    return this.outputs.find((output) => output.do === "fail")?.error;
  }

  /** All application data, joined. */
  get delivered(): Uint8Array {
    return concat(...this.outputs.flatMap((output) => (output.do === "deliver" ? [output.data] : [])));
  }

  get written(): Uint8Array {
    return concat(...this.outputs.flatMap((output) => (output.do === "write" ? [output.bytes] : [])));
  }

  /** The shared secret of the key share that was made last. */
  agree(peerKey: Uint8Array): Promise<Uint8Array> {
    return this.#agree?.(peerKey) ?? Promise.reject(new Error("no key share"));
  }

  async #perform(effect: Effect): Promise<Answer> {
    try {
      if (this.#options.performer && SECRETS.includes(effect.do)) return await this.#options.performer.perform(effect);
      return this.#options.answer?.(effect) ?? (await this.#inSoftware(effect));
    } catch (error) {
      return { on: "failed", error };
    }
  }

  async #inSoftware(effect: Effect): Promise<Answer> {
    switch (effect.do) {
      case "random":
        return { on: "random", bytes: this.#entropy.bytes(effect.length) };
      case "generate":
        return { on: "generated", publicKey: await this.#generate(effect.group) };
      case "agree":
        return { on: "agreed", secret: await (this.#agree?.(effect.peerKey) ?? Promise.reject(new Error("no key"))) };
      case "verify-chain":
        return { on: "chain-verified", publicKey: serverPublicKey(this.#options.serverKey ?? "ecdsa") };
      case "verify":
        return { on: "verified", valid: await (this.#options.verifier ?? nodeVerifier).verify(effect) };
      case "agree-dh":
        return { on: "dh-agreed", ...(await nodeDh.agree(effect)) };
      case "sign":
        return { on: "signed", signature: await this.#sign(effect) };
      default:
        throw new Error(`nobody does ${effect.do}`);
    }
  }

  async #sign({ identity, algorithm, content }: Extract<Effect, { do: "sign" }>): Promise<Uint8Array> {
    const signer = this.#options.signers?.[identity];
    if (!signer) throw new Error("no signer");
    return signer.sign(algorithm, content);
  }

  async #generate(group: Extract<Effect, { do: "generate" }>["group"]): Promise<Uint8Array> {
    if (group === "secp256r1") {
      const ecdh = createECDH("prime256v1");
      ecdh.setPrivateKey(this.#keyEntropy.bytes(32));
      this.#agree = async (peer) => {
        try {
          return new Uint8Array(ecdh.computeSecret(peer));
        } catch (cause) {
          throw new UsageError<CryptoErrorCode>("bad-peer-key", "not on the curve", { cause });
        }
      };
      return new Uint8Array(ecdh.getPublicKey());
    }
    const key = await nodeKeyAgreement.generate(group);
    this.#agree = (peer) => key.agree(peer);
    return key.publicKey;
  }
}

const EFFECTS: readonly string[] = "random generate agree agree-dh verify-chain verify derive-master expand sign".split(
  " ",
);

const SECRETS: readonly string[] = ["agree", "derive-master", "expand"];

function isEffect(output: Output): output is Effect {
  return EFFECTS.includes(output.do);
}
