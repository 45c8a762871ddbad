import { boolean, document, integer, string, unavailable } from "./shape.ts";
import { header, OK, operation, payload, query, required, uri } from "./operation.ts";
import type { TopicRule, TopicRuleList } from "./services.ts";

const RULE_NAME = string({ min: 1, max: 128, pattern: /[a-zA-Z0-9_]+/ });

/** Topic rules. The body of CreateTopicRule and ReplaceTopicRule is the rule itself; the rules room reads and checks it. */
export const RULE_OPERATIONS = {
  CreateTopicRule: operation<void>()({
    service: "iot",
    method: "POST",
    path: "/rules/{ruleName}",
    input: {
      ruleName: uri(RULE_NAME),
      topicRulePayload: required(payload(document)),
      tags: header("x-amz-tagging", unavailable),
    },
    output: OK,
    errors: ["SqlParseException", "ResourceAlreadyExistsException", "ConflictingResourceUpdateException"],
  }),
  GetTopicRule: operation<TopicRule>()({
    service: "iot",
    method: "GET",
    path: "/rules/{ruleName}",
    input: { ruleName: uri(RULE_NAME) },
    output: OK,
    errors: [],
  }),
  ReplaceTopicRule: operation<void>()({
    service: "iot",
    method: "PATCH",
    path: "/rules/{ruleName}",
    input: { ruleName: uri(RULE_NAME), topicRulePayload: required(payload(document)) },
    output: OK,
    errors: ["SqlParseException", "ConflictingResourceUpdateException"],
  }),
  ListTopicRules: operation<TopicRuleList>()({
    service: "iot",
    method: "GET",
    path: "/rules",
    input: {
      topic: query(string()),
      maxResults: query(integer({ min: 1, max: 10_000 })),
      nextToken: query(string({ max: 1024 })),
      ruleDisabled: query(boolean),
    },
    output: OK,
    errors: [],
  }),
  EnableTopicRule: operation<void>()({
    service: "iot",
    method: "POST",
    path: "/rules/{ruleName}/enable",
    input: { ruleName: uri(RULE_NAME) },
    output: OK,
    errors: ["ConflictingResourceUpdateException"],
  }),
  DisableTopicRule: operation<void>()({
    service: "iot",
    method: "POST",
    path: "/rules/{ruleName}/disable",
    input: { ruleName: uri(RULE_NAME) },
    output: OK,
    errors: ["ConflictingResourceUpdateException"],
  }),
  DeleteTopicRule: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/rules/{ruleName}",
    input: { ruleName: uri(RULE_NAME) },
    output: OK,
    errors: ["ConflictingResourceUpdateException"],
  }),
} as const;
