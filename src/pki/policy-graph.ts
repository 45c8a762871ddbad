import type { Certificate } from "./certificate.ts";
import { isSelfIssued, type RuleFault } from "./path-rules.ts";
import { ANY_POLICY, type PolicyMapping } from "./policies.ts";

/** What the caller wants of policies; without it, certificates alone may require them. RFC 5280, section 6.1.1 (c) to (g) */
export type PolicyOptions = {
  /** Identifiers of acceptable policies; all of them unless told otherwise. */
  readonly userInitialPolicySet?: readonly string[];
  readonly initialExplicitPolicy?: boolean;
  readonly initialPolicyMappingInhibit?: boolean;
  readonly initialAnyPolicyInhibit?: boolean;
};

/** More policies in one certificate are an attack: each may be mapped to each. */
const MAX_POLICIES = 256;

/**
 * Why the policies of a path do not suffice, or undefined where they do or where none is required. Works on the graph
 * with one node for each policy and certificate, whose size is bounded, instead of the tree, whose size is not.
 * RFC 5280, section 6.1; RFC 9618, section 5
 */
export function policyFault(leafFirst: readonly Certificate[], options: PolicyOptions = {}): RuleFault | undefined {
  const [anchor, ...path] = leafFirst.toReversed();
  if (!anchor) return undefined;
  const state = new PolicyState(anchor, path.length, options);
  for (const [i, certificate] of path.entries()) {
    const isLast = i === path.length - 1;
    const fault = state.enter(certificate, isLast) ?? (isLast ? state.wrapUp(certificate) : state.prepare(certificate));
    if (fault) return fault;
  }
  return undefined;
}

/** A policy that is valid at one certificate. */
type PolicyNode = {
  /** What the next certificate may call it. */
  readonly expected: ReadonlySet<string>;
  /** What it is called in the anchor's domain. */
  readonly roots: ReadonlySet<string>;
};

type Level = ReadonlyMap<string, PolicyNode>;

const ANY_NODE: PolicyNode = { expected: new Set([ANY_POLICY]), roots: new Set([ANY_POLICY]) };

class PolicyState {
  #level: Level = new Map([[ANY_POLICY, ANY_NODE]]);
  /** undefined: every policy is acceptable. */
  readonly #acceptable: ReadonlySet<string> | undefined;
  #explicitPolicy: number;
  #policyMapping: number;
  #inhibitAnyPolicy: number;

  constructor(anchor: Certificate, length: number, options: PolicyOptions) {
    this.#explicitPolicy = options.initialExplicitPolicy ? 0 : length + 1;
    this.#policyMapping = options.initialPolicyMappingInhibit ? 0 : length + 1;
    this.#inhibitAnyPolicy = options.initialAnyPolicyInhibit ? 0 : length + 1;
    this.#lower(anchor);
    const wanted = options.userInitialPolicySet && new Set(options.userInitialPolicySet);
    const user = wanted?.has(ANY_POLICY) ? undefined : wanted;
    // An anchor's own policies bound what it stands for. RFC 5937, section 3.2
    const own = anchor.extensions.certificatePolicies?.policies;
    this.#acceptable = own && !own.has(ANY_POLICY) ? (user?.intersection(own) ?? own) : user;
  }

  /** RFC 5280, section 6.1.3 (d) to (f) */
  enter(certificate: Certificate, isLast: boolean): RuleFault | undefined {
    const { certificatePolicies, policyMappings = [] } = certificate.extensions;
    const count = Math.max(certificatePolicies?.policies.size ?? 0, policyMappings.length);
    if (count > MAX_POLICIES) return tooMany(certificate, count);
    const isAnyAllowed = this.#inhibitAnyPolicy > 0 || (!isLast && isSelfIssued(certificate));
    this.#level = certificatePolicies ? below(this.#level, certificatePolicies.policies, isAnyAllowed) : new Map();
    return this.#explicitPolicy === 0 && this.#level.size === 0 ? missing(certificate) : undefined;
  }

  /** RFC 5280, section 6.1.4 (a) (b) (h) to (j) */
  prepare(certificate: Certificate): RuleFault | undefined {
    const { policyMappings = [] } = certificate.extensions;
    if (policyMappings.some((each) => each.issuerDomain === ANY_POLICY || each.subjectDomain === ANY_POLICY)) {
      return fault(certificate, "policyMappings", "anyPolicy is mapped", "RFC 5280, section 6.1.4 (a)");
    }
    this.#level = mapped(this.#level, policyMappings, this.#policyMapping > 0);
    if (!isSelfIssued(certificate)) {
      this.#explicitPolicy = Math.max(0, this.#explicitPolicy - 1);
      this.#policyMapping = Math.max(0, this.#policyMapping - 1);
      this.#inhibitAnyPolicy = Math.max(0, this.#inhibitAnyPolicy - 1);
    }
    this.#lower(certificate);
    return undefined;
  }

  /** RFC 5280, section 6.1.5 (a) (b) (g) */
  wrapUp(certificate: Certificate): RuleFault | undefined {
    const { policyConstraints } = certificate.extensions;
    const isRequired = this.#explicitPolicy <= 1 || policyConstraints?.requireExplicitPolicy === 0;
    if (!isRequired) return undefined;
    const acceptable = this.#acceptable;
    const isFound = [...this.#level.values()].some(
      ({ roots }) =>
        acceptable === undefined || (acceptable.size > 0 && roots.has(ANY_POLICY)) || !roots.isDisjointFrom(acceptable),
    );
    return isFound ? undefined : missing(certificate);
  }

  #lower({ extensions: { policyConstraints, inhibitAnyPolicy } }: Certificate): void {
    const { requireExplicitPolicy, inhibitPolicyMapping } = policyConstraints ?? {};
    this.#explicitPolicy = Math.min(this.#explicitPolicy, requireExplicitPolicy ?? this.#explicitPolicy);
    this.#policyMapping = Math.min(this.#policyMapping, inhibitPolicyMapping ?? this.#policyMapping);
    this.#inhibitAnyPolicy = Math.min(this.#inhibitAnyPolicy, inhibitAnyPolicy ?? this.#inhibitAnyPolicy);
  }
}

/** The policies that are valid at a certificate, from those at the one above. RFC 5280, section 6.1.3 (d) */
function below(above: Level, policies: ReadonlySet<string>, isAnyAllowed: boolean): Level {
  const parents = new Map<string, PolicyNode[]>();
  for (const node of above.values()) {
    for (const name of node.expected) parents.set(name, [...(parents.get(name) ?? []), node]);
  }
  const level = new Map<string, PolicyNode>();
  const add = (policy: string, from: readonly PolicyNode[]) =>
    level.set(policy, { expected: new Set([policy]), roots: rootsOf(policy, from) });
  for (const policy of policies) {
    const from = policy === ANY_POLICY ? undefined : (parents.get(policy) ?? parents.get(ANY_POLICY));
    if (from) add(policy, from);
  }
  if (!policies.has(ANY_POLICY) || !isAnyAllowed) return level;
  for (const [policy, from] of parents) if (!level.has(policy)) add(policy, from);
  return level;
}

function rootsOf(policy: string, parents: readonly PolicyNode[]): ReadonlySet<string> {
  const roots = new Set<string>();
  for (const parent of parents) for (const root of parent.roots) roots.add(root === ANY_POLICY ? policy : root);
  return roots;
}

/** The policies by the names of the CA below. RFC 5280, section 6.1.4 (b) */
function mapped(level: Level, mappings: readonly PolicyMapping[], isAllowed: boolean): Level {
  const next = new Map(level);
  for (const [policy, targets] of Map.groupBy(mappings, ({ issuerDomain }) => issuerDomain)) {
    if (!isAllowed) {
      next.delete(policy);
      continue;
    }
    const roots = level.get(policy)?.roots ?? (level.has(ANY_POLICY) ? new Set([policy]) : undefined);
    if (roots) next.set(policy, { expected: new Set(targets.map((each) => each.subjectDomain)), roots });
  }
  return next;
}

function fault({ subject }: Certificate, field: string, message: string, rule: string): RuleFault {
  return { code: "policy", field, message: `${message} in ${subject.text}`, rule };
}

function missing(certificate: Certificate): RuleFault {
  const message = "a policy is required, and none that is acceptable is valid for the whole path";
  return fault(certificate, "certificatePolicies", message, "RFC 5280, section 6.1.3 (f) and 6.1.5 (g)");
}

function tooMany({ subject }: Certificate, count: number): RuleFault {
  const message = `${count} policies in ${subject.text}`;
  return { code: "too-much-work", field: "certificatePolicies", message, rule: `at most ${MAX_POLICIES} policies` };
}
