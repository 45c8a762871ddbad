/** @table The rules that a certificate must keep before anybody signs it. */

import { equal } from "../codec/index.ts";
import type { Certificate, CertificateContent } from "./certificate.ts";
import { isDnsName } from "./dns-name.ts";
import { sameName, nameValues } from "./name.ts";
import { EXTENSION, KEY_PURPOSE, NAME_ATTRIBUTES } from "./oids.ts";
import type { ProfileName } from "./profiles.ts";
import { keyWeakness } from "./public-key.ts";

/** What a rule sees: the certificate as it would be signed, and who would sign it. */
export type LintSubject = {
  readonly content: CertificateContent;
  readonly issuer: Certificate;
  readonly profile: ProfileName;
};

/** One rule: `fault` says what is wrong, or undefined. */
export type LintRule = {
  readonly id: string;
  readonly field: string;
  readonly rule: string;
  /** Profiles that the rule is for; all where absent. */
  readonly profiles?: readonly ProfileName[];
  readonly fault: (subject: LintSubject) => string | undefined;
};

const END_ENTITIES = ["device", "server", "verification"] as const satisfies readonly ProfileName[];
const CAS = ["intermediateCa"] as const satisfies readonly ProfileName[];

/** 99991231235959Z: "no well-defined expiration date", for devices that outlive every CA. RFC 5280, section 4.1.2.5 */
export const NO_EXPIRY = Date.UTC(9999, 11, 31, 23, 59, 59);

function when(isBroken: boolean, message: string): string | undefined {
  return isBroken ? message : undefined;
}

function extensionOf(content: CertificateContent, oid: string) {
  return content.extensions.all.find((each) => each.oid === oid);
}

export const LINT_RULES: readonly LintRule[] = [
  {
    id: "version",
    field: "version",
    rule: "RFC 5280, section 4.1.2.1: version 3, since it has extensions",
    fault: ({ content }) => when(content.version !== 3, `version ${content.version}`),
  },
  {
    id: "serial",
    field: "serialNumber",
    rule: "RFC 5280, section 4.1.2.2: positive, at most 20 octets; at least 64 of its bits are random",
    fault: ({ content: { serialNumber } }) =>
      when(/^[89a-f]/.test(serialNumber), "negative") ??
      when(serialNumber.length < 16, `only ${serialNumber.length / 2} octets`) ??
      when(serialNumber.length > 40, `${serialNumber.length / 2} octets`),
  },
  {
    id: "signature-algorithm",
    field: "signature",
    rule: "ECDSA or RSA with SHA-256, SHA-384 or SHA-512",
    fault: ({ content: { signatureAlgorithm: each } }) => when(each.accepted === undefined, each.name),
  },
  {
    id: "issuer-name",
    field: "issuer",
    rule: "RFC 5280, section 6.1.3 (a) (4): the subject of the certificate that signs",
    fault: ({ content, issuer }) =>
      when(!equal(content.issuer.der, issuer.subject.der), `${content.issuer.text}, not ${issuer.subject.text}`),
  },
  {
    id: "issuer-is-ca",
    field: "issuer",
    rule: "RFC 5280, section 4.2.1.9: only a CA certificate with keyCertSign issues",
    fault: ({ issuer: { subject, extensions } }) =>
      when(!extensions.basicConstraints?.ca, `${subject.text} is not a CA`) ??
      when(extensions.keyUsage?.has("keyCertSign") === false, `${subject.text} may not sign certificates`),
  },
  {
    id: "validity-order",
    field: "validity",
    rule: "RFC 5280, section 4.1.2.5: notBefore comes before notAfter",
    fault: ({ content: { validity } }) => when(validity.notBefore >= validity.notAfter, "it ends before it begins"),
  },
  {
    id: "validity-within-issuer",
    field: "validity",
    rule: "a certificate is useless outside its issuer's validity; a device may say 9999-12-31T23:59:59Z for no expiry",
    fault: ({ content: { validity }, issuer, profile }) =>
      when(validity.notBefore < issuer.validity.notBefore, "it begins before its issuer's") ??
      when(
        validity.notAfter > issuer.validity.notAfter && !(profile === "device" && validity.notAfter === NO_EXPIRY),
        "it ends after its issuer's",
      ),
  },
  {
    id: "subject-identity",
    field: "subject",
    profiles: ["device", "verification", "intermediateCa"],
    rule: "IEEE 802.1AR, section 8.6: the subject tells devices apart, by CN or serialNumber",
    fault: ({ content: { subject } }) =>
      when(
        nameValues(subject, "CommonName").length + nameValues(subject, "SerialNumber").length === 0,
        "neither CN nor serialNumber",
      ),
  },
  {
    id: "subject-once",
    field: "subject",
    rule: "two values of one identity let two readers see two devices",
    fault: ({ content: { subject } }) =>
      (["CommonName", "SerialNumber", "Country"] as const)
        .filter((type) => nameValues(subject, type).length > 1)
        .map((type) => `more than one ${type}`)[0],
  },
  {
    id: "subject-length",
    field: "subject",
    rule: "RFC 5280, appendix A.1: upper bounds of attribute values",
    fault: ({ content: { subject } }) => subject.rdns.flat().map(attributeLengthFault).find(Boolean),
  },
  {
    id: "subject-characters",
    field: "subject",
    rule: "a name that prints as another one, or breaks a log line, is a trap",
    fault: ({ content: { subject } }) =>
      when(
        subject.rdns.flat().some(({ value }) => value === undefined || /[\p{Cc}\p{Bidi_Control}]|^\s|\s$/u.test(value)),
        "control characters, or white space at an end",
      ),
  },
  {
    id: "subject-country",
    field: "subject",
    rule: "RFC 5280, appendix A.1: two letters of ISO 3166",
    fault: ({ content: { subject } }) =>
      nameValues(subject, "Country")
        .filter((value) => !/^[A-Z]{2}$/.test(value))
        .map((value) => JSON.stringify(value))[0],
  },
  {
    id: "subject-is-not-issuer",
    field: "subject",
    rule: "RFC 5280, section 6.1: a self-issued certificate means a change of the CA's own key",
    fault: ({ content, issuer }) => when(sameName(content.subject, issuer.subject), "the issuer's own name"),
  },
  {
    id: "key",
    field: "subjectPublicKeyInfo",
    rule: "EC on P-256, P-384 or P-521 by name, or RSA of 2048 to 4096 bits",
    fault: ({ content }) => keyWeakness(content.publicKey),
  },
  {
    id: "key-is-not-issuers",
    field: "subjectPublicKeyInfo",
    rule: "a CA's key in a device lets whoever opens the device issue certificates",
    fault: ({ content, issuer }) => when(equal(content.publicKey.der, issuer.publicKey.der), "the issuer's own key"),
  },
  {
    id: "end-entity",
    field: "basicConstraints",
    profiles: END_ENTITIES,
    rule: "IEEE 802.1AR, section 8: a device is not a CA",
    fault: ({ content }) => when(content.extensions.basicConstraints?.ca === true, "cA is TRUE"),
  },
  {
    id: "ca-constraints",
    field: "basicConstraints",
    profiles: CAS,
    rule: "RFC 5280, section 4.2.1.9: critical, cA TRUE, path length below the issuer's",
    fault: ({ content, issuer }) => caConstraintsFault(content, issuer),
  },
  {
    id: "key-usage-critical",
    field: "keyUsage",
    rule: "RFC 5280, section 4.2.1.3: present, and critical",
    fault: ({ content }) =>
      when(content.extensions.keyUsage === undefined, "absent") ??
      when(extensionOf(content, EXTENSION.keyUsage)?.critical === false, "not critical"),
  },
  {
    id: "key-usage-end-entity",
    field: "keyUsage",
    profiles: END_ENTITIES,
    rule: "IEEE 802.1AR, section 8.10: digitalSignature, and no usage of a CA",
    fault: ({ content: { extensions } }) =>
      when(extensions.keyUsage?.has("digitalSignature") === false, "no digitalSignature") ??
      when(extensions.keyUsage?.has("keyCertSign") === true, "keyCertSign") ??
      when(extensions.keyUsage?.has("cRLSign") === true, "cRLSign"),
  },
  {
    id: "key-usage-ca",
    field: "keyUsage",
    profiles: CAS,
    rule: "RFC 5280, section 4.2.1.3: keyCertSign",
    fault: ({ content }) => when(content.extensions.keyUsage?.has("keyCertSign") === false, "no keyCertSign"),
  },
  {
    id: "extended-key-usage",
    field: "extKeyUsage",
    profiles: ["device", "server"],
    rule: "RFC 5280, section 4.2.1.12: the purpose of the profile, and not every purpose",
    fault: ({ content: { extensions }, profile }) => {
      const purpose = profile === "device" ? "clientAuth" : "serverAuth";
      const usages = extensions.extendedKeyUsage ?? [];
      return (
        when(!usages.includes(KEY_PURPOSE[purpose]), `no ${purpose}`) ??
        when(usages.includes(KEY_PURPOSE.anyExtendedKeyUsage), "anyExtendedKeyUsage")
      );
    },
  },
  {
    id: "subject-key-identifier",
    field: "subjectKeyIdentifier",
    rule: "RFC 5280, section 4.2.1.2: present, not critical",
    fault: ({ content }) =>
      when(content.extensions.subjectKeyIdentifier === undefined, "absent") ??
      when(extensionOf(content, EXTENSION.subjectKeyIdentifier)?.critical === true, "critical"),
  },
  {
    id: "authority-key-identifier",
    field: "authorityKeyIdentifier",
    rule: "RFC 5280, section 4.2.1.1: the issuer's subjectKeyIdentifier, not critical",
    fault: ({ content, issuer }) => authorityFault(content, issuer),
  },
  {
    id: "unknown-critical",
    field: "extensions",
    rule: "RFC 5280, section 4.2: nobody who does not know a critical extension may accept the certificate",
    fault: ({ content }) => content.extensions.unknownCritical[0],
  },
  {
    id: "server-name",
    field: "subjectAltName",
    profiles: ["server"],
    rule: "RFC 9525, section 6: clients look for the name here and nowhere else",
    fault: ({ content: { extensions } }) => {
      const { dns = [], ip = [] } = extensions.subjectAltName ?? {};
      return when(dns.length + ip.length === 0, "no host name and no IP address");
    },
  },
  {
    id: "dns-name",
    field: "subjectAltName",
    rule: "RFC 5280, section 4.2.1.6: the preferred name syntax; a wildcard is a server's whole left-most label",
    fault: ({ content: { extensions }, profile }) => {
      const wildcard = profile === "server";
      const bad = extensions.subjectAltName?.dns.find((name) => !isDnsName(name, { wildcard }));
      return bad === undefined ? undefined : JSON.stringify(bad);
    },
  },
  {
    id: "alt-name-critical",
    field: "subjectAltName",
    rule: "RFC 5280, section 4.2.1.6: critical exactly where the subject is empty",
    fault: ({ content }) => {
      const isEmpty = content.subject.rdns.length === 0;
      const extension = extensionOf(content, EXTENSION.subjectAltName);
      return (
        when(isEmpty && !extension?.critical, "the subject is empty") ??
        when(!isEmpty && extension?.critical === true, "critical beside a subject")
      );
    },
  },
];

function attributeLengthFault({ oid, value }: { oid: string; value: string | undefined }): string | undefined {
  const type = NAME_ATTRIBUTES.find((each) => each.oid === oid);
  if (value === undefined) return undefined;
  const { length } = Array.from(value);
  if (length === 0) return `${type?.long ?? oid} is empty`;
  return type && length > type.max ? `${type.long} of ${length} characters, at most ${type.max}` : undefined;
}

function caConstraintsFault(content: CertificateContent, issuer: Certificate): string | undefined {
  const constraints = content.extensions.basicConstraints;
  if (!constraints?.ca) return "cA is not TRUE";
  if (!extensionOf(content, EXTENSION.basicConstraints)?.critical) return "not critical";
  const limit = issuer.extensions.basicConstraints?.pathLength;
  if (limit === undefined) return undefined;
  if (limit === 0) return "the issuer may not issue CA certificates (path length 0)";
  const { pathLength } = constraints;
  return pathLength === undefined || pathLength >= limit ? `path length must be below ${limit}` : undefined;
}

function authorityFault(content: CertificateContent, issuer: Certificate): string | undefined {
  const identifier = content.extensions.authorityKeyIdentifier?.keyIdentifier;
  if (!identifier) return "absent";
  if (extensionOf(content, EXTENSION.authorityKeyIdentifier)?.critical) return "critical";
  const wanted = issuer.extensions.subjectKeyIdentifier;
  return wanted && !equal(wanted, identifier) ? "not the issuer's subjectKeyIdentifier" : undefined;
}
