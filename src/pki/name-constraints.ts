import { DecodeError } from "../codec/index.ts";
import { TAG, contextTag, latin1, type DerElement } from "./der.ts";
import { DerFields, nonEmptyList, onlyChild } from "./der-fields.ts";
import { isDnsName } from "./dns-name.ts";
import { nameOf, type DistinguishedName } from "./name.ts";

/** A set of names of one kind. RFC 5280, section 4.2.1.10 */
export type NameSubtree =
  /** Lower-case name; everything that ends in its labels is inside, and everything is inside the empty one. */
  | { readonly kind: "dns"; readonly suffix: string }
  /** Address and mask, 4 or 16 bytes each. */
  | { readonly kind: "ip"; readonly address: Uint8Array; readonly mask: Uint8Array }
  | { readonly kind: "directoryName"; readonly base: DistinguishedName }
  /** One mailbox, or where `local` is undefined all mailboxes of a host. */
  | { readonly kind: "email"; readonly local: string | undefined; readonly host: HostSubtree }
  | { readonly kind: "uri"; readonly host: HostSubtree }
  /** A kind of name that is not compared here, by the number of its context tag. */
  | { readonly kind: "other"; readonly form: number };

/** One host, or with `below` every host under it but not itself. Lower case. */
export type HostSubtree = { readonly name: string; readonly below: boolean };

/** Which names a CA may certify; undefined where it says nothing. RFC 5280, section 4.2.1.10 */
export type NameConstraints = {
  readonly permitted: readonly NameSubtree[] | undefined;
  readonly excluded: readonly NameSubtree[] | undefined;
};

/** NameConstraints from checked DER. Throws `DecodeError`. RFC 5280, section 4.2.1.10 */
export function nameConstraintsOf(element: DerElement): NameConstraints {
  const fields = new DerFields(element, TAG.sequence, "NameConstraints");
  const permitted = fields.optional(contextTag(0, "constructed"));
  const excluded = fields.optional(contextTag(1, "constructed"));
  fields.end();
  // "Conforming CAs MUST NOT issue certificates where name constraints is an empty sequence"
  if (!permitted && !excluded) throw new DecodeError("length", "nameConstraints is empty", element.at);
  return { permitted: permitted && subtreesOf(permitted), excluded: excluded && subtreesOf(excluded) };
}

function subtreesOf(element: DerElement): readonly NameSubtree[] {
  return nonEmptyList(element, element.tag, "GeneralSubtrees").map((each) => {
    const fields = new DerFields(each, TAG.sequence, "GeneralSubtree");
    const base = fields.take("base");
    // "Within this profile, the minimum and maximum fields are not used": zero, the default, and absent.
    fields.end();
    return subtreeOf(base);
  });
}

function subtreeOf(base: DerElement): NameSubtree {
  switch (base.tag) {
    case contextTag(1, "primitive"):
      return emailSubtree(base);
    case contextTag(2, "primitive"): {
      const suffix = ia5(base).toLowerCase();
      // A leading dot belongs to hosts of URIs and mailboxes alone; some CAs write it all the same, and mean two things.
      if (suffix !== "" && !isHost(suffix)) throw malformed(base, "dNSName");
      return { kind: "dns", suffix };
    }
    case contextTag(4, "constructed"):
      return { kind: "directoryName", base: nameOf(onlyChild(base, "directoryName")) };
    case contextTag(6, "primitive"):
      return { kind: "uri", host: hostSubtree(ia5(base), base) };
    case contextTag(7, "primitive"):
      return addressSubtree(base);
    case contextTag(0, "constructed"):
    case contextTag(3, "constructed"):
    case contextTag(5, "constructed"):
    case contextTag(8, "primitive"):
      return { kind: "other", form: base.tag & 0x1f };
    default:
      throw new DecodeError("value", `tag 0x${base.tag.toString(16)} is no GeneralName`, base.at);
  }
}

function emailSubtree(base: DerElement): NameSubtree {
  const text = ia5(base);
  if (!text.includes("@")) return { kind: "email", local: undefined, host: hostSubtree(text, base) };
  const mailbox = mailboxOf(text);
  if (!mailbox) throw malformed(base, "rfc822Name");
  return { kind: "email", local: mailbox.local, host: { name: mailbox.host, below: false } };
}

/** A mailbox as RFC 5280 names it, the host in lower case; undefined for quoted local parts and what is none. RFC 5321, section 4.1.2 */
export function mailboxOf(text: string): { readonly local: string; readonly host: string } | undefined {
  const [local = "", host = "", extra] = text.split("@");
  const isMailbox = extra === undefined && /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+$/.test(local) && isHost(host);
  return isMailbox ? { local, host: host.toLowerCase() } : undefined;
}

function hostSubtree(text: string, base: DerElement): HostSubtree {
  const below = text.startsWith(".");
  const name = (below ? text.slice(1) : text).toLowerCase();
  if (!isHost(name)) throw malformed(base, "host");
  return { name, below };
}

/** "the octet string MUST contain the address range in the style of RFC 4632 (CIDR)": ones, then zeros. */
function addressSubtree(base: DerElement): NameSubtree {
  const { content } = base;
  if (content.length !== 8 && content.length !== 32) throw malformed(base, "iPAddress");
  const [address, mask] = [content.subarray(0, content.length / 2), content.subarray(content.length / 2)];
  const bits = [...mask].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  if (!/^1*0*$/.test(bits)) throw malformed(base, "iPAddress");
  return { kind: "ip", address, mask };
}

function isHost(text: string): boolean {
  return isDnsName(text, { wildcard: false });
}

/** The tag is implicit and the text may be empty, unlike that of a name. */
function ia5(base: DerElement): string {
  const text = latin1(base.content);
  if (!/^[\0-\x7f]*$/.test(text)) throw malformed(base, "IA5String");
  return text;
}

function malformed(base: DerElement, what: string): DecodeError {
  return new DecodeError("value", `a name constraint that is no ${what}`, base.at);
}
