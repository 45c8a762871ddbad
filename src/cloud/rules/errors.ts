import { Denied, UsageError, type ErrorTable } from "../../codec/index.ts";

/** The codes of `cloud/rules`. */
export const RULE_ERRORS = {
  "sql-parse": {
    cause: "A rule's SQL cannot be read, or uses a part of the language that this version does not have.",
    cure: "The message names the character and what was expected there, or what is absent.",
  },
  "rule-access-denied": {
    cause: "No topic rule or destination has this name. AWS IoT answers so instead of saying that it does not exist.",
    cure: "aws iot list-topic-rules and list-topic-rule-destinations show the names; tokens work once, for three days.",
  },
  "recording-not-found": {
    cause: "No recording of live traffic has this id: it was stopped, or nobody fetched from it for half a minute.",
    cure: "Start another one with hawser rules record; a slow network needs larger pages, not longer pauses.",
  },
  "http-action": {
    cause:
      "A rule's HTTP action, or the confirmation of its destination, got no answer: no connection, or no time left.",
    cure: "The message says why. Private addresses and plain HTTP need hawser up --allow-private-destinations.",
  },
} as const satisfies ErrorTable;

export type RuleErrorCode = keyof typeof RULE_ERRORS;

/** A rule's SQL, or a template in one of its actions, is wrong or asks for what is absent, at a place in its text. */
export class SqlError extends UsageError<RuleErrorCode> {
  readonly problem: string;
  /** The offending character, counted from 1. */
  readonly character: number;

  constructor(problem: string, at: number, text = "the SQL") {
    super("sql-parse", `${problem} at character ${at + 1} of ${text}`);
    this.problem = problem;
    this.character = at + 1;
  }
}

/** No rule has this name. AWS IoT API, GetTopicRule */
export function ruleDenied(name: string): Denied<RuleErrorCode> {
  return new Denied("rule-access-denied", `Access to topic rule '${name}' was denied`);
}

/** No destination has this ARN or token. AWS IoT API, GetTopicRuleDestination */
export function destinationDenied(which: string): Denied<RuleErrorCode> {
  return new Denied("rule-access-denied", `Access to topic rule destination '${which}' was denied`);
}
