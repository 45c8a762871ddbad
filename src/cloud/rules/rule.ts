import { type ShapeValue, boolean, list, oneOf, record, string } from "../operations/index.ts";
import { type Json, utf8Bytes } from "../../codec/index.ts";
import { invalidRequest } from "../errors.ts";
import { limitNamed, type AccountLimits } from "../registry/index.ts";
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

const PAYLOAD = record({
  sql: string({ min: 1 }),
  description: string({ max: 1024 }),
  actions: list(ACTION),
  ruleDisabled: boolean,
  awsIotSqlVersion: oneOf("2015-10-08", "2016-03-23", "beta"),
  errorAction: ACTION,
});

/** The body of CreateTopicRule. */
export type RulePayload = ShapeValue<typeof PAYLOAD>;

/**
 * Checks a rule; its size where there are limits, which one that is kept already has passed. Throws `UsageError` `invalid-request` or `sql-parse`, and `Conflict` `not-implemented` for settings of
 * actions that are absent, by name. AWS IoT API, TopicRulePayload
 */
export function readRule(name: string, given: Json, createdAt: number, limits?: AccountLimits): Rule {
  const payload = PAYLOAD.fromJson(given, "topicRulePayload");
  const { sql, actions, errorAction, ruleDisabled = false, awsIotSqlVersion = "2015-10-08" } = payload;
  if (sql === undefined) throw invalidRequest("topicRulePayload.sql is missing");
  if (actions === undefined) throw invalidRequest("topicRulePayload.actions is missing");
  if (limits) checkSize(payload, limits);
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

/** AWS IoT Core quotas, "Maximum size of a rule", "Maximum number of actions per rule" */
function checkSize(payload: RulePayload, limits: AccountLimits): void {
  const { ruleBytes, actionsPerRule } = limits;
  const bytes = utf8Bytes(JSON.stringify(payload)).length;
  if (bytes > ruleBytes) {
    const limit = limitNamed(limits, "ruleBytes");
    throw invalidRequest(`topicRulePayload has ${bytes} bytes, at most ${ruleBytes} (${limit})`);
  }
  const count = payload.actions?.length ?? 0;
  if (count <= actionsPerRule) return;
  const limit = limitNamed(limits, "actionsPerRule");
  throw invalidRequest(
    `topicRulePayload.actions must have at most ${actionsPerRule} elements, has ${count} (${limit})`,
  );
}
