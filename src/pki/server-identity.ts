import { equal, UsageError } from "../codec/index.ts";
import type { Certificate } from "./certificate.ts";
import { isDnsName } from "./dns-name.ts";
import { CertificateError, type PkiErrorCode } from "./errors.ts";
import { ipAddressText, parseIpAddress } from "./ip-address.ts";

/** What a client knows about names that certificates do not say. */
export type IdentityPolicy = {
  /** Whether anybody may register names below this one: no certificate speaks for all of them. RFC 9525, section 7.1 */
  readonly isPublicSuffix?: (name: string) => boolean;
};

/**
 * Checks that a certificate is for the host name or IP address that the client meant to reach, and gives the
 * subjectAltName entry that says so. CN never counts; `*` stands for the whole left-most label and nothing else.
 *
 * Throws `CertificateError` `name-mismatch`, or `UsageError` `invalid-name` where `name` is no host name or address.
 * RFC 9525, section 6
 */
export function checkServerIdentity(certificate: Certificate, name: string, policy: IdentityPolicy = {}): string {
  const address = parseIpAddress(name.replace(/^\[(.*)\]$/, "$1"));
  const { dns = [], ip = [] } = certificate.extensions.subjectAltName ?? {};
  if (address) {
    if (ip.some((each) => equal(each, address))) return ipAddressText(address);
    throw mismatch(certificate, name, ip.map(ipAddressText));
  }
  // RFC 9525, section 6.2: a name is absolute with or without the dot of the root.
  const host = name.replace(/\.$/, "");
  if (!isDnsName(host, { wildcard: false })) {
    throw new UsageError<PkiErrorCode>("invalid-name", `${JSON.stringify(name)} is not a host name or IP address`);
  }
  const isTooWide = (presented: string) =>
    presented.startsWith("*.") && policy.isPublicSuffix?.(presented.slice(2).toLowerCase()) === true;
  const found = dns.find((presented) => matches(presented, host) && !isTooWide(presented));
  if (found === undefined) throw mismatch(certificate, name, dns);
  return found;
}

function matches(presented: string, host: string): boolean {
  if (!isDnsName(presented, { wildcard: true })) return false;
  const [pattern, reference] = [presented.toLowerCase().split("."), host.toLowerCase().split(".")];
  if (pattern.length !== reference.length) return false;
  return pattern.every((label, i) => label === reference[i] || (i === 0 && label === "*"));
}

const SHOWN = 8;

function mismatch(certificate: Certificate, name: string, names: readonly string[]): CertificateError {
  const list = names.length > SHOWN ? [...names.slice(0, SHOWN), `${names.length - SHOWN} more`] : names;
  const has =
    list.length === 0 ? "holds no name of this kind" : `holds ${list.map((each) => JSON.stringify(each)).join(", ")}`;
  return new CertificateError("name-mismatch", `${has}, not ${JSON.stringify(name)}`, {
    subject: certificate.subject.text,
    field: "subjectAltName",
    rule: "RFC 9525, section 6: one subjectAltName entry is the name that was asked for",
  });
}
