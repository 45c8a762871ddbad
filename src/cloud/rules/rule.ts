import { invalidRequest } from "../errors.ts";
import {
  boolean,
  integer,
  list,
  oneOf,
  record,
  string,
  unavailable,
  type Json,
  type ShapeValue,
} from "../api/shape.ts";
import type { RuleQuery } from "./sql-ast.ts";
import { parseSql } from "./sql-parse.ts";
import { parseTemplate, type Template } from "./template.ts";

/** What a rule does with a message. */
export type RuleAction =
  | { readonly kind: "lambda"; readonly functionArn: string }
  | {
      readonly kind: "republish";
      readonly topic: Template;
      readonly qos: 0 | 1;
      readonly headers: Readonly<Partial<Record<Header, Template>>>;
      readonly userProperties: readonly { readonly key: Template; readonly value: Template }[];
    };

/** MQTT 5 properties that a republished message may be given. */
export type Header = "payloadFormatIndicator" | "contentType" | "responseTopic" | "correlationData" | "messageExpiry";

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

const FUNCTION_ARN = string({
  min: 1,
  max: 2048,
  pattern: /arn:aws[a-zA-Z-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(:[\w$-]+)?/,
});
/** Roles are not modelled: whatever can be one is accepted. */
const ROLE_ARN = string({ min: 20, max: 2048, pattern: /arn:aws[a-zA-Z-]*:iam::\d{12}:role\/\S+/ });
const HEADER = string({ max: 1024 });

const REPUBLISH = record({
  roleArn: ROLE_ARN,
  topic: string({ min: 1, max: 4096 }),
  qos: integer({ min: 0, max: 1 }),
  headers: record({
    payloadFormatIndicator: HEADER,
    contentType: HEADER,
    responseTopic: HEADER,
    correlationData: HEADER,
    messageExpiry: HEADER,
    userProperties: list(record({ key: HEADER, value: HEADER }), { min: 1, max: 100 }),
  }),
});

/** The actions of AWS IoT; those that are not built are refused by name when a rule is made, not when it fires. */
const ACTION = record({
  lambda: record({ functionArn: FUNCTION_ARN }),
  republish: REPUBLISH,
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
  awsIotSqlVersion: oneOf("2015-10-08", "2016-03-23", "beta"),
  errorAction: ACTION,
});

/** The body of CreateTopicRule. */
export type RulePayload = ShapeValue<typeof PAYLOAD>;

/**
 * Checks a rule. Throws `UsageError` `invalid-request` or `sql-parse`, and `Conflict` `not-implemented` for actions and
 * settings that are absent, by name. AWS IoT API, TopicRulePayload
 */
export function readRule(name: string, given: Json, createdAt: number): Rule {
  const payload = PAYLOAD.fromJson(given, "topicRulePayload");
  const { sql, actions, errorAction, ruleDisabled = false, awsIotSqlVersion = "2015-10-08" } = payload;
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

function readAction(action: ShapeValue<typeof ACTION>, at: string): RuleAction {
  const [kind, ...others] = Object.keys(action);
  if (kind === undefined || others.length > 0) throw invalidRequest(`${at} must name one action`);
  if (action.republish) return readRepublish(action.republish, `${at}.republish`);
  const functionArn = action.lambda?.functionArn;
  if (functionArn === undefined) throw invalidRequest(`${at}.lambda.functionArn is missing`);
  return { kind: "lambda", functionArn };
}

function readRepublish({ roleArn, topic, qos, headers = {} }: ShapeValue<typeof REPUBLISH>, at: string): RuleAction {
  if (roleArn === undefined) throw invalidRequest(`${at}.roleArn is missing`);
  if (topic === undefined) throw invalidRequest(`${at}.topic is missing`);
  const { userProperties = [], ...texts } = headers;
  return {
    kind: "republish",
    topic: parseTemplate(topic),
    qos: qos === 1 ? 1 : 0,
    headers: Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, parseTemplate(text)])),
    userProperties: userProperties.map(({ key, value }, i) => {
      if (key !== undefined && value !== undefined) return { key: parseTemplate(key), value: parseTemplate(value) };
      throw invalidRequest(`${at}.headers.userProperties[${i}] needs key and value`);
    }),
  };
}
