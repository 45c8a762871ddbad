/** Runs the demonstration server's machine with no socket and no time, against a client of our own or bytes of a test's. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";

import { concat, type HawserError } from "../../src/codec/index.ts";
import { SeededEntropy } from "../../src/crypto/index.ts";
import { nodeAead, nodeHash, nodeKeyAgreement, nodeSigner, nodeVerifier } from "../../src/crypto/node.ts";
import { nodeHeldAgreement } from "../../src/crypto/node-curves.ts";
import type { Answer, Effect, Input, Output } from "../../src/tls/index.ts";
import { nodeCbc } from "../../src/tls/node-ciphers.ts";
import {
  ServerConnection,
  serverConfig,
  type ServerConfigOptions,
  type SessionCache,
} from "../../src/tls/server12/index.ts";

const key: KeyObject = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
const signer = nodeSigner(key);

/** DER SubjectPublicKeyInfo of the server's key; its certificate is a stand-in that nobody reads. */
export const SERVER_KEY: Uint8Array = signer.publicKey;
export const STAND_IN_CHAIN: readonly Uint8Array[] = [Uint8Array.of(0x30, 0x00)];

/** The key of the client's certificate, as the check of the chain would give it. */
export const clientKey: KeyObject = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;

export type ServerRunOptions = Partial<ServerConfigOptions> & {
  readonly sessions?: SessionCache;
  /** Answers an effect otherwise; undefined leaves it to the software. */
  readonly answer?: (effect: Effect) => Answer | undefined;
};

/** Everything that one run of the server showed. */
export class ServerRun {
  readonly connection: ServerConnection;
  readonly outputs: Output[] = [];
  readonly #answer: (effect: Effect) => Answer | undefined;
  readonly #entropy = new SeededEntropy(nodeHash, "server");
  #agree: ((peer: Uint8Array) => Promise<Uint8Array>) | undefined;

  constructor({ answer = () => undefined, ...options }: ServerRunOptions = {}) {
    this.#answer = answer;
    this.connection = new ServerConnection(
      serverConfig({
        chain: STAND_IN_CHAIN,
        publicKey: SERVER_KEY,
        algorithms: signer.algorithms,
        hash: nodeHash,
        aead: nodeAead,
        cbc: nodeCbc,
        ...options,
      }),
    );
  }

  async start(): Promise<this> {
    await this.input({ on: "start" });
    return this;
  }

  /** One input and all the work that follows from it; gives what is to be written to the client. */
  async input(input: Input): Promise<Uint8Array> {
    const written: Uint8Array[] = [];
    for (const output of this.connection.step(input)) {
      this.outputs.push(output);
      if (output.do === "write") written.push(output.bytes);
      else if (isEffect(output)) written.push(await this.input(await this.#perform(output)));
    }
    return concat(...written);
  }

  bytes(bytes: Uint8Array): Promise<Uint8Array> {
    return this.input({ on: "bytes", bytes });
  }

  get facts() {
    return this.outputs.find((output) => output.do === "connected")?.facts;
  }

  get error(): HawserError | undefined {
    return this.outputs.find((output) => output.do === "fail")?.error;
  }

  /** Names of the alerts that were sent, in order. */
  get alerts(): string[] {
    return this.outputs.flatMap((output) =>
      output.do === "trace" && output.event.kind === "tls.alert" && output.event.direction === "sent"
        ? [output.event.alert]
        : [],
    );
  }

  get delivered(): Uint8Array {
    return concat(...this.outputs.flatMap((output) => (output.do === "deliver" ? [output.data] : [])));
  }

  async #perform(effect: Effect): Promise<Answer> {
    try {
      return this.#answer(effect) ?? (await this.#inSoftware(effect));
    } catch (error) {
      return { on: "failed", error };
    }
  }

  async #inSoftware(effect: Effect): Promise<Answer> {
    switch (effect.do) {
      case "random":
        return { on: "random", bytes: this.#entropy.bytes(effect.length) };
      case "generate": {
        const made = await nodeKeyAgreement.generate(effect.group);
        this.#agree = (peer) => made.agree(peer);
        return { on: "generated", publicKey: made.publicKey };
      }
      case "agree":
        return {
          on: "agreed",
          secret: await (this.#agree?.(effect.peerKey) ?? Promise.reject(new Error("no key was made"))),
        };
      case "agree-static":
        return { on: "agreed", secret: await nodeHeldAgreement(key).agree(effect.peerKey) };
      case "sign":
        return { on: "signed", signature: await signer.sign(effect.algorithm, effect.content) };
      case "verify-client":
        return { on: "chain-verified", publicKey: nodeSigner(clientKey).publicKey };
      case "verify":
        return { on: "verified", valid: await nodeVerifier.verify(effect) };
      default:
        throw new Error(`a server does not ask for ${effect.do}`);
    }
  }
}

const EFFECTS: readonly string[] = ["random", "generate", "agree", "agree-static", "sign", "verify-client", "verify"];

function isEffect(output: Output): output is Effect {
  return EFFECTS.includes(output.do);
}
