import { DecodeError } from "../codec/index.ts";
import { TAG, contextTag, type DerElement } from "./der.ts";
import { DerFields, nonEmptyList, oidOf, smallIntegerOf } from "./der-fields.ts";

/** Under which policies a certificate was issued, by their identifiers. RFC 5280, section 4.2.1.4 */
export type CertificatePolicies = {
  readonly policies: ReadonlySet<string>;
  /** Whether every qualifier is of a kind that RFC 5280 describes: pointers and notices for people, that bind nobody. */
  readonly isUnderstood: boolean;
};

/** Which of a CA's policies equal which of the CA below. RFC 5280, section 4.2.1.5 */
export type PolicyMapping = { readonly issuerDomain: string; readonly subjectDomain: string };

/** After how many more certificates a policy is required, or mapping forbidden; undefined where nothing is said. RFC 5280, section 4.2.1.11 */
export type PolicyConstraints = {
  readonly requireExplicitPolicy: number | undefined;
  readonly inhibitPolicyMapping: number | undefined;
};

/** The policy that stands for all. RFC 5280, section 4.2.1.4 */
export const ANY_POLICY = "2.5.29.32.0";

/** id-qt-cps and id-qt-unotice. RFC 5280, section 4.2.1.4 */
const QUALIFIERS: ReadonlySet<string> = new Set(["1.3.6.1.5.5.7.2.1", "1.3.6.1.5.5.7.2.2"]);

/** No path is that long: it is the same as never. */
const MAX_SKIP = 1_000_000;

/** CertificatePolicies from checked DER. Throws `DecodeError`. RFC 5280, section 4.2.1.4 */
export function certificatePoliciesOf(element: DerElement): CertificatePolicies {
  const policies = new Set<string>();
  let isUnderstood = true;
  for (const each of nonEmptyList(element, TAG.sequence, "certificatePolicies")) {
    const fields = new DerFields(each, TAG.sequence, "PolicyInformation");
    const policy = oidOf(fields.take("policyIdentifier"));
    const qualifiers = fields.optional(TAG.sequence);
    fields.end();
    // "A certificate policy OID MUST NOT appear more than once"
    if (policies.has(policy)) throw new DecodeError("value", `policy ${policy} twice`, each.at);
    policies.add(policy);
    if (qualifiers && !qualifiersOf(qualifiers).every((id) => QUALIFIERS.has(id))) isUnderstood = false;
  }
  return { policies, isUnderstood };
}

function qualifiersOf(element: DerElement): readonly string[] {
  return nonEmptyList(element, TAG.sequence, "policyQualifiers").map((each) => {
    const fields = new DerFields(each, TAG.sequence, "PolicyQualifierInfo");
    const id = oidOf(fields.take("policyQualifierId"));
    fields.take("qualifier");
    fields.end();
    return id;
  });
}

/** PolicyMappings from checked DER. Throws `DecodeError`. RFC 5280, section 4.2.1.5 */
export function policyMappingsOf(element: DerElement): readonly PolicyMapping[] {
  return nonEmptyList(element, TAG.sequence, "policyMappings").map((each) => {
    const fields = new DerFields(each, TAG.sequence, "PolicyMapping");
    const issuerDomain = oidOf(fields.take("issuerDomainPolicy"));
    const subjectDomain = oidOf(fields.take("subjectDomainPolicy"));
    fields.end();
    return { issuerDomain, subjectDomain };
  });
}

/** PolicyConstraints from checked DER. Throws `DecodeError`. RFC 5280, section 4.2.1.11 */
export function policyConstraintsOf(element: DerElement): PolicyConstraints {
  const fields = new DerFields(element, TAG.sequence, "PolicyConstraints");
  const [require, inhibit] = [0, 1].map((n) => fields.optional(contextTag(n, "primitive")));
  fields.end();
  // "Conforming CAs MUST NOT issue certificates where policy constraints is an empty sequence"
  if (!require && !inhibit) throw new DecodeError("length", "policyConstraints is empty", element.at);
  return { requireExplicitPolicy: require && skipOf(require), inhibitPolicyMapping: inhibit && skipOf(inhibit) };
}

/** InhibitAnyPolicy from checked DER: after how many more certificates anyPolicy means nothing. RFC 5280, section 4.2.1.14 */
export function inhibitAnyPolicyOf(element: DerElement): number {
  return smallIntegerOf(element, MAX_SKIP);
}

/** The tag is implicit, so that the strict pass could not see that this is an INTEGER. */
function skipOf({ content, at, raw }: DerElement): number {
  const [first, second = 0] = content;
  if (first === undefined || (content.length > 1 && first === 0 && second < 0x80)) {
    throw new DecodeError("value", "INTEGER is not minimal", at);
  }
  return smallIntegerOf({ tag: TAG.integer, content, at, raw, children: [] }, MAX_SKIP);
}
