import { BASIC_INGEST, type BrokerLimits } from "./settings.ts";

const encoder = new TextEncoder();

/** What is wrong with a topic name, or undefined. MQTT 5.0, section 4.7.3 */
export function topicNameProblem(topic: string, limits: BrokerLimits): string | undefined {
  if (topic.includes("+") || topic.includes("#")) return "topic name holds a wildcard";
  return textProblem(topic.startsWith(BASIC_INGEST) ? withoutRule(topic) : topic, limits);
}

/** A Basic Ingest topic without its first three levels, which count towards no limit. AWS IoT Core, "Basic Ingest" */
function withoutRule(topic: string): string {
  const end = topic.indexOf("/", BASIC_INGEST.length);
  return end < 0 || end === topic.length - 1 || end > BASIC_INGEST.length + 128 ? topic : topic.slice(end + 1);
}

/** What is wrong with a topic filter, or undefined. MQTT 5.0, section 4.7.1 */
export function topicFilterProblem(filter: string, limits: BrokerLimits): string | undefined {
  const levels = filter.split("/");
  for (const [i, level] of levels.entries()) {
    if (level.includes("#") && (level !== "#" || i !== levels.length - 1)) return "# is not alone in the last level";
    if (level.includes("+") && level !== "+") return "+ is not alone in its level";
  }
  return textProblem(filter, limits);
}

/** Whether a topic or filter is one of those that only the cloud publishes to. MQTT 5.0, section 4.7.2 */
export function isReserved(topic: string): boolean {
  return topic.startsWith("$");
}

/** Whether a `$` topic or filter may be used: it begins with one of the entries, or matches one that holds a `+`. */
export function isPermittedReserved(topic: string, permitted: readonly string[]): boolean {
  return permitted.some((entry) =>
    entry.includes("+") ? filterMatches(entry, topic, false) : topic.startsWith(entry),
  );
}

/**
 * Whether a topic name matches a topic filter.
 * `multiLevelMatchesParent` is whether `a/#` matches `a`. MQTT 5.0, section 4.7.1; wildcards skip `$`: section 4.7.2
 */
export function filterMatches(filter: string, topic: string, multiLevelMatchesParent: boolean): boolean {
  const wanted = filter.split("/");
  const levels = topic.split("/");
  if (topic.startsWith("$") && (wanted[0] === "+" || wanted[0] === "#")) return false;
  for (const [i, level] of wanted.entries()) {
    if (level === "#") return levels.length > i || (multiLevelMatchesParent && levels.length === i);
    if (i >= levels.length || (level !== "+" && level !== levels[i])) return false;
  }
  return levels.length === wanted.length;
}

/** Whether a filter can match more than one topic. */
export function hasWildcard(filter: string): boolean {
  return filter.includes("+") || filter.includes("#");
}

function textProblem(text: string, { topicBytes, topicSlashes }: BrokerLimits): string | undefined {
  if (text.length === 0) return "it is empty";
  if (text.includes("\0")) return "it holds a null character";
  // Four bytes a character at most: only long texts need to be encoded to know.
  if (text.length * 3 > topicBytes && encoder.encode(text).length > topicBytes)
    return `it has over ${topicBytes} bytes`;
  let slashes = 0;
  for (let at = text.indexOf("/"); at >= 0; at = text.indexOf("/", at + 1)) slashes += 1;
  if (slashes > topicSlashes) return `it has over ${topicSlashes} slashes`;
  return undefined;
}
