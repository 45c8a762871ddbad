import { HawserError } from "../codec/index.ts";
import { parseCertificate, type Certificate } from "./certificate.ts";
import { CertificateError } from "./errors.ts";
import { PATH_LIMITS, type PathOptions } from "./path-options.ts";
import { PathSearch } from "./path-search.ts";

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
