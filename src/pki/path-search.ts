import { equal } from "../codec/index.ts";
import type { SignatureVerifier } from "../crypto/index.ts";
import type { Certificate } from "./certificate.ts";
import { conformanceFault } from "./conformance.ts";
import { CertificateError } from "./errors.ts";
import { sameName } from "./name.ts";
import { nameConstraintFault } from "./name-constraint-rules.ts";
import type { PathLimits, PathOptions } from "./path-options.ts";
import { isSelfIssued, pathRuleFault, type PathPlace, type RuleFault } from "./path-rules.ts";
import { policyFault } from "./policy-graph.ts";
import { CrlSet, revocationFault, type RevocationContext, type RevocationMode } from "./revocation.ts";
import { keyIdentifiersAgree, signatureHolds } from "./signature-check.ts";

/** A certificate and its place among the presented ones; undefined for a trust anchor. */
export type Node = { readonly certificate: Certificate; readonly index: number | undefined };

/** From the leaf to the anchor, and what it cost to find out. */
export type FoundPath = { readonly certificates: readonly Certificate[]; readonly signatureChecks: number };

/** One search for a path. RFC 4158, section 2 */
export class PathSearch {
  readonly #options: PathOptions;
  readonly #limits: PathLimits;
  readonly #candidates: readonly Node[];
  readonly #checked = new Map<string, boolean>();
  readonly #presented: readonly Node[];
  readonly #verifier: SignatureVerifier;
  readonly #revocation: RevocationMode;
  readonly #crls: CrlSet;
  /** Whether others than a certificate's own issuer may sign lists about it: not while such a signer is validated. */
  readonly #hasOtherSigners: boolean;
  #signatureChecks = 0;
  #nameComparisons = 0;
  #nearest: { readonly rank: number; readonly error: CertificateError } | undefined;

  constructor(options: PathOptions, limits: PathLimits, presented: readonly Node[], hasOtherSigners = true) {
    this.#options = options;
    this.#limits = limits;
    this.#presented = presented;
    this.#hasOtherSigners = hasOtherSigners;
    const { crls = [], staples, verifier } = options;
    this.#crls = crls instanceof CrlSet ? crls : new CrlSet(crls);
    this.#revocation = options.revocation ?? (this.#crls.lists.length > 0 || staples ? "if-present" : "off");
    this.#verifier = {
      performer: verifier.performer,
      verify: (check) => {
        this.#spendSignatureCheck();
        return verifier.verify(check);
      },
    };
    // Anchors first: the shortest path wins, and a root that the peer sent along is never walked through.
    this.#candidates = [...options.anchors.map((certificate) => ({ certificate, index: undefined })), ...presented];
  }

  /** The first path that holds. Throws `CertificateError`. */
  async run(leaf: Node): Promise<FoundPath> {
    const fault = this.#fault(leaf, "leaf", []);
    if (fault) throw errorOf(leaf, fault);
    const path = await this.#extend([leaf]);
    if (path) {
      const certificates = path.map(({ certificate }) => certificate);
      return { certificates, signatureChecks: this.#signatureChecks };
    }
    throw this.#nearest?.error ?? errorOf(leaf, unknownIssuer(leaf));
  }

  /** The path continued up to an anchor, or undefined after noting why it cannot be. */
  async #extend(path: readonly Node[]): Promise<readonly Node[] | undefined> {
    const below = path.at(-1);
    if (!below) return undefined;
    const named = this.#candidates.filter((each) => isPossibleIssuer(each, below, path));
    if (named.length === 0) this.#note(path, 0, below, unknownIssuer(below));
    for (const candidate of named) {
      const longer = await this.#step(path, below, candidate);
      if (longer) return longer;
    }
    return undefined;
  }

  async #step(path: readonly Node[], below: Node, candidate: Node): Promise<readonly Node[] | undefined> {
    if (!keyIdentifiersAgree(below.certificate, candidate.certificate)) {
      this.#note(path, 1, below, KEY_IDENTIFIER);
      return undefined;
    }
    const isAnchor = candidate.index === undefined;
    const role = isAnchor ? "anchor" : "intermediate";
    if (!(await this.#isSignedBy(below, candidate))) {
      this.#note(path, 2, below, badSignature(candidate));
      return undefined;
    }
    const fault = this.#fault(candidate, role, path);
    if (fault) {
      this.#note(path, 3, candidate, fault);
      return undefined;
    }
    const outside = this.#nameFault(candidate, path);
    if (outside) {
      this.#note(path, 3, outside.node, outside.fault);
      return undefined;
    }
    const longer = [...path, candidate];
    if (isAnchor) return this.#hasPolicies(longer) && (await this.#isUnrevoked(longer)) ? longer : undefined;
    const intermediates = countIntermediates(longer);
    if (intermediates > this.#limits.maxIntermediates) {
      this.#note(path, 3, candidate, tooDeep(this.#limits.maxIntermediates));
      return undefined;
    }
    return this.#extend(longer);
  }

  #fault({ certificate }: Node, role: PathPlace["role"], path: readonly Node[]): RuleFault | undefined {
    const { time, purpose, conformance = "rfc5280" } = this.#options;
    const takesVersion1 = conformance === "deployed";
    const place = { role, time, purpose, takesVersion1, intermediatesBelow: countIntermediates(path) };
    return pathRuleFault(certificate, place) ?? conformanceFault(certificate, role, conformance);
  }

  /** What a CA's name constraints say about all certificates below it but self-issued CAs. RFC 5280, section 6.1.3 (b) (c) */
  #nameFault(ca: Node, path: readonly Node[]): { readonly node: Node; readonly fault: RuleFault } | undefined {
    const { nameConstraints } = ca.certificate.extensions;
    if (!nameConstraints) return undefined;
    for (const [i, node] of path.entries()) {
      if (i > 0 && isSelfIssued(node.certificate)) continue;
      const budget = { spend: (comparisons: number) => this.#spendComparisons(comparisons, node) };
      const message = nameConstraintFault(node.certificate, nameConstraints, budget);
      if (message !== undefined) return { node, fault: outsideOf(ca, message) };
    }
    return undefined;
  }

  #spendComparisons(comparisons: number, { certificate, index }: Node): void {
    this.#nameComparisons += comparisons;
    if (this.#nameComparisons <= this.#limits.maxNameComparisons) return;
    throw new CertificateError("too-much-work", "more names than the limit allows to compare with name constraints", {
      index,
      subject: certificate.subject.text,
      field: "nameConstraints",
      rule: `at most ${this.#limits.maxNameComparisons} comparisons`,
    });
  }

  async #isSignedBy({ certificate }: Node, issuer: Node): Promise<boolean> {
    const key = `${certificate.id} ${issuer.certificate.id}`;
    const known = this.#checked.get(key);
    if (known !== undefined) return known;
    const algorithm = certificate.signatureAlgorithm.accepted;
    if (!algorithm) return false;
    const publicKey = issuer.certificate.publicKey.der;
    const { tbs: content, signature } = certificate;
    const holds = await signatureHolds(this.#verifier, { publicKey, algorithm, content, signature });
    this.#checked.set(key, holds);
    return holds;
  }

  #spendSignatureCheck(): void {
    if (this.#signatureChecks === this.#limits.maxSignatureChecks) {
      throw new CertificateError("too-much-work", "no path found within the limit of signature checks", {
        subject: "",
        field: "chain",
        rule: `at most ${this.#limits.maxSignatureChecks} signature checks`,
      });
    }
    this.#signatureChecks++;
  }

  #hasPolicies(path: readonly Node[]): boolean {
    const certificates = path.map(({ certificate }) => certificate);
    const fault = policyFault(certificates, this.#options.policies);
    const [leaf] = path;
    if (fault && leaf) this.#note(path, 3, leaf, fault);
    return !fault;
  }

  /** From the anchor down, as each certificate is believed only after those above it. RFC 5280, section 6.1.3 (a) (3) */
  async #isUnrevoked(path: readonly Node[]): Promise<boolean> {
    if (this.#revocation === "off") return true;
    const { time, conformance = "rfc5280", staples = [] } = this.#options;
    const signersFor = (certificate: Certificate) => this.#listSigners(certificate, path);
    const shared = { mode: this.#revocation, crls: this.#crls, time, verifier: this.#verifier, conformance };
    const context: RevocationContext = { ...shared, signersFor };
    for (let i = path.length - 2; i >= 0; i--) {
      const [node, above] = [path[i], path[i + 1]];
      if (!node || !above) continue;
      const staple = node.index === undefined ? undefined : staples[node.index];
      const isDemanded = i === 0 && this.#options.staples !== undefined && demandsStaple(node.certificate);
      const subject = { certificate: node.certificate, issuer: above.certificate, staple, isDemanded };
      const fault = await revocationFault(subject, context);
      if (!fault) continue;
      this.#note(path, 3, node, fault);
      return false;
    }
    return true;
  }

  /** Certificates of the issuer's name with other keys, on valid paths to the same anchor. RFC 5280, section 6.3.3 (f) */
  async #listSigners(certificate: Certificate, path: readonly Node[]): Promise<readonly Certificate[]> {
    if (!this.#hasOtherSigners) return [];
    const signers: Certificate[] = [];
    for (const node of this.#candidates) {
      if (!sameName(node.certificate.subject, certificate.issuer)) continue;
      if (path.some((each) => equal(each.certificate.publicKey.der, node.certificate.publicKey.der))) continue;
      const maxSignatureChecks = this.#limits.maxSignatureChecks - this.#signatureChecks;
      const { staples: _, ...rest } = this.#options;
      const options = { ...rest, purpose: "any" as const, crls: this.#crls, revocation: this.#revocation };
      const limits = { ...this.#limits, maxSignatureChecks };
      const search = new PathSearch(options, limits, this.#presented, false);
      const found = await pathOrNothing(search, node);
      this.#signatureChecks += search.#signatureChecks;
      if (found && found.certificates.at(-1)?.id === path.at(-1)?.certificate.id) signers.push(node.certificate);
    }
    return signers;
  }

  /** Keeps the fault that was met farthest up, and there the one that says most. */
  #note(path: readonly Node[], weight: 0 | 1 | 2 | 3, node: Node, fault: RuleFault): void {
    const rank = path.length * 4 + weight;
    if (!this.#nearest || rank > this.#nearest.rank) this.#nearest = { rank, error: errorOf(node, fault) };
  }
}

/** status_request among its TLS features: "OCSP must-staple". RFC 7633, section 6 */
function demandsStaple({ extensions }: Certificate): boolean {
  return extensions.tlsFeatures?.includes(5) === true;
}

async function pathOrNothing(search: PathSearch, leaf: Node): Promise<FoundPath | undefined> {
  try {
    return await search.run(leaf);
  } catch (error) {
    if (error instanceof CertificateError && error.code !== "too-much-work") return undefined;
    throw error;
  }
}

function isPossibleIssuer(candidate: Node, below: Node, path: readonly Node[]): boolean {
  if (!sameName(candidate.certificate.subject, below.certificate.issuer)) return false;
  return candidate.index === undefined || !path.some((each) => isSameEntity(each.certificate, candidate.certificate));
}

/** The same name and key twice in a path prove nothing new: leaving them out ends every cycle. RFC 4158, section 5.2 */
function isSameEntity(a: Certificate, b: Certificate): boolean {
  return sameName(a.subject, b.subject) && equal(a.publicKey.der, b.publicKey.der);
}

/** Certificates between the leaf and what comes next, without those that are self-issued. */
function countIntermediates(path: readonly Node[]): number {
  return path.slice(1).filter(({ certificate }) => !isSelfIssued(certificate)).length;
}

function errorOf({ certificate, index }: Node, fault: RuleFault): CertificateError {
  const { code, message, field, rule, reason, cause } = fault;
  const place = { index, subject: certificate.subject.text, field, rule, reason };
  return new CertificateError(code, message, place, cause === undefined ? {} : { cause });
}

function unknownIssuer({ certificate }: Node): RuleFault {
  const message = `nobody here is ${certificate.issuer.text === "" ? "the empty name" : certificate.issuer.text}`;
  const rule = "RFC 5280, section 6.1: a path ends at a trust anchor";
  return { code: "unknown-issuer", field: "issuer", message, rule };
}

function badSignature({ certificate }: Node): RuleFault {
  const message = `not signed by the key of ${certificate.subject.text}`;
  return { code: "bad-signature", field: "signature", message, rule: "RFC 5280, section 6.1.3 (a) (1)" };
}

function outsideOf({ certificate }: Node, message: string): RuleFault {
  const by = `${message} by ${certificate.subject.text}`;
  const rule = "RFC 5280, section 6.1.3 (b) (c): permitted and excluded subtrees";
  return { code: "name-constraints", field: "nameConstraints", message: by, rule };
}

const KEY_IDENTIFIER: RuleFault = {
  code: "key-identifier",
  field: "authorityKeyIdentifier",
  message: "no CA of the issuer's name has this key",
  rule: "RFC 5280, section 4.2.1.1: identifies the public key of the issuer",
};

function tooDeep(limit: number): RuleFault {
  const message = `more than ${limit} intermediate certificates`;
  return { code: "too-deep", field: "chain", message, rule: "RFC 5280, section 6.1: local limit" };
}
