import { concat, utf8Bytes, Writer } from "../codec/index.ts";
import { type AeadName, HASH_LENGTH, type Hash, type HashName, hkdfExpand, hkdfExtract } from "../crypto/index.ts";
import { AEADS, NONCE_LENGTH } from "./aead-suites.ts";
import type { DirectionKeys } from "./protection.ts";

/** Both sides' traffic secrets of one phase. */
export type TrafficSecrets = { readonly client: Uint8Array; readonly server: Uint8Array };

/** The key schedule of TLS 1.3 over one suite's hash, as functions of the secret before. RFC 8446, section 7.1 */
export class KeySchedule13 {
  readonly #hash: Hash;
  readonly #name: HashName;

  constructor(hash: Hash, name: HashName) {
    this.#hash = hash;
    this.#name = name;
  }

  get hashLength(): number {
    return HASH_LENGTH[this.#name];
  }

  /** Early Secret, of a pre-shared key or of none. */
  earlySecret(psk: Uint8Array = new Uint8Array(this.hashLength)): Uint8Array {
    return this.#extract(new Uint8Array(this.hashLength), psk);
  }

  /** Handshake Secret, of the shared secret of the key agreement. */
  handshakeSecret(earlySecret: Uint8Array, shared: Uint8Array): Uint8Array {
    return this.handshakeSecretOf(this.deriveSecret(earlySecret, "derived", this.emptyHash()), shared);
  }

  /** The same, where the early secret is elsewhere and only gave the secret derived of it. */
  handshakeSecretOf(derivedSecret: Uint8Array, shared: Uint8Array): Uint8Array {
    return this.#extract(derivedSecret, shared);
  }

  masterSecret(handshakeSecret: Uint8Array): Uint8Array {
    const salt = this.deriveSecret(handshakeSecret, "derived", this.emptyHash());
    return this.#extract(salt, new Uint8Array(this.hashLength));
  }

  /** `phase` is "hs" or "ap"; the transcript reaches to ServerHello or to the server's Finished. */
  trafficSecrets(secret: Uint8Array, phase: "hs" | "ap", transcriptHash: Uint8Array): TrafficSecrets {
    return {
      client: this.deriveSecret(secret, `c ${phase} traffic`, transcriptHash),
      server: this.deriveSecret(secret, `s ${phase} traffic`, transcriptHash),
    };
  }

  /** Derive-Secret. RFC 8446, section 7.1 */
  deriveSecret(secret: Uint8Array, label: string, transcriptHash: Uint8Array): Uint8Array {
    return this.expandLabel(secret, label, transcriptHash, this.hashLength);
  }

  /** RFC 8446, section 7.3 */
  directionKeys(trafficSecret: Uint8Array, aead: AeadName): DirectionKeys {
    return {
      key: this.expandLabel(trafficSecret, "key", new Uint8Array(0), AEADS[aead].keyLength),
      iv: this.expandLabel(trafficSecret, "iv", new Uint8Array(0), NONCE_LENGTH),
    };
  }

  /** The traffic secret after a KeyUpdate. RFC 8446, section 7.2 */
  nextTrafficSecret(trafficSecret: Uint8Array): Uint8Array {
    return this.expandLabel(trafficSecret, "traffic upd", new Uint8Array(0), this.hashLength);
  }

  /** verify_data, also of a PSK binder. RFC 8446, section 4.4.4 */
  verifyData(baseKey: Uint8Array, transcriptHash: Uint8Array): Uint8Array {
    const finishedKey = this.expandLabel(baseKey, "finished", new Uint8Array(0), this.hashLength);
    return this.#hash.hmac(this.#name, finishedKey, transcriptHash);
  }

  emptyHash(): Uint8Array {
    return this.#hash.digest(this.#name);
  }

  hashOf(content: Uint8Array): Uint8Array {
    return this.#hash.digest(this.#name, content);
  }

  /** HKDF-Expand-Label. Throws `UsageError` `too-long` beyond 255 hashes. RFC 8446, section 7.1 */
  expandLabel(secret: Uint8Array, label: string, context: Uint8Array, length: number): Uint8Array {
    return hkdfExpand(this.#hash, this.#name, { key: secret, info: hkdfLabel(label, context, length), length });
  }

  #extract(salt: Uint8Array, keyMaterial: Uint8Array): Uint8Array {
    return hkdfExtract(this.#hash, this.#name, salt, keyMaterial);
  }
}

/** RFC 8446, section 7.1 */
function hkdfLabel(label: string, context: Uint8Array, length: number): Uint8Array {
  return new Writer()
    .u16(length)
    .prefixed(1, (w) => w.utf8(`tls13 ${label}`))
    .prefixed(1, (w) => w.bytes(context))
    .finish();
}

/**
 * What HKDF, extract and expand in one, over an external pre-shared key must be asked for so that nobody else needs the
 * key: the salt, and the info of each early secret, `length` bytes each. RFC 8446, section 7.1; RFC 5869, section 2
 */
export function earlySecretRequest(hash: Hash, name: HashName) {
  const length = HASH_LENGTH[name];
  const infoOf = (label: string) => hkdfLabel(label, hash.digest(name), length);
  return { salt: new Uint8Array(length), length, binderKey: infoOf("ext binder"), derivedSecret: infoOf("derived") };
}

/** What a CertificateVerify signs: padding, who signs, and the transcript. RFC 8446, section 4.4.3 */
export function signedContent13(signer: "server" | "client", transcriptHash: Uint8Array): Uint8Array {
  const padding = new Uint8Array(64).fill(0x20);
  return concat(padding, utf8Bytes(`TLS 1.3, ${signer} CertificateVerify`), Uint8Array.of(0), transcriptHash);
}
