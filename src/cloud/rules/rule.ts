import { invalidRequest } from "../errors.ts";
import { boolean, list, oneOf, record, string, unavailable, type Json, type ShapeValue } from "../api/shape.ts";
import { parseSql, type RuleQuery } from "./sql.ts";

/** What a rule does with a message. */
export type RuleAction = { readonly lambda: { readonly functionArn: string } };

/** A rule, checked. `payload` is what CreateTopicRule was given. */
export type Rule = {
  readonly name: string;
  readonly query: RuleQuery;
  readonly actions: readonly RuleAction[];
  readonly isDisabled: boolean;
  readonly payload: RulePayload;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
};

const FUNCTION_ARN = string({
  min: 1,
  max: 2048,
  pattern: /arn:aws[a-zA-Z-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(:[\w$-]+)?/,
});

/** The actions of AWS IoT; all but the function are refused by name when a rule is made, not when it fires. */
const ACTION = record({
  lambda: record({ functionArn: FUNCTION_ARN }),
  cloudwatchAlarm: unavailable,
  cloudwatchLogs: unavailable,
  cloudwatchMetric: unavailable,
  dynamoDB: unavailable,
  dynamoDBv2: unavailable,
  elasticsearch: unavailable,
  firehose: unavailable,
  http: unavailable,
  iotAnalytics: unavailable,
  iotEvents: unavailable,
  iotSiteWise: unavailable,
  kafka: unavailable,
  kinesis: unavailable,
  location: unavailable,
  openSearch: unavailable,
  republish: unavailable,
  s3: unavailable,
  salesforce: unavailable,
  sns: unavailable,
  sqs: unavailable,
  stepFunctions: unavailable,
  timestream: unavailable,
});

const PAYLOAD = record({
  sql: string({ min: 1, max: 65_536 }),
  description: string({ max: 1024 }),
  actions: list(ACTION, { max: 10 }),
  ruleDisabled: boolean,
  awsIotSqlVersion: oneOf("2015-10-08", "2016-03-23"),
  errorAction: unavailable,
});

/** The body of CreateTopicRule. */
export type RulePayload = ShapeValue<typeof PAYLOAD>;

/**
 * Checks a rule. Throws `UsageError` `invalid-request` or `sql-parse`, and `Conflict` `not-implemented` for actions and
 * settings that are absent, by name. AWS IoT API, TopicRulePayload
 */
export function readRule(name: string, given: Json, createdAt: number): Rule {
  const payload = PAYLOAD.fromJson(given, "topicRulePayload");
  const { sql, actions, ruleDisabled = false } = payload;
  if (sql === undefined) throw invalidRequest("topicRulePayload.sql is missing");
  if (actions === undefined) throw invalidRequest("topicRulePayload.actions is missing");
  const read = actions.map((action, i): RuleAction => {
    const functionArn = action.lambda?.functionArn;
    if (functionArn !== undefined) return { lambda: { functionArn } };
    const at = `topicRulePayload.actions[${i}]`;
    throw invalidRequest(action.lambda ? `${at}.lambda.functionArn is missing` : `${at} must name one action`);
  });
  return { name, query: parseSql(sql), actions: read, isDisabled: ruleDisabled, payload, createdAt };
}
