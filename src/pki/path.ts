import { HawserError, equal } from "../codec/index.ts";
import type { SignatureVerifier } from "../crypto/index.ts";
import type { Trace } from "../trace/index.ts";
import { parseCertificate, type Certificate } from "./certificate.ts";
import { conformanceFault } from "./conformance.ts";
import { CertificateError } from "./errors.ts";
import { isSelfIssued, pathRuleFault, type PathPlace, type PathPurpose, type RuleFault } from "./path-rules.ts";
import { sameName } from "./name.ts";
import { nameConstraintFault } from "./name-constraint-rules.ts";
import { keyIdentifiersAgree, signatureHolds } from "./signature-check.ts";

/** What a peer's certificates may cost at most. */
export type PathLimits = {
  /** Certificates that are looked at. */
  readonly maxPresented: number;
  /** Intermediate certificates of a path that are not self-issued. */
  readonly maxIntermediates: number;
  readonly maxSignatureChecks: number;
  /** Comparisons of a name with a name constraint. */
  readonly maxNameComparisons: number;
};

export const PATH_LIMITS: PathLimits = {
  maxPresented: 24,
  maxIntermediates: 8,
  maxSignatureChecks: 32,
  maxNameComparisons: 100_000,
};

export type PathOptions = {
  /** DER as the peer sent it: the leaf first, then in any order what may lead to an anchor. */
  readonly chain: readonly Uint8Array[];
  /** Certificates that are trusted to issue; they need not be self-signed. */
  readonly anchors: readonly Certificate[];
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly purpose: PathPurpose;
  readonly verifier: SignatureVerifier;
  readonly limits?: Partial<PathLimits>;
  /**
   * `rfc5280` also refuses what conforming CAs never issue; `deployed` takes certificates without key identifiers, of
   * version 1 and the like, as OpenSSL makes them by hand. Both check everything that decides trust.
   */
  readonly conformance?: "rfc5280" | "deployed";
  /** Hears of every path that is refused. */
  readonly trace?: Trace;
};

class Path {
  /** Makes the type nominal: only validation can make a validated path. */
  readonly #isValidated = true;
  /** The leaf, its issuers, and last the trust anchor. */
  readonly certificates: readonly Certificate[];
  readonly signatureChecks: number;

  constructor(certificates: readonly Certificate[], signatureChecks: number) {
    this.certificates = certificates;
    this.signatureChecks = signatureChecks;
  }

  get leaf(): Certificate {
    return this.#end(0);
  }

  get anchor(): Certificate {
    return this.#end(-1);
  }

  #end(at: number): Certificate {
    const certificate = this.certificates.at(at);
    if (!this.#isValidated || !certificate) throw emptyChain();
    return certificate;
  }
}

/** Proof that a path was validated, from leaf to anchor. */
export type ValidatedPath = Path;

/**
 * Finds a path from the first certificate to a trust anchor and validates it: signatures, validity, CA constraints, key
 * usages, critical extensions, key identifiers, algorithms. Superfluous certificates and any order are accepted; the
 * search is bounded, since a peer may present a maze.
 *
 * Throws `CertificateError` of the path that came nearest to an anchor. RFC 5280, section 6.1
 */
export async function validatePath(options: PathOptions): Promise<ValidatedPath> {
  try {
    return await searchPath(options);
  } catch (error) {
    if (error instanceof CertificateError) {
      const { code, message } = error;
      options.trace?.emit("pki", { kind: "pki.refused", what: "path", code, message });
    }
    throw error;
  }
}

async function searchPath(options: PathOptions): Promise<ValidatedPath> {
  const limits = { ...PATH_LIMITS, ...options.limits };
  if (options.chain.length > limits.maxPresented) {
    throw new CertificateError("too-much-work", `${options.chain.length} certificates presented`, {
      subject: "",
      field: "chain",
      rule: `at most ${limits.maxPresented} certificates`,
    });
  }
  const presented = options.chain.map((der, index) => ({ certificate: parsePresented(der, index), index }));
  const [leaf] = presented;
  if (!leaf) throw emptyChain();
  return new PathSearch(options, limits, presented).run(leaf);
}

type Node = { readonly certificate: Certificate; readonly index: number | undefined };

class PathSearch {
  readonly #options: PathOptions;
  readonly #limits: PathLimits;
  readonly #candidates: readonly Node[];
  readonly #checked = new Map<string, boolean>();
  #signatureChecks = 0;
  #nameComparisons = 0;
  #nearest: { readonly rank: number; readonly error: CertificateError } | undefined;

  constructor(options: PathOptions, limits: PathLimits, presented: readonly Node[]) {
    this.#options = options;
    this.#limits = limits;
    // Anchors first: the shortest path wins, and a root that the peer sent along is never walked through.
    this.#candidates = [...options.anchors.map((certificate) => ({ certificate, index: undefined })), ...presented];
  }

  async run(leaf: Node): Promise<ValidatedPath> {
    const fault = this.#fault(leaf, "leaf", []);
    if (fault) throw errorOf(leaf, fault);
    const path = await this.#extend([leaf]);
    if (path) {
      const certificates = path.map(({ certificate }) => certificate);
      return new Path(certificates, this.#signatureChecks);
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
    if (isAnchor) return longer;
    const intermediates = countIntermediates(longer);
    if (intermediates > this.#limits.maxIntermediates) {
      this.#note(path, 3, candidate, tooDeep(this.#limits.maxIntermediates));
      return undefined;
    }
    return this.#extend(longer);
  }

  #fault({ certificate }: Node, role: PathPlace["role"], path: readonly Node[]): RuleFault | undefined {
    const { time, purpose, conformance = "rfc5280" } = this.#options;
    const place = { role, time, purpose, intermediatesBelow: countIntermediates(path) };
    const strict = () => (conformance === "rfc5280" ? conformanceFault(certificate, role) : undefined);
    return pathRuleFault(certificate, place) ?? strict();
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
    if (this.#signatureChecks === this.#limits.maxSignatureChecks) {
      throw new CertificateError("too-much-work", "no path found within the limit of signature checks", {
        subject: certificate.subject.text,
        field: "chain",
        rule: `at most ${this.#limits.maxSignatureChecks} signature checks`,
      });
    }
    this.#signatureChecks++;
    const { publicKey } = issuer.certificate;
    const { tbs: content, signature } = certificate;
    const holds = await signatureHolds(this.#options.verifier, {
      publicKey: publicKey.der,
      algorithm,
      content,
      signature,
    });
    this.#checked.set(key, holds);
    return holds;
  }

  /** Keeps the fault that was met farthest up, and there the one that says most. */
  #note(path: readonly Node[], weight: 0 | 1 | 2 | 3, node: Node, fault: RuleFault): void {
    const rank = path.length * 4 + weight;
    if (!this.#nearest || rank > this.#nearest.rank) this.#nearest = { rank, error: errorOf(node, fault) };
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

function parsePresented(der: Uint8Array, index: number): Certificate {
  try {
    return parseCertificate(der);
  } catch (cause) {
    if (!(cause instanceof HawserError)) throw cause;
    const fault =
      cause instanceof CertificateError ? cause : { subject: "", field: "certificate", rule: "RFC 5280, section 4.1" };
    const code = cause instanceof CertificateError ? cause.code : "malformed-certificate";
    const { subject, field, rule } = fault;
    throw new CertificateError(code, cause.message, { index, subject, field, rule }, { cause });
  }
}

function errorOf({ certificate, index }: Node, { code, message, field, rule }: RuleFault): CertificateError {
  return new CertificateError(code, message, { index, subject: certificate.subject.text, field, rule });
}

function emptyChain(): CertificateError {
  const rule = "RFC 5280, section 6.1: a path has at least one certificate";
  return new CertificateError("empty-chain", "no certificate was presented", { subject: "", field: "chain", rule });
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
