import { RIGHT, SE05X_CURVE, SE05X_OBJECT } from "../../apdu/se05x/index.ts";
import { concat, fromHex } from "../../codec/index.ts";
import { ecPublicKeyInfo, type Entropy } from "../../crypto/index.ts";
import { issueCertificate, type Issuer } from "../../pki/index.ts";
import { BIRTH_VALIDITY, birthSubject, testRoot, testServiceScalar } from "./birth-root.ts";
import { broughtForthUnder, lateBirths, type LatePorts } from "./late-birth.ts";
import { bornObject, type SecureObject } from "./objects.ts";
import { EcKey } from "./secrets.ts";
import type { Se05xModel } from "./variants.ts";

/** What a part is born with. */
export type BirthPorts = LatePorts & { readonly entropy: Entropy };

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

/**
 * The objects of a new part: its unique identifier, key pairs with certificates of their own at NXP's public object
 * identifiers, and the user of a service. Nobody can change or delete them. RSA keys are made when they are first needed,
 * or now where an issuer of the caller's own is to certify them, since it cannot be asked later. SE05x object ids
 */
export async function newBirth(
  model: Se05xModel,
  ports: BirthPorts,
  issuer?: Issuer,
): Promise<readonly SecureObject[]> {
  const { entropy, p256, hash } = ports;
  const uniqueId = newUniqueId(entropy);
  const by = issuer ?? (await testRoot(ports));
  const objects = [bornObject(SE05X_OBJECT.uniqueId, { kind: "binary", bytes: uniqueId }, RIGHT.read)];
  const pair = (id: number, rights: number) => {
    const key = EcKey.generate(p256, entropy);
    objects.push(bornObject(id, { kind: "ecPair", curve: SE05X_CURVE.p256, key, whole: true }, rights));
    return key.point;
  };
  // What hosts agree with for sessions and imports. They are used by the chip itself, so hosts only read them.
  for (const id of [SE05X_OBJECT.sessionKey, SE05X_OBJECT.importKey]) pair(id, RIGHT.read);
  for (const identity of IDENTITIES) {
    const { der } = await issueCertificate({
      profile: "device",
      publicKey: ecPublicKeyInfo(pair(identity.key, identity.rights)),
      issuer: by,
      subject: birthSubject(model.name, identity.name, uniqueId),
      validity: BIRTH_VALIDITY,
      entropy,
    });
    objects.push(bornObject(identity.certificate, { kind: "binary", bytes: der }, RIGHT.read));
  }
  const { point } = EcKey.inject(p256, testServiceScalar(hash));
  const service = { kind: "ecPublic", curve: SE05X_CURVE.p256, point } as const;
  objects.push({ ...bornObject(SE05X_OBJECT.serviceUser, service, RIGHT.read), authentication: true });
  const late = lateBirths(model, uniqueId, ports);
  objects.push(...(issuer ? await broughtForthUnder(issuer, late, { model, uniqueId, ...ports }) : late));
  return objects;
}

/** 18 bytes in the layout of the family's identifiers, as hosts print them; what tells parts apart is random. */
function newUniqueId(entropy: Entropy): Uint8Array {
  return concat(fromHex("04005001"), entropy.bytes(14));
}
