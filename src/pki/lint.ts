import { Denied } from "../codec/index.ts";
import type { PkiErrorCode } from "./errors.ts";
import { LINT_RULES, type LintSubject } from "./lint-rules.ts";

/** One rule that a certificate would break. */
export type LintFinding = {
  readonly id: string;
  readonly field: string;
  readonly message: string;
  readonly rule: string;
};

/** Every rule that the certificate would break, in the order of the table; none where it may be signed. */
export function lintCertificate(subject: LintSubject): LintFinding[] {
  return LINT_RULES.flatMap(({ id, field, rule, profiles, fault }) => {
    const message = !profiles || profiles.includes(subject.profile) ? fault(subject) : undefined;
    return message === undefined ? [] : [{ id, field, message, rule }];
  });
}

/** A certificate was not signed because it would be malformed; `findings` says where and why. */
export class LintRefused extends Denied<PkiErrorCode> {
  readonly findings: readonly LintFinding[];

  constructor(subject: string, findings: readonly LintFinding[]) {
    const list = findings.map(({ field, message, rule }) => `${field}: ${message} (${rule})`).join("; ");
    super("lint", `refused to sign ${subject === "" ? "a certificate without subject" : subject}: ${list}`);
    this.findings = findings;
  }
}
