import { cbcDecrypt, cbcEncrypt, cmac, sameBytes } from "../../apdu/index.ts";
import {
  type Right,
  SE05X_CIPHER,
  SE05X_DIGEST,
  SE05X_MAC,
  SE05X_RESULT,
  SE05X_SIGNATURE,
} from "../../apdu/se05x/index.ts";
import { concat, DecodeError } from "../../codec/index.ts";
import { ecdsaDerToRaw, HASH_LENGTH, type Hash, type HashName } from "../../crypto/index.ts";
import type { EcCurve } from "../ec-curve.ts";
import type { Se05xHandlers, Se05xInside } from "./handlers.ts";
import { refuse } from "./refuse.ts";
import type { EcKey, Secret } from "./secrets.ts";

type CryptoCommand = "sign" | "verify" | "agree" | "cipher" | "mac" | "verifyMac" | "digest" | "hkdf";

const BLOCK = 16;
/** Longer answers fit no host's buffer. SE05x coding rules */
const MAX_DERIVED = 0x200;

const DIGESTS: Readonly<Record<number, HashName>> = {
  [SE05X_DIGEST.sha256]: "sha256",
  [SE05X_DIGEST.sha384]: "sha384",
  [SE05X_DIGEST.sha512]: "sha512",
};
const HMACS: Readonly<Record<number, HashName>> = {
  [SE05X_MAC.hmacSha256]: "sha256",
  [SE05X_MAC.hmacSha384]: "sha384",
  [SE05X_MAC.hmacSha512]: "sha512",
};
/** How long the digest of each signature algorithm is. */
const DIGEST_LENGTHS: Readonly<Record<number, number>> = {
  [SE05X_SIGNATURE.sha1]: 20,
  [SE05X_SIGNATURE.sha224]: 28,
  [SE05X_SIGNATURE.sha256]: 32,
  [SE05X_SIGNATURE.sha384]: 48,
  [SE05X_SIGNATURE.sha512]: 64,
};

/** Everything that uses keys but TLS. SE05x command table, tier b */
export function cryptoHandlers(inside: Se05xInside): Pick<Se05xHandlers, CryptoCommand> {
  const { hash } = inside;
  return {
    ...curveHandlers(inside),
    ...aesAndMacHandlers(inside),
    digest: ({ algorithm, input }) => ({ digest: hash.digest(hashNamed(algorithm), input) }),
    hkdf({ objectId, algorithm, salt = new Uint8Array(0), info = new Uint8Array(0), length }) {
      const { content } = inside.store.demand(objectId, inside.user, "derive");
      if (content.kind !== "hmac") throw refuse(0x6985, "keys are derived from HMAC keys");
      demandDerivable(length, content.minOutputLength);
      const name = hashNamed(algorithm);
      return { derived: content.secret.use((key) => hkdf(hash, name, { key, salt, info, length })) };
    },
  };
}

/** The hash of a digest identifier. Refused with 6A80 where the chip has none. */
export function hashNamed(algorithm: number): HashName {
  const name = DIGESTS[algorithm];
  if (!name) throw refuse(0x6a80, `digest ${algorithm} is not in this chip`);
  return name;
}

/** Refuses with 6A80 a derived length that is too long for an answer or shorter than the key allows. */
export function demandDerivable(length: number, minOutputLength: number): void {
  if (length < 1 || length > MAX_DERIVED || length < minOutputLength) throw refuse(0x6a80, `${length} derived bytes`);
}

/** The private key of an object. Refused with 6985 where it has none. */
export function privateKeyIn(inside: Se05xInside, id: number, right: Right): EcKey {
  const { content } = inside.store.demand(id, inside.user, right);
  if (content.kind !== "ecPair") throw refuse(0x6985, "no private key in this object");
  return content.key;
}

function curveHandlers(inside: Se05xInside): Pick<Se05xHandlers, "sign" | "verify" | "agree"> {
  return {
    sign({ objectId, algorithm, digest }) {
      const key = privateKeyIn(inside, objectId, "sign");
      demandDigest(algorithm, digest);
      return { signature: key.sign(inside, digest) };
    },
    verify({ objectId, algorithm, digest, signature }) {
      const { content } = inside.store.demand(objectId, inside.user, "verify");
      if (content.kind !== "ecPair" && content.kind !== "ecPublic")
        throw refuse(0x6985, "no public key in this object");
      demandDigest(algorithm, digest);
      const point = content.kind === "ecPublic" ? content.point : content.key.point;
      const curve = inside.curves.get(content.curve);
      const right = curve !== undefined && holds(curve, point, digest, signature);
      return { result: right ? SE05X_RESULT.yes : SE05X_RESULT.no };
    },
    agree: ({ objectId, peerPoint }) => ({
      sharedSecret: privateKeyIn(inside, objectId, "keyAgreement").agree(peerPoint),
    }),
  };
}

function aesAndMacHandlers(inside: Se05xInside): Pick<Se05xHandlers, "cipher" | "mac" | "verifyMac"> {
  const computed = (objectId: number, right: Right, algorithm: number, input: Uint8Array): Uint8Array => {
    const { content } = inside.store.demand(objectId, inside.user, right);
    const name = HMACS[algorithm];
    if (name && content.kind === "hmac") return content.secret.use((key) => inside.hash.hmac(name, key, input));
    if (algorithm === SE05X_MAC.cmac && content.kind === "aes") {
      return content.secret.use((key) => cmac(inside.aes, key, input));
    }
    throw refuse(0x6a80, `no code ${algorithm} with this key`);
  };
  return {
    cipher({ objectId, direction, mode, input, iv }) {
      const encrypts = direction === 0x37;
      const { content } = inside.store.demand(objectId, inside.user, encrypts ? "encrypt" : "decrypt");
      if (content.kind !== "aes") throw refuse(0x6985, "no AES key in this object");
      if (input.length % BLOCK !== 0) throw refuse(0x6a80, `${input.length} bytes are not whole blocks`);
      return { output: ciphered(inside, content.secret, { encrypts, mode, input, iv }) };
    },
    mac: ({ objectId, algorithm, input }) => ({ mac: computed(objectId, "sign", algorithm, input) }),
    verifyMac({ objectId, algorithm, input, mac }) {
      const right = sameBytes(computed(objectId, "verify", algorithm, input), mac);
      return { result: right ? SE05X_RESULT.yes : SE05X_RESULT.no };
    },
  };
}

function ciphered(
  { aes }: Se05xInside,
  secret: Secret,
  request: {
    readonly encrypts: boolean;
    readonly mode: number;
    readonly input: Uint8Array;
    readonly iv: Uint8Array | undefined;
  },
): Uint8Array {
  const { encrypts, mode, input, iv } = request;
  if (mode === SE05X_CIPHER.cbc) {
    if (iv?.length !== BLOCK) throw refuse(0x6a80, "this mode takes an initial block of 16 bytes");
    return secret.use((key) => (encrypts ? cbcEncrypt : cbcDecrypt)(aes, key, iv, input));
  }
  if (mode !== SE05X_CIPHER.ecb) throw refuse(0x6a80, `mode ${mode} is not in this chip`);
  if (iv && iv.length > 0) throw refuse(0x6a80, "this mode takes no initial block");
  const blocks = Array.from({ length: input.length / BLOCK }, (_, i) => input.slice(BLOCK * i, BLOCK * (i + 1)));
  return secret.use((key) =>
    concat(...blocks.map((block) => (encrypts ? aes.encrypt(key, block) : aes.decrypt(key, block)))),
  );
}

function demandDigest(algorithm: number, digest: Uint8Array): void {
  if (algorithm === SE05X_SIGNATURE.plain && digest.length > 0) return;
  if (DIGEST_LENGTHS[algorithm] !== digest.length) {
    throw refuse(0x6a80, `a digest of ${digest.length} bytes for algorithm ${algorithm}`);
  }
}

/** Whether a signature holds; one that is not DER never does. */
function holds(curve: EcCurve, point: Uint8Array, digest: Uint8Array, signature: Uint8Array): boolean {
  try {
    return curve.verifyDigest(point, digest, ecdsaDerToRaw(signature, curve.scalarLength));
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

/** Extract and expand. RFC 5869, section 2 */
function hkdf(
  hash: Hash,
  name: HashName,
  request: {
    readonly key: Uint8Array;
    readonly salt: Uint8Array;
    readonly info: Uint8Array;
    readonly length: number;
  },
): Uint8Array {
  const { key, salt, info, length } = request;
  const pseudoRandomKey = hash.hmac(name, salt.length === 0 ? new Uint8Array(HASH_LENGTH[name]) : salt, key);
  const blocks: Uint8Array[] = [];
  for (let i = 1; (i - 1) * HASH_LENGTH[name] < length; i++) {
    blocks.push(hash.hmac(name, pseudoRandomKey, blocks.at(-1) ?? new Uint8Array(0), info, Uint8Array.of(i)));
  }
  return concat(...blocks).slice(0, length);
}
