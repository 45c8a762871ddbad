import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  constants,
  type CipherGCMTypes,
  hash as oneShot,
  type Hash as NodeHash,
  type KeyObject,
  randomBytes,
  randomFillSync,
  sign as nodeSign,
  verify as nodeVerify,
} from "node:crypto";
import { promisify } from "node:util";

import { concat, equal, UsageError } from "../codec/index.ts";
import { type AeadName, type HashName, hashOf, type SignatureAlgorithm } from "./algorithms.ts";
import type { CryptoErrorCode } from "./errors.ts";
import { ecKey, montgomeryKey } from "./node-curves.ts";
import { ffdheKey, HAS_ML_KEM, hybridKey } from "./node-groups.ts";
import type {
  Aead,
  Clock,
  Entropy,
  EphemeralKey,
  Hash,
  KeyAgreement,
  Random,
  RunningHash,
  Signer,
  SignatureVerifier,
} from "./ports.ts";

const signAsync = promisify(nodeSign);

class NodeRunningHash implements RunningHash {
  readonly #hash: NodeHash;

  constructor(hash: NodeHash) {
    this.#hash = hash;
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Uint8Array {
    return plain(this.#hash.copy().digest());
  }

  copy(): RunningHash {
    return new NodeRunningHash(this.#hash.copy());
  }
}

/** Hash functions and HMAC of node:crypto. */
export const nodeHash: Hash = {
  digest: (name, ...parts) =>
    plain(oneShot(name, parts.length === 1 && parts[0] ? parts[0] : concat(...parts), "buffer")),
  hmac(name, key, ...parts) {
    const mac = createHmac(name, key);
    for (const part of parts) mac.update(part);
    return plain(mac.digest());
  },
  start: (name) => new NodeRunningHash(createHash(name)),
};

/** The AEAD ciphers of node:crypto: AES-GCM, AES-CCM and ChaCha20-Poly1305. */
export const nodeAead: Aead = {
  seal(name, key, nonce, plaintext, associated) {
    const { cipherName, options } = AEAD_FORMS[name];
    const cipher = createCipheriv(cipherName, key, nonce, options);
    // CCM has to know the length beforehand; the other modes ignore it.
    cipher.setAAD(associated, { plaintextLength: plaintext.length });
    const ciphertext = cipher.update(plaintext);
    // None of these modes holds bytes back until the end.
    cipher.final();
    return [ciphertext, cipher.getAuthTag()];
  },
  open(name, key, nonce, sealed, associated) {
    const { cipherName, options } = AEAD_FORMS[name];
    const length = sealed.length - options.authTagLength;
    if (length < 0) return undefined;
    const decipher = createDecipheriv(cipherName, key, nonce, options);
    decipher.setAuthTag(sealed.subarray(length));
    decipher.setAAD(associated, { plaintextLength: length });
    try {
      // CCM verifies in update, the other modes in final.
      const plaintext = decipher.update(sealed.subarray(0, length));
      decipher.final();
      return plain(plaintext);
    } catch {
      return undefined;
    }
  },
};

/** OpenSSL's name of a cipher and the length of its tag in bytes. Node types its modes apart; GCM stands for all. */
type AeadForm = { readonly cipherName: CipherGCMTypes; readonly options: { readonly authTagLength: number } };

const AEAD_FORMS: Readonly<Record<AeadName, AeadForm>> = {
  "aes-128-gcm": aeadForm("aes-128-gcm"),
  "aes-256-gcm": aeadForm("aes-256-gcm"),
  "aes-128-ccm": aeadForm("aes-128-ccm"),
  "aes-256-ccm": aeadForm("aes-256-ccm"),
  "aes-128-ccm-8": aeadForm("aes-128-ccm", 8),
  "aes-256-ccm-8": aeadForm("aes-256-ccm", 8),
  "chacha20-poly1305": aeadForm("chacha20-poly1305"),
};

function aeadForm(cipherName: string, authTagLength = 16): AeadForm {
  return { cipherName: cipherName as CipherGCMTypes, options: { authTagLength } };
}

/** What is taken from a store of random bytes: ids. What is longer, such as a key, comes from the generator itself. */
const POOLED_BYTES = 16;
const pool = { bytes: new Uint8Array(4096), used: 4096 };

/** The system's random number generator. Asking it for a few bytes costs about as much as asking for some thousand. */
export const nodeEntropy: Entropy = {
  bytes: (length) => (length > 0 && length <= POOLED_BYTES ? pooled(length) : plain(randomBytes(length))),
};

/** Each byte of the pool is given once, and is no longer in it then. */
function pooled(length: number): Uint8Array {
  if (pool.used + length > pool.bytes.length) {
    randomFillSync(pool.bytes);
    pool.used = 0;
  }
  const taken = pool.bytes.slice(pool.used, pool.used + length);
  pool.bytes.fill(0, pool.used, pool.used + length);
  pool.used += length;
  return taken;
}

/** The system's random number generator as a host's `Random`. */
export const nodeRandom: Random = { performer: "host", random: async (length) => nodeEntropy.bytes(length) };

/** The system's time; fractions come from the monotonic clock. */
export const nodeClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Signature checks by node:crypto, for EC, Ed25519 and RSA keys. */
export const nodeVerifier: SignatureVerifier = {
  performer: "host",
  async verify({ publicKey, algorithm, content, signature }) {
    const key = publicKeyObject(publicKey);
    if (key.asymmetricKeyType !== keyTypeOf(algorithm)) return false;
    return nodeVerify(nodeHashOf(algorithm), content, { key, ...padding(algorithm) }, signature);
  },
};

/** A signer over a private key in this process's memory. Throws `UsageError` `bad-key` for other than EC, Ed25519 and RSA keys. */
export function nodeSigner(key: KeyObject): Signer {
  const algorithms = algorithmsOf(key);
  const isCurve = key.asymmetricKeyType !== "rsa";
  return {
    performer: "host",
    publicKey: plain(createPublicKey(key).export({ format: "der", type: "spki" })),
    algorithms,
    async sign(algorithm, content) {
      if (!algorithms.includes(algorithm)) {
        throw new UsageError<CryptoErrorCode>("unsupported-algorithm", `this key cannot sign ${algorithm}`);
      }
      // A curve signs in less time than it takes to hand the work to another thread; an RSA key does not.
      if (isCurve) return plain(nodeSign(nodeHashOf(algorithm), content, key));
      return plain(await signAsync(nodeHashOf(algorithm), content, { key, ...padding(algorithm) }));
    },
  };
}

/** A private key from PEM (PKCS#8, SEC 1, PKCS#1), or a `UsageError` `bad-key` that names the reason. */
export function privateKeyFromPem(pem: string, passphrase?: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: "pem", ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (cause) {
    throw new UsageError<CryptoErrorCode>("bad-key", `private key cannot be read: ${reasonOf(cause)}`, { cause });
  }
}

/** Ephemeral agreement by node:crypto. */
export const nodeKeyAgreement: KeyAgreement = {
  performer: "host",
  groups: [
    ...(["x25519", "secp256r1", "secp384r1", "secp521r1", "x448", "ffdhe2048", "ffdhe3072"] as const),
    ...(HAS_ML_KEM ? (["X25519MLKEM768"] as const) : []),
  ],
  async generate(group) {
    if (group === "x25519" || group === "x448") return montgomeryKey(group);
    if (group === "X25519MLKEM768") return guarded(hybridKey());
    if (group === "ffdhe2048" || group === "ffdhe3072") return guarded(ffdheKey(group));
    return ecKey(group);
  },
};

/** The same key, whose failures are the peer's fault by name. */
function guarded(key: EphemeralKey): EphemeralKey {
  const agree = async (peer: Uint8Array) => {
    try {
      return await key.agree(peer);
    } catch (cause) {
      throw new UsageError<CryptoErrorCode>("bad-peer-key", "the peer's public key is not acceptable", { cause });
    }
  };
  return { ...key, agree };
}

/** Keys that were read before, with the bytes that they were read from: those are the caller's, who may change them. */
const keysRead = new WeakMap<Uint8Array, { readonly key: KeyObject; readonly bytes: Uint8Array }>();

function publicKeyObject(publicKey: Uint8Array): KeyObject {
  const known = keysRead.get(publicKey);
  if (known && equal(known.bytes, publicKey)) return known.key;
  const bytes = publicKey.slice();
  const key = readPublicKey(bytes);
  keysRead.set(publicKey, { key, bytes });
  return key;
}

function readPublicKey(publicKey: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
  } catch (cause) {
    throw new UsageError<CryptoErrorCode>("bad-key", `public key cannot be read: ${reasonOf(cause)}`, { cause });
  }
}

/** The hash that node:crypto is to take first. RFC 8032, section 5.1: Ed25519 has the message. */
function nodeHashOf(algorithm: SignatureAlgorithm): HashName | null {
  return algorithm === "ed25519" ? null : hashOf(algorithm);
}

function keyTypeOf(algorithm: SignatureAlgorithm): "ec" | "rsa" | "ed25519" {
  if (algorithm === "ed25519") return algorithm;
  return algorithm.startsWith("ecdsa_") ? "ec" : "rsa";
}

function padding(algorithm: SignatureAlgorithm): { padding?: number; saltLength?: number } {
  if (!algorithm.startsWith("rsa_pss_")) return {};
  return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}

function algorithmsOf(key: KeyObject): readonly SignatureAlgorithm[] {
  if (key.asymmetricKeyType === "rsa") {
    return [
      "rsa_pss_sha256",
      "rsa_pss_sha384",
      "rsa_pss_sha512",
      "rsa_pkcs1_sha256",
      "rsa_pkcs1_sha384",
      "rsa_pkcs1_sha512",
    ];
  }
  if (key.asymmetricKeyType === "ed25519") return ["ed25519"];
  const curve = key.asymmetricKeyType === "ec" ? key.asymmetricKeyDetails?.namedCurve : undefined;
  if (curve === "prime256v1") return ["ecdsa_sha256", "ecdsa_sha384", "ecdsa_sha512"];
  if (curve === "secp384r1") return ["ecdsa_sha384", "ecdsa_sha512", "ecdsa_sha256"];
  if (curve === "secp521r1") return ["ecdsa_sha512", "ecdsa_sha384", "ecdsa_sha256"];
  throw new UsageError<CryptoErrorCode>("bad-key", `a ${curve ?? key.asymmetricKeyType} key cannot sign here`);
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : "unknown reason";
}

/** node:crypto gives Buffers, whose `slice` and JSON differ from those of Uint8Array. */
function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
