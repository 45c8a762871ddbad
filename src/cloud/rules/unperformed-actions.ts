/** @table Actions that are kept as they are given and fail when they fire: shapes of AWS IoT's service model (botocore 1.43.11), Action. */
import type { Json } from "../../codec/index.ts";
import { boolean, list, map, oneOf, record, string, type Shape } from "../operations/index.ts";
import { invalidRequest } from "../errors.ts";
import { parseTemplate } from "./template.ts";

const TEXT = string({ min: 1, max: 4096 });
/** Roles and resources are not modelled: whatever can be one is accepted. */
const ARN = string({ min: 20, max: 2048, pattern: /arn:aws[a-zA-Z-]*:[^:\s]+:[^:\s]*:[^:\s]*:\S+/ });
const KEY_TYPE = oneOf("STRING", "NUMBER");
const ENDPOINT = string({ min: 8, max: 2048, pattern: /https?:\/\/.*/ });

const SEARCH = record({ roleArn: ARN, endpoint: ENDPOINT, index: TEXT, type: TEXT, id: TEXT }, [
  "roleArn",
  "endpoint",
  "index",
  "type",
  "id",
]);

const SITEWISE_VALUE = record(
  {
    value: record({
      stringValue: string({ min: 1, max: 1024 }),
      integerValue: TEXT,
      doubleValue: TEXT,
      booleanValue: TEXT,
    }),
    timestamp: record({ timeInSeconds: TEXT, offsetInNanos: TEXT }, ["timeInSeconds"]),
    quality: TEXT,
  },
  ["value", "timestamp"],
);

/** The shape of each action's parameters. */
export const UNPERFORMED = {
  cloudwatchAlarm: record({ roleArn: ARN, alarmName: TEXT, stateReason: TEXT, stateValue: TEXT }, [
    "roleArn",
    "alarmName",
    "stateReason",
    "stateValue",
  ]),
  dynamoDB: record(
    {
      tableName: TEXT,
      roleArn: ARN,
      operation: TEXT,
      hashKeyField: TEXT,
      hashKeyValue: TEXT,
      hashKeyType: KEY_TYPE,
      rangeKeyField: TEXT,
      rangeKeyValue: TEXT,
      rangeKeyType: KEY_TYPE,
      payloadField: TEXT,
    },
    ["tableName", "roleArn", "hashKeyField", "hashKeyValue"],
  ),
  dynamoDBv2: record({ roleArn: ARN, putItem: record({ tableName: TEXT }, ["tableName"]) }, ["roleArn", "putItem"]),
  elasticsearch: SEARCH,
  firehose: record(
    {
      roleArn: ARN,
      deliveryStreamName: TEXT,
      separator: string({ pattern: /[\n\t]|\r\n|,/ }),
      batchMode: boolean,
    },
    ["roleArn", "deliveryStreamName"],
  ),
  iotAnalytics: record({ channelArn: ARN, channelName: TEXT, batchMode: boolean, roleArn: ARN }),
  iotEvents: record(
    { inputName: string({ min: 1, max: 128 }), messageId: string({ max: 128 }), batchMode: boolean, roleArn: ARN },
    ["inputName", "roleArn"],
  ),
  iotSiteWise: record(
    {
      putAssetPropertyValueEntries: list(
        record(
          {
            entryId: TEXT,
            assetId: TEXT,
            propertyId: TEXT,
            propertyAlias: TEXT,
            propertyValues: list(SITEWISE_VALUE, { min: 1, max: 100 }),
          },
          ["propertyValues"],
        ),
        { min: 1, max: 100 },
      ),
      roleArn: ARN,
    },
    ["putAssetPropertyValueEntries", "roleArn"],
  ),
  kafka: record(
    {
      destinationArn: ARN,
      topic: TEXT,
      key: TEXT,
      partition: TEXT,
      clientProperties: map(TEXT, string({ max: 16_384 }), { max: 100 }),
      headers: list(record({ key: string({ max: 16_384 }), value: string({ max: 16_384 }) }, ["key", "value"]), {
        min: 1,
        max: 100,
      }),
    },
    ["destinationArn", "topic", "clientProperties"],
  ),
  kinesis: record({ roleArn: ARN, streamName: TEXT, partitionKey: TEXT }, ["roleArn", "streamName"]),
  location: record(
    {
      roleArn: ARN,
      trackerName: TEXT,
      deviceId: TEXT,
      timestamp: record({ value: TEXT, unit: TEXT }, ["value"]),
      latitude: TEXT,
      longitude: TEXT,
    },
    ["roleArn", "trackerName", "deviceId", "latitude", "longitude"],
  ),
  openSearch: SEARCH,
  salesforce: record(
    {
      token: string({ min: 40, max: 4096 }),
      url: string({
        max: 2000,
        pattern:
          /https:\/\/ingestion-[a-zA-Z0-9]{1,12}\.[a-zA-Z0-9]+\.((sfdc-matrix\.net)|(sfdcnow\.com))\/streams\/\w{1,20}\/\w{1,20}\/event/,
      }),
    },
    ["token", "url"],
  ),
  sns: record({ targetArn: ARN, roleArn: ARN, messageFormat: oneOf("RAW", "JSON") }, ["targetArn", "roleArn"]),
  sqs: record({ roleArn: ARN, queueUrl: TEXT, useBase64: boolean }, ["roleArn", "queueUrl"]),
  stepFunctions: record({ executionNamePrefix: TEXT, stateMachineName: TEXT, roleArn: ARN }, [
    "stateMachineName",
    "roleArn",
  ]),
  timestream: record(
    {
      roleArn: ARN,
      databaseName: TEXT,
      tableName: TEXT,
      dimensions: list(record({ name: TEXT, value: TEXT }, ["name", "value"]), { min: 1, max: 128 }),
      timestamp: record({ value: TEXT, unit: TEXT }, ["value", "unit"]),
    },
    ["roleArn", "databaseName", "tableName", "dimensions"],
  ),
} as const satisfies Readonly<Record<string, Shape<unknown>>>;

/** The name of such an action. */
export type UnperformedName = keyof typeof UNPERFORMED;

/** What AWS calls each of them when it fails, and the parameter that names what it would act upon. */
export const UNPERFORMED_FACTS: Readonly<Record<UnperformedName, { readonly called: string; readonly on: string }>> = {
  cloudwatchAlarm: { called: "CloudwatchAlarmAction", on: "alarmName" },
  dynamoDB: { called: "DynamoAction", on: "tableName" },
  dynamoDBv2: { called: "DynamoDBv2Action", on: "putItem.tableName" },
  elasticsearch: { called: "ElasticsearchAction", on: "endpoint" },
  firehose: { called: "FirehoseAction", on: "deliveryStreamName" },
  iotAnalytics: { called: "IotAnalyticsAction", on: "channelName" },
  iotEvents: { called: "IotEventsAction", on: "inputName" },
  iotSiteWise: { called: "IotSiteWiseAction", on: "roleArn" },
  kafka: { called: "KafkaAction", on: "destinationArn" },
  kinesis: { called: "KinesisAction", on: "streamName" },
  location: { called: "LocationAction", on: "trackerName" },
  openSearch: { called: "OpenSearchAction", on: "endpoint" },
  salesforce: { called: "SalesforceAction", on: "url" },
  sns: { called: "SnsAction", on: "targetArn" },
  sqs: { called: "SqsAction", on: "queueUrl" },
  stepFunctions: { called: "StepFunctionsAction", on: "stateMachineName" },
  timestream: { called: "TimestreamAction", on: "tableName" },
};

/** An action that is kept and not performed. `resource` is what it would act upon, as it was given. */
export type UnperformedAction = {
  readonly kind: "unperformed";
  readonly name: UnperformedName;
  readonly resource: string;
};

/** Whether an action is one that is kept and not performed. */
export function isUnperformed(name: string): name is UnperformedName {
  return Object.hasOwn(UNPERFORMED, name);
}

/**
 * Checks the parameters of such an action, their templates included. Throws `UsageError` `invalid-request` or
 * `sql-parse`; `at` names the place in the request.
 */
export function readUnperformed(name: UnperformedName, parameters: Json, at: string): UnperformedAction {
  checkTemplates(parameters, at);
  const { on } = UNPERFORMED_FACTS[name];
  const path = on.split(".");
  const found = path.reduce<Json | undefined>((value, member) => (value as Record<string, Json>)?.[member], parameters);
  if (name === "iotAnalytics" && found === undefined && !("channelArn" in (parameters as object))) {
    throw invalidRequest(`${at}.channelName is required`);
  }
  return { kind: "unperformed", name, resource: typeof found === "string" ? found : "" };
}

/** A client's properties of Kafka hold functions of its own, such as get_secret: they are read when they are used. */
const UNREAD = new Set(["clientProperties"]);

function checkTemplates(value: Json, at: string): void {
  if (typeof value === "string") return void parseTemplate(value, at);
  if (typeof value !== "object" || value === null) return;
  for (const [member, each] of Object.entries(value)) {
    if (!UNREAD.has(member)) checkTemplates(each, Array.isArray(value) ? `${at}[${member}]` : `${at}.${member}`);
  }
}
