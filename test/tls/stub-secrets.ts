/** A secure element for tests that makes and keeps the secrets of TLS 1.2: late, leased, and able to fail. */
import { type MasterSecret, prf12, type PrfRequest, type TlsSecrets } from "../../src/crypto/index.ts";
import { nodeEntropy, nodeHash } from "../../src/crypto/node.ts";
import { pskPremaster } from "../../src/tls/key-schedule12.ts";

type Operation = "clientRandom" | "deriveMaster" | "expand";

export class StubSecrets implements TlsSecrets {
  readonly performer = "chip";
  readonly sources = ["ecdhe", "psk", "ecdhe_psk"] as const;
  readonly hashes = ["sha256", "sha384"] as const;
  readonly extendedMasterSecret: boolean;
  /** What it did, in order. */
  readonly log: string[] = [];
  isLeased = false;
  readonly #psk: Uint8Array;
  readonly #fails: Operation | undefined;

  constructor(options: { extendedMasterSecret?: boolean; psk?: Uint8Array; fails?: Operation } = {}) {
    this.extendedMasterSecret = options.extendedMasterSecret ?? true;
    this.#psk = options.psk ?? new Uint8Array(0);
    this.#fails = options.fails;
  }

  async clientRandom(): Promise<Uint8Array> {
    this.isLeased = true;
    await this.#do("clientRandom");
    return nodeEntropy.bytes(32);
  }

  async deriveMaster(request: Parameters<TlsSecrets["deriveMaster"]>[0]): Promise<MasterSecret> {
    await this.#do("deriveMaster");
    const { source, hash, label, seed } = request;
    const shared = source.kind === "psk" ? undefined : await source.ephemeral.agree(source.peerKey);
    const premaster = source.kind === "ecdhe" ? shared : pskPremaster(this.#psk, shared);
    const secret = prf12(nodeHash, hash, { secret: premaster ?? new Uint8Array(0), label, seed: [seed], length: 48 });
    return { performer: "chip", expand: (each) => this.#expand(secret, each) };
  }

  async release(): Promise<void> {
    if (this.isLeased) this.log.push("release");
    this.isLeased = false;
  }

  async #expand(secret: Uint8Array, { hash, label, seed, length }: PrfRequest): Promise<Uint8Array> {
    await this.#do("expand");
    if (!this.isLeased) throw new Error("the lease is over");
    return prf12(nodeHash, hash, { secret, label, seed: [seed], length });
  }

  async #do(operation: Operation): Promise<void> {
    this.log.push(operation);
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#fails === operation) throw new Error("chip unplugged");
  }
}
