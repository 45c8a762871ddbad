import { UsageError } from "../codec/index.ts";
import { type Hash, type MasterSecret, prf12 } from "../crypto/index.ts";
import type { HostErrorCode } from "./errors.ts";

/** What a chip's handshake is for, and what the engine asks for a master secret with. */
const MASTER_SECRET_LABEL = "master secret";
export const MASTER_SECRET_LENGTH = 48;

/**
 * A master secret that a chip made and answered with, as these chips do: nobody above sees it, and the rest of the key
 * schedule is computed here. RFC 5246, section 8.1
 */
export class KeptMaster implements MasterSecret {
  readonly performer = "host";
  readonly #hash: Hash;
  readonly #bytes: Uint8Array;

  constructor(hash: Hash, bytes: Uint8Array) {
    this.#hash = hash;
    this.#bytes = bytes;
  }

  async expand({ hash, label, seed, length }: Parameters<MasterSecret["expand"]>[0]): Promise<Uint8Array> {
    return prf12(this.#hash, hash, { secret: this.#bytes, label, seed: [seed], length });
  }

  /** Overwrites the secret; what is expanded after that is worthless. */
  forget(): void {
    this.#bytes.fill(0);
  }
}

/** The server's random out of a seed of both randoms. Throws `not-in-chip` where the seed is not that, or the client random not the chip's. */
export function serverRandomIn(seed: Uint8Array, label: string, clientRandom: Uint8Array | undefined): Uint8Array {
  const isOurs = clientRandom?.every((byte, i) => seed[i] === byte) === true;
  if (label !== MASTER_SECRET_LABEL || seed.length !== 64 || !isOurs) {
    throw notInChip("this chip seeds a master secret with its own client random and a server random, nothing else");
  }
  return seed.subarray(32);
}

/** An operation that a chip cannot do. */
export function notInChip(message: string): UsageError<HostErrorCode> {
  return new UsageError<HostErrorCode>("not-in-chip", message);
}
