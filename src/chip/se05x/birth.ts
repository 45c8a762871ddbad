import { RIGHT, SE05X_CURVE, SE05X_OBJECT, SE05X_ORIGIN } from "../../apdu/se05x/index.ts";
import { concat, fromHex, toHex, utf8Bytes } from "../../codec/index.ts";
import { ecPublicKeyInfo, type Entropy, type Hash, SeededEntropy, type Signer } from "../../crypto/index.ts";
import { issueCertificate, issueRootCertificate, nameFromAttributes, type Issuer } from "../../pki/index.ts";
import type { PointCurve } from "../ec-curve.ts";
import type { Content } from "./contents.ts";
import type { SecureObject } from "./objects.ts";
import { EcKey } from "./secrets.ts";

export type BirthPorts = { readonly p256: PointCurve; readonly hash: Hash; readonly entropy: Entropy };

const READ_ONLY = RIGHT.read;
const USE_KEY = RIGHT.read | RIGHT.sign | RIGHT.verify | RIGHT.keyAgreement | RIGHT.tlsPremaster;

/** Key pairs and certificates that a part is born with, for connecting to clouds without further ado. AN13501, section 4 */
const IDENTITIES = [
  {
    key: SE05X_OBJECT.attestationKey,
    certificate: SE05X_OBJECT.attestationCertificate,
    name: "attestation",
    rights: RIGHT.read | RIGHT.attest,
  },
  {
    key: SE05X_OBJECT.connectionKey,
    certificate: SE05X_OBJECT.connectionCertificate,
    name: "connection",
    rights: USE_KEY,
  },
  { key: SE05X_OBJECT.deviceKey, certificate: SE05X_OBJECT.deviceCertificate, name: "device", rights: USE_KEY },
  { key: SE05X_OBJECT.gatewayKey, certificate: SE05X_OBJECT.gatewayCertificate, name: "gateway", rights: USE_KEY },
] as const;

const VALIDITY = { notBefore: Date.UTC(2020, 0, 1), notAfter: Date.UTC(2049, 11, 31) };

/**
 * The objects of a new part: its unique identifier, and key pairs with certificates of their own at NXP's public
 * object identifiers. Nobody can change or delete them. SE05x object ids
 */
export async function newBirth(model: string, ports: BirthPorts, issuer?: Issuer): Promise<readonly SecureObject[]> {
  const { entropy, p256 } = ports;
  const uniqueId = newUniqueId(entropy);
  const by = issuer ?? (await testRoot(ports));
  const objects = [provisioned(SE05X_OBJECT.uniqueId, { kind: "binary", bytes: uniqueId }, READ_ONLY)];
  // What hosts agree with for sessions and imports. They are used by the chip itself, so hosts only read them.
  for (const id of [SE05X_OBJECT.sessionKey, SE05X_OBJECT.importKey]) {
    const key = EcKey.generate(p256, entropy);
    objects.push(provisioned(id, { kind: "ecPair", curve: SE05X_CURVE.p256, key, whole: true }, READ_ONLY));
  }
  for (const identity of IDENTITIES) {
    const key = EcKey.generate(p256, entropy);
    const { der } = await issueCertificate({
      profile: "device",
      publicKey: ecPublicKeyInfo(key.point),
      issuer: by,
      subject: nameFromAttributes([
        ["O", "Hawser test parts"],
        ["CN", `${model}-${identity.name}-${toHex(uniqueId)}`],
      ]),
      validity: VALIDITY,
      entropy,
    });
    objects.push(
      provisioned(identity.key, { kind: "ecPair", curve: SE05X_CURVE.p256, key, whole: true }, identity.rights),
      provisioned(identity.certificate, { kind: "binary", bytes: der }, READ_ONLY),
    );
  }
  return objects;
}

/**
 * The root that certifies simulated parts unless another issuer does. Everybody can compute its private key, as the
 * word test in its name says: trust it on a bench only. The same at every call.
 */
export async function testRoot({ p256, hash }: Omit<BirthPorts, "entropy">): Promise<Issuer> {
  const key = EcKey.inject(p256, hash.digest("sha256", utf8Bytes("Hawser test root of simulated secure elements")));
  const entropy = new SeededEntropy(hash, "Hawser test root");
  const signer: Signer = {
    performer: "host",
    publicKey: ecPublicKeyInfo(key.point),
    algorithms: ["ecdsa_sha256"],
    sign: async (_algorithm, content) => key.sign({ hash, entropy }, hash.digest("sha256", content)),
  };
  const subject = nameFromAttributes([
    ["O", "Hawser test parts"],
    ["CN", "Hawser test root of simulated secure elements"],
  ]);
  return { signer, certificate: await issueRootCertificate({ subject, validity: VALIDITY, entropy, signer }) };
}

/** 18 bytes in the layout of the family's identifiers, as hosts print them; what tells parts apart is random. */
function newUniqueId(entropy: Entropy): Uint8Array {
  return concat(fromHex("04005001"), entropy.bytes(14));
}

function provisioned(id: number, content: Content, rights: number): SecureObject {
  const policy = [{ authObjectId: 0, rights, extension: new Uint8Array(0) }];
  const attributes = { origin: SE05X_ORIGIN.provisioned, transient: false, authentication: false };
  return { id, content, policy, ...attributes, maxAttempts: 0, failedAttempts: 0, madeBy: 0, version: 0, writes: 1 };
}
