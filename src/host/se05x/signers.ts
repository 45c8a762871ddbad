import { SE05X_CURVE, SE05X_SIGNATURE } from "../../apdu/se05x/index.ts";
import { UsageError } from "../../codec/index.ts";
import {
  type DigestSigner,
  ecPublicKeyInfo,
  ed25519PublicKeyInfo,
  type Hash,
  hashOf,
  isEcdsa,
  type Random,
  type SignatureAlgorithm,
  type Signer,
} from "../../crypto/index.ts";
import type { HostErrorCode } from "../errors.ts";
import { notInChip } from "../kept-master.ts";
import type { Se05xObjects } from "./families/objects.ts";
import { MAX_INPUT, type Se05xSender } from "./families/sender.ts";
import { slotOf } from "./object-ids.ts";
import { isRsaKey, rsaSigner } from "./rsa-signer.ts";

/** A chip with keys that sign, and what its signers need beside them. */
export type SigningChip = Se05xSender & { readonly objects: Se05xObjects; readonly random: Random };

/** @table What keys on each curve sign with, by the length of their points. */
const ALGORITHMS: Readonly<Record<number, readonly SignatureAlgorithm[]>> = {
  65: ["ecdsa_sha256", "ecdsa_sha384", "ecdsa_sha512"],
  97: ["ecdsa_sha384", "ecdsa_sha512", "ecdsa_sha256"],
  133: ["ecdsa_sha512", "ecdsa_sha384", "ecdsa_sha256"],
};
const OKP_LENGTH = 32;
const MAX_DIGEST = 64;
const LAST_OWN_SLOT = 0xff;

/** The signer of an object: ECDSA on the NIST curves, Ed25519, or RSA. Throws `not-in-chip` for keys of other kinds. */
export async function signerOf(chip: SigningChip, objectId: number, hash: Hash): Promise<Signer> {
  // Slots of Hawser's own hold EC keys only.
  if (slotOf(objectId) > LAST_OWN_SLOT && (await isRsaKey(chip, objectId))) return rsaSigner(chip, objectId, hash);
  const { bytes: publicKey } = await chip.send("readObject", { objectId });
  if (publicKey.length === OKP_LENGTH) return ed25519Signer(chip, objectId, publicKey);
  const digests = digestSignerOver(chip, objectId, publicKey);
  const algorithms = ALGORITHMS[publicKey.length] ?? [];
  return {
    performer: "chip",
    publicKey: digests.publicKey,
    algorithms,
    sign: async (algorithm, content) => {
      if (!isEcdsa(algorithm) || !algorithms.includes(algorithm)) throw notSigning(algorithm);
      return digests.signDigest(hash.digest(hashOf(algorithm), content));
    },
  };
}

/** The same for digests that somebody else took. Throws `not-in-chip` for keys that are not on a NIST curve. */
export async function digestSignerOf(chip: SigningChip, objectId: number): Promise<DigestSigner> {
  return digestSignerOver(chip, objectId, (await chip.send("readObject", { objectId })).bytes);
}

function digestSignerOver(chip: SigningChip, objectId: number, point: Uint8Array): DigestSigner {
  if (!(point.length in ALGORITHMS)) throw notInChip("keys on this curve have no signer here: use the command itself");
  const signDigest = async (given: Uint8Array) => {
    const digest = given.subarray(0, MAX_DIGEST);
    return (await chip.send("sign", { objectId, algorithm: SE05X_SIGNATURE.plain, digest })).signature;
  };
  return { performer: "chip", publicKey: ecPublicKeyInfo(point), signDigest };
}

/**
 * Ed25519 signs the message itself, so it goes to the chip whole: handshakes of TLS 1.3 and certificate requests do, and
 * the transcripts of TLS 1.2 do not; those throw `not-in-chip`. RFC 8032, section 5.1; SE05x command table, section 4.5
 */
async function ed25519Signer(chip: SigningChip, objectId: number, wirePublicKey: Uint8Array): Promise<Signer> {
  const { curve } = await chip.send("curveOfKey", { objectId });
  if (curve !== SE05X_CURVE.ed25519) throw notInChip("keys on this curve agree on secrets, and do not sign");
  return {
    performer: "chip",
    publicKey: ed25519PublicKeyInfo(wirePublicKey.toReversed()),
    algorithms: ["ed25519"],
    sign: async (algorithm, content) => {
      if (algorithm !== "ed25519") throw notSigning(algorithm);
      if (content.length > MAX_INPUT) {
        const message = `an SE05x signs messages of up to ${MAX_INPUT} bytes by Ed25519, not ${content.length}`;
        throw notInChip(`${message}: TLS 1.2 signs its whole handshake, TLS 1.3 a hash of it`);
      }
      const request = { objectId, algorithm: SE05X_SIGNATURE.ed25519, digest: content };
      return edwardsHalves((await chip.send("sign", request)).signature);
    },
  };
}

/** A signature by Ed25519 with both halves turned round: on the wire their highest byte comes first. SE05x command table, section 4.5 */
export function edwardsHalves(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2;
  return Uint8Array.of(...signature.slice(0, half).toReversed(), ...signature.slice(half).toReversed());
}

function notSigning(algorithm: SignatureAlgorithm): UsageError<HostErrorCode> {
  return new UsageError<HostErrorCode>("bad-argument", `this key of the SE05x does not sign ${algorithm}`);
}
