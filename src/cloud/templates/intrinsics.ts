import type { Json } from "../../codec/index.ts";
import { isObject, registrationFailed, type ProvisioningTemplate } from "./template.ts";

/** A template with the values of its parameters. */
export type Scope = Pick<ProvisioningTemplate, "mappings"> & { readonly values: ReadonlyMap<string, string> };

/** The values that a template's parameters have: given ones, else defaults. Throws `UsageError` `registration-failure`. */
export function scopeOf(
  { parameters, mappings }: ProvisioningTemplate,
  given: Readonly<Record<string, string>>,
): Scope {
  const values = new Map<string, string>();
  for (const [name, byDefault] of parameters) {
    const value = Object.hasOwn(given, name) ? given[name] : byDefault;
    if (value === undefined) throw registrationFailed(`parameter ${name} has no value and no default`);
    values.set(name, value);
  }
  return { mappings, values };
}

type Evaluate = (argument: Json, scope: Scope, at: string) => Json;

const FUNCTIONS: Readonly<Record<string, Evaluate>> = {
  Ref(name, { values }, at) {
    const value = typeof name === "string" ? values.get(name) : undefined;
    if (value === undefined)
      throw registrationFailed(`${at}.Ref: ${JSON.stringify(name)} is no parameter of the template`);
    return value;
  },
  "Fn::Join"(argument, scope, at) {
    const [separator, parts] = pair(argument, at);
    return listOf(parts, scope, at).join(textOf(separator, scope, at));
  },
  "Fn::Split"(argument, scope, at) {
    const [separator, text] = pair(argument, at);
    const by = textOf(separator, scope, at);
    if (by === "") throw registrationFailed(`${at}: cannot split at nothing`);
    return textOf(text, scope, at).split(by);
  },
  "Fn::Select"(argument, scope, at) {
    const [index, parts] = pair(argument, at);
    const list = listOf(parts, scope, at);
    const number = Number(typeof index === "number" ? index : textOf(index, scope, at));
    const found = Number.isInteger(number) ? list[number] : undefined;
    if (found === undefined) throw registrationFailed(`${at}: index ${String(number)} of ${list.length} elements`);
    return found;
  },
  "Fn::FindInMap"(argument, scope, at) {
    const keys = Array.isArray(argument) ? argument.map((each) => textOf(each, scope, at)) : [];
    const [map = "", top = "", second = ""] = keys;
    const found = member(member(member(scope.mappings, map), top), second);
    if (keys.length === 3 && found !== undefined) return found;
    throw registrationFailed(`${at}: Mappings has nothing at ${keys.join(".")}`);
  },
  "Fn::Sub"(argument, scope, at) {
    const [template, own]: readonly [Json, Json] = Array.isArray(argument) ? pair(argument, at) : [argument, {}];
    if (typeof template !== "string" || !isObject(own))
      throw registrationFailed(`${at} needs a text and its variables`);
    return template.replace(/\$\{(!?)([^}]*)\}/g, (whole, literal: string, name: string) => {
      if (literal === "!") return `\${${name}}`;
      const mine = Object.hasOwn(own, name) ? own[name] : undefined;
      if (mine !== undefined) return textOf(mine, scope, at);
      const value = scope.values.get(name);
      // Policy variables such as ${iot:ClientId} are the policy's, not the template's.
      if (value === undefined && name.includes(":")) return whole;
      if (value === undefined) throw registrationFailed(`${at}: \${${name}} is no parameter of the template`);
      return value;
    });
  },
};

/** A value with its functions evaluated. `at` names its place in messages. Throws `UsageError` `registration-failure`. */
export function evaluate(value: Json, scope: Scope, at: string): Json {
  if (Array.isArray(value)) return value.map((each, i) => evaluate(each as Json, scope, `${at}[${i}]`));
  if (!isObject(value)) return value;
  const entries = Object.entries(value);
  const [name, argument] = entries[0] ?? [];
  const isCall = entries.length === 1 && name !== undefined && (name === "Ref" || name.startsWith("Fn::"));
  if (!isCall || argument === undefined) {
    return Object.fromEntries(entries.map(([key, each]) => [key, evaluate(each, scope, `${at}.${key}`)]));
  }
  const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (!known) throw registrationFailed(`${at}: ${name} is no function of provisioning templates`);
  return known(argument, scope, `${at}.${name}`);
}

/** The same, which must be a text; numbers and truth values are their texts. */
export function textOf(value: Json, scope: Scope, at: string): string {
  const found = evaluate(value, scope, at);
  if (typeof found === "string") return found;
  if (typeof found === "number" || typeof found === "boolean") return String(found);
  throw registrationFailed(`${at} must be a text`);
}

/** The same, which must be a list of texts. */
export function listOf(value: Json, scope: Scope, at: string): string[] {
  const found = evaluate(value, scope, at);
  if (Array.isArray(found) && found.every((each) => typeof each === "string")) return found;
  throw registrationFailed(`${at} must be a list of texts`);
}

function pair(argument: Json, at: string): readonly [Json, Json] {
  if (Array.isArray(argument) && argument.length === 2) return argument as unknown as [Json, Json];
  throw registrationFailed(`${at} needs a list of two`);
}

function member(value: Json | undefined, name: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
