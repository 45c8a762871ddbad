import { UsageError, type ErrorTable } from "../../codec/index.ts";

/** The codes of `cloud/policy`. */
export const POLICY_ERRORS = {
  "malformed-policy": {
    cause: "A policy document is not JSON, or breaks a rule of the policy language.",
    cure: "The message names the place and the rule; correct the document and create the policy again.",
  },
} as const satisfies ErrorTable;

export type PolicyErrorCode = keyof typeof POLICY_ERRORS;

/** A policy document that breaks `rule` at `place`, a path such as `Statement[0].Resource[1]`. */
export class MalformedPolicy extends UsageError<PolicyErrorCode> {
  readonly place: string;
  readonly rule: string;

  constructor(place: string, rule: string) {
    super("malformed-policy", `${place}: ${rule}`);
    this.place = place;
    this.rule = rule;
  }
}
