import type {
  Clock,
  EphemeralKey,
  KeyAgreement,
  Performer,
  Random,
  SignatureVerifier,
  Signer,
} from "../crypto/index.ts";
import type { TlsOperation, Trace } from "../trace/index.ts";
import type { ChainVerifier } from "./chain-verifier.ts";
import type { Answer, Effect } from "./effects.ts";
import { misuse } from "./errors.ts";

/** Who performs each operation of a handshake: each one on the host or in a chip. */
export type Performers = {
  readonly random: Random;
  readonly keyAgreement: KeyAgreement;
  readonly verifier: SignatureVerifier;
  /** One for each identity of the configuration. */
  readonly signers: readonly Signer[];
  readonly chain: ChainVerifier;
};

type Work = {
  readonly operation: TlsOperation;
  readonly performer: Performer;
  readonly detail: string;
  readonly run: () => Promise<Answer>;
};

/** Carries out a connection's effects, one at a time, and tells the trace who did what and how long it took. */
export class EffectPerformer {
  readonly #performers: Performers;
  readonly #trace: Trace;
  readonly #clock: Clock;
  #ephemeral: EphemeralKey | undefined;

  constructor(performers: Performers, trace: Trace, clock: Clock) {
    this.#performers = performers;
    this.#trace = trace;
    this.#clock = clock;
  }

  /** The effect's answer; never rejects. */
  async perform(effect: Effect): Promise<Answer> {
    try {
      const { operation, performer, detail, run } = this.#workOf(effect);
      const start = this.#clock.now();
      const answer = await run();
      const durationMs = this.#clock.now() - start;
      this.#trace.emit("host", { kind: "tls.operation", operation, performer, durationMs, detail });
      return answer;
    } catch (error) {
      return { on: "failed", error };
    }
  }

  #workOf(effect: Effect): Work {
    const { random, keyAgreement, verifier, chain } = this.#performers;
    switch (effect.do) {
      case "random": {
        const run = async (): Promise<Answer> => ({ on: "random", bytes: await random.random(effect.length) });
        return { operation: "client-random", performer: random.performer, detail: `${effect.length} bytes`, run };
      }
      case "generate": {
        const run = async (): Promise<Answer> => {
          this.#ephemeral = await keyAgreement.generate(effect.group);
          return { on: "generated", publicKey: this.#ephemeral.publicKey };
        };
        return { operation: "key-share", performer: keyAgreement.performer, detail: effect.group, run };
      }
      case "agree": {
        const run = async (): Promise<Answer> => ({ on: "agreed", secret: await this.#agree(effect.peerKey) });
        return { operation: "key-agreement", performer: keyAgreement.performer, detail: effect.group, run };
      }
      case "verify-chain": {
        const run = async (): Promise<Answer> => {
          return { on: "chain-verified", publicKey: await chain.verify(effect.chain, effect.servername) };
        };
        const detail = `${effect.chain.length} certificates for ${effect.servername}`;
        return { operation: "verify-chain", performer: chain.performer, detail, run };
      }
      case "verify": {
        const run = async (): Promise<Answer> => ({ on: "verified", valid: await verifier.verify(effect) });
        return { operation: "verify-server-signature", performer: verifier.performer, detail: effect.algorithm, run };
      }
      default:
        return this.#signature(effect);
    }
  }

  #signature({ identity, algorithm, content }: Extract<Effect, { do: "sign" }>): Work {
    const signer = this.#performers.signers[identity];
    if (!signer) throw misuse("bad-option", `no signer for identity ${identity}`);
    const run = async (): Promise<Answer> => ({ on: "signed", signature: await signer.sign(algorithm, content) });
    return { operation: "client-signature", performer: signer.performer, detail: algorithm, run };
  }

  async #agree(peerKey: Uint8Array): Promise<Uint8Array> {
    const key = this.#ephemeral;
    this.#ephemeral = undefined;
    if (!key) throw misuse("unexpected-answer", "no key share was made");
    return key.agree(peerKey);
  }
}
