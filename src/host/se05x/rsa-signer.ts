import { SE05X_RSA_COMPONENT, SE05X_TYPE } from "../../apdu/se05x/index.ts";
import { UsageError } from "../../codec/index.ts";
import {
  type Hash,
  HASH_LENGTH,
  type HashedAlgorithm,
  hashOf,
  type Random,
  rsaPublicKeyInfo,
  type SignatureAlgorithm,
  type Signer,
} from "../../crypto/index.ts";
import type { HostErrorCode } from "../errors.ts";
import { Se05xRsaKeys } from "./families/rsa-keys.ts";
import { MAX_INPUT, type Se05xSender } from "./families/sender.ts";
import { pkcs1Block, pssBlock } from "./rsa-encodings.ts";

/** The chip hashes what it signs by RSA, so the message itself goes there. SE05x algorithm identifiers */
const ALGORITHMS = {
  rsa_pss_sha256: 0x2c,
  rsa_pss_sha384: 0x2d,
  rsa_pss_sha512: 0x2e,
  rsa_pkcs1_sha256: 0x28,
  rsa_pkcs1_sha384: 0x29,
  rsa_pkcs1_sha512: 0x2a,
} as const satisfies Partial<Record<HashedAlgorithm, number>>;
const RSA_KEYS: readonly number[] = [
  SE05X_TYPE.rsaPair,
  SE05X_TYPE.rsaPair + 1,
  SE05X_TYPE.rsaPrivate,
  SE05X_TYPE.rsaPrivate + 1,
];

/** Whether an object is an RSA key with a private half. */
export async function isRsaKey(chip: Se05xSender, objectId: number): Promise<boolean> {
  const { type } = await chip.send("readType", { objectId });
  return RSA_KEYS.includes(type);
}

/**
 * The signer of an RSA key. A message that one command takes is hashed and signed in the chip. Of a longer one the host
 * makes the block, and the chip's private key does the rest, as NXP's host library does it: for that the key's policy must
 * let it decrypt. RFC 8017, section 8
 */
export async function rsaSigner(
  chip: Se05xSender & { readonly random: Random },
  objectId: number,
  hash: Hash,
): Promise<Signer> {
  const part = async (component: number) => (await chip.send("readObject", { objectId, component })).bytes;
  const [modulus, exponent] = [await part(SE05X_RSA_COMPONENT.modulus), await part(SE05X_RSA_COMPONENT.exponent)];
  return {
    performer: "chip",
    publicKey: rsaPublicKeyInfo(modulus, exponent),
    algorithms: Object.keys(ALGORITHMS) as SignatureAlgorithm[],
    sign: async (algorithm, content) => {
      if (!isRsa(algorithm)) {
        throw new UsageError<HostErrorCode>("bad-argument", `an RSA key does not sign ${algorithm}`);
      }
      if (content.length <= MAX_INPUT) {
        const request = { objectId, algorithm: ALGORITHMS[algorithm], digest: content };
        return (await chip.send("sign", request)).signature;
      }
      const name = hashOf(algorithm);
      const digest = hash.digest(name, content);
      const { length } = modulus;
      const block = algorithm.startsWith("rsa_pss_")
        ? pssBlock(hash, name, { digest, salt: await chip.random.random(HASH_LENGTH[name]), length })
        : pkcs1Block(name, digest, length);
      return new Se05xRsaKeys(chip).decrypt(objectId, "noPadding", block);
    },
  };
}

function isRsa(algorithm: SignatureAlgorithm): algorithm is keyof typeof ALGORITHMS {
  return algorithm in ALGORITHMS;
}
