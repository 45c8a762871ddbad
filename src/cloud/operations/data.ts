import { header, OK, operation, payload, query, uri } from "./operation.ts";
import { blob, boolean, integer, oneOf, string } from "./shape.ts";

/** @table AWS IoT's data plane over HTTP. Paths and places from its service model (botocore 1.43.11, iot-data). */
export const DATA_OPERATIONS = {
  Publish: operation<{ readonly message: "OK"; readonly traceId: string }>()({
    service: "iot-data",
    method: "POST",
    path: "/topics/{topic+}",
    input: {
      topic: uri(string({ min: 1, max: 65_535 })),
      qos: query(integer({ min: 0, max: 1 })),
      retain: query(boolean),
      payload: payload(blob),
      /** Base64 of a JSON list of objects with one member each. */
      userProperties: header("x-amz-mqtt5-user-properties", string({ max: 16_384 })),
      payloadFormatIndicator: header("x-amz-mqtt5-payload-format-indicator", oneOf("UNSPECIFIED_BYTES", "UTF8_DATA")),
      contentType: query(string({ max: 256 })),
      responseTopic: query(string({ max: 256 })),
      correlationData: header("x-amz-mqtt5-correlation-data", blob),
      messageExpiry: query(integer({ min: 0, max: 4_294_967_295 })),
    },
    output: OK,
    errors: [],
  }),
  GetRetainedMessage: operation<RetainedMessageResult>()({
    service: "iot-data",
    method: "GET",
    path: "/retainedMessage/{topic+}",
    input: { topic: uri(string({ min: 1, max: 65_535 })) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  ListRetainedMessages: operation<RetainedMessagePage>()({
    service: "iot-data",
    method: "GET",
    path: "/retainedMessage",
    input: { nextToken: query(string({ max: 65_535 })), maxResults: query(integer({ min: 1, max: 200 })) },
    output: OK,
    errors: [],
  }),
  DeleteConnection: operation<undefined>()({
    service: "iot-data",
    method: "DELETE",
    path: "/connections/{clientId}",
    input: {
      clientId: uri(string({ min: 1, max: 128, pattern: /[^$][^]*/ })),
      cleanSession: query(boolean),
      preventWillMessage: query(boolean),
    },
    output: OK,
    errors: ["ForbiddenException", "ResourceNotFoundException"],
  }),
} as const;

/** A retained message; bytes in base64, `lastModifiedTime` in milliseconds since 1970. */
export type RetainedMessageResult = {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  readonly lastModifiedTime?: number;
  readonly userProperties?: string;
};

/** One page of topics that have a retained message. */
export type RetainedMessagePage = {
  readonly retainedTopics: readonly {
    readonly topic: string;
    readonly payloadSize: number;
    readonly qos: number;
    readonly lastModifiedTime?: number;
  }[];
  readonly nextToken?: string;
};
