import type { RuleAction } from "./rule-actions.ts";
import type { EvaluationContext } from "./sql-evaluate.ts";
import { Filling } from "./template.ts";

/** A POST that an action is to make. */
export type HttpPlan = {
  readonly kind: "http";
  readonly url: string;
  readonly confirmationUrl: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly sigv4: { readonly region: string; readonly service: string } | undefined;
};

/** Fills in URL and headers. AWS IoT Core, "HTTP action" */
export function planHttp(
  action: Extract<RuleAction, { kind: "http" }>,
  payload: Uint8Array,
  context: EvaluationContext,
): HttpPlan | { readonly problem: string } {
  const fill = new Filling(context);
  const url = fill.text(action.url, "url");
  const confirmationUrl = fill.text(action.confirmationUrl, "confirmationUrl");
  const type = jsonText(payload) === undefined ? "application/octet-stream" : "application/json";
  const headers: Record<string, string> = { "content-type": type };
  for (const { key, value } of action.headers) {
    const text = fill.text(value, `the header ${key}`);
    if (!isFieldValue(text)) return { problem: `the header ${key} would hold characters that no header may` };
    headers[key.toLowerCase()] = text;
  }
  if (fill.problem) return fill.problem;
  if (!isUnder(url, confirmationUrl)) return { problem: `the URL does not lie under its confirmation URL` };
  return { kind: "http", url, confirmationUrl, headers, body: payload.slice(), sigv4: action.sigv4 };
}

/** Visible ASCII, blanks and tabs: a line break would begin another header. RFC 9110, section 5.5 */
function isFieldValue(text: string): boolean {
  return /^[\t\x20-\x7e]*$/.test(text);
}

/** Whether a URL has the origin of another, and its path or one below it. */
export function isUnder(url: string, base: string): boolean {
  const [one, other] = [URL.parse(url), URL.parse(base)];
  if (!one || !other || one.origin !== other.origin || one.username !== "" || one.password !== "") return false;
  const path = other.pathname.endsWith("/") ? other.pathname : `${other.pathname}/`;
  return one.pathname === other.pathname || one.pathname.startsWith(path);
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** The bytes as the JSON text that they are, or undefined. */
export function jsonText(bytes: Uint8Array): string | undefined {
  try {
    const text = strictUtf8.decode(bytes);
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}
