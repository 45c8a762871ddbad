import type { HttpAnswer, HttpRequest } from "./index.ts";
import type { ActionDoors, HttpDoor } from "./perform.ts";
import type { Json } from "../../codec/index.ts";
import type { UnperformedName } from "./unperformed-actions.ts";

/** Doors to the outside that remember what went through. */
export class Outside implements Pick<ActionDoors, "http" | "objects"> {
  readonly sent: HttpRequest[] = [];
  readonly written: { readonly path: string; readonly text: string }[] = [];
  readonly enabled = new Set<string>();
  /** What a request is answered. */
  answer: (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer> = () => answered(200);

  readonly http: HttpDoor = {
    sender: {
      send: async (request) => {
        this.sent.push(request);
        return this.answer(request);
      },
    },
    isEnabled: (url) => this.enabled.has(url),
  };

  readonly objects = {
    write: async (bucket: string, key: string, bytes: Uint8Array): Promise<string> => {
      this.written.push({ path: `${bucket}/${key}`, text: new TextDecoder().decode(bytes) });
      return `memory:${bucket}/${key}`;
    },
  };
}

/** An answer without a body. */
export function answered(status: number): HttpAnswer {
  return { status, bodyBytes: 0, closes: false };
}

const ROLE = "arn:aws:iam::123456789012:role/r";
type Parameters_ = Readonly<Record<string, Json>>;

/** Each action as people write it, what it would act upon, and a parameter in which a template may stand. */
export const EXAMPLES: Readonly<Record<UnperformedName, readonly [given: Parameters_, resource: string, at: string]>> =
  {
    cloudwatchAlarm: [
      { roleArn: ROLE, alarmName: "hot", stateReason: "${temperature} is too much", stateValue: "ALARM" },
      "hot",
      "stateReason",
    ],
    dynamoDB: [
      {
        tableName: "t",
        roleArn: ROLE,
        operation: "INSERT",
        hashKeyField: "k",
        hashKeyValue: "${topic(2)}",
        hashKeyType: "STRING",
        rangeKeyField: "r",
        rangeKeyValue: "${timestamp()}",
        rangeKeyType: "NUMBER",
        payloadField: "p",
      },
      "t",
      "hashKeyValue",
    ],
    dynamoDBv2: [{ roleArn: ROLE, putItem: { tableName: "t2" } }, "t2", "putItem.tableName"],
    elasticsearch: [
      { roleArn: ROLE, endpoint: "https://search.example", index: "i", type: "t", id: "${newuuid()}" },
      "https://search.example",
      "id",
    ],
    firehose: [
      { roleArn: ROLE, deliveryStreamName: "s", separator: "\n", batchMode: false },
      "s",
      "deliveryStreamName",
    ],
    iotAnalytics: [{ channelName: "c", batchMode: true, roleArn: ROLE }, "c", "channelName"],
    iotEvents: [{ inputName: "i", messageId: "${id}", batchMode: false, roleArn: ROLE }, "i", "messageId"],
    iotSiteWise: [
      {
        roleArn: ROLE,
        putAssetPropertyValueEntries: [
          {
            propertyAlias: "/site/${topic(2)}",
            propertyValues: [
              {
                value: { doubleValue: "${v}" },
                timestamp: { timeInSeconds: "${floor(timestamp() / 1000)}", offsetInNanos: "0" },
                quality: "GOOD",
              },
            ],
          },
        ],
      },
      "",
      "putAssetPropertyValueEntries[0].propertyAlias",
    ],
    kafka: [
      {
        destinationArn: "arn:aws:iot:eu-central-1:123456789012:ruledestination/vpc/1",
        topic: "${topic()}",
        key: "${clientid()}",
        clientProperties: {
          "bootstrap.servers": "b:9092",
          "sasl.scram.username": "${get_secret('s', 'SecretString', 'user', 'arn:aws:iam::123456789012:role/r')}",
        },
        headers: [{ key: "k", value: "${v}" }],
      },
      "arn:aws:iot:eu-central-1:123456789012:ruledestination/vpc/1",
      "headers[0].value",
    ],
    kinesis: [{ roleArn: ROLE, streamName: "s", partitionKey: "${topic()}" }, "s", "partitionKey"],
    location: [
      {
        roleArn: ROLE,
        trackerName: "t",
        deviceId: "${clientid()}",
        timestamp: { value: "${timestamp()}", unit: "MILLISECONDS" },
        latitude: "${get(position, 0)}",
        longitude: "${get(position, 1)}",
      },
      "t",
      "timestamp.value",
    ],
    openSearch: [
      { roleArn: ROLE, endpoint: "https://open.example", index: "i", type: "t", id: "${newuuid()}" },
      "https://open.example",
      "index",
    ],
    salesforce: [
      {
        token: "x".repeat(40),
        url: "https://ingestion-a1.b.sfdc-matrix.net/streams/a/b/event",
      },
      "https://ingestion-a1.b.sfdc-matrix.net/streams/a/b/event",
      "token",
    ],
    sns: [
      { targetArn: "arn:aws:sns:eu-central-1:123456789012:topic", roleArn: ROLE, messageFormat: "RAW" },
      "arn:aws:sns:eu-central-1:123456789012:topic",
      "targetArn",
    ],
    sqs: [{ roleArn: ROLE, queueUrl: "https://q.example/1/q", useBase64: false }, "https://q.example/1/q", "queueUrl"],
    stepFunctions: [{ executionNamePrefix: "p", stateMachineName: "m", roleArn: ROLE }, "m", "executionNamePrefix"],
    timestream: [
      {
        roleArn: ROLE,
        databaseName: "d",
        tableName: "t",
        dimensions: [{ name: "device", value: "${clientid()}" }],
        timestamp: { value: "${timestamp()}", unit: "MILLISECONDS" },
      },
      "t",
      "dimensions[0].value",
    ],
  };
