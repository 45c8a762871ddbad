import type { SignatureVerifier } from "../crypto/index.ts";
import type { Trace } from "../trace/index.ts";
import type { Certificate } from "./certificate.ts";
import type { Conformance } from "./conformance.ts";
import type { PathPurpose } from "./path-rules.ts";
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
