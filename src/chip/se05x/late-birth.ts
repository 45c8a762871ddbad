import { RIGHT, SE05X_OBJECT } from "../../apdu/se05x/index.ts";
import { concat, UsageError, Writer } from "../../codec/index.ts";
import { type Entropy, type Hash, rsaPublicKeyInfo } from "../../crypto/index.ts";
import { draftCertificate, type Issuer, issueCertificate } from "../../pki/index.ts";
import type { ChipErrorCode } from "../errors.ts";
import type { RsaArithmetic } from "./arithmetic.ts";
import { BIRTH_VALIDITY, birthCommonName, birthSubject, type RootPorts, testRootNow } from "./birth-root.ts";
import type { Content } from "./contents.ts";
import { FEATURE } from "./features.ts";
import { bornObject, hexId, type SecureObject } from "./objects.ts";
import { RsaKey } from "./rsa-key.ts";
import { Secret } from "./secrets.ts";
import type { ObjectStore } from "./store.ts";
import type { Se05xModel } from "./variants.ts";

/** What RSA births are made with. */
export type LatePorts = RootPorts & { readonly rsa: RsaArithmetic };

type RsaIdentity = {
  readonly key: number;
  readonly certificate: number;
  readonly name: string;
  readonly bits: number;
  readonly rights: number;
};

/** What signs for a device also takes premaster secrets, and NXP's host library signs digests by decrypting them. */
const USE_KEY = RIGHT.read | RIGHT.sign | RIGHT.verify | RIGHT.encrypt | RIGHT.decrypt | RIGHT.tlsPremaster;

/** RSA keys that a part with RSA is born with. SE05x object ids */
const RSA_IDENTITIES: readonly RsaIdentity[] = [
  {
    key: SE05X_OBJECT.connectionRsaKey,
    certificate: SE05X_OBJECT.connectionRsaCertificate,
    name: "connection-rsa2048",
    bits: 2048,
    rights: USE_KEY,
  },
  {
    key: SE05X_OBJECT.attestationRsaKey,
    certificate: SE05X_OBJECT.attestationRsaCertificate,
    name: "attestation-rsa2048",
    bits: 2048,
    rights: RIGHT.read | RIGHT.attest,
  },
  {
    key: SE05X_OBJECT.deviceRsa2048Key,
    certificate: SE05X_OBJECT.deviceRsa2048Certificate,
    name: "device-rsa2048",
    bits: 2048,
    rights: USE_KEY,
  },
  {
    key: SE05X_OBJECT.gatewayRsa2048Key,
    certificate: SE05X_OBJECT.gatewayRsa2048Certificate,
    name: "gateway-rsa2048",
    bits: 2048,
    rights: USE_KEY,
  },
  {
    key: SE05X_OBJECT.deviceRsa4096Key,
    certificate: SE05X_OBJECT.deviceRsa4096Certificate,
    name: "device-rsa4096",
    bits: 4096,
    rights: USE_KEY,
  },
  {
    key: SE05X_OBJECT.gatewayRsa4096Key,
    certificate: SE05X_OBJECT.gatewayRsa4096Certificate,
    name: "gateway-rsa4096",
    bits: 4096,
    rights: USE_KEY,
  },
];

const SEED_LENGTH = 32;
/** Half of all ECDSA signatures on P-256 have this length in DER, so that one is soon found. RFC 3279, section 2.2.3 */
const SIGNATURE_LENGTH = 71;
/** A certificate with such a signature, but for its common name and the modulus. */
const CERTIFICATE_FRAME = 431;

/**
 * The RSA births of a new part as they are at first: known by size and policy, and each with a seed that it is made of
 * when it is first needed, since primes take seconds that most parts need not spend. None without RSA.
 */
export function lateBirths(
  { name: model, features }: Se05xModel,
  uniqueId: Uint8Array,
  ports: SeedPorts,
): SecureObject[] {
  const crt = (features & FEATURE.rsaCrt) !== 0;
  if (!crt && (features & FEATURE.rsaPlain) === 0) return [];
  const seed = ports.entropy.bytes(SEED_LENGTH);
  const seedOf = (id: number) => new Secret(ports.hash.hmac("sha256", seed, new Writer(4).u32(id).finish()));
  return RSA_IDENTITIES.flatMap(({ key, certificate, name, bits, rights }) => {
    const form = { bits, half: "pair", crt } as const;
    const size = CERTIFICATE_FRAME + birthCommonName(model, name, uniqueId).length + bits / 8;
    return [
      bornObject(key, { kind: "rsaToCome", form, seed: seedOf(key) }, rights),
      bornObject(certificate, { kind: "fileToCome", size, seed: seedOf(certificate) }, RIGHT.read),
    ];
  });
}

type SeedPorts = { readonly entropy: Entropy; readonly hash: Hash };

/** Whether a content is not made yet. */
export function isToCome(content: Content): content is ContentToCome {
  return content.kind === "rsaToCome" || content.kind === "fileToCome";
}

type ContentToCome = Extract<Content, { readonly seed: Secret }>;
type Born = LatePorts & { readonly model: Se05xModel; readonly uniqueId: Uint8Array };

/**
 * An object with what it was born to hold, which the store has from now on; another object as it is. The same seed gives
 * the same for ever, since others may know a part by its certificate.
 */
export function broughtForth(store: ObjectStore, object: SecureObject, born: Born): SecureObject {
  const { id, content } = object;
  if (content.kind === "rsaToCome") return store.make(id, { kind: "rsa", key: keyOf(content, born) });
  if (content.kind !== "fileToCome") return object;
  const identity = identityOf(id);
  const key = rsaIn(broughtForth(store, store.present(identity.key), born));
  const entropy = new SeedStream(born.hash, content.seed);
  const root = testRootNow(born);
  const order = { ...orderOf(identity, key, born), certificate: root.certificate, algorithm: "ecdsa_sha256" } as const;
  const draft = draftCertificate({ ...order, entropy });
  let signature = root.sign(draft.content, entropy);
  while (signature.length !== SIGNATURE_LENGTH) signature = root.sign(draft.content, entropy);
  return store.make(id, { kind: "binary", bytes: draft.signed(signature).der });
}

/** Late births with everything they hold, certified by an issuer that is at hand now. */
export async function broughtForthUnder(
  issuer: Issuer,
  late: readonly SecureObject[],
  born: Born,
): Promise<SecureObject[]> {
  const whole = new Map<number, SecureObject>();
  for (const object of late) {
    const { id, content } = object;
    if (content.kind === "rsaToCome") whole.set(id, { ...object, content: { kind: "rsa", key: keyOf(content, born) } });
    if (content.kind !== "fileToCome") continue;
    const identity = identityOf(id);
    const order = orderOf(identity, rsaIn(whole.get(identity.key)), born);
    const { der } = await issueCertificate({ ...order, issuer, entropy: new SeedStream(born.hash, content.seed) });
    whole.set(id, { ...object, content: { kind: "binary", bytes: der } });
  }
  return [...whole.values()];
}

function keyOf({ form, seed }: Extract<ContentToCome, { kind: "rsaToCome" }>, { rsa, hash }: Born): RsaKey {
  return RsaKey.generate(rsa, form, new SeedStream(hash, seed));
}

function identityOf(certificateId: number): RsaIdentity {
  const found = RSA_IDENTITIES.find(({ certificate }) => certificate === certificateId);
  if (found) return found;
  throw otherLayout(`${hexId(certificateId)} is no certificate that parts are born with`);
}

function rsaIn(object: SecureObject | undefined): RsaKey {
  if (object?.content.kind === "rsa") return object.content.key;
  throw otherLayout("the key of a certificate is not there");
}

function otherLayout(message: string): UsageError<ChipErrorCode> {
  return new UsageError<ChipErrorCode>("state-version", message);
}

function orderOf({ name }: RsaIdentity, key: RsaKey, { model, uniqueId }: Born) {
  return {
    profile: "device",
    publicKey: rsaPublicKeyInfo(key.told("n"), key.told("e")),
    subject: birthSubject(model.name, name, uniqueId),
    validity: BIRTH_VALIDITY,
  } as const;
}

/** As many bytes as are wanted of a seed: a pseudorandom function in counter mode. SP 800-108, section 4.1 */
class SeedStream implements Entropy {
  readonly #hash: Hash;
  readonly #seed: Secret;
  #counter = 0;

  constructor(hash: Hash, seed: Secret) {
    this.#hash = hash;
    this.#seed = seed;
  }

  bytes(length: number): Uint8Array {
    const blocks: Uint8Array[] = [];
    for (let made = 0; made < length; made += 32) {
      const counter = new Writer(4).u32(this.#counter++).finish();
      blocks.push(this.#seed.use((key) => this.#hash.hmac("sha256", key, counter)));
    }
    return concat(...blocks).slice(0, length);
  }
}
