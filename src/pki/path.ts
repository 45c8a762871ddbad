import { HawserError } from "../codec/index.ts";
import type { SignatureVerifier } from "../crypto/index.ts";
import type { Trace } from "../trace/index.ts";
import { parseCertificate, type Certificate } from "./certificate.ts";
import type { Conformance } from "./conformance.ts";
import { CertificateError } from "./errors.ts";
import type { PathPurpose } from "./path-rules.ts";
import { PathSearch } from "./path-search.ts";
import type { PolicyOptions } from "./policy-graph.ts";
import type { CrlSet, RevocationMode } from "./revocation.ts";

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
  /** `rfc5280` unless told otherwise. */
  readonly conformance?: Conformance;
  /** Which policies are acceptable and whether one is required; otherwise only a CA of the path may require one. */
  readonly policies?: PolicyOptions;
  /** `if-present` where `crls` or `staples` are given, else `off`, unless told otherwise. */
  readonly revocation?: RevocationMode;
  /** Revocation lists as DER, or read once for many paths. */
  readonly crls?: readonly Uint8Array[] | CrlSet;
  /**
   * OCSP responses that came with certificates of the chain, each at its certificate's place; an empty list where they
   * were asked for and none came, which a certificate may forbid. RFC 6066, section 8; RFC 7633, section 4.2.3.1
   */
  readonly staples?: readonly (Uint8Array | undefined)[];
  /** Reads one presented certificate; `parseCertificate` unless the caller remembers what it has read before. */
  readonly parse?: (der: Uint8Array) => Certificate;
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
 * usages, critical extensions, name constraints, policies, key identifiers, algorithms, revocation where asked. Superfluous certificates and any order are accepted; the
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
  const presented = options.chain.map((der, index) => ({
    certificate: parsePresented(der, index, options.parse),
    index,
  }));
  const [leaf] = presented;
  if (!leaf) throw emptyChain();
  const { certificates, signatureChecks } = await new PathSearch(options, limits, presented).run(leaf);
  return new Path(certificates, signatureChecks);
}

function parsePresented(der: Uint8Array, index: number, parse = parseCertificate): Certificate {
  try {
    return parse(der);
  } catch (cause) {
    if (!(cause instanceof HawserError)) throw cause;
    const fault =
      cause instanceof CertificateError ? cause : { subject: "", field: "certificate", rule: "RFC 5280, section 4.1" };
    const code = cause instanceof CertificateError ? cause.code : "malformed-certificate";
    const { subject, field, rule } = fault;
    throw new CertificateError(code, cause.message, { index, subject, field, rule }, { cause });
  }
}

function emptyChain(): CertificateError {
  const rule = "RFC 5280, section 6.1: a path has at least one certificate";
  return new CertificateError("empty-chain", "no certificate was presented", { subject: "", field: "chain", rule });
}
