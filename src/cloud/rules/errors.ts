import { Denied, UsageError, type ErrorTable } from "../../codec/index.ts";

/** The codes of `cloud/rules`. */
export const RULE_ERRORS = {
  "sql-parse": {
    cause: "A rule's SQL cannot be read, or uses a part of the language that this version does not have.",
    cure: "The message names the character and what was expected there, or what is absent.",
  },
  "rule-access-denied": {
    cause: "No topic rule has this name. AWS IoT answers so instead of saying that it does not exist.",
    cure: "aws iot list-topic-rules shows the names.",
  },
} as const satisfies ErrorTable;

export type RuleErrorCode = keyof typeof RULE_ERRORS;

/** A rule's SQL is wrong, or asks for what is absent, at a place in its text. */
export class SqlError extends UsageError<RuleErrorCode> {
  /** The offending character, counted from 1. */
  readonly character: number;

  constructor(problem: string, at: number) {
    super("sql-parse", `${problem} at character ${at + 1} of the SQL`);
    this.character = at + 1;
  }
}

/** No rule has this name. AWS IoT API, GetTopicRule */
export function ruleDenied(name: string): Denied<RuleErrorCode> {
  return new Denied("rule-access-denied", `Access to topic rule '${name}' was denied`);
}
