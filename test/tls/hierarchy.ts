/** Keys and certificates for TLS tests: a root, an intermediate, servers and a device below it. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";

import type { Signer } from "../../src/crypto/index.ts";
import { nodeEntropy, nodeSigner } from "../../src/crypto/node.ts";
import {
  type Certificate,
  type CertificateOrder,
  certificateToPem,
  issueCertificate,
  issueRootCertificate,
  type Issuer,
  nameFromText,
  type ProfileName,
} from "../../src/pki/index.ts";

const DAY = 86_400_000;

export type KeyKind = "ecdsa" | "rsa" | "ed25519";

/** A certificate with its private key. */
export type Holder = {
  readonly certificate: Certificate;
  readonly key: KeyObject;
  readonly signer: Signer;
  /** DER, from this certificate up to below the root. */
  readonly chain: readonly Uint8Array[];
};

export type Hierarchy = {
  readonly root: Issuer;
  readonly intermediate: Issuer;
  /** The intermediate's private key, for programs that sign with files. */
  readonly intermediateKey: KeyObject;
  /** A server for `localhost`, `device.example` and 127.0.0.1. */
  readonly server: (kind?: KeyKind, order?: Partial<CertificateOrder>) => Promise<Holder>;
  /** The same with a P-256 key that may also agree on secrets, as static ECDH needs it. */
  readonly agreeingServer: () => Promise<Holder>;
  readonly device: (kind?: KeyKind) => Promise<Holder>;
  /** A device certificate for a key that lives elsewhere. */
  readonly deviceFor: (publicKey: Uint8Array) => Promise<readonly Uint8Array[]>;
};

export function newKey(kind: KeyKind): KeyObject {
  if (kind === "rsa") return generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  if (kind === "ed25519") return generateKeyPairSync("ed25519").privateKey;
  return generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
}

export async function newHierarchy(name = "Test"): Promise<Hierarchy> {
  const validity = { notBefore: Date.now() - 30 * DAY, notAfter: Date.now() + 90 * DAY };
  const rootSigner = nodeSigner(newKey("ecdsa"));
  const order = { validity, entropy: nodeEntropy };
  const subject = nameFromText(`CN=${name} Root,O=Hawser`);
  const root = {
    certificate: await issueRootCertificate({ ...order, subject, signer: rootSigner }),
    signer: rootSigner,
  };
  const intermediateKey = newKey("ecdsa");
  const signer = nodeSigner(intermediateKey);
  const issue = (profile: ProfileName, text: string, publicKey: Uint8Array, issuer: Issuer, more = {}) =>
    issueCertificate({ ...order, profile, subject: nameFromText(text), publicKey, issuer, ...more });
  const intermediate = {
    certificate: await issue("intermediateCa", `CN=${name} Intermediate,O=Hawser`, signer.publicKey, root),
    signer,
  };
  const hold = async (profile: ProfileName, text: string, kind: KeyKind, more = {}): Promise<Holder> => {
    const key = newKey(kind);
    const own = nodeSigner(key);
    const certificate = await issue(profile, text, own.publicKey, intermediate, more);
    return { certificate, key, signer: own, chain: [certificate.der, intermediate.certificate.der] };
  };
  const names = { dns: ["localhost", "device.example"], ip: ["127.0.0.1"] };
  return {
    root,
    intermediate,
    intermediateKey,
    server: (kind = "ecdsa", more = {}) => hold("server", "CN=server", kind, { names, ...more }),
    agreeingServer: () => hold("agreeingServer", "CN=server", "ecdsa", { names }),
    device: (kind = "ecdsa") => hold("device", "CN=device-1,O=Hawser", kind),
    deviceFor: async (publicKey) => [
      (await issue("device", "CN=chip-device,O=Hawser", publicKey, intermediate)).der,
      intermediate.certificate.der,
    ],
  };
}

/** PEM of a chain of DER certificates. */
export function chainPem(chain: readonly Uint8Array[]): string {
  return chain.map((der) => certificateToPem({ der })).join("");
}

/** PKCS#8 PEM of a private key. */
export function keyPem(key: KeyObject): string {
  return key.export({ format: "pem", type: "pkcs8" });
}
