import { invalidRequest } from "../errors.ts";
import { boolean, document, integer, string, type Shape } from "./shape.ts";
import { header, OK, operation, payload, query, required, uri } from "./operation.ts";
import type { TopicRule, TopicRuleList } from "./service-results.ts";

const RULE_NAME = string({ min: 1, max: 128, pattern: /[a-zA-Z0-9_]+/ });

/** AWS, "Tagging your AWS IoT resources" */
const MAX_TAGS = 50;

type Tag = { readonly Key: string; readonly Value: string };

/** Tags as a header has them: `key=value&key2=value2`, percent-encoded. AWS IoT API, CreateTopicRule, tags */
const TAGGING: Shape<readonly Tag[]> = {
  schema: { type: "string" },
  fromJson: (_, at) => {
    throw invalidRequest(`${at} travels as a text`);
  },
  fromText(text, at) {
    const pairs = text.split("&");
    if (pairs.length > MAX_TAGS) throw invalidRequest(`${at} has ${pairs.length} tags, at most ${MAX_TAGS}`);
    return pairs.map((pair) => {
      const [key = "", value = "", ...more] = pair.split("=");
      try {
        if (key !== "" && more.length === 0) return { Key: decodeURIComponent(key), Value: decodeURIComponent(value) };
      } catch {
        // Told below.
      }
      throw invalidRequest(
        `${at} must be key=value pairs joined by &, percent-encoded, not ${JSON.stringify(pair.slice(0, 64))}`,
      );
    });
  },
  toJson: (tags) => tags,
  toText: (tags) => tags.map(({ Key, Value }) => `${encodeURIComponent(Key)}=${encodeURIComponent(Value)}`).join("&"),
};

/** Topic rules. The body of CreateTopicRule and ReplaceTopicRule is the rule itself; the rules room reads and checks it. */
export const RULE_OPERATIONS = {
  CreateTopicRule: operation<void>()({
    service: "iot",
    method: "POST",
    path: "/rules/{ruleName}",
    input: {
      ruleName: uri(RULE_NAME),
      topicRulePayload: required(payload(document)),
      tags: header("x-amz-tagging", TAGGING),
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
