import { DecodeError } from "../codec/index.ts";
import { TAG, contextTag, latin1, type DerElement } from "./der.ts";
import { nonEmptyList, onlyChild } from "./der-fields.ts";
import { nameOf, type DistinguishedName } from "./name.ts";

/** A subject's alternative names, by kind. RFC 5280, section 4.2.1.6 */
export type AlternativeNames = {
  /** As received: case and wildcards untouched. */
  readonly dns: readonly string[];
  /** 4 or 16 bytes each. */
  readonly ip: readonly Uint8Array[];
  readonly email: readonly string[];
  readonly uri: readonly string[];
  readonly directoryNames: readonly DistinguishedName[];
  /** Numbers of the context tags of names of other kinds, each once. */
  readonly otherForms: readonly number[];
};

/** GeneralNames from checked DER. Throws `DecodeError`. RFC 5280, section 4.2.1.6 */
export function alternativeNamesOf(element: DerElement): AlternativeNames {
  return generalNamesOf(nonEmptyList(element, TAG.sequence, "GeneralNames"));
}

/** Elements that are each a GeneralName, by kind. Throws `DecodeError`. RFC 5280, section 4.2.1.6 */
export function generalNamesOf(elements: readonly DerElement[]): AlternativeNames {
  const dns: string[] = [];
  const ip: Uint8Array[] = [];
  const email: string[] = [];
  const uri: string[] = [];
  const directoryNames: DistinguishedName[] = [];
  const otherForms = new Set<number>();
  for (const each of elements) {
    switch (each.tag) {
      case contextTag(1, "primitive"):
        email.push(ia5(each));
        break;
      case contextTag(2, "primitive"):
        dns.push(ia5(each));
        break;
      case contextTag(4, "constructed"):
        directoryNames.push(nameOf(onlyChild(each, "directoryName")));
        break;
      case contextTag(6, "primitive"):
        uri.push(ia5(each));
        break;
      case contextTag(7, "primitive"):
        ip.push(address(each));
        break;
      case contextTag(0, "constructed"):
      case contextTag(3, "constructed"):
      case contextTag(5, "constructed"):
      case contextTag(8, "primitive"):
        otherForms.add(each.tag & 0x1f);
        break;
      default:
        throw new DecodeError("value", `tag 0x${each.tag.toString(16)} is no GeneralName`, each.at);
    }
  }
  return { dns, ip, email, uri, directoryNames, otherForms: [...otherForms] };
}

/** The tag is implicit, so that the strict pass could not see that this is an IA5String. */
function ia5(element: DerElement): string {
  const text = latin1(element.content);
  if (!/^[\0-\x7f]+$/.test(text)) throw new DecodeError("value", "a name that is not an IA5String", element.at);
  return text;
}

function address(element: DerElement): Uint8Array {
  const { length } = element.content;
  if (length === 4 || length === 16) return element.content;
  throw new DecodeError("length", `an IP address of ${length} bytes`, element.at);
}
