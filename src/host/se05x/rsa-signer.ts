import { SE05X_RSA_COMPONENT, SE05X_TYPE } from "../../apdu/se05x/index.ts";
import { concat, fromHex, UsageError } from "../../codec/index.ts";
import type { SignatureAlgorithm, Signer } from "../../crypto/index.ts";
import type { HostErrorCode } from "../errors.ts";
import { notInChip } from "../kept-master.ts";
import type { Se05xSession } from "./session.ts";

/** The chip hashes what it signs by RSA, so the message itself goes there. SE05x algorithm identifiers */
const ALGORITHMS: Partial<Record<SignatureAlgorithm, number>> = {
  rsa_pss_sha256: 0x2c,
  rsa_pss_sha384: 0x2d,
  rsa_pss_sha512: 0x2e,
  rsa_pkcs1_sha256: 0x28,
  rsa_pkcs1_sha384: 0x29,
  rsa_pkcs1_sha512: 0x2a,
};
const RSA_KEYS: readonly number[] = [
  SE05X_TYPE.rsaPair,
  SE05X_TYPE.rsaPair + 1,
  SE05X_TYPE.rsaPrivate,
  SE05X_TYPE.rsaPrivate + 1,
];
/** What fits the smaller of the chips' buffers beside the rest of the command. SE05x coding rules */
const MAX_MESSAGE = 800;

type Chip = { exclusive<T>(work: (session: Se05xSession) => Promise<T>): Promise<T> };

/** Whether an object is an RSA key with a private half. */
export async function isRsaKey(chip: Chip, objectId: number): Promise<boolean> {
  const { type } = await chip.exclusive((session) => session.send("readType", { objectId }));
  return RSA_KEYS.includes(type);
}

/**
 * The signer of an RSA key. The chip takes the message whole, so handshakes of TLS 1.3 and certificate requests can be
 * signed, and the transcripts of TLS 1.2 cannot: those throw `not-in-chip`. RFC 8017, section 8
 */
export async function rsaSigner(chip: Chip, objectId: number): Promise<Signer> {
  const part = async (component: number) =>
    (await chip.exclusive((session) => session.send("readObject", { objectId, component }))).bytes;
  const [modulus, exponent] = [await part(SE05X_RSA_COMPONENT.modulus), await part(SE05X_RSA_COMPONENT.exponent)];
  return {
    performer: "chip",
    publicKey: rsaPublicKeyInfo(modulus, exponent),
    algorithms: Object.keys(ALGORITHMS) as SignatureAlgorithm[],
    sign: async (name, content) => {
      const algorithm = ALGORITHMS[name];
      if (algorithm === undefined)
        throw new UsageError<HostErrorCode>("bad-argument", `an RSA key does not sign ${name}`);
      if (content.length > MAX_MESSAGE) {
        throw notInChip(`an SE05x signs messages of up to ${MAX_MESSAGE} bytes by RSA, not ${content.length}`);
      }
      const request = { objectId, algorithm, digest: content };
      return (await chip.exclusive((session) => session.send("sign", request))).signature;
    },
  };
}

/** rsaEncryption with parameters NULL. RFC 3279, section 2.3.1 */
const RSA_ENCRYPTION = fromHex("300d06092a864886f70d0101010500");

function rsaPublicKeyInfo(modulus: Uint8Array, exponent: Uint8Array): Uint8Array {
  const key = element(0x30, integer(modulus), integer(exponent));
  return element(0x30, RSA_ENCRYPTION, element(0x03, Uint8Array.of(0), key));
}

/** A positive INTEGER in the fewest bytes. */
function integer(bytes: Uint8Array): Uint8Array {
  const start = bytes.findIndex((byte) => byte !== 0);
  const value = start < 0 ? Uint8Array.of(0) : bytes.subarray(start);
  return (value[0] ?? 0) < 0x80 ? element(0x02, value) : element(0x02, Uint8Array.of(0), value);
}

function element(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const contents = concat(...parts);
  const { length } = contents;
  const form = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return concat(Uint8Array.of(tag, ...form), contents);
}
