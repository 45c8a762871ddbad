import { UsageError } from "../../codec/index.ts";
import { type CertificateAuthority, type StoredIssuer } from "../../pki/ca/index.ts";
import { type Certificate, type DistinguishedName, LintRefused, type Validity } from "../../pki/index.ts";
import type { LineErrorCode } from "./errors.ts";

/** The CA that issues for a line. */
export interface LineIssuer {
  /** Its certificate, and those above it that devices send along; the root is not among them. */
  readonly chain: readonly [Certificate, ...Certificate[]];
  /**
   * A device certificate for a request, recorded before it is given. Throws `LintRefused` where the certificate would be
   * malformed, `UsageError` `issuer-failed` where the CA cannot issue at all.
   */
  issue(csr: Uint8Array, subject: DistinguishedName): Promise<Certificate>;
  /** All that it ever issued. */
  issued(): Promise<readonly Certificate[]>;
}

/** An issuer of a CA as a line's issuer; every certificate passes the CA's lint before it is signed. */
export function lineIssuer(
  authority: CertificateAuthority,
  { label, certificate }: StoredIssuer,
  validity: Validity,
): LineIssuer {
  return {
    chain: [certificate],
    async issue(csr, subject) {
      try {
        return await authority.issue({ issuer: label, profile: "device", applicant: { csr, subject }, validity });
      } catch (cause) {
        if (cause instanceof LintRefused) throw cause;
        const reason = cause instanceof Error ? cause.message : "unknown reason";
        throw new UsageError<LineErrorCode>("issuer-failed", `${label} could not issue: ${reason}`, { cause });
      }
    },
    issued: async () => (await authority.issued(label)).map((each) => each.certificate),
  };
}
