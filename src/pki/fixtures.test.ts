/** What the tests of this room share: keys, a clock time, and a small hierarchy of CAs. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";

import { concat, fromHex, utf8Bytes } from "../codec/index.ts";
import { nodeEntropy, nodeSigner } from "../crypto/node.ts";
import type { Signer } from "../crypto/index.ts";
import { TAG, contextTag } from "./der.ts";
import { derElement } from "./der-write.ts";
import {
  EXTENSION,
  parseCertificate,
  type RawExtension,
  type Validity,
  issueCertificate,
  issueRootCertificate,
  nameFromText,
  type Certificate,
  type CertificateOrder,
  type Issuer,
  type ProfileName,
} from "./index.ts";

export const NOW = Date.UTC(2026, 5, 1);
export const DAY = 86_400_000;
export const VALIDITY = { notBefore: NOW - DAY, notAfter: NOW + 365 * DAY };

export function newKey(curve = "prime256v1"): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: curve }).privateKey;
}

export function newSigner(curve = "prime256v1"): Signer {
  return nodeSigner(newKey(curve));
}

type More = Partial<CertificateOrder>;

export async function newRoot(subject = "CN=Root", more: More = {}, signer = newSigner()): Promise<Issuer> {
  const order = { subject: nameFromText(subject), validity: VALIDITY, entropy: nodeEntropy, signer, ...more };
  return { certificate: await issueRootCertificate(order), signer };
}

export async function newCa(issuer: Issuer, subject: string, more: More = {}, signer = newSigner()): Promise<Issuer> {
  return { certificate: await newLeaf(issuer, "intermediateCa", subject, more, signer), signer };
}

export async function newLeaf(
  issuer: Issuer,
  profile: ProfileName,
  subject: string,
  more: More = {},
  signer = newSigner(),
): Promise<Certificate> {
  return issueCertificate({
    profile,
    subject: nameFromText(subject),
    publicKey: signer.publicKey,
    issuer,
    validity: VALIDITY,
    entropy: nodeEntropy,
    ...more,
  });
}

/** A certificate of any content, which `issueCertificate` would refuse to sign, signed all the same. */
export type Forgery = {
  readonly subject?: string;
  readonly issuerName?: string;
  readonly version?: 1 | 2 | 3;
  readonly serial?: string;
  readonly validity?: Validity;
  readonly publicKey?: Uint8Array;
  readonly extensions?: readonly RawExtension[];
  /** DER of an AlgorithmIdentifier. */
  readonly algorithm?: Uint8Array;
  readonly outerAlgorithm?: Uint8Array;
};

const ECDSA_SHA256 = fromHex("300a06082a8648ce3d040302");

export async function forgeDer(issuer: Issuer, forgery: Forgery = {}): Promise<Uint8Array> {
  const {
    subject = "CN=forged",
    version = 3,
    serial = "4142434445464748",
    validity = VALIDITY,
    extensions = [],
  } = forgery;
  const { algorithm = ECDSA_SHA256, outerAlgorithm = algorithm, issuerName } = forgery;
  const tbs = derElement(
    TAG.sequence,
    version === 1 ? new Uint8Array(0) : derElement(0xa0, derElement(TAG.integer, Uint8Array.of(version - 1))),
    derElement(TAG.integer, fromHex(serial)),
    algorithm,
    issuerName === undefined ? issuer.certificate.subject.der : nameFromText(issuerName).der,
    derElement(TAG.sequence, time(validity.notBefore), time(validity.notAfter)),
    nameFromText(subject).der,
    forgery.publicKey ?? newSigner().publicKey,
    extensions.length === 0
      ? new Uint8Array(0)
      : derElement(contextTag(3, "constructed"), derElement(TAG.sequence, ...extensions.map(extensionDer))),
  );
  const signature = await issuer.signer.sign("ecdsa_sha256", tbs);
  return derElement(TAG.sequence, tbs, outerAlgorithm, derElement(TAG.bitString, Uint8Array.of(0), signature));
}

export async function forge(issuer: Issuer, forgery: Forgery = {}): Promise<Certificate> {
  return parseCertificate(await forgeDer(issuer, forgery));
}

/** A forged CA that can sign on. */
export async function forgeCa(issuer: Issuer, forgery: Forgery = {}): Promise<Issuer> {
  const signer = newSigner();
  return { certificate: await forge(issuer, { ...forgery, publicKey: signer.publicKey }), signer };
}

function time(at: number): Uint8Array {
  const digits = new Date(at).toISOString().replace(/[-T:]|\.\d+/g, "");
  return derElement(TAG.generalizedTime, utf8Bytes(digits));
}

function extensionDer({ oid, critical, value }: RawExtension): Uint8Array {
  const flag = critical ? derElement(TAG.boolean, Uint8Array.of(0xff)) : new Uint8Array(0);
  return derElement(TAG.sequence, oidDer(oid), flag, derElement(TAG.octetString, value));
}

export function oidDer(oid: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = oid.split(".").map(Number);
  const arcs = [first * 40 + second, ...rest].map((arc) => {
    const groups = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left & 0x7f) | 0x80);
    return Uint8Array.from(groups);
  });
  return derElement(TAG.oid, concat(...arcs));
}

/** Extensions by hand. */
export const ext = {
  ca: (pathLength?: number, critical = true): RawExtension => ({
    oid: EXTENSION.basicConstraints,
    critical,
    value: derElement(
      TAG.sequence,
      fromHex("0101ff"),
      pathLength === undefined ? new Uint8Array(0) : derElement(TAG.integer, Uint8Array.of(pathLength)),
    ),
  }),
  keyUsage: (hexBits: string): RawExtension => ({
    oid: EXTENSION.keyUsage,
    critical: true,
    value: derElement(TAG.bitString, fromHex(hexBits)),
  }),
  ski: (id: Uint8Array, critical = false): RawExtension => ({
    oid: EXTENSION.subjectKeyIdentifier,
    critical,
    value: derElement(TAG.octetString, id),
  }),
  aki: (id: Uint8Array | undefined, critical = false): RawExtension => ({
    oid: EXTENSION.authorityKeyIdentifier,
    critical,
    value: derElement(TAG.sequence, id ? derElement(0x80, id) : new Uint8Array(0)),
  }),
  eku: (...oids: string[]): RawExtension => ({
    oid: EXTENSION.extKeyUsage,
    critical: false,
    value: derElement(TAG.sequence, ...oids.map(oidDer)),
  }),
  dns: (...names: string[]): RawExtension => ({
    oid: EXTENSION.subjectAltName,
    critical: false,
    value: derElement(TAG.sequence, ...names.map((name) => derElement(0x82, utf8Bytes(name)))),
  }),
  /** GeneralNames as written by `generalName`. */
  san: (...names: Uint8Array[]): RawExtension => ({
    oid: EXTENSION.subjectAltName,
    critical: false,
    value: derElement(TAG.sequence, ...names),
  }),
  nameConstraints: (permitted: Uint8Array[], excluded: Uint8Array[] = [], critical = true): RawExtension => ({
    oid: EXTENSION.nameConstraints,
    critical,
    value: derElement(
      TAG.sequence,
      ...[permitted, excluded].map((subtrees, i) =>
        subtrees.length === 0
          ? new Uint8Array(0)
          : derElement(contextTag(i, "constructed"), ...subtrees.map((each) => derElement(TAG.sequence, each))),
      ),
    ),
  }),
  policies: (oids: readonly string[], critical = false): RawExtension => ({
    oid: EXTENSION.certificatePolicies,
    critical,
    value: derElement(TAG.sequence, ...oids.map((oid) => derElement(TAG.sequence, oidDer(oid)))),
  }),
  policyMappings: (pairs: readonly (readonly [issuer: string, subject: string])[]): RawExtension => ({
    oid: EXTENSION.policyMappings,
    critical: true,
    value: derElement(TAG.sequence, ...pairs.map((pair) => derElement(TAG.sequence, ...pair.map(oidDer)))),
  }),
  policyConstraints: (skip: { require?: number; inhibit?: number }, critical = true): RawExtension => ({
    oid: EXTENSION.policyConstraints,
    critical,
    value: derElement(
      TAG.sequence,
      ...[skip.require, skip.inhibit].map((count, i) =>
        count === undefined ? new Uint8Array(0) : derElement(contextTag(i, "primitive"), Uint8Array.of(count)),
      ),
    ),
  }),
  inhibitAnyPolicy: (skip: number, critical = true): RawExtension => ({
    oid: EXTENSION.inhibitAnyPolicy,
    critical,
    value: derElement(TAG.integer, Uint8Array.of(skip)),
  }),
  any: (oid: string, critical: boolean, value = fromHex("0500")): RawExtension => ({ oid, critical, value }),
};

/** One GeneralName from a text such as `dns:example.com`, `ip:c0000200ffffff00` or `dir:CN=a`. */
export function generalName(text: string): Uint8Array {
  const [, kind = "", value = ""] = /^(\w+):(.*)$/.exec(text) ?? [];
  if (kind === "dir") return derElement(contextTag(4, "constructed"), nameFromText(value).der);
  if (kind === "ip") return derElement(contextTag(7, "primitive"), fromHex(value));
  if (kind === "other") return derElement(contextTag(0, "constructed"), oidDer(value), fromHex("a0020500"));
  if (kind === "rid") return derElement(contextTag(8, "primitive"), oidDer(value).subarray(2));
  return derElement(contextTag({ email: 1, dns: 2, uri: 6 }[kind] ?? 0x1f, "primitive"), utf8Bytes(value));
}

/** keyCertSign and cRLSign; digitalSignature. */
export const CA_USAGE = ext.keyUsage("0106");
export const LEAF_USAGE = ext.keyUsage("0780");
