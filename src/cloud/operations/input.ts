import { utf8Bytes } from "../../codec/index.ts";
import { invalidRequest } from "../errors.ts";
import type { Operation, Parameter } from "./operation.ts";
import { blob } from "./shape.ts";
import { headerValue, PRESIGNED_MEMBERS, type RawRequest } from "./sigv4.ts";

/** How deep JSON in a body may nest: deeper than any message of the model, shallow enough for every recursion. */
const MAX_DEPTH = 64;

/** Query members that SDKs add by themselves and that mean nothing here. */
const IGNORED_QUERY: readonly string[] = ["x-id"];

/**
 * An operation's input as its handler sees it, from the places where the table says that each member travels.
 * Throws `UsageError` `invalid-request` for what is missing, wrong or unknown: a misspelt member is never ignored.
 */
export function readInput(
  operation: Operation,
  request: RawRequest & { readonly body: Uint8Array; readonly labels: Readonly<Record<string, string>> },
): Record<string, unknown> {
  const entries = Object.entries<Parameter>(operation.input);
  const query = readQuery(request, entries);
  const body = readBody(request.body, entries);
  const read = (name: string, parameter: Parameter): unknown => {
    const { place, shape } = parameter;
    const wire = parameter.wire ?? name;
    if (place === "payload") return readPayload(request.body, parameter, name);
    if (place === "body") {
      const value = body[wire] ?? undefined;
      return value === undefined ? undefined : shape.fromJson(value, name);
    }
    if (parameter.repeated) return query.has(wire) ? shape.fromJson(query.get(wire), name) : undefined;
    const texts = { uri: request.labels[wire], query: query.get(wire)?.[0], header: headerValue(request, wire) };
    const text = texts[place];
    return text === undefined ? undefined : shape.fromText(text, name);
  };
  const values = entries.map(([name, parameter]) => {
    const value = read(name, parameter);
    if (value === undefined && parameter.required) throw invalidRequest(`${name} is required`);
    return [name, value] as const;
  });
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

/** The same from JSON whose members have the model's names, as a program inside gives it. */
export function readJsonInput(operation: Operation, input: unknown): Record<string, unknown> {
  const given = objectOf(input ?? {}, "the input");
  const entries = Object.entries<Parameter>(operation.input);
  checkKnown(
    Object.keys(given),
    entries.map(([name]) => name),
    "input member",
  );
  const values = entries.map(([name, { shape, required }]) => {
    const value = Object.hasOwn(given, name) ? (given as Record<string, unknown>)[name] : undefined;
    if (value !== undefined && value !== null) return [name, shape.fromJson(value, name)] as const;
    if (required) throw invalidRequest(`${name} is required`);
    return [name, undefined] as const;
  });
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

function readQuery(request: RawRequest, entries: readonly (readonly [string, Parameter])[]): Map<string, string[]> {
  const { query } = request;
  // A signature in the query was checked; beside one in a header it is a stranger.
  const signature = headerValue(request, "authorization") === undefined ? PRESIGNED_MEMBERS : [];
  const ignored = [...IGNORED_QUERY, ...signature];
  const known = wireNames(entries, "query");
  const repeated = entries.flatMap(([name, each]) => (each.repeated ? [each.wire ?? name] : []));
  const found = new Map<string, string[]>();
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const at = pair.indexOf("=");
    const name = decodeText(at < 0 ? pair : pair.slice(0, at));
    if (ignored.includes(name)) continue;
    checkKnown([name], known, "query member");
    const before = found.get(name);
    if (before && !repeated.includes(name)) throw invalidRequest(`query member ${name} is given twice`);
    found.set(name, [...(before ?? []), decodeText(at < 0 ? "" : pair.slice(at + 1))]);
  }
  return found;
}

/** The JSON object of a body; empty where no member travels there. Content-Type is not asked: clients differ. */
function readBody(body: Uint8Array, entries: readonly (readonly [string, Parameter])[]): Record<string, unknown> {
  if (entries.some(([, { place }]) => place === "payload")) return {};
  const text = decodeBody(body);
  const object = text.trim() === "" ? {} : objectOf(parseJson(text), "the body");
  checkKnown(Object.keys(object), wireNames(entries, "body"), "body member");
  // Without a prototype, a member of any name is a member.
  return Object.assign(Object.create(null) as Record<string, unknown>, object);
}

function readPayload(body: Uint8Array, { shape }: Parameter, name: string): unknown {
  if (body.length === 0) return undefined;
  return shape === blob ? body : shape.fromJson(parseJson(decodeBody(body)), name);
}

function wireNames(entries: readonly (readonly [string, Parameter])[], place: Parameter["place"]): string[] {
  return entries.filter(([, each]) => each.place === place).map(([name, each]) => each.wire ?? name);
}

function checkKnown(names: readonly string[], known: readonly string[], what: string): void {
  const stranger = names.find((name) => !known.includes(name));
  if (stranger === undefined) return;
  const shown = JSON.stringify(stranger.slice(0, 64));
  throw invalidRequest(`unknown ${what} ${shown}; known here: ${known.join(", ") || "none"}`);
}

function decodeText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw invalidRequest(`${JSON.stringify(text.slice(0, 64))} is not percent-encoded UTF-8`, { cause });
  }
}

function decodeBody(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (cause) {
    throw invalidRequest("the body is not UTF-8", { cause });
  }
}

function parseJson(text: string): unknown {
  checkDepth(text);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw invalidRequest(`the body is not JSON: ${cause instanceof Error ? cause.message : ""}`, { cause });
  }
}

/** Counts brackets outside of strings, before anything recurses over them. Strings, which hold megabytes of code, are skipped whole. */
function checkDepth(text: string): void {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c === QUOTE) at = endOfString(text, at);
    else if (c === OPEN_LIST || c === OPEN_OBJECT) depth++;
    else if (c === CLOSE_LIST || c === CLOSE_OBJECT) depth--;
    if (depth > MAX_DEPTH) throw invalidRequest(`the body nests deeper than ${MAX_DEPTH} levels`);
  }
}

const QUOTE = 0x22;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The offset of the quote that closes the string beginning at `from`: the first with an even number of backslashes before it. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalidRequest(`${what} must be a JSON object`);
}

/** The bytes of a JSON value. */
export function jsonBytes(value: unknown): Uint8Array {
  return utf8Bytes(JSON.stringify(value));
}
