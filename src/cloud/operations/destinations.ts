/** @table Destinations of topic rules. Paths, places, shapes and errors from AWS IoT's service model (botocore 1.43.11). */
import { body, OK, operation, query, required, uri } from "./operation.ts";
import type { TopicRuleDestination, TopicRuleDestinationList } from "./service-results.ts";
import { integer, oneOf, record, string, unavailable } from "./shape.ts";

const ARN = string({ min: 1, max: 2048 });
const URL_TEXT = string({ min: 8, max: 2000, pattern: /https?:\/\/[^\s]+/ });

export const DESTINATION_OPERATIONS = {
  CreateTopicRuleDestination: operation<{ readonly topicRuleDestination: TopicRuleDestination }>()({
    service: "iot",
    method: "POST",
    path: "/destinations",
    input: {
      destinationConfiguration: required(
        body(
          record({
            httpUrlConfiguration: record({ confirmationUrl: URL_TEXT }, ["confirmationUrl"]),
            vpcConfiguration: unavailable,
          }),
        ),
      ),
    },
    output: OK,
    errors: ["ResourceAlreadyExistsException", "ConflictingResourceUpdateException"],
  }),
  ConfirmTopicRuleDestination: operation<void>()({
    service: "iot",
    method: "GET",
    path: "/confirmdestination/{confirmationToken+}",
    input: { confirmationToken: uri(string({ min: 1, max: 2048 })) },
    output: OK,
    errors: ["ConflictingResourceUpdateException"],
  }),
  GetTopicRuleDestination: operation<{ readonly topicRuleDestination: TopicRuleDestination }>()({
    service: "iot",
    method: "GET",
    path: "/destinations/{arn+}",
    input: { arn: uri(ARN) },
    output: OK,
    errors: [],
  }),
  UpdateTopicRuleDestination: operation<void>()({
    service: "iot",
    method: "PATCH",
    path: "/destinations",
    input: {
      arn: required(body(ARN)),
      status: required(body(oneOf("ENABLED", "IN_PROGRESS", "DISABLED", "ERROR", "DELETING"))),
    },
    output: OK,
    errors: ["ConflictingResourceUpdateException"],
  }),
  ListTopicRuleDestinations: operation<TopicRuleDestinationList>()({
    service: "iot",
    method: "GET",
    path: "/destinations",
    input: { maxResults: query(integer({ min: 1, max: 1000 })), nextToken: query(string({ max: 1024 })) },
    output: OK,
    errors: [],
  }),
  DeleteTopicRuleDestination: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/destinations/{arn+}",
    input: { arn: uri(ARN) },
    output: OK,
    errors: ["ConflictingResourceUpdateException"],
  }),
} as const;
