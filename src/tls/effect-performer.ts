import type {
  Clock,
  EphemeralKey,
  KeyAgreement,
  MasterSecret,
  Performer,
  Random,
  RecordKeeper,
  SignatureVerifier,
  Signer,
  TlsSecrets,
  VerificationKey,
} from "../crypto/index.ts";
import type { TlsOperation, Trace } from "../trace/index.ts";
import type { ChainVerifier } from "./chain-verifier.ts";
import type { Answer, Effect, MasterSource, RecordAnswer } from "./effects.ts";
import { misuse } from "./errors.ts";
import { TrafficKeys } from "./traffic-keys.ts";

/** A whole Diffie-Hellman agreement on a group that the server made; all values are big-endian. RFC 5246, section 8.1.2 */
export interface DhAgreement {
  readonly performer: Performer;
  /** Throws `UsageError` `bad-peer-key`. The secret comes without leading zeros. */
  agree(group: {
    readonly prime: Uint8Array;
    readonly generator: Uint8Array;
    readonly peerKey: Uint8Array;
  }): Promise<{ readonly publicKey: Uint8Array; readonly secret: Uint8Array }>;
}

/** Who performs each operation of a handshake: each one on the host or in a chip. */
export type Performers = {
  readonly random: Random;
  readonly keyAgreement: KeyAgreement;
  readonly dh: DhAgreement;
  readonly verifier: SignatureVerifier;
  /** One for each identity of the configuration. */
  readonly signers: readonly Signer[];
  readonly chain: ChainVerifier;
  /** Who makes and keeps the secrets of TLS 1.2, where that is not the engine itself. */
  readonly secrets: TlsSecrets | undefined;
  /** Who seals and opens records, where that is not the engine itself. */
  readonly records?: RecordKeeper | undefined;
  /** What only a server needs; with it, the operations are traced as a server's. */
  readonly server?: ServerPerformers;
};

/** Who agrees with the key of a server's certificate, and who judges its clients' certificates. */
export type ServerPerformers = {
  readonly staticKey: Pick<EphemeralKey, "group" | "agree"> & { readonly performer: Performer };
  readonly clients: ClientVerifier;
};

/** Decides whether a client's certificates are valid, trusted and a client's. */
export interface ClientVerifier {
  readonly performer: Performer;
  /** Gives the DER SubjectPublicKeyInfo of the first certificate; throws `CertificateError`. */
  verify(chain: readonly Uint8Array[]): Promise<Uint8Array>;
}

type Work = {
  readonly operation: TlsOperation;
  readonly performer: Performer;
  readonly detail: string;
  readonly run: () => Promise<Answer | RecordAnswer>;
};

type Handlers = { readonly [K in Effect["do"]]: (effect: Extract<Effect, { do: K }>) => Work };

/** Carries out a connection's effects, one at a time, and tells the trace who did what and how long it took. */
export class EffectPerformer {
  readonly #performers: Performers;
  readonly #trace: Trace;
  readonly #clock: Clock;
  #ephemeral: EphemeralKey | undefined;
  #master: MasterSecret | undefined;
  /** The verified server's key, where a chip has kept it. */
  #serverKey: VerificationKey | undefined;
  #isHandshakeOver = false;
  #isOver = false;
  readonly #trafficKeys = new TrafficKeys();

  constructor(performers: Performers, trace: Trace, clock: Clock) {
    this.#performers = performers;
    this.#trace = trace;
    this.#clock = clock;
  }

  /** The effect's answer; never rejects. */
  async perform(effect: Effect): Promise<Answer | RecordAnswer> {
    try {
      const handler = this.#handlers[effect.do] as (effect: Effect) => Work;
      const { operation, performer, detail, run } = handler(effect);
      const start = this.#clock.now();
      const answer = await run();
      const durationMs = this.#clock.now() - start;
      this.#trace.emit(actorOf(this.#performers), { kind: "tls.operation", operation, performer, durationMs, detail });
      return answer;
    } catch (error) {
      if (effect.do === "seal") return { on: "not-sealed", error };
      return { on: effect.do === "open" ? "not-opened" : "failed", error };
    } finally {
      // What a chip did for a handshake that was given up meanwhile must not stay there.
      if (this.#isOver) await this.release();
      else if (this.#isHandshakeOver) await this.#releaseHandshake();
    }
  }

  /** The handshake is over, well or not: whatever a chip holds for it may go, but not the keys of records. Never rejects. */
  async handshakeOver(): Promise<void> {
    this.#isHandshakeOver = true;
    await this.#releaseHandshake();
  }

  /** The connection is over: nothing may stay. Never rejects. */
  async release(): Promise<void> {
    this.#isOver = true;
    this.#trafficKeys.forget();
    await this.#releaseHandshake();
    await this.#performers.records?.release().catch(() => undefined);
  }

  async #releaseHandshake(): Promise<void> {
    this.#ephemeral = undefined;
    this.#master = undefined;
    const serverKey = this.#serverKey;
    this.#serverKey = undefined;
    await this.#performers.secrets?.release().catch(() => undefined);
    await serverKey?.release().catch(() => undefined);
  }

  readonly #handlers: Handlers = {
    random: ({ length }) => {
      const { random, secrets } = this.#performers;
      const ofKeeper = secrets?.clientRandom?.bind(secrets);
      const source = secrets && ofKeeper ? { performer: secrets.performer, random: ofKeeper } : random;
      return work(this.#isServer ? "server-random" : "client-random", source, `${length} bytes`, async () => {
        return { on: "random", bytes: await source.random(length) };
      });
    },
    generate: ({ group }) =>
      work("key-share", this.#performers.keyAgreement, group, async () => {
        this.#ephemeral = await this.#performers.keyAgreement.generate(group);
        return { on: "generated", publicKey: this.#ephemeral.publicKey };
      }),
    agree: ({ group, peerKey }) =>
      work("key-agreement", this.#performers.keyAgreement, group, async () => {
        return { on: "agreed", secret: await this.#takeEphemeral().agree(peerKey) };
      }),
    "agree-static": ({ peerKey }) => {
      const { staticKey } = this.#server;
      return work("key-agreement", staticKey, `${staticKey.group} of the certificate`, async () => {
        return { on: "agreed", secret: await staticKey.agree(peerKey) };
      });
    },
    "agree-dh": (effect) =>
      work("key-agreement", this.#performers.dh, `ffdhe ${8 * effect.prime.length}`, async () => {
        return { on: "dh-agreed", ...(await this.#performers.dh.agree(effect)) };
      }),
    "verify-chain": ({ chain, staples, servername, keyUsage }) =>
      work("verify-chain", this.#performers.chain, `${chain.length} certificates for ${servername}`, async () => {
        const { publicKey, key } = await this.#performers.chain.verify(chain, { staples, servername, keyUsage });
        this.#serverKey = key;
        return { on: "chain-verified", publicKey };
      }),
    "verify-client": ({ chain }) => {
      const { clients } = this.#server;
      return work("verify-chain", clients, `${chain.length} certificates of a client`, async () => {
        return { on: "chain-verified", publicKey: await clients.verify(chain) };
      });
    },
    verify: (effect) => {
      const verifier = this.#serverKey ?? this.#performers.verifier;
      const detail = this.#serverKey ? `${effect.algorithm}, with the key that was kept` : effect.algorithm;
      return work(
        this.#isServer ? "verify-client-signature" : "verify-server-signature",
        verifier,
        detail,
        async () => {
          return { on: "verified", valid: await verifier.verify(effect) };
        },
      );
    },
    "derive-master": ({ source, ...input }) =>
      work("master-secret", this.#secrets, `${source.kind}, ${input.label}`, async () => {
        this.#master = await this.#secrets.deriveMaster({ source: this.#sourceOf(source), ...input });
        return { on: "master-derived" };
      }),
    expand: ({ hash, label, seed, length }) => {
      const master = this.#master;
      if (!master) throw misuse("unexpected-answer", "no master secret was derived");
      return work("master-secret", master, label, async () => {
        return { on: "expanded", bytes: await master.expand({ hash, label, seed, length }) };
      });
    },
    "derive-keys": ({ hash, seed, cipher }) => {
      const [master, records] = [this.#master, this.#records];
      if (!master) throw misuse("unexpected-answer", "no master secret was derived");
      const keeper = master.trafficKeys ? master : records;
      return work("traffic-keys", keeper, cipher, async () => {
        await this.#trafficKeys.derive({ master, records, hash, seed, cipher });
        return { on: "keys-derived" };
      });
    },
    seal: ({ key, input }) =>
      work("record-seal", this.#records, `${input.content.length} bytes`, async () => {
        const trafficKey = await this.#trafficKeys.find("seal", key, this.#records);
        return { on: "sealed", bytes: await trafficKey.seal(input) };
      }),
    open: ({ key, input }) =>
      work("record-open", this.#records, `${input.content.length} bytes`, async () => {
        const trafficKey = await this.#trafficKeys.find("open", key, this.#records);
        return { on: "opened", plaintext: await trafficKey.open(input) };
      }),
    sign: ({ identity, algorithm, content }) => {
      const signer = this.#performers.signers[identity];
      if (!signer) throw misuse("bad-option", `no signer for identity ${identity}`);
      return work(this.#isServer ? "server-signature" : "client-signature", signer, algorithm, async () => {
        return { on: "signed", signature: await signer.sign(algorithm, content) };
      });
    },
  };

  get #isServer(): boolean {
    return this.#performers.server !== undefined;
  }

  get #server(): ServerPerformers {
    const { server } = this.#performers;
    if (!server) throw misuse("bad-option", "nobody was named to do a server's part");
    return server;
  }

  get #secrets(): TlsSecrets {
    const { secrets } = this.#performers;
    if (!secrets) throw misuse("bad-option", "nobody was named to keep the secrets");
    return secrets;
  }

  get #records(): RecordKeeper {
    const { records } = this.#performers;
    if (!records) throw misuse("bad-option", "nobody was named to seal and open records");
    return records;
  }

  #sourceOf(source: MasterSource) {
    if (source.kind === "psk") return source;
    return { kind: source.kind, ephemeral: this.#takeEphemeral(), peerKey: source.peerKey };
  }

  /** An ephemeral key is used once. */
  #takeEphemeral(): EphemeralKey {
    const key = this.#ephemeral;
    this.#ephemeral = undefined;
    if (!key) throw misuse("unexpected-answer", "no key share was made");
    return key;
  }
}

/** In whose lane a connection's events belong: a server's stand with the cloud. */
export function actorOf({ server }: Performers): "cloud" | "host" {
  return server ? "cloud" : "host";
}

function work(
  operation: TlsOperation,
  { performer }: { readonly performer: Performer },
  detail: string,
  run: () => Promise<Answer | RecordAnswer>,
): Work {
  return { operation, performer, detail, run };
}
