import { toHex, utf8Bytes } from "../../codec/index.ts";
import { ecPublicKeyInfo, type Entropy, type Hash, SeededEntropy, type Signer } from "../../crypto/index.ts";
import {
  type Certificate,
  type DistinguishedName,
  draftRootCertificate,
  type Issuer,
  nameFromAttributes,
} from "../../pki/index.ts";
import type { PointCurve } from "../ec-curve.ts";
import { EcKey } from "./secrets.ts";

/** What everybody's keys in simulated parts are computed with. */
export type RootPorts = { readonly p256: PointCurve; readonly hash: Hash };

/** How long birth certificates and their root hold. */
export const BIRTH_VALIDITY = { notBefore: Date.UTC(2020, 0, 1), notAfter: Date.UTC(2049, 11, 31) };

const ORGANIZATION = "Hawser test parts";

/** Whom a birth certificate names: the model, which of its identities, and the part. */
export function birthSubject(model: string, identity: string, uniqueId: Uint8Array): DistinguishedName {
  return birthName(birthCommonName(model, identity, uniqueId));
}

/** The common name of the same. */
export function birthCommonName(model: string, identity: string, uniqueId: Uint8Array): string {
  return `${model}-${identity}-${toHex(uniqueId)}`;
}

/**
 * The root that certifies simulated parts unless another issuer does. Everybody can compute its private key, as the
 * word test in its name says: trust it on a bench only. The same at every call.
 */
export async function testRoot(ports: RootPorts): Promise<Issuer> {
  const { certificate, publicKey, sign, entropy } = testRootNow(ports);
  const signer: Signer = {
    performer: "host",
    publicKey,
    algorithms: ["ecdsa_sha256"],
    sign: async (_algorithm, content) => sign(content, entropy),
  };
  return { signer, certificate };
}

/** The same root for whoever cannot wait: `sign` gives DER signatures over contents. */
export function testRootNow({ p256, hash }: RootPorts): {
  readonly certificate: Certificate;
  readonly publicKey: Uint8Array;
  readonly sign: (content: Uint8Array, entropy: Entropy) => Uint8Array;
  readonly entropy: Entropy;
} {
  const key = everybodysKey("Hawser test root of simulated secure elements", { p256, hash });
  const sign = (content: Uint8Array, from: Entropy) =>
    key.sign({ hash, entropy: from }, hash.digest("sha256", content));
  const entropy = new SeededEntropy(hash, "Hawser test root");
  const publicKey = ecPublicKeyInfo(key.point);
  const { content, signed } = draftRootCertificate({
    subject: birthName("Hawser test root of simulated secure elements"),
    validity: BIRTH_VALIDITY,
    entropy,
    publicKey,
    algorithm: "ecdsa_sha256",
  });
  return { certificate: signed(sign(content, entropy)), publicKey, sign, entropy };
}

/**
 * The private key of the service whose sessions simulated parts know by its public half, 32 bytes. Everybody can compute
 * it, as that of the root: it stands where real parts have a service of their maker's.
 */
export function testServiceScalar(hash: Hash): Uint8Array {
  return everybodysScalar("Hawser test service of simulated secure elements", hash);
}

function everybodysKey(words: string, { p256, hash }: RootPorts): EcKey {
  return EcKey.inject(p256, everybodysScalar(words, hash));
}

function everybodysScalar(words: string, hash: Hash): Uint8Array {
  return hash.digest("sha256", utf8Bytes(words));
}

function birthName(commonName: string): DistinguishedName {
  return nameFromAttributes([
    ["O", ORGANIZATION],
    ["CN", commonName],
  ]);
}
