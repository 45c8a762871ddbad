/** @table The actions of topic rules: shapes and bounds of AWS IoT's service model (botocore 1.43.11), TopicRulePayload. */
import {
  type Shape,
  type ShapeValue,
  boolean,
  integer,
  list,
  oneOf,
  record,
  string,
  unavailable,
} from "../operations/index.ts";
import type { Json } from "../../codec/index.ts";
import { invalidRequest } from "../errors.ts";
import { parseTemplate, type Template } from "./template.ts";
import { isUnperformed, readUnperformed, UNPERFORMED, type UnperformedAction } from "./unperformed-actions.ts";

/** What a rule does with a message. `resource` is what it acts upon, as it was given. */
export type RuleAction = { readonly resource: string } & Performed;

type Performed =
  | { readonly kind: "lambda"; readonly functionArn: string }
  | {
      readonly kind: "republish";
      readonly topic: Template;
      readonly qos: 0 | 1;
      readonly headers: Readonly<Partial<Record<Header, Template>>>;
      readonly userProperties: readonly { readonly key: Template; readonly value: Template }[];
    }
  | {
      readonly kind: "http";
      readonly url: Template;
      /** The destination that must be confirmed: the URL begins with it. */
      readonly confirmationUrl: Template;
      readonly headers: readonly { readonly key: string; readonly value: Template }[];
      readonly sigv4: { readonly region: string; readonly service: string } | undefined;
    }
  | { readonly kind: "s3"; readonly bucket: Template; readonly key: Template }
  | { readonly kind: "cloudwatchLogs"; readonly logGroup: Template }
  | {
      readonly kind: "cloudwatchMetric";
      readonly namespace: Template;
      readonly name: Template;
      readonly value: Template;
      readonly unit: Template;
      readonly timestamp: Template | undefined;
    }
  | Omit<UnperformedAction, "resource">;

/** MQTT 5 properties that a republished message may be given. */
export type Header = "payloadFormatIndicator" | "contentType" | "responseTopic" | "correlationData" | "messageExpiry";

const FUNCTION_ARN = string({
  min: 1,
  max: 2048,
  pattern: /arn:aws[a-zA-Z-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(:[\w$-]+)?/,
});
/** Roles are not modelled: whatever can be one is accepted. */
const ROLE_ARN = string({ min: 20, max: 2048, pattern: /arn:aws[a-zA-Z-]*:iam::\d{12}:role\/\S+/ });
const HEADER = string({ max: 1024 });
const URL_TEXT = string({ min: 8, max: 2000, pattern: /https?:\/\/.+/ });
const TEXT = string({ min: 1, max: 1024 });

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

/** A switch that is not built: it may be named, as AWS's own descriptions of rules do, but not be on. */
const OFF: Shape<boolean> = {
  ...boolean,
  fromJson: (value, at) => (value === false ? false : unavailable.fromJson(value, at)),
};

/** RFC 9110, section 5.6.2 */
const HEADER_NAME = string({ min: 1, max: 256, pattern: /[!#$%&'*+.^_`|~0-9A-Za-z-]+/ });

const HTTP = record(
  {
    url: URL_TEXT,
    confirmationUrl: URL_TEXT,
    headers: list(record({ key: HEADER_NAME, value: string({ max: 4096 }) }, ["key", "value"]), { max: 100 }),
    auth: record({
      sigv4: record(
        {
          signingRegion: string({ min: 1, max: 64, pattern: /[a-z0-9-]+/ }),
          serviceName: string({ min: 1, max: 64, pattern: /[A-Za-z0-9-]+/ }),
          roleArn: ROLE_ARN,
        },
        ["signingRegion", "serviceName", "roleArn"],
      ),
    }),
    enableBatching: OFF,
    batchConfig: unavailable,
  },
  ["url"],
);

const S3 = record(
  {
    roleArn: ROLE_ARN,
    bucketName: string({ min: 1, max: 256 }),
    key: string({ min: 1, max: 1024 }),
    // Objects are files of the data directory: nobody else reads them.
    cannedAcl: oneOf("private"),
  },
  ["roleArn", "bucketName", "key"],
);

const LOGS = record({ roleArn: ROLE_ARN, logGroupName: string({ min: 1, max: 512 }), batchMode: OFF }, [
  "roleArn",
  "logGroupName",
]);

const METRIC = record(
  {
    roleArn: ROLE_ARN,
    metricNamespace: TEXT,
    metricName: TEXT,
    metricValue: TEXT,
    metricUnit: TEXT,
    metricTimestamp: TEXT,
  },
  ["roleArn", "metricNamespace", "metricName", "metricValue", "metricUnit"],
);

/** The actions of AWS IoT. Those that are not performed are kept, and fail when they fire. */
export const ACTION = record({
  lambda: record({ functionArn: FUNCTION_ARN }),
  republish: REPUBLISH,
  http: HTTP,
  s3: S3,
  cloudwatchLogs: LOGS,
  cloudwatchMetric: METRIC,
  ...UNPERFORMED,
});

/** Checks one action. Throws `UsageError` `invalid-request` or `sql-parse`; `at` names the place in the request. */
export function readAction(action: ShapeValue<typeof ACTION>, at: string): RuleAction {
  const [kind, ...others] = Object.keys(action);
  if (kind === undefined || others.length > 0) throw invalidRequest(`${at} must name one action`);
  if (isUnperformed(kind)) return readUnperformed(kind, action[kind] as Json, `${at}.${kind}`);
  if (action.republish) return readRepublish(action.republish, `${at}.republish`);
  if (action.http) return readHttp(action.http, `${at}.http`);
  if (action.s3) {
    const { bucketName: resource, key } = action.s3;
    const bucket = parseTemplate(resource, `${at}.s3.bucketName`);
    return { kind: "s3", resource, bucket, key: parseTemplate(key, `${at}.s3.key`) };
  }
  if (action.cloudwatchLogs) {
    const resource = action.cloudwatchLogs.logGroupName;
    const logGroup = parseTemplate(resource, `${at}.cloudwatchLogs.logGroupName`);
    return { kind: "cloudwatchLogs", resource, logGroup };
  }
  if (action.cloudwatchMetric) return readMetric(action.cloudwatchMetric, `${at}.cloudwatchMetric`);
  const functionArn = action.lambda?.functionArn;
  if (functionArn === undefined) throw invalidRequest(`${at}.lambda.functionArn is missing`);
  return { kind: "lambda", resource: functionArn, functionArn };
}

function readRepublish({ roleArn, topic, qos, headers = {} }: ShapeValue<typeof REPUBLISH>, at: string): RuleAction {
  if (roleArn === undefined) throw invalidRequest(`${at}.roleArn is missing`);
  if (topic === undefined) throw invalidRequest(`${at}.topic is missing`);
  const { userProperties = [], ...texts } = headers;
  const read = (text: string, where: string) => parseTemplate(text, `${at}.${where}`);
  return {
    kind: "republish",
    resource: topic,
    topic: read(topic, "topic"),
    qos: qos === 1 ? 1 : 0,
    headers: Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, read(text, `headers.${name}`)])),
    userProperties: userProperties.map(({ key, value }, i) => {
      const where = `headers.userProperties[${i}]`;
      if (key === undefined || value === undefined) throw invalidRequest(`${at}.${where} needs key and value`);
      return { key: read(key, `${where}.key`), value: read(value, `${where}.value`) };
    }),
  };
}

/** What the connection itself says, and what a signature covers: no rule writes these. RFC 9110, section 7.6.1 */
const OWN_HEADERS = new Set(
  "connection content-length expect host keep-alive te trailer transfer-encoding upgrade proxy-authorization".split(
    " ",
  ),
);

function readHttp({ url, confirmationUrl, headers = [], auth }: ShapeValue<typeof HTTP>, at: string): RuleAction {
  const isTemplate = url.includes("${");
  if (isTemplate && confirmationUrl === undefined) {
    throw invalidRequest(`${at}.confirmationUrl is required where url holds a template`);
  }
  const confirmed = confirmationUrl ?? url;
  if (!confirmed.includes("${") && !url.startsWith(confirmed)) {
    throw invalidRequest(`${at}.url must begin with ${at}.confirmationUrl`);
  }
  const own = headers.find(({ key }) => OWN_HEADERS.has(key.toLowerCase()));
  if (own) throw invalidRequest(`${at}.headers may not set ${own.key}`);
  const sigv4 = auth?.sigv4;
  return {
    kind: "http",
    resource: url,
    url: parseTemplate(url, `${at}.url`),
    confirmationUrl: parseTemplate(confirmed, `${at}.confirmationUrl`),
    headers: headers.map(({ key, value }, i) => ({ key, value: parseTemplate(value, `${at}.headers[${i}].value`) })),
    sigv4: sigv4 && { region: sigv4.signingRegion, service: sigv4.serviceName },
  };
}

function readMetric(action: ShapeValue<typeof METRIC>, at: string): RuleAction {
  const { metricNamespace, metricName, metricTimestamp } = action;
  const read = (name: keyof typeof action) => parseTemplate(action[name] ?? "", `${at}.${name}`);
  return {
    kind: "cloudwatchMetric",
    resource: `${metricNamespace}/${metricName}`,
    namespace: read("metricNamespace"),
    name: read("metricName"),
    value: read("metricValue"),
    unit: read("metricUnit"),
    timestamp: metricTimestamp === undefined ? undefined : read("metricTimestamp"),
  };
}
