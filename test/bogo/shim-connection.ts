import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";

import { type HawserError, utf8Bytes } from "../../src/codec/index.ts";
import type { EphemeralKey } from "../../src/crypto/index.ts";
import { nodeEntropy, nodeKeyAgreement, nodeSigner, nodeVerifier, privateKeyFromPem } from "../../src/crypto/node.ts";
import { CertificateError, parseCertificate } from "../../src/pki/index.ts";
import {
  type Answer,
  type ClientConfig,
  Connection,
  type ConnectionFacts,
  type Effect,
  type Input,
  type Output,
  type Session,
} from "../../src/tls/index.ts";
import { nodeDh } from "../../src/tls/node-ciphers.ts";
import type { ShimOptions } from "./flags.ts";

const RECORD_SIZES = [1, 255, 256, 257, 16383, 16384, 16385, 32767, 32768, 32769];

/** One connection to the runner: the handshake, then every byte back with all its bits flipped. */
export class ShimConnection {
  /** Settles when the connection is over, with the error that ended it. */
  readonly done: Promise<HawserError | undefined>;
  facts: ConnectionFacts | undefined;
  session: Session | undefined;
  /** What the server signed with, its stapled response, and whether it asked for another hello. */
  signature: string | undefined;
  staple: Uint8Array | undefined;
  hellos = 0;
  unimplemented: string | undefined;
  readonly #options: ShimOptions;
  readonly #connection: Connection;
  readonly #socket: Socket;
  readonly #finish: (error?: HawserError) => void;
  #ephemeral: EphemeralKey | undefined;
  #error: HawserError | undefined;

  constructor(options: ShimOptions, config: ClientConfig) {
    const { promise, resolve } = Promise.withResolvers<HawserError | undefined>();
    this.done = promise;
    this.#finish = resolve;
    this.#options = options;
    this.#connection = new Connection(config);
    this.#socket = connect({ host: options.host, port: options.port, allowHalfOpen: true, noDelay: true });
    this.#socket.once("connect", () => {
      const id = Buffer.alloc(8);
      id.writeBigUInt64LE(options.shimId);
      this.#socket.write(id);
      this.#step({ on: "start" });
    });
    this.#socket.on("data", (bytes: Buffer) => this.#step({ on: "bytes", bytes: new Uint8Array(bytes) }));
    this.#socket.once("end", () => this.#onEnd());
    this.#socket.on("error", () => this.#onEnd());
  }

  #onEnd(): void {
    // The runner often just closes; only where the flags say so is its goodbye needed.
    if (!this.facts || this.#options.checkCloseNotify) this.#step({ on: "end" });
    else this.#step({ on: "close" });
    this.#socket.end(() => this.#socket.destroy());
    this.#finish(this.#error);
  }

  #step(input: Input): void {
    for (const output of this.#connection.step(input)) this.#handle(output);
  }

  #handle(output: Output): void {
    switch (output.do) {
      case "write":
        this.#socket.write(output.bytes);
        return;
      case "connected":
        return this.#onConnected(output.facts);
      case "deliver":
        return this.#echo(output.data);
      case "session":
        this.session = output.session;
        return;
      case "end":
        return this.#step({ on: "close" });
      case "shutdown":
        this.#socket.end();
        return;
      case "fail":
        return this.#onFailure(output.error);
      case "trace":
        if (output.event.kind === "tls.message" && output.event.message === "client_hello") this.hellos++;
        return;
      case "key-log":
        return;
      default:
        void this.#perform(output).then((answer) => {
          if (this.#connection.phase === "handshake") this.#step(answer);
        });
    }
  }

  /** The runner wants to read the alert before the connection closes. */
  #onFailure(error: HawserError): void {
    this.#error ??= error;
    this.#socket.end();
    this.#socket.resume();
    this.#socket.once("close", () => this.#finish(error));
  }

  /** What comes behind the hello may have ended the connection already. */
  #send(data: Uint8Array): void {
    if (this.#connection.phase === "connected") this.#step({ on: "send", data });
  }

  #echo(data: Uint8Array): void {
    if (this.#options.shimShutsDown) return;
    if (this.#options.sendsKeyUpdate && this.#connection.phase === "connected") this.#step({ on: "update-keys" });
    this.#send(data.map((byte) => byte ^ 0xff));
  }

  #onConnected(facts: ConnectionFacts): void {
    const { exportLength: length, exportLabel: label, exportContext, usesExportContext } = this.#options;
    this.facts = facts;
    if (length > 0) {
      const context = usesExportContext ? utf8Bytes(exportContext) : undefined;
      this.#send(this.#connection.exportKeys({ length, label, context }));
    }
    if (this.#options.writesDifferentRecordSizes) {
      for (const size of RECORD_SIZES) this.#send(new Uint8Array(size).fill(0x42));
    }
    if (this.#options.shimWritesFirst) this.#send(utf8Bytes("hello"));
    if (this.#options.shimShutsDown) this.#step({ on: "close" });
  }

  async #perform(effect: Effect): Promise<Answer> {
    try {
      return await this.#answer(effect);
    } catch (error) {
      return { on: "failed", error };
    }
  }

  async #answer(effect: Effect): Promise<Answer> {
    switch (effect.do) {
      case "random":
        return { on: "random", bytes: nodeEntropy.bytes(effect.length) };
      case "generate":
        this.#ephemeral = await nodeKeyAgreement.generate(effect.group);
        return { on: "generated", publicKey: this.#ephemeral.publicKey };
      case "agree":
        if (!this.#ephemeral) throw new Error("no key share");
        return { on: "agreed", secret: await this.#ephemeral.agree(effect.peerKey) };
      case "agree-dh":
        return { on: "dh-agreed", ...(await nodeDh.agree(effect)) };
      case "verify-chain":
        return this.#verifyChain(effect);
      case "verify":
        this.signature = effect.algorithm;
        return { on: "verified", valid: await nodeVerifier.verify(effect) };
      case "sign": {
        const signer = nodeSigner(privateKeyFromPem(readFileSync(this.#options.keyFile ?? "", "utf8")));
        return { on: "signed", signature: await signer.sign(effect.algorithm, effect.content) };
      }
      default:
        this.unimplemented = effect.do;
        throw new Error(effect.do);
    }
  }

  /** The runner's certificates are self-signed; its tests are about the protocol. */
  #verifyChain({ chain, staples, keyUsage }: Extract<Effect, { do: "verify-chain" }>): Answer {
    const [first = new Uint8Array(0)] = chain;
    const fault = { index: 0, subject: "", field: "certificate", rule: "the shim's flags" };
    if (this.#options.verifyFails) throw new CertificateError("revocation-unknown", "refused as the flags say", fault);
    const { publicKey, extensions } = parseCertificate(first);
    if (extensions.keyUsage?.has(keyUsage) === false) {
      throw new CertificateError("key-usage", `the certificate is not for ${keyUsage}`, fault);
    }
    this.staple = staples?.[0] ?? this.staple;
    return { on: "chain-verified", publicKey: publicKey.der };
  }
}
