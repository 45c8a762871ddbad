import { sha256 } from "@noble/hashes/sha2.js";
import { AsnConvert } from "@peculiar/asn1-schema";
import {
  AuthorityKeyIdentifier,
  BasicConstraints,
  ExtendedKeyUsage,
  Extensions,
  KeyIdentifier,
  KeyUsage as KeyUsageStructure,
  KeyUsageFlags,
  Name,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity as ValidityStructure,
  Version,
} from "@peculiar/asn1-x509";

import { UsageError, equal } from "../codec/index.ts";
import type { Entropy, Signer } from "../crypto/index.ts";
import { silentTrace, type Trace } from "../trace/index.ts";
import { LintRefused, lintCertificate } from "./lint.ts";
import {
  parseCertificate,
  parseCertificateContent,
  type Certificate,
  type CertificateContent,
  type Validity,
} from "./certificate.ts";
import { TAG } from "./der.ts";
import {
  algorithmStructure,
  arrayBufferOf,
  derElement,
  derOf,
  extensionStructure,
  type IssuingAlgorithm,
  signedStructure,
} from "./der-write.ts";
import type { PkiErrorCode } from "./errors.ts";
import type { RawExtension } from "./extensions.ts";
import { issuingAlgorithm } from "./issuing-key.ts";
import type { DistinguishedName } from "./name.ts";
import { EXTENSION, KEY_PURPOSE } from "./oids.ts";
import { PROFILES, ROOT_PROFILE, type Profile, type ProfileName } from "./profiles.ts";
import { parsePublicKey, type PublicKey } from "./public-key.ts";
import { subjectAltNameExtension, type RequestedNames } from "./subject-alt-name.ts";

/** A CA that can sign now: its certificate and the signer of the same key. */
export type Issuer = { readonly certificate: Certificate; readonly signer: Signer };

/** What a certificate shall say. Times are in milliseconds since the epoch and count in whole seconds. */
export type CertificateOrder = {
  readonly subject: DistinguishedName;
  readonly validity: Validity;
  readonly entropy: Entropy;
  readonly names?: RequestedNames;
  /** pathLenConstraint of a CA certificate where the profile's shall not hold. */
  readonly pathLength?: number;
  /** Extensions besides those of the profile. */
  readonly extensions?: readonly RawExtension[];
  readonly trace?: Trace;
};

/**
 * A certificate for a public key (DER SubjectPublicKeyInfo), signed by the issuer wherever its key lives.
 * Throws `LintRefused` where it would be malformed, `UsageError` `issuing-key` or `signer-mismatch` where the issuer's
 * key cannot sign it. RFC 5280, section 4
 */
export async function issueCertificate(
  order: CertificateOrder & {
    readonly profile: ProfileName;
    readonly publicKey: Uint8Array;
    readonly issuer: Issuer;
  },
): Promise<Certificate> {
  const { issuer } = order;
  if (!equal(issuer.signer.publicKey, issuer.certificate.publicKey.der)) {
    throw new UsageError<PkiErrorCode>(
      "signer-mismatch",
      `the signer is not the key of ${issuer.certificate.subject.text}`,
    );
  }
  const { certificate, signer } = issuer;
  return signDraft(order, draftCertificate({ ...order, certificate, algorithm: issuingAlgorithm(signer) }), signer);
}

/** A certificate that keeps all rules and waits for its signature. */
export type CertificateDraft = {
  /** What is to be signed: DER TBSCertificate. RFC 5280, section 4.1.1.1 */
  readonly content: Uint8Array;
  readonly algorithm: IssuingAlgorithm;
  /** The certificate under a signature by the issuer's key, in the form that a `Signer` gives it. */
  readonly signed: (signature: Uint8Array) => Certificate;
};

/**
 * A certificate as `issueCertificate` makes it, for an issuer that signs by itself and at once. Throws `LintRefused` where
 * it would be malformed. RFC 5280, section 4
 */
export function draftCertificate(
  order: CertificateOrder & {
    readonly profile: ProfileName;
    readonly publicKey: Uint8Array;
    /** The issuer's. */
    readonly certificate: Certificate;
    readonly algorithm: IssuingAlgorithm;
  },
): CertificateDraft {
  const { profile, certificate: issuer, publicKey, algorithm, trace = silentTrace } = order;
  const { subject: issuerName, extensions, publicKey: issuerKey } = issuer;
  return draft(order, {
    profile: PROFILES[profile],
    publicKey,
    issuerName,
    authorityKeyIdentifier: extensions.subjectKeyIdentifier ?? keyIdentifierOf(issuerKey),
    algorithm,
    approve(content) {
      const findings = lintCertificate({ content, issuer, profile });
      if (findings.length === 0) return;
      const refused = new LintRefused(content.subject.text, findings);
      trace.emit("pki", { kind: "pki.refused", what: "certificate", code: refused.code, message: refused.message });
      throw refused;
    },
  });
}

/** A self-signed root certificate for the signer's key. Throws `UsageError` `issuing-key`. RFC 5280, section 4 */
export async function issueRootCertificate(
  order: CertificateOrder & { readonly signer: Signer },
): Promise<Certificate> {
  const { signer } = order;
  const { publicKey } = signer;
  return signDraft(order, draftRootCertificate({ ...order, publicKey, algorithm: issuingAlgorithm(signer) }), signer);
}

/** The same for a key that signs by itself and at once. RFC 5280, section 4 */
export function draftRootCertificate(
  order: CertificateOrder & { readonly publicKey: Uint8Array; readonly algorithm: IssuingAlgorithm },
): CertificateDraft {
  const { publicKey, algorithm, subject: issuerName } = order;
  return draft(order, {
    profile: ROOT_PROFILE,
    publicKey,
    issuerName,
    authorityKeyIdentifier: undefined,
    algorithm,
    approve: () => undefined,
  });
}

/** The leftmost 160 bits of the SHA-256 of the public key. RFC 7093, section 2 */
export function keyIdentifierOf(key: PublicKey): Uint8Array {
  return sha256(key.subjectPublicKey).slice(0, 20);
}

type Plan = {
  readonly profile: Profile;
  readonly publicKey: Uint8Array;
  readonly issuerName: DistinguishedName;
  readonly authorityKeyIdentifier: Uint8Array | undefined;
  readonly algorithm: IssuingAlgorithm;
  /** Throws where the certificate must not be signed. */
  readonly approve: (content: CertificateContent) => void;
};

function draft(order: CertificateOrder, plan: Plan): CertificateDraft {
  const { algorithm } = plan;
  const tbs = derOf(
    new TBSCertificate({
      version: Version.v3,
      serialNumber: arrayBufferOf(newSerial(order.entropy)),
      signature: algorithmStructure(algorithm),
      issuer: AsnConvert.parse(arrayBufferOf(plan.issuerName.der), Name),
      validity: new ValidityStructure({
        notBefore: dateOf(order.validity.notBefore),
        notAfter: dateOf(order.validity.notAfter),
      }),
      subject: AsnConvert.parse(arrayBufferOf(order.subject.der), Name),
      subjectPublicKeyInfo: AsnConvert.parse(arrayBufferOf(plan.publicKey), SubjectPublicKeyInfo),
      extensions: new Extensions(extensionsFor(order, plan).map(extensionStructure)),
    }),
  );
  const content = parseCertificateContent(tbs);
  requireFaithful(content.issuer.der, plan.issuerName.der, "issuer name");
  requireFaithful(content.subject.der, order.subject.der, "subject name");
  requireFaithful(content.publicKey.der, plan.publicKey, "public key");
  plan.approve(content);
  return {
    content: tbs,
    algorithm,
    signed: (signature) => parseCertificate(signedStructure(tbs, algorithm, signature)),
  };
}

async function signDraft(
  { trace = silentTrace }: CertificateOrder,
  { content, algorithm, signed }: CertificateDraft,
  signer: Signer,
): Promise<Certificate> {
  const certificate = signed(await signer.sign(algorithm, content));
  trace.emit(
    "pki",
    {
      kind: "pki.issued",
      what: "certificate",
      subject: certificate.subject.text,
      serial: certificate.serialNumber,
      performer: signer.performer,
    },
    { certificate: certificate.id },
  );
  return certificate;
}

/** 126 random bits in 16 bytes whose first makes the INTEGER positive and of fixed length. RFC 5280, section 4.1.2.2 */
function newSerial(entropy: Entropy): Uint8Array {
  const serial = entropy.bytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

function dateOf(time: number): Date {
  return new Date(Math.floor(time / 1000) * 1000);
}

/** Names and keys are compared by others as bytes: a re-encoding that differs would break the chain. */
function requireFaithful(written: Uint8Array, given: Uint8Array, what: string): void {
  if (equal(written, given)) return;
  throw new UsageError<PkiErrorCode>("not-representable", `the ${what} is in an encoding that cannot be reproduced`);
}

function extensionsFor(order: CertificateOrder, plan: Plan): RawExtension[] {
  const { profile } = plan;
  const pathLenConstraint = order.pathLength ?? profile.pathLength;
  const list: (RawExtension | undefined)[] = [
    profile.ca
      ? critical(
          EXTENSION.basicConstraints,
          new BasicConstraints({ cA: true, ...(pathLenConstraint === undefined ? {} : { pathLenConstraint }) }),
        )
      : undefined,
    critical(EXTENSION.keyUsage, new KeyUsageStructure(keyUsageFlags(profile))),
    profile.extendedKeyUsage.length > 0
      ? plain(EXTENSION.extKeyUsage, new ExtendedKeyUsage(profile.extendedKeyUsage.map((each) => KEY_PURPOSE[each])))
      : undefined,
    subjectAltNameExtension(order.names ?? {}, order.subject),
    plain(EXTENSION.subjectKeyIdentifier, new SubjectKeyIdentifier(keyIdentifier(parsePublicKey(plan.publicKey)))),
    plan.authorityKeyIdentifier
      ? plain(
          EXTENSION.authorityKeyIdentifier,
          new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(arrayBufferOf(plan.authorityKeyIdentifier)) }),
        )
      : undefined,
    profile.ocspNoCheck ? { oid: EXTENSION.ocspNoCheck, critical: false, value: derElement(TAG.null) } : undefined,
    ...(order.extensions ?? []),
  ];
  return list.filter((each) => each !== undefined);
}

function keyIdentifier(key: PublicKey): ArrayBuffer {
  return arrayBufferOf(keyIdentifierOf(key));
}

function keyUsageFlags(profile: Profile): number {
  return profile.keyUsage.reduce((flags, usage) => flags | KeyUsageFlags[usage], 0);
}

function critical(oid: string, structure: unknown): RawExtension {
  return { oid, critical: true, value: derOf(structure) };
}

function plain(oid: string, structure: unknown): RawExtension {
  return { oid, critical: false, value: derOf(structure) };
}
