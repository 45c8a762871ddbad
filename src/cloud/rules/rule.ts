import { type ShapeValue, boolean, list, oneOf, record, string } from "../operations/index.ts";
import { type Json, utf8Bytes } from "../../codec/index.ts";
import { invalidRequest } from "../errors.ts";
import { ACTION, readAction, type RuleAction } from "./rule-actions.ts";
import type { RuleQuery } from "./sql-ast.ts";
import { parseSql } from "./sql-parse.ts";

/** A rule, checked. `payload` is what CreateTopicRule was given. */
export type Rule = {
  readonly name: string;
  readonly query: RuleQuery;
  readonly actions: readonly RuleAction[];
  readonly errorAction: RuleAction | undefined;
  readonly isDisabled: boolean;
  readonly payload: RulePayload;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
};

/** A rule with its SQL, as JSON. AWS IoT Core quotas, "Maximum size of a rule" */
const MAX_RULE_BYTES = 256 * 1024;

const PAYLOAD = record({
  sql: string({ min: 1, max: MAX_RULE_BYTES }),
  description: string({ max: 1024 }),
  actions: list(ACTION, { max: 10 }),
  ruleDisabled: boolean,
  awsIotSqlVersion: oneOf("2015-10-08", "2016-03-23", "beta"),
  errorAction: ACTION,
});

/** The body of CreateTopicRule. */
export type RulePayload = ShapeValue<typeof PAYLOAD>;

/**
 * Checks a rule. Throws `UsageError` `invalid-request` or `sql-parse`, and `Conflict` `not-implemented` for settings of
 * actions that are absent, by name. AWS IoT API, TopicRulePayload
 */
export function readRule(name: string, given: Json, createdAt: number): Rule {
  const payload = PAYLOAD.fromJson(given, "topicRulePayload");
  const { sql, actions, errorAction, ruleDisabled = false, awsIotSqlVersion = "2015-10-08" } = payload;
  const bytes = utf8Bytes(JSON.stringify(payload)).length;
  if (bytes > MAX_RULE_BYTES) throw invalidRequest(`topicRulePayload has ${bytes} bytes, at most ${MAX_RULE_BYTES}`);
  if (sql === undefined) throw invalidRequest("topicRulePayload.sql is missing");
  if (actions === undefined) throw invalidRequest("topicRulePayload.actions is missing");
  return {
    name,
    query: parseSql(sql, awsIotSqlVersion),
    actions: actions.map((action, i) => readAction(action, `topicRulePayload.actions[${i}]`)),
    errorAction: errorAction && readAction(errorAction, "topicRulePayload.errorAction"),
    isDisabled: ruleDisabled,
    payload,
    createdAt,
  };
}
