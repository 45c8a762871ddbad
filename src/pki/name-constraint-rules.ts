import type { Certificate } from "./certificate.ts";
import { isDnsName } from "./dns-name.ts";
import { ipAddressText } from "./ip-address.ts";
import { mailboxOf, type HostSubtree, type NameConstraints, type NameSubtree } from "./name-constraints.ts";
import { isNameWithin, nameValues, type DistinguishedName } from "./name.ts";

/** A name of a certificate that a CA above it may not certify, as the text of a refusal; undefined where all are allowed. */
export type NameConstraintFault = string | undefined;

/** Comparisons of a name with a subtree that are left: a certificate may hold thousands of either. */
export type ComparisonBudget = { spend(comparisons: number): void };

/**
 * The first name of a certificate that is outside the constraints of a CA above it, or undefined. A name that cannot be
 * compared, because it is malformed or of a kind not processed here, counts as outside where its kind is constrained.
 * RFC 5280, sections 4.2.1.10 and 6.1.3 (b) (c)
 */
export function nameConstraintFault(
  certificate: Certificate,
  { permitted, excluded }: NameConstraints,
  budget: ComparisonBudget,
): NameConstraintFault {
  const subtrees = { permitted: byKind(permitted), excluded: byKind(excluded) };
  for (const [kind, names] of namesOf(certificate)) {
    const allowed = subtrees.permitted.get(kind);
    const denied = subtrees.excluded.get(kind);
    if (!allowed && !denied) continue;
    budget.spend(names.length * ((allowed?.length ?? 0) + (denied?.length ?? 0)));
    for (const name of names) {
      if (!name.isComparable) return `${name.text} cannot be compared with the constraints on ${kind} names`;
      if (denied?.some((subtree) => name.touches(subtree))) return `${name.text} is excluded`;
      if (allowed && !allowed.some((subtree) => name.isWithin(subtree))) return `${name.text} is not permitted`;
    }
  }
  return undefined;
}

/**
 * One name. A wildcard stands for many hosts: all of them must be permitted (`isWithin`), none may be excluded
 * (`touches`); for other names the two are the same.
 */
type ConstrainedName = {
  readonly text: string;
  readonly isComparable: boolean;
  isWithin(subtree: NameSubtree): boolean;
  touches(subtree: NameSubtree): boolean;
};

function byKind(subtrees: readonly NameSubtree[] = []): ReadonlyMap<string, readonly NameSubtree[]> {
  return Map.groupBy(subtrees, (each) => (each.kind === "other" ? otherKind(each.form) : each.kind));
}

function otherKind(form: number): string {
  return `GeneralName [${form}]`;
}

function namesOf({ subject, extensions }: Certificate): ReadonlyMap<string, readonly ConstrainedName[]> {
  const {
    dns = [],
    ip = [],
    email = [],
    uri = [],
    directoryNames = [],
    otherForms = [],
  } = extensions.subjectAltName ?? {};
  // A mailbox within the subject is the legacy form, and names somebody just the same.
  const mailboxes = [...email, ...nameValues(subject, "EmailAddress")];
  const directory = subject.rdns.length === 0 ? directoryNames : [subject, ...directoryNames];
  return new Map<string, readonly ConstrainedName[]>([
    ["dns", dns.map(dnsName)],
    ["ip", ip.map(addressName)],
    ["email", mailboxes.map(mailboxName)],
    ["uri", uri.map(uriName)],
    ["directoryName", directory.map(directoryName)],
    ...otherForms.map((form): [string, ConstrainedName[]] => [otherKind(form), [incomparable(otherKind(form))]]),
  ]);
}

function incomparable(text: string): ConstrainedName {
  return { text, isComparable: false, isWithin: () => false, touches: () => true };
}

function same(text: string, isWithin: (subtree: NameSubtree) => boolean): ConstrainedName {
  return { text, isComparable: true, isWithin, touches: isWithin };
}

function dnsName(presented: string): ConstrainedName {
  const text = JSON.stringify(presented);
  if (!isDnsName(presented, { wildcard: true })) return incomparable(text);
  const name = presented.toLowerCase();
  const isBelow = (suffix: string) => suffix === "" || name === suffix || name.endsWith(`.${suffix}`);
  const isWithin = (subtree: NameSubtree) => subtree.kind === "dns" && isBelow(subtree.suffix);
  if (!name.startsWith("*.")) return same(text, isWithin);
  const parent = name.slice(2);
  // "*.example.com" may be presented for bar.example.com, which may be just what is excluded.
  const standsFor = (suffix: string) => suffix.slice(suffix.indexOf(".") + 1) === parent;
  const touches = (subtree: NameSubtree) => isWithin(subtree) || (subtree.kind === "dns" && standsFor(subtree.suffix));
  return { text, isComparable: true, isWithin, touches };
}

function addressName(address: Uint8Array): ConstrainedName {
  return same(
    ipAddressText(address),
    (subtree) =>
      subtree.kind === "ip" &&
      subtree.address.length === address.length &&
      address.every((byte, i) => ((byte ^ (subtree.address[i] ?? 0)) & (subtree.mask[i] ?? 0)) === 0),
  );
}

function mailboxName(presented: string): ConstrainedName {
  const [text, mailbox] = [JSON.stringify(presented), mailboxOf(presented)];
  if (!mailbox) return incomparable(text);
  return same(
    text,
    (subtree) =>
      subtree.kind === "email" &&
      (subtree.local === undefined || subtree.local === mailbox.local) &&
      isHostWithin(mailbox.host, subtree.host),
  );
}

/** Host of `scheme://user@host:port/`: a URI without one, or with an address, is refused where URIs are constrained. RFC 3986, section 3.2 */
function uriName(presented: string): ConstrainedName {
  const text = JSON.stringify(presented);
  const host = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#@:]*)(?::\d*)?(?:[/?#]|$)/i.exec(presented)?.[1] ?? "";
  if (!isDnsName(host, { wildcard: false })) return incomparable(text);
  return same(text, (subtree) => subtree.kind === "uri" && isHostWithin(host.toLowerCase(), subtree.host));
}

function isHostWithin(host: string, { name, below }: HostSubtree): boolean {
  return below ? host.endsWith(`.${name}`) : host === name;
}

function directoryName(name: DistinguishedName): ConstrainedName {
  return same(name.text, (subtree) => subtree.kind === "directoryName" && isNameWithin(name, subtree.base));
}
