import { UsageError } from "../../codec/index.ts";
import type { Clock, Hash, MasterSecret, MasterSecretSource, TlsSecrets } from "../../crypto/index.ts";
import type { HostErrorCode } from "../errors.ts";
import { KeptMaster, notInChip, serverRandomIn } from "../kept-master.ts";
import { Turn } from "../turn.ts";
import type { A71ch } from "./device.ts";
import type { A71chSession } from "./session.ts";

export type A71chTlsOptions = {
  /** Where the pre-shared key begins among the symmetric secrets, and how many of their 16 bytes it takes (1 to 4). */
  readonly pskSlot: number;
  readonly pskBlocks?: number;
  readonly hash: Hash;
  readonly clock: Clock;
  /** How long one handshake may have the chip to itself, in milliseconds. */
  readonly leaseMs?: number;
};

type Request = Parameters<TlsSecrets["deriveMaster"]>[0];

const LEASE_MS = 10_000;

/**
 * Client random and master secret of TLS_PSK and TLS_ECDHE_PSK out of an A71CH, for one connection at a time.
 *
 * Nothing may come between the two commands, so from the client random on the chip is this handshake's alone, until the
 * master secret is there, the handshake is over or `leaseMs` have passed; an ephemeral key is made before. The chip
 * answers with the master secret, which stays in this object. A71CH APDU table, instructions 16, 46 and 95 01
 */
export class A71chTlsSecrets implements TlsSecrets {
  readonly performer = "chip";
  readonly extendedMasterSecret = false;
  readonly sources = ["psk", "ecdhe_psk"] as const;
  readonly hashes = ["sha256"] as const;
  readonly #chip: A71ch;
  readonly #options: A71chTlsOptions;
  #turn: Turn<A71chSession> | undefined;
  #clientRandom: Uint8Array | undefined;
  #master: KeptMaster | undefined;
  #connections = 0;

  constructor(chip: A71ch, options: A71chTlsOptions) {
    this.#chip = chip;
    this.#options = options;
  }

  async clientRandom(): Promise<Uint8Array> {
    const connection = this.#connections;
    const { clock, leaseMs = LEASE_MS } = this.#options;
    const turn = await Turn.take<A71chSession>((work) => this.#chip.exclusive(work), { clock, leaseMs });
    if (connection !== this.#connections) {
      turn.end();
      throw new UsageError<HostErrorCode>("lease-expired", "the handshake was over before the chip was free");
    }
    this.#turn = turn;
    this.#clientRandom = await this.#orEnd(
      turn.use(async (session) => (await session.send("clientHelloRandom", {})).random),
    );
    return this.#clientRandom;
  }

  async deriveMaster({ source, hash, label, seed }: Request): Promise<MasterSecret> {
    const turn = this.#turn;
    if (!turn) throw notInChip("the client random of this handshake is not the chip's");
    if (hash !== "sha256") throw notInChip(`an A71CH has the pseudo-random function of sha256, not of ${hash}`);
    const serverRandom = serverRandomIn(seed, label, this.#clientRandom);
    const { masterSecret } = await this.#orEnd(turn.use((session) => this.#derive(session, source, serverRandom)));
    // The chip is done with this handshake, whatever the server makes of it.
    turn.end();
    this.#master = new KeptMaster(this.#options.hash, masterSecret);
    return this.#master;
  }

  async release(): Promise<void> {
    this.#connections++;
    this.#turn?.end();
    this.#turn = undefined;
    this.#clientRandom = undefined;
    this.#master?.forget();
    this.#master = undefined;
  }

  async #derive(session: A71chSession, source: MasterSecretSource, serverRandom: Uint8Array) {
    const { pskSlot: slot, pskBlocks: blocks = 1 } = this.#options;
    if (source.kind === "psk") return session.send("derivePskMasterSecret", { slot, blocks, serverRandom });
    if (source.kind === "ecdhe") throw notInChip("an A71CH makes master secrets of pre-shared keys only");
    const keyPair = this.#chip.slotOf(source.ephemeral);
    if (keyPair === undefined)
      throw notInChip("the ephemeral key is not in the chip, so the chip cannot agree with it");
    const peerPoint = source.peerKey;
    return session.send("deriveEcdhPskMasterSecret", { keyPair, slot, blocks, peerPoint, serverRandom });
  }

  async #orEnd<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.#turn?.end();
      throw error;
    }
  }
}
