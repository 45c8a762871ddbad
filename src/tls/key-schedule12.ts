import { concat, Writer } from "../codec/index.ts";
import { type Aead, type AeadName, type Hash, type HashName, prf12 } from "../crypto/index.ts";
import { AEADS } from "./aead-suites.ts";
import { type Cbc, CbcProtection } from "./cbc.ts";
import { misuse } from "./errors.ts";
import { Aead12Protection, type DirectionKeys, type RecordProtection } from "./protection.ts";
import type { Suite12 } from "./suites.ts";

const MASTER_SECRET_LENGTH = 48;
/** Of every TLS 1.2 suite that is spoken here. RFC 5246, section 7.4.9 */
export const VERIFY_DATA_LENGTH = 12;
const CBC_KEYS = { macKeyLength: 32, keyLength: 16 };

/** Both sides' randoms of one handshake. */
export type Randoms = { readonly client: Uint8Array; readonly server: Uint8Array };

/** What record protection is made with. */
export type RecordCiphers = { readonly aead: Aead; readonly hash: Hash; readonly cbc: Cbc | undefined };

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

  /** RFC 5246, section 6.3 */
  keyBlock(master: Uint8Array, randoms: Randoms, cipher: Suite12["cipher"]): Uint8Array {
    return this.#prf(master, "key expansion", [randoms.server, randoms.client], keyBlockLength(cipher));
  }

  /** RFC 5246, section 7.4.9 */
  verifyData(master: Uint8Array, sender: "client" | "server", transcriptHash: Uint8Array): Uint8Array {
    return this.#prf(master, `${sender} finished`, [transcriptHash], VERIFY_DATA_LENGTH);
  }

  #prf(secret: Uint8Array, label: string, seed: readonly Uint8Array[], length: number): Uint8Array {
    return prf12(this.#hash, this.#name, { secret, label, seed, length });
  }
}

/** How many bytes of key block a cipher needs. */
export function keyBlockLength(cipher: Suite12["cipher"]): number {
  if (cipher === "aes-128-cbc-sha256") return 2 * (CBC_KEYS.macKeyLength + CBC_KEYS.keyLength);
  return 2 * (AEADS[cipher].keyLength + AEADS[cipher].fixedNonceLength);
}

/** One sender's key and IV of an AEAD cipher, out of the key block. RFC 5246, section 6.3 */
export function directionKeys12(block: Uint8Array, cipher: AeadName, sender: "client" | "server"): DirectionKeys {
  const { keyLength, fixedNonceLength } = AEADS[cipher];
  const at = sender === "client" ? 0 : 1;
  const iv = 2 * keyLength + at * fixedNonceLength;
  return {
    key: block.subarray(at * keyLength, (at + 1) * keyLength),
    iv: block.subarray(iv, iv + fixedNonceLength),
  };
}

/** One sender's record protection from the key block: MAC keys, keys, then implicit nonces; the client's first. RFC 5246, section 6.3 */
export function protection12(
  ciphers: RecordCiphers,
  { cipher }: Suite12,
  keys: { readonly block: Uint8Array; readonly sender: "client" | "server"; readonly encryptThenMac: boolean },
): RecordProtection {
  const { block, sender, encryptThenMac } = keys;
  const part = (from: number, length: number) => {
    const at = sender === "client" ? from : from + length;
    return block.subarray(at, at + length);
  };
  if (cipher !== "aes-128-cbc-sha256") {
    return new Aead12Protection(ciphers.aead, cipher, directionKeys12(block, cipher, sender));
  }
  if (!ciphers.cbc) throw misuse("bad-option", "a CBC suite needs the cbc port");
  const { macKeyLength, keyLength } = CBC_KEYS;
  const cbcKeys = { macKey: part(0, macKeyLength), key: part(2 * macKeyLength, keyLength) };
  return new CbcProtection(ciphers.cbc, ciphers.hash, cbcKeys, encryptThenMac);
}

/** The premaster secret of a pre-shared key; `other` is the shared secret of ECDHE, absent for a key alone. RFC 4279, section 2; RFC 5489, section 2 */
export function pskPremaster(psk: Uint8Array, other: Uint8Array = new Uint8Array(psk.length)): Uint8Array {
  const length = (bytes: Uint8Array) => new Writer(2).u16(bytes.length).finish();
  return concat(length(other), other, length(psk), psk);
}
