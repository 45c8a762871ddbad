import type { AeadName, Hash, HashName } from "../crypto/index.ts";
import { prf12 } from "./prf.ts";
import { AEADS } from "./aead-suites.ts";
import type { DirectionKeys } from "./protection.ts";

const MASTER_SECRET_LENGTH = 48;
const VERIFY_DATA_LENGTH = 12;

/** Both sides' randoms of one handshake. */
export type Randoms = { readonly client: Uint8Array; readonly server: Uint8Array };

/** The key schedule of TLS 1.2 over one suite's hash. RFC 5246, sections 6.3, 7.4.9 and 8.1 */
export class KeySchedule12 {
  readonly #hash: Hash;
  readonly #name: HashName;

  constructor(hash: Hash, name: HashName) {
    this.#hash = hash;
    this.#name = name;
  }

  /** RFC 5246, section 8.1 */
  masterSecret(premaster: Uint8Array, randoms: Randoms): Uint8Array {
    return this.#prf(premaster, "master secret", [randoms.client, randoms.server], MASTER_SECRET_LENGTH);
  }

  /** Bound to the whole handshake up to ClientKeyExchange, against triple handshakes. RFC 7627, section 4 */
  extendedMasterSecret(premaster: Uint8Array, sessionHash: Uint8Array): Uint8Array {
    return this.#prf(premaster, "extended master secret", [sessionHash], MASTER_SECRET_LENGTH);
  }

  /** The key block, cut in its order: keys, then implicit nonces; the client's first. RFC 5246, section 6.3 */
  directionKeys(
    master: Uint8Array,
    randoms: Randoms,
    aead: AeadName,
  ): { client: DirectionKeys; server: DirectionKeys } {
    const { keyLength, fixedNonceLength } = AEADS[aead];
    const length = 2 * (keyLength + fixedNonceLength);
    const block = this.#prf(master, "key expansion", [randoms.server, randoms.client], length);
    const ivs = 2 * keyLength;
    return {
      client: { key: block.subarray(0, keyLength), iv: block.subarray(ivs, ivs + fixedNonceLength) },
      server: { key: block.subarray(keyLength, ivs), iv: block.subarray(ivs + fixedNonceLength) },
    };
  }

  /** RFC 5246, section 7.4.9 */
  verifyData(master: Uint8Array, sender: "client" | "server", transcriptHash: Uint8Array): Uint8Array {
    return this.#prf(master, `${sender} finished`, [transcriptHash], VERIFY_DATA_LENGTH);
  }

  #prf(secret: Uint8Array, label: string, seed: readonly Uint8Array[], length: number): Uint8Array {
    return prf12(this.#hash, this.#name, { secret, label, seed, length });
  }
}
