import { DecodeError, fromBase64, toBase64, UsageError, utf8Bytes } from "../../codec/index.ts";
import type { BrokerLimits, MessageProperties, SystemMessage } from "../broker/index.ts";
import { invalidRequest, notFound, type CloudErrorCode } from "../errors.ts";
import { pageAmong, uuid, type Registry } from "../registry/index.ts";
import { type DATA_OPERATIONS, type HandlersOf, type OperationInput, tokenPage } from "../operations/index.ts";

/** What the data plane over HTTP asks of the broker. */
export type MessagePublisher = {
  readonly limits: Pick<BrokerLimits, "payloadBytes" | "topicBytes" | "topicSlashes">;
  /** Gives a message to subscribers and rules; `origin` names the publisher to them. Throws `UsageError` for a topic that is none. */
  publish(message: SystemMessage, origin: string): void;
  /** The retained message of a topic, if there is one. */
  retainedMessage(topic: string): RetainedFacts | undefined;
  /** The topics that have a retained message, in order. */
  retainedTopics(): readonly string[];
  /** Ends a client's connection, or session; whether there was any. */
  disconnect(clientId: string, how: { readonly cleanSession?: boolean; readonly withWill?: boolean }): Promise<boolean>;
};

type RetainedFacts = {
  readonly payload: Uint8Array;
  readonly qos: number;
  readonly properties: Pick<MessageProperties, "userProperties">;
  /** In milliseconds since 1970; unknown of messages that an older version kept. */
  readonly modifiedAt: number | undefined;
};

const EMPTY = new Uint8Array(0);

/** Publishes over HTTP with the rights of an operator: no device policy is asked. */
export function dataHandlers({
  registry,
  messages,
}: {
  readonly registry: Registry;
  readonly messages: MessagePublisher;
}): HandlersOf<keyof typeof DATA_OPERATIONS> {
  return {
    async GetRetainedMessage({ topic }) {
      const found = messages.retainedMessage(topic);
      if (!found) throw notFound(`Retained message of topic ${topic.slice(0, 256)}`);
      const { payload, qos, properties } = found;
      const properly = properties.userProperties?.map(([name, value]) => ({ [name]: value }));
      const userProperties = properly && { userProperties: toBase64(utf8Bytes(JSON.stringify(properly))) };
      return { topic, payload: toBase64(payload), qos, ...modified(found), ...userProperties };
    },
    async ListRetainedMessages({ maxResults = 200, nextToken: token }) {
      const all = { rows: messages.retainedTopics(), keyOf: (topic: string) => topic };
      const { rows, ...page } = pageAmong("retained messages", { limit: maxResults, token }, all);
      const shown = rows.flatMap((topic) => {
        const found = messages.retainedMessage(topic);
        return found ? [{ topic, payloadSize: found.payload.length, qos: found.qos, ...modified(found) }] : [];
      });
      return tokenPage("retainedTopics", { ...page, rows: shown }, (each) => each);
    },
    async DeleteConnection({ clientId, cleanSession = false, preventWillMessage = false }) {
      const isEnded = await messages.disconnect(clientId, { cleanSession, withWill: !preventWillMessage });
      if (!isEnded) throw notFound(`${cleanSession ? "Session" : "Connection"} of client ${clientId}`);
    },
    async Publish({ topic, qos = 0, retain = false, payload = EMPTY, ...rest }) {
      checkTopic(topic, messages.limits);
      const { payloadBytes } = messages.limits;
      if (payload.length > payloadBytes) {
        const message = `the payload has ${payload.length} bytes, at most ${payloadBytes} are taken`;
        throw new UsageError<CloudErrorCode>("body-too-large", message);
      }
      const properties = propertiesOf(rest);
      messages.publish({ topic, payload, qos: qos === 1 ? 1 : 0, retain, properties }, "api");
      return { message: "OK", traceId: uuid(registry.entropy) };
    },
  };
}

function modified({ modifiedAt }: RetainedFacts): { readonly lastModifiedTime?: number } {
  return modifiedAt === undefined ? {} : { lastModifiedTime: Math.floor(modifiedAt) };
}

function checkTopic(topic: string, { topicBytes, topicSlashes }: MessagePublisher["limits"]): void {
  // What begins with $ is the cloud's own word: nobody may forge an event.
  if (topic.startsWith("$")) throw invalidRequest(`topic ${JSON.stringify(topic.slice(0, 64))} is reserved`);
  const bytes = new TextEncoder().encode(topic).length;
  if (bytes > topicBytes) throw invalidRequest(`topic must have at most ${topicBytes} bytes, not ${bytes}`);
  const slashes = topic.split("/").length - 1;
  if (slashes > topicSlashes) throw invalidRequest(`topic must have at most ${topicSlashes} slashes, not ${slashes}`);
}

type Properties = Omit<OperationInput<"Publish">, "topic" | "qos" | "retain" | "payload">;

/** MQTT 5.0, section 3.3.2.3 */
function propertiesOf(input: Properties): MessageProperties {
  const { userProperties, payloadFormatIndicator, contentType, responseTopic, correlationData, messageExpiry } = input;
  return {
    ...(payloadFormatIndicator !== undefined && {
      payloadFormatIndicator: payloadFormatIndicator === "UTF8_DATA" ? 1 : 0,
    }),
    ...(messageExpiry !== undefined && { messageExpiryIntervalS: messageExpiry }),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData && { correlationData }),
    ...(userProperties !== undefined && { userProperties: userPropertiesOf(userProperties) }),
  };
}

const EXPECTED = 'userProperties must be base64 of a JSON list such as [{"name":"value"}]';

function userPropertiesOf(base64: string): [string, string][] {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(fromBase64(base64)));
  } catch (cause) {
    if (!(cause instanceof DecodeError || cause instanceof SyntaxError || cause instanceof TypeError)) throw cause;
    throw invalidRequest(EXPECTED, { cause });
  }
  if (!Array.isArray(value)) throw invalidRequest(EXPECTED);
  return value.flatMap((each: unknown) => {
    if (typeof each !== "object" || each === null || Array.isArray(each)) throw invalidRequest(EXPECTED);
    return Object.entries(each).map(([name, text]): [string, string] => {
      if (typeof text !== "string") throw invalidRequest(EXPECTED);
      return [name, text];
    });
  });
}
