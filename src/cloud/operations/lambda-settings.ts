/** @table Tags of functions, retries of their events and the account's limits: AWS Lambda's service model (botocore 1.43.11). */
import { body, OK, operation, query, queryList, required, uri } from "./operation.ts";
import { NAMESPACED_FUNCTION_NAME, QUALIFIER, TAGS } from "./lambda.ts";
import type { AccountSettings, EventInvokeConfig, EventInvokeConfigList, FunctionTags } from "./service-results.ts";
import { integer, list, record, string, unavailable } from "./shape.ts";

const RESOURCE = uri(
  string({
    min: 1,
    max: 256,
    pattern: /arn:(aws[a-zA-Z-]*):lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:function:[a-zA-Z0-9-_]+/,
  }),
);
const DESTINATION = record({ Destination: unavailable });
const EVENT_CONFIG = {
  FunctionName: uri(NAMESPACED_FUNCTION_NAME),
  Qualifier: query(QUALIFIER),
  MaximumRetryAttempts: body(integer({ min: 0, max: 2 })),
  MaximumEventAgeInSeconds: body(integer({ min: 60, max: 21_600 })),
  DestinationConfig: body(record({ OnSuccess: DESTINATION, OnFailure: DESTINATION })),
} as const;
const NAMED = { FunctionName: uri(NAMESPACED_FUNCTION_NAME), Qualifier: query(QUALIFIER) } as const;
const EVENT_PATH = "/2019-09-25/functions/{FunctionName}/event-invoke-config";
const NOT_FOUND = ["InvalidParameterValueException", "ResourceNotFoundException"] as const;

export const LAMBDA_SETTING_OPERATIONS = {
  PutFunctionEventInvokeConfig: operation<EventInvokeConfig>()({
    service: "lambda",
    method: "PUT",
    path: EVENT_PATH,
    input: EVENT_CONFIG,
    output: OK,
    errors: NOT_FOUND,
  }),
  UpdateFunctionEventInvokeConfig: operation<EventInvokeConfig>()({
    service: "lambda",
    method: "POST",
    path: EVENT_PATH,
    input: EVENT_CONFIG,
    output: OK,
    errors: NOT_FOUND,
  }),
  GetFunctionEventInvokeConfig: operation<EventInvokeConfig>()({
    service: "lambda",
    method: "GET",
    path: EVENT_PATH,
    input: NAMED,
    output: OK,
    errors: NOT_FOUND,
  }),
  DeleteFunctionEventInvokeConfig: operation<void>()({
    service: "lambda",
    method: "DELETE",
    path: EVENT_PATH,
    input: NAMED,
    output: { status: 204 },
    errors: NOT_FOUND,
  }),
  ListFunctionEventInvokeConfigs: operation<EventInvokeConfigList>()({
    service: "lambda",
    method: "GET",
    path: `${EVENT_PATH}/list`,
    input: {
      FunctionName: uri(NAMESPACED_FUNCTION_NAME),
      Marker: query(string({ max: 1024 })),
      MaxItems: query(integer({ min: 1, max: 50 })),
    },
    output: OK,
    errors: NOT_FOUND,
  }),
  ListFunctionTags: operation<FunctionTags>()({
    service: "lambda",
    name: "ListTags",
    method: "GET",
    path: "/2017-03-31/tags/{Resource}",
    input: { Resource: RESOURCE },
    output: OK,
    errors: NOT_FOUND,
  }),
  TagFunction: operation<void>()({
    service: "lambda",
    name: "TagResource",
    method: "POST",
    path: "/2017-03-31/tags/{Resource}",
    input: { Resource: RESOURCE, Tags: required(body(TAGS)) },
    output: { status: 204 },
    errors: NOT_FOUND,
  }),
  UntagFunction: operation<void>()({
    service: "lambda",
    name: "UntagResource",
    method: "DELETE",
    path: "/2017-03-31/tags/{Resource}",
    input: { Resource: RESOURCE, TagKeys: required(queryList(list(string({ max: 128 }), { max: 50 }), "tagKeys")) },
    output: { status: 204 },
    errors: NOT_FOUND,
  }),
  GetAccountSettings: operation<AccountSettings>()({
    service: "lambda",
    method: "GET",
    path: "/2016-08-19/account-settings",
    input: {},
    output: OK,
    errors: [],
  }),
} as const;
