import { readFileSync } from "node:fs";

import type { OperationResult } from "../cloud/operations/index.ts";
import type { TriedMessage } from "../cloud/rules/index.ts";
import { fromBase64, toBase64, utf8Bytes } from "../codec/index.ts";
import { badOption } from "./errors.ts";

/** A message as the control plane gives it out. */
export type Recorded = OperationResult<"FetchRecording">["messages"][number];

/** What a line of a file of messages says; all but the topic may be left out. */
type Line = Partial<Omit<Recorded, "seq">> & { readonly message?: unknown; readonly text?: string };

/**
 * A recorded message as a line of a file: its payload as JSON where that says it byte for byte, else as text, else as base64.
 * What is empty or usual is left out.
 */
export function lineOf(recorded: Recorded): Line {
  const { topic, time, payload, clientId, principalId, origin, qos, retain, address, properties } = recorded;
  return {
    time,
    topic,
    ...contentOf(payload),
    qos,
    ...(retain && { retain }),
    ...(origin !== "client" && { origin }),
    ...(clientId !== "" && { clientId }),
    ...(principalId !== "" && { principalId }),
    ...(address !== undefined && { address }),
    ...(properties && { properties }),
  };
}

function contentOf(payload: string): Pick<Line, "message" | "text" | "payload"> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(fromBase64(payload));
  } catch {
    return { payload };
  }
  try {
    const message: unknown = JSON.parse(text);
    return JSON.stringify(message) === text ? { message } : { text };
  } catch {
    return { text };
  }
}

/** The messages of a file of JSON Lines. Throws `UsageError` `bad-option` with the number of the line. */
export function messagesIn(path: string): readonly TriedMessage[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw badOption(`--recorded ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return text.split("\n").flatMap((line, i) => (line.trim() === "" ? [] : [messageIn(line, i + 1)]));
}

function messageIn(text: string, number: number): TriedMessage {
  const bad = (why: string) => badOption(`--recorded: line ${number} ${why}`);
  let line: Line | null;
  try {
    line = JSON.parse(text) as Line | null;
  } catch {
    throw bad("is not JSON");
  }
  const { topic, payload, text: plain, message, properties, time, qos, retain, ...more } = line ?? {};
  const { clientId, principalId, address, origin } = more;
  if (typeof topic !== "string") throw bad("names no topic");
  const texts = { clientId, principalId, address, origin };
  for (const [name, value] of Object.entries({ ...texts, text: plain, payload })) {
    if (value !== undefined && typeof value !== "string") throw bad(`has a ${name} that is no text`);
  }
  if (time !== undefined && !Number.isFinite(time)) throw bad("has a time that is no number");
  try {
    return {
      topic,
      payload: payload === undefined ? utf8Bytes(plain ?? JSON.stringify(message ?? {})) : fromBase64(payload),
      ...Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== undefined)),
      ...(time !== undefined && { time }),
      ...((qos === 0 || qos === 1 || qos === 2) && { qos }),
      ...(retain === true && { retain }),
      ...(properties && { properties: propertiesOf(properties) }),
    };
  } catch (error) {
    throw bad(`is no message: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function propertiesOf(properties: NonNullable<Line["properties"]>): NonNullable<TriedMessage["properties"]> {
  const { payloadFormatIndicator: format, correlationData, userProperties, ...plain } = properties;
  return {
    ...plain,
    ...((format === 0 || format === 1) && { payloadFormatIndicator: format }),
    ...(correlationData !== undefined && { correlationData: fromBase64(correlationData) }),
    ...(userProperties && { userProperties: userProperties.map(([name = "", value = ""]) => [name, value] as const) }),
  };
}

/** The payload of a line, as a person sees it: JSON or text, else how much it is. */
export function payloadShown({ payload }: Recorded): string {
  const bytes = fromBase64(payload);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return `${bytes.length} bytes, base64 ${toBase64(bytes.subarray(0, 24))}${bytes.length > 24 ? "…" : ""}`;
  }
}
