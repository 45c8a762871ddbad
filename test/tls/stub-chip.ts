/** A secure element for tests that does every operation of a TLS client: late, one thing at a time, and able to fail. */
import { createECDH } from "node:crypto";

import { concat } from "../../src/codec/index.ts";
import {
  type AeadName,
  type Clock,
  type EphemeralKey,
  type MasterSecret,
  type PrfRequest,
  prf12,
  SeededEntropy,
  type SignatureVerifier,
  type Signer,
  type TlsSecrets,
  type TrafficKey,
} from "../../src/crypto/index.ts";
import { nodeAead, nodeHash, nodeVerifier } from "../../src/crypto/node.ts";
import type { Performers } from "../../src/tls/effect-performer.ts";
import { directionKeys12, keyBlockLength, pskPremaster } from "../../src/tls/key-schedule12.ts";
import { nodeDh } from "../../src/tls/node-ciphers.ts";
import { schemeName } from "../../src/tls/signature-schemes.ts";
import { keys, SCRIPTED_PSK, serverPublicKey, signWith } from "./scripted-server.ts";

/** Operations of all chips, carried out one at a time, in an order that only the seed knows. */
export class Bus {
  readonly #entropy: SeededEntropy;
  #waiting: (() => void)[] = [];
  #isRunning = false;

  constructor(seed: string) {
    this.#entropy = new SeededEntropy(nodeHash, seed);
  }

  /** Resolves when this operation's turn has come. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (!this.#isRunning) this.#run();
    });
  }

  #run(): void {
    this.#isRunning = true;
    setImmediate(() => {
      const [byte = 0] = this.#entropy.bytes(1);
      const [next] = this.#waiting.splice(byte % this.#waiting.length, 1);
      next?.();
      if (this.#waiting.length > 0) this.#run();
      else this.#isRunning = false;
    });
  }
}

export type StubChipOptions = {
  readonly seed: string;
  readonly bus: Bus;
  /** Which of its operations fails, counted from 0. */
  readonly failsAt?: number;
  readonly serverKey?: "ecdsa" | "rsa";
  /** Whether it makes the secrets of TLS 1.2. */
  readonly secrets?: boolean;
  /** Whether it protects records, and whether it makes their keys itself where it makes the secrets. */
  readonly records?: "derived" | "given";
};

/** The chip of one connection. Its random bytes and keys are those of a run in software with the same seed. */
export class StubChip {
  /** What it did, in order. */
  readonly log: string[] = [];
  /** What it holds for the connection: to be empty when that is over. */
  readonly held = new Set<string>();
  /** How many traffic keys it held at most. */
  mostKeys = 0;
  #keyCount = 0;
  readonly #options: StubChipOptions;
  readonly #entropy: SeededEntropy;
  readonly #keyEntropy: SeededEntropy;

  constructor(options: StubChipOptions) {
    this.#options = options;
    this.#entropy = new SeededEntropy(nodeHash, options.seed);
    this.#keyEntropy = new SeededEntropy(nodeHash, `${options.seed} keys`);
  }

  performers(_clock: Clock): Performers {
    const { secrets, records, serverKey = "ecdsa" } = this.#options;
    return {
      random: { performer: "chip", random: (length) => this.#do("random", () => this.#entropy.bytes(length)) },
      keyAgreement: {
        performer: "chip",
        groups: ["secp256r1"],
        generate: () => this.#do("generate", () => this.#key()),
      },
      dh: nodeDh,
      verifier: this.#verifier(),
      signers: [this.signer()],
      chain: {
        performer: "chip",
        verify: () =>
          this.#do("verify-chain", () => {
            this.held.add("server key");
            return {
              publicKey: serverPublicKey(serverKey),
              key: {
                performer: "chip" as const,
                verify: (check) => this.#verifier().verify({ ...check, publicKey: serverPublicKey(serverKey) }),
                release: async () => void this.held.delete("server key"),
              },
            };
          }),
      },
      secrets: secrets ? this.#secrets() : undefined,
      records: records
        ? {
            performer: "chip",
            ciphers: ["aes-128-gcm", "chacha20-poly1305"],
            maxPlaintext: 0x4000,
            keyOf: (cipher, given) => this.#do("load-key", () => this.#trafficKey(cipher, given)),
            release: async () => {
              for (const each of this.held) if (each.startsWith("traffic key")) this.held.delete(each);
            },
          }
        : undefined,
    };
  }

  /** Signs as the server's RSA key does, as far as it is about bytes. */
  signer(): Signer {
    return {
      performer: "chip",
      publicKey: serverPublicKey("rsa"),
      algorithms: ["rsa_pkcs1_sha256", "rsa_pss_sha256"],
      sign: (algorithm, content) =>
        this.#do("sign", () => {
          const scheme = schemeName(algorithm === "rsa_pkcs1_sha256" ? 0x0401 : 0x0804) ?? "rsa_pkcs1_sha256";
          return signWith(keys.rsa.privateKey, scheme, content);
        }),
    };
  }

  #verifier(): SignatureVerifier {
    return { performer: "chip", verify: async (check) => this.#do("verify", () => nodeVerifier.verify(check)) };
  }

  #secrets(): TlsSecrets {
    return {
      performer: "chip",
      extendedMasterSecret: true,
      sources: ["ecdhe", "psk", "ecdhe_psk"],
      hashes: ["sha256"],
      clientRandom: () =>
        this.#do("random", () => {
          this.held.add("lease");
          return this.#entropy.bytes(32);
        }),
      deriveMaster: async ({ source, hash, label, seed }) => {
        const shared = source.kind === "psk" ? undefined : await source.ephemeral.agree(source.peerKey);
        const premaster = source.kind === "ecdhe" ? shared : pskPremaster(SCRIPTED_PSK, shared);
        return this.#do("derive-master", () => {
          const secret = premaster ?? new Uint8Array(0);
          return this.#master(prf12(nodeHash, hash, { secret, label, seed: [seed], length: 48 }));
        });
      },
      release: async () => void this.held.delete("lease"),
    };
  }

  #master(secret: Uint8Array): MasterSecret {
    const expand = ({ hash, label, seed, length }: PrfRequest) =>
      this.#do("expand", () => prf12(nodeHash, hash, { secret, label, seed: [seed], length }));
    const master = { performer: "chip", expand } as const;
    if (this.#options.records !== "derived") return master;
    return {
      ...master,
      trafficKeys: ({ hash, seed, cipher }) =>
        this.#do("traffic-keys", () => {
          const length = keyBlockLength(cipher);
          const block = prf12(nodeHash, hash, { secret, label: "key expansion", seed: [seed], length });
          const keyOf = (sender: "client" | "server") =>
            this.#trafficKey(cipher, directionKeys12(block, cipher, sender));
          return { client: keyOf("client"), server: keyOf("server") };
        }),
    };
  }

  #trafficKey(cipher: AeadName, given: { readonly key: Uint8Array; readonly iv: Uint8Array }): TrafficKey {
    const place = `traffic key ${this.#keyCount++}`;
    this.held.add(place);
    this.mostKeys = Math.max(this.mostKeys, [...this.held].filter((each) => each.startsWith("traffic key")).length);
    const [key, iv] = [given.key.slice(), given.iv.slice()];
    const whole = (nonce: Uint8Array) => {
      if (iv.length < 12) return new Uint8Array([...iv, ...nonce]);
      return iv.map((byte, i) => byte ^ (nonce[i - 4] ?? 0));
    };
    return {
      performer: "chip",
      seal: ({ nonce, content, associated }) =>
        this.#do("seal", () => concat(...nodeAead.seal(cipher, key, whole(nonce), content, associated))),
      open: ({ nonce, content, associated }) =>
        this.#do("open", () => nodeAead.open(cipher, key, whole(nonce), content, associated)),
      release: async () => void this.held.delete(place),
    };
  }

  #key(): EphemeralKey {
    const ecdh = createECDH("prime256v1");
    ecdh.setPrivateKey(this.#keyEntropy.bytes(32));
    return {
      group: "secp256r1",
      publicKey: new Uint8Array(ecdh.getPublicKey()),
      agree: (peer) => this.#do("agree", () => new Uint8Array(ecdh.computeSecret(peer))),
    };
  }

  async #do<T>(operation: string, work: () => T | Promise<T>): Promise<T> {
    const at = this.log.push(operation) - 1;
    await this.#options.bus.turn();
    if (at === this.#options.failsAt) throw new Error("chip unplugged");
    return work();
  }
}
