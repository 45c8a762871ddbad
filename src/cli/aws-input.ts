import { readFileSync } from "node:fs";

import { OPERATIONS, type OperationName } from "../cloud/operations/index.ts";
import { badOption } from "./errors.ts";

/** One call of the control plane, as a line of the AWS CLI asks for it. */
export type AwsCall = { readonly name: OperationName; readonly input: Readonly<Record<string, unknown>> };

/** Options of the AWS CLI that say where and how it calls: hawser knows both itself. */
const ITS_OWN = ["endpoint-url", "region", "profile", "output", "ca-bundle", "cli-binary-format", "color"];

/** Reads the words of one AWS CLI command after `aws`. Throws `UsageError` `bad-option`, `ENOENT` for a file that is missing. */
export function awsCall(words: readonly string[]): AwsCall {
  const [service = "", command = "", ...rest] = words;
  const name = operationFor(service, command);
  const { input } = OPERATIONS[name];
  const values: Record<string, unknown> = {};
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] ?? "";
    if (!word.startsWith("--")) throw badOption(`${word} is in the place of an option; options begin with two hyphens`);
    const at = word.indexOf("=");
    const option = at < 0 ? word.slice(2) : word.slice(2, at);
    if (ITS_OWN.includes(option)) {
      i += at < 0 ? 1 : 0;
      continue;
    }
    const negated = memberFor(option.replace(/^no-/, ""), Object.keys(input));
    const zip = option === "zip-file" && name === "CreateFunction" ? "Code" : undefined;
    const member = zip ?? memberFor(option, Object.keys(input)) ?? (isFlag(input, negated) ? negated : undefined);
    if (member === undefined) throw badOption(unknownOption(option, command, Object.keys(input)));
    if (isFlag(input, member) && at < 0) {
      values[member] = !option.startsWith("no-");
      continue;
    }
    const text = at < 0 ? rest[++i] : word.slice(at + 1);
    if (text === undefined) throw badOption(`--${option} needs a value`);
    values[member] = zip ? { ZipFile: fileOf(text) } : valueOf(name, member, text);
  }
  return { name, input: values };
}

/** A name of the service model as the AWS CLI spells it: RegisterCACertificate is register-ca-certificate. */
export function awsWord(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1-$2")
    .toLowerCase();
}

function operationFor(service: string, command: string): OperationName {
  const rows = Object.entries(OPERATIONS) as [OperationName, { service: string; name?: string }][];
  const known = rows.filter((row) => row[1].service === service && service !== "hawser");
  if (known.length === 0) throw badOption(`aws ${service} is not offered; hawser aws knows iot, iot-data and lambda`);
  const found = known.find(([key, row]) => awsWord(row.name ?? key) === command);
  if (found) return found[0];
  const list = known.map(([key, row]) => awsWord(row.name ?? key)).toSorted();
  throw badOption(`aws ${service} ${command || "(nothing)"} is not offered; there are ${list.join(", ")}`);
}

/** A member by its option, which may be cut short where it stays unique: --verification-cert. */
function memberFor(option: string, members: readonly string[]): string | undefined {
  const exact = members.find((member) => awsWord(member) === option);
  if (exact !== undefined || option === "") return exact;
  const begun = members.filter((member) => awsWord(member).startsWith(option));
  return begun.length === 1 ? begun[0] : undefined;
}

type Inputs = Readonly<Record<string, { readonly shape: Reader }>>;
type Reader = { fromText(text: string, at: string): unknown; fromJson(value: unknown, at: string): unknown };

function isFlag(input: Inputs, member: string | undefined): boolean {
  return member !== undefined && shapeSays(input[member], "true") === true;
}

/** What a member's shape makes of a text, or undefined where it refuses it. */
function shapeSays(parameter: Inputs[string] | undefined, text: string): unknown {
  try {
    return parameter?.shape.fromText(text, "");
  } catch {
    return undefined;
  }
}

function valueOf(name: OperationName, member: string, text: string): unknown {
  const bytes = fileOf(text);
  const shape = (OPERATIONS[name].input as Inputs)[member]?.shape;
  if (member === "payload" || member === "Payload") return bytes ?? new TextEncoder().encode(text);
  if (bytes && text.startsWith("fileb://")) return bytes;
  const content = bytes ? new TextDecoder().decode(bytes) : text;
  // A policy document is a text that holds JSON; what is no text may be written as JSON or in AWS's shorthand.
  const isStructure = shapeSays({ shape: shape ?? NOTHING }, content) === undefined;
  if (isStructure && /^\s*[[{]/.test(content)) return shape?.fromJson(jsonOf(content, member), member);
  if (isStructure && /^[\w-]+=/.test(content)) return shape?.fromJson(shorthand(content, member), member);
  return shape?.fromText(content, member);
}

const NOTHING = { fromText: () => undefined, fromJson: () => undefined };

function fileOf(text: string): Uint8Array | undefined {
  const path = /^fileb?:\/\/(.*)$/s.exec(text)?.[1];
  return path === undefined ? undefined : new Uint8Array(readFileSync(path));
}

function jsonOf(text: string, member: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw badOption(`--${awsWord(member)} is not JSON: ${cause instanceof Error ? cause.message : ""}`);
  }
}

/** AWS's shorthand, as far as the notes use it: a=b,c={d=e},merge=true. */
function shorthand(text: string, member: string): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  const token = /([\w.-]+)=(?:\{([^{}]*)\}|([^,{}]*))(?:,|$)/y;
  let at = 0;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [, key = "", inner, plain = ""] = match;
    const scalar = plain === "true" || plain === "false" ? plain === "true" : plain;
    result[key] = inner === undefined ? scalar : shorthand(inner, member);
    at = token.lastIndex;
  }
  if (at < text.length)
    throw badOption(`--${awsWord(member)} cannot be read at ${JSON.stringify(text.slice(at, at + 20))}; give JSON`);
  return result;
}

function unknownOption(option: string, command: string, members: readonly string[]): string {
  const known = members.map((member) => `--${awsWord(member)}`).join(", ");
  return `aws … ${command} has no option --${option}; it has ${known || "none"}`;
}
