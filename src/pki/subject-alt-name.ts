import { GeneralName, SubjectAlternativeName } from "@peculiar/asn1-x509";

import { UsageError } from "../codec/index.ts";
import { derOf } from "./der-write.ts";
import type { PkiErrorCode } from "./errors.ts";
import type { RawExtension } from "./extensions.ts";
import { isDnsName } from "./dns-name.ts";
import { ipAddressText, parseIpAddress } from "./ip-address.ts";
import type { DistinguishedName } from "./name.ts";
import { EXTENSION } from "./oids.ts";

/** Names for a subjectAltName: host names (a left-most label may be `*`), IP addresses as text, URIs. */
export type RequestedNames = {
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  readonly uri?: readonly string[];
};

/**
 * A subjectAltName extension, critical where the subject is empty, or undefined where no name is wanted.
 * Throws `UsageError` `invalid-name`. RFC 5280, section 4.2.1.6
 */
export function subjectAltNameExtension(names: RequestedNames, subject: DistinguishedName): RawExtension | undefined {
  const { dns = [], ip = [], uri = [] } = names;
  const list = [
    ...dns.map((dNSName) => new GeneralName({ dNSName: checkedDns(dNSName) })),
    ...ip.map((address) => new GeneralName({ iPAddress: checkedIp(address) })),
    ...uri.map((uniformResourceIdentifier) => new GeneralName({ uniformResourceIdentifier })),
  ];
  if (list.length === 0) return undefined;
  const value = derOf(new SubjectAlternativeName(list));
  return { oid: EXTENSION.subjectAltName, critical: subject.rdns.length === 0, value };
}

function checkedDns(name: string): string {
  if (isDnsName(name, { wildcard: true })) return name;
  throw new UsageError<PkiErrorCode>("invalid-name", `${JSON.stringify(name)} is not a host name`);
}

function checkedIp(text: string): string {
  const bytes = parseIpAddress(text);
  if (bytes) return ipAddressText(bytes);
  throw new UsageError<PkiErrorCode>("invalid-name", `${JSON.stringify(text)} is not an IP address`);
}
