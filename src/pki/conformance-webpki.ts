import { equal } from "../codec/index.ts";
import type { Certificate } from "./certificate.ts";
import type { ConformanceRule } from "./conformance-rule.ts";
import { ipAddressText } from "./ip-address.ts";
import { nameValues } from "./name.ts";
import { EXTENSION, KEY_PURPOSE } from "./oids.ts";
import { isSelfIssued } from "./path-rules.ts";

/** @table What the CA/Browser Forum's Baseline Requirements for TLS server certificates (version 2.1) add to RFC 5280. */
export const WEBPKI_RULES: readonly ConformanceRule[] = [
  {
    field: "authorityKeyIdentifier",
    message: "a root's is not its own subjectKeyIdentifier and nothing else",
    rule: "Baseline Requirements, section 7.1.2.1.3",
    breaks: (each, role) => role === "anchor" && isSelfIssued(each) && !isOwnKey(each),
  },
  {
    field: "extKeyUsage",
    message: "in a root",
    rule: "Baseline Requirements, section 7.1.2.1.2: MUST NOT",
    breaks: (each, role) => role === "anchor" && isSelfIssued(each) && each.extensions.extendedKeyUsage !== undefined,
  },
  {
    field: "extKeyUsage",
    message: "absent, critical, or with anyExtendedKeyUsage",
    rule: "Baseline Requirements, sections 7.1.2.7.6 and 7.1.2.7.10",
    breaks: (each, role) => role === "leaf" && !hasPlainPurposes(each),
  },
  {
    field: "basicConstraints",
    message: "the certificate of a CA where a subscriber's is wanted",
    rule: "Baseline Requirements, section 7.1.2.7.8: cA MUST be FALSE",
    breaks: ({ extensions }, role) => role === "leaf" && extensions.basicConstraints?.ca === true,
  },
  {
    field: "commonName",
    message: "not the copy of one subjectAltName entry",
    rule: "Baseline Requirements, section 7.1.4.3",
    breaks: (each, role) => role === "leaf" && !isCommonNameCopied(each),
  },
  {
    field: "subjectAltName",
    message: "critical, and the subject is not empty",
    rule: "Baseline Requirements, section 7.1.2.7.12: MUST NOT be marked critical",
    breaks: ({ extensions, subject }, role) =>
      role === "leaf" &&
      subject.rdns.length > 0 &&
      extensions.all.some(({ oid, critical }) => oid === EXTENSION.subjectAltName && critical),
  },
];

function isOwnKey({ extensions: { authorityKeyIdentifier, subjectKeyIdentifier } }: Certificate): boolean {
  if (!authorityKeyIdentifier) return true;
  const { keyIdentifier, hasIssuerAndSerial } = authorityKeyIdentifier;
  return !hasIssuerAndSerial && !!keyIdentifier && !!subjectKeyIdentifier && equal(keyIdentifier, subjectKeyIdentifier);
}

function hasPlainPurposes({ extensions: { all, extendedKeyUsage } }: Certificate): boolean {
  const isCritical = all.some(({ oid, critical }) => oid === EXTENSION.extKeyUsage && critical);
  return !!extendedKeyUsage && !isCritical && !extendedKeyUsage.includes(KEY_PURPOSE.anyExtendedKeyUsage);
}

function isCommonNameCopied({ subject, extensions: { subjectAltName } }: Certificate): boolean {
  const [name, ...others] = nameValues(subject, "CommonName");
  if (name === undefined) return true;
  const { dns = [], ip = [] } = subjectAltName ?? {};
  return others.length === 0 && [...dns, ...ip.map(ipAddressText)].includes(name);
}
