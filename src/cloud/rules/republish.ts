import { DecodeError, fromBase64 } from "../../codec/index.ts";
import type { MessageProperties, SystemMessage } from "../broker/index.ts";
import type { Header, RuleAction } from "./rule-actions.ts";
import type { EvaluationContext } from "./sql-evaluate.ts";
import { fillTemplate, type Template } from "./template.ts";

type Republish = Extract<RuleAction, { kind: "republish" }>;

/** The message that a republish action makes, or why it cannot: a template without a value, or a value of a wrong form. */
export function republished(
  action: Republish,
  payload: Uint8Array,
  context: EvaluationContext,
): SystemMessage | { readonly problem: string } {
  const problems: string[] = [];
  const fill = (template: Template | undefined, what: string): string | undefined => {
    if (!template) return undefined;
    const text = fillTemplate(template, context);
    if (text === undefined) problems.push(`the template in ${what} has no value for this message`);
    return text;
  };
  const topic = fill(action.topic, "topic") ?? "";
  if (/^\$(?!\$)/.test(topic)) problems.push("a reserved topic must be written with $$");
  const header = (name: Header) => fill(action.headers[name], `headers.${name}`);
  const userProperties = action.userProperties.map(
    ({ key, value }) => [fill(key, "a user property") ?? "", fill(value, "a user property") ?? ""] as const,
  );
  const properties = { ...propertiesOf(header, problems), ...(userProperties.length > 0 && { userProperties }) };
  const [problem] = problems;
  if (problem !== undefined) return { problem };
  // The payload may be the broker's own view of a packet, which it will reuse.
  return { topic: topic.replace(/^\$\$/, "$"), payload: payload.slice(), qos: action.qos, properties };
}

/** MQTT 5.0, section 3.3.2.3 */
function propertiesOf(header: (name: Header) => string | undefined, problems: string[]): MessageProperties {
  const [format, expiry, correlation] = [
    header("payloadFormatIndicator"),
    header("messageExpiry"),
    header("correlationData"),
  ];
  const [contentType, responseTopic] = [header("contentType"), header("responseTopic")];
  const indicator = format === undefined ? undefined : FORMATS.get(format);
  if (format !== undefined && indicator === undefined) problems.push("payloadFormatIndicator is not UTF8_DATA");
  const seconds = expiry === undefined ? undefined : Number(expiry);
  const isExpiry = seconds === undefined || (Number.isInteger(seconds) && seconds >= 0 && seconds <= 0xffffffff);
  if (!isExpiry) problems.push("messageExpiry is no number of seconds");
  const correlationData = correlation === undefined ? undefined : bytesOf(correlation, problems);
  return {
    ...(indicator !== undefined && { payloadFormatIndicator: indicator }),
    ...(seconds !== undefined && { messageExpiryIntervalS: seconds }),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData && { correlationData }),
  };
}

const FORMATS: ReadonlyMap<string, 0 | 1> = new Map([
  ["UNSPECIFIED_BYTES", 0],
  ["UTF8_DATA", 1],
]);

function bytesOf(base64: string, problems: string[]): Uint8Array | undefined {
  try {
    return fromBase64(base64);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    problems.push("correlationData is not base64");
    return undefined;
  }
}
