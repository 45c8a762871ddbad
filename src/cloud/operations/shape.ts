import { DecodeError, fromBase64, toBase64, type Json } from "../../codec/index.ts";
import { invalidRequest, notImplemented } from "../errors.ts";

/** A schema as JSON Schema 2020-12, and so OpenAPI 3.1, writes it. */
export type JsonSchema = { readonly [keyword: string]: Json };

/**
 * One type of the service model: how a value is read from JSON or from text (path, query, header), and written back.
 * `at` names the field in messages. Both readers throw `UsageError` `invalid-request`.
 */
export type Shape<T> = {
  /** What the readers accept, for documentation. */
  readonly schema: JsonSchema;
  fromJson(value: unknown, at: string): T;
  fromText(text: string, at: string): T;
  toJson(value: T): Json;
  toText(value: T): string;
};

/** The value that a shape describes. */
export type ShapeValue<S> = S extends Shape<infer T> ? T : never;

type Bounds = { readonly min?: number; readonly max?: number };

/** Text; lengths count UTF-16 units as the service model does, the pattern covers the whole text. */
export function string(rules: Bounds & { readonly pattern?: RegExp } = {}): Shape<string> {
  const whole = rules.pattern && new RegExp(`^(?:${rules.pattern.source})$`, rules.pattern.flags);
  const check = (value: string, at: string): string => {
    inBounds(value.length, rules, `${at} must have`, "characters");
    // AWS's own words, which tools look for.
    if (whole && !whole.test(value)) {
      const constraint = `Member must satisfy regular expression pattern: ${rules.pattern?.source}`;
      throw invalidRequest(`Value ${show(value)} at '${at}' failed to satisfy constraint: ${constraint}`);
    }
    return value;
  };
  const schema = {
    type: "string",
    ...bounds(rules, "minLength", "maxLength"),
    ...(whole && { pattern: whole.source }),
  };
  return textual(schema, (value, at) => check(typed(value, "string", at), at), check);
}

/** One of a closed set of words, in exactly this spelling. */
export function oneOf<const Word extends string>(...words: readonly Word[]): Shape<Word> {
  const check = (value: unknown, at: string): Word => {
    const found = words.find((word) => word === value);
    if (found === undefined) throw invalidRequest(`${at} must be ${words.join(" or ")}, not ${show(value)}`);
    return found;
  };
  return textual({ type: "string", enum: words }, check, check);
}

/** A whole number that a double holds exactly. */
export function integer(limits: Bounds = {}): Shape<number> {
  const check = (value: number, at: string): number => {
    if (!Number.isSafeInteger(value)) throw invalidRequest(`${at} must be a whole number, not ${show(value)}`);
    inBounds(value, limits, `${at} must be`, "");
    return value;
  };
  return {
    schema: { type: "integer", ...bounds(limits, "minimum", "maximum") },
    fromJson: (value, at) => check(typed(value, "number", at), at),
    fromText(text, at) {
      if (!/^-?\d{1,16}$/.test(text)) throw invalidRequest(`${at} must be a whole number, not ${show(text)}`);
      return check(Number(text), at);
    },
    toJson: (value) => value,
    toText: String,
  };
}

/** A number that JSON can say, with a fraction or without. */
export function number(limits: Bounds = {}): Shape<number> {
  const check = (value: number, at: string): number => {
    inBounds(value, limits, `${at} must be`, "");
    return value;
  };
  return {
    schema: { type: "number", ...bounds(limits, "minimum", "maximum") },
    fromJson: (value, at) => check(typed(value, "number", at), at),
    fromText(text, at) {
      if (!/^-?\d{1,16}(\.\d{1,16})?$/.test(text)) throw invalidRequest(`${at} must be a number, not ${show(text)}`);
      return check(Number(text), at);
    },
    toJson: (value) => value,
    toText: String,
  };
}

/** true or false; in text, these two words. */
export const boolean: Shape<boolean> = {
  schema: { type: "boolean" },
  fromJson: (value, at) => typed(value, "boolean", at),
  fromText(text, at) {
    if (text !== "true" && text !== "false") throw invalidRequest(`${at} must be true or false, not ${show(text)}`);
    return text === "true";
  },
  toJson: (value) => value,
  toText: String,
};

/** A text, a number or a truth value: one piece of evidence. */
export const scalar: Shape<string | number | boolean> = {
  schema: { type: ["string", "number", "boolean"] },
  fromJson(value, at) {
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
    throw invalidRequest(`${at} must be a text, a number or a truth value, not ${show(value)}`);
  },
  fromText: (text) => text,
  toJson: (value) => value,
  toText: String,
};

/** Bytes, base64 in JSON and in text. */
export const blob: Shape<Uint8Array> = {
  schema: { type: "string", contentEncoding: "base64" },
  fromJson: (value, at) => bytesOf(typed(value, "string", at), at),
  fromText: (text, at) => bytesOf(text, at),
  toJson: toBase64,
  toText: toBase64,
};

/** Any JSON value, handed on as it is. */
export const document: Shape<Json> = {
  schema: {},
  fromJson: (value) => value as Json,
  fromText: (text, at) => {
    throw invalidRequest(`${at} cannot travel as text ${show(text)}`);
  },
  toJson: (value) => value,
  toText: (value) => JSON.stringify(value),
};

/** A list whose elements all have one shape. */
export function list<T>(element: Shape<T>, limits: Bounds = {}): Shape<readonly T[]> {
  return structural({
    schema: { type: "array", items: element.schema, ...bounds(limits, "minItems", "maxItems") },
    fromJson(value, at) {
      if (!Array.isArray(value)) throw invalidRequest(`${at} must be a list, not ${show(value)}`);
      inBounds(value.length, limits, `${at} must have`, "elements");
      return value.map((each, i) => element.fromJson(each, `${at}[${i}]`));
    },
    toJson: (value) => value.map((each) => element.toJson(each)),
  });
}

/** An object with any keys of one shape and values of another. */
export function map<T>(key: Shape<string>, element: Shape<T>, limits: Bounds = {}): Shape<Readonly<Record<string, T>>> {
  return structural({
    schema: {
      type: "object",
      propertyNames: key.schema,
      additionalProperties: element.schema,
      ...bounds(limits, "minProperties", "maxProperties"),
    },
    fromJson(value, at) {
      const entries = Object.entries(objectOf(value, at));
      inBounds(entries.length, limits, `${at} must have`, "entries");
      return Object.fromEntries(
        entries.map(([name, each]) => [key.fromJson(name, `a key of ${at}`), element.fromJson(each, `${at}.${name}`)]),
      );
    },
    toJson: (value) => Object.fromEntries(Object.entries(value).map(([name, each]) => [name, element.toJson(each)])),
  });
}

type Members = Readonly<Record<string, Shape<unknown>>>;
type RecordOf<M extends Members, R extends keyof M> = { readonly [K in R]: ShapeValue<M[K]> } & {
  readonly [K in Exclude<keyof M, R>]?: ShapeValue<M[K]>;
};

/** An object with known members, of which `required` must be there; an unknown member is refused by name. */
export function record<const M extends Members, const R extends keyof M & string = never>(
  members: M,
  required: readonly R[] = [],
): Shape<RecordOf<M, R>> {
  const properties = Object.fromEntries(Object.entries(members).map(([name, { schema }]) => [name, schema]));
  return structural({
    schema: { type: "object", properties, ...(required.length > 0 && { required }), additionalProperties: false },
    fromJson(value, at) {
      const entries = Object.entries(objectOf(value, at)).filter(([, each]) => each !== null);
      const absent = required.find((name) => !entries.some(([given]) => given === name));
      if (absent !== undefined) throw invalidRequest(`${at}.${absent} is required`);
      return Object.fromEntries(
        entries.map(([name, each]) => {
          const shape = Object.hasOwn(members, name) ? members[name] : undefined;
          if (!shape)
            throw invalidRequest(`${at} has no member ${show(name)}; it has ${Object.keys(members).join(", ")}`);
          return [name, shape.fromJson(each, `${at}.${name}`)];
        }),
      ) as RecordOf<M, R>;
    },
    toJson: (value) =>
      Object.fromEntries(Object.entries(value).map(([name, each]) => [name, members[name]?.toJson(each) ?? null])),
  });
}

/** A field that the service has and this version does not: whoever sends it is told so. */
export const unavailable: Shape<never> = {
  schema: { not: {} },
  fromJson: (_, at) => {
    throw notImplemented(at);
  },
  fromText: (_, at) => {
    throw notImplemented(at);
  },
  toJson: (value: never) => value,
  toText: (value: never) => value,
};

/** The same shape, with a sentence about what it is. */
export function about<T>(description: string, shape: Shape<T>): Shape<T> {
  return { ...shape, schema: { ...shape.schema, description } };
}

/** Bounds under the words that JSON Schema has for them. */
function bounds({ min, max }: Bounds, least: string, most: string): JsonSchema {
  return { ...(min !== undefined && { [least]: min }), ...(max !== undefined && { [most]: max }) };
}

function textual<T extends string>(
  schema: JsonSchema,
  fromJson: (value: unknown, at: string) => T,
  fromText: (text: string, at: string) => T,
): Shape<T> {
  return { schema, fromJson, fromText, toJson: (value) => value, toText: (value) => value };
}

function structural<T>(shape: Pick<Shape<T>, "schema" | "fromJson" | "toJson">): Shape<T> {
  return {
    ...shape,
    fromText: (text, at) => shape.fromJson(text, at),
    toText: (value) => JSON.stringify(shape.toJson(value)),
  };
}

type Primitive = { readonly string: string; readonly number: number; readonly boolean: boolean };

function typed<K extends keyof Primitive>(value: unknown, type: K, at: string): Primitive[K] {
  if (typeof value !== type) throw invalidRequest(`${at} must be a ${type}, not ${show(value)}`);
  return value as Primitive[K];
}

function objectOf(value: unknown, at: string): object {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw invalidRequest(`${at} must be an object, not ${show(value)}`);
}

function bytesOf(text: string, at: string): Uint8Array {
  try {
    return fromBase64(text);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw invalidRequest(`${at} must be base64: ${cause.message}`, { cause });
  }
}

function inBounds(size: number, { min, max }: Bounds, what: string, unit: string): void {
  const has = `${unit && ` ${unit}`}, not ${size}`;
  if (min !== undefined && size < min) throw invalidRequest(`${what} at least ${min}${has}`);
  if (max !== undefined && size > max) throw invalidRequest(`${what} at most ${max}${has}`);
}

const SHOWN = 80;

/** A value as a message may show it: JSON, cut short, so that a caller's megabyte does not come back as ours. */
function show(value: unknown): string {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
