import type { Certificate } from "./certificate.ts";
import type { ConformanceRule } from "./conformance-rule.ts";
import { WEBPKI_RULES } from "./conformance-webpki.ts";
import { isDnsName } from "./dns-name.ts";
import { EXTENSION } from "./oids.ts";
import { isSelfIssued, type PathPlace, type RuleFault } from "./path-rules.ts";

type Role = PathPlace["role"];

/**
 * How much a path must conform. `rfc5280` refuses what conforming CAs never issue; `webpki` also what the CA/Browser
 * Forum forbids in certificates of web servers; `deployed` takes certificates without key identifiers, of version 1 and
 * the like, as OpenSSL makes them by hand. All check everything that decides trust.
 */
export type Conformance = "rfc5280" | "webpki" | "deployed";

/**
 * The first rule for conforming CAs that a certificate breaks, or undefined. Breaking one of these does not by itself
 * make a certificate dangerous, but no conforming CA issues such a one. RFC 5280, section 4
 */
export function conformanceFault(
  certificate: Certificate,
  role: Role,
  conformance: Conformance,
): RuleFault | undefined {
  const found = RULES_OF[conformance].find(({ breaks }) => breaks(certificate, role));
  return found && { code: "profile", field: found.field, message: found.message, rule: found.rule };
}

const isCritical = ({ extensions }: Certificate, oid: string) =>
  extensions.all.some((each) => each.oid === oid && each.critical);
const isPlain = ({ extensions }: Certificate, oid: string) =>
  extensions.all.some((each) => each.oid === oid && !each.critical);
const isCa = ({ extensions }: Certificate) => extensions.basicConstraints?.ca === true;
const signsCertificates = ({ extensions }: Certificate) => extensions.keyUsage?.has("keyCertSign") === true;

const RULES: readonly ConformanceRule[] = [
  {
    field: "version",
    message: "not version 3",
    rule: "RFC 5280, section 4.1.2.1: version MUST be 3 when extensions are used, and a path needs them",
    breaks: ({ version }) => version !== 3,
  },
  {
    field: "serialNumber",
    message: "not a positive number of at most 20 octets",
    rule: "RFC 5280, section 4.1.2.2",
    breaks: ({ serialNumber }) => serialNumber.length > 40 || /^([89a-f]|(00)*$)/.test(serialNumber),
  },
  {
    field: "issuer",
    message: "the issuer has no name",
    rule: "RFC 5280, section 4.1.2.4: a non-empty distinguished name",
    breaks: ({ issuer }) => issuer.rdns.length === 0,
  },
  {
    field: "subject",
    message: "a CA has no name",
    rule: "RFC 5280, section 4.1.2.6: a non-empty distinguished name",
    breaks: (each) => isCa(each) && each.subject.rdns.length === 0,
  },
  {
    field: "subjectAltName",
    message: "the subject is empty and the extension is not critical",
    rule: "RFC 5280, section 4.2.1.6: MUST be critical where the subject is empty",
    breaks: (each) => each.subject.rdns.length === 0 && !isCritical(each, EXTENSION.subjectAltName),
  },
  {
    field: "subjectAltName",
    message: "a dNSName is not a host name",
    rule: "RFC 5280, section 4.2.1.6: the preferred name syntax",
    breaks: ({ extensions }) => extensions.subjectAltName?.dns.some((name) => !isSanName(name)) === true,
  },
  {
    field: "basicConstraints",
    message: "not critical in a CA certificate",
    rule: "RFC 5280, section 4.2.1.9: MUST be critical",
    breaks: (each) => isCa(each) && isPlain(each, EXTENSION.basicConstraints),
  },
  {
    field: "basicConstraints",
    message: "pathLenConstraint without cA TRUE and keyCertSign",
    rule: "RFC 5280, section 4.2.1.9: MUST NOT include it otherwise",
    breaks: (each) =>
      each.extensions.basicConstraints?.pathLength !== undefined &&
      !(isCa(each) && (each.extensions.keyUsage === undefined || signsCertificates(each))),
  },
  {
    field: "keyUsage",
    message: "keyCertSign without cA TRUE",
    rule: "RFC 5280, section 4.2.1.3: the cA bit MUST also be asserted",
    breaks: (each) => signsCertificates(each) && !isCa(each),
  },
  {
    field: "keyUsage",
    message: "cA TRUE without keyCertSign",
    rule: "RFC 5280, section 4.2.1.9: the key of a CA verifies certificate signatures",
    breaks: (each) => isCa(each) && each.extensions.keyUsage !== undefined && !signsCertificates(each),
  },
  {
    field: "authorityKeyIdentifier",
    message: "critical",
    rule: "RFC 5280, section 4.2.1.1: MUST be non-critical",
    breaks: (each) => isCritical(each, EXTENSION.authorityKeyIdentifier),
  },
  {
    field: "authorityKeyIdentifier",
    message: "no keyIdentifier",
    rule: "RFC 5280, section 4.2.1.1: MUST be in all certificates but self-signed ones",
    breaks: (each) => !isSelfIssued(each) && !each.extensions.authorityKeyIdentifier?.keyIdentifier,
  },
  {
    field: "subjectKeyIdentifier",
    message: "critical",
    rule: "RFC 5280, section 4.2.1.2: MUST be non-critical",
    breaks: (each) => isCritical(each, EXTENSION.subjectKeyIdentifier),
  },
  {
    field: "subjectKeyIdentifier",
    message: "a CA certificate without it",
    rule: "RFC 5280, section 4.2.1.2: MUST be in all CA certificates",
    breaks: (each) => isCa(each) && !each.extensions.subjectKeyIdentifier,
  },
  {
    field: "nameConstraints",
    message: "in a certificate that is not a CA's",
    rule: "RFC 5280, section 4.2.1.10: MUST be used only in a CA certificate",
    breaks: (each) => each.extensions.nameConstraints !== undefined && !isCa(each),
  },
  {
    field: "policyConstraints",
    message: "not critical",
    rule: "RFC 5280, section 4.2.1.11: MUST be critical",
    breaks: (each) => isPlain(each, EXTENSION.policyConstraints),
  },
  {
    field: "inhibitAnyPolicy",
    message: "not critical",
    rule: "RFC 5280, section 4.2.1.14: MUST be critical",
    breaks: (each) => isPlain(each, EXTENSION.inhibitAnyPolicy),
  },
];

const CRITICAL_CONSTRAINTS: ConformanceRule = {
  field: "nameConstraints",
  message: "not critical",
  rule: "RFC 5280, section 4.2.1.10: MUST be critical",
  breaks: (each) => isPlain(each, EXTENSION.nameConstraints),
};

const RULES_OF: Readonly<Record<Conformance, readonly ConformanceRule[]>> = {
  rfc5280: [...RULES, CRITICAL_CONSTRAINTS],
  // Baseline Requirements, section 7.1.2.10.8: nameConstraints may be not critical, an exception from RFC 5280.
  webpki: [...RULES, ...WEBPKI_RULES],
  deployed: [],
};

function isSanName(name: string): boolean {
  return isDnsName(name, { wildcard: true });
}
