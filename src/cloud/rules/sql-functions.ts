/** @table The functions of rules' SQL: how many arguments they take, and what they give. AWS IoT SQL reference, functions */
import { DecodeError, fromBase64, toBase64, toHex, utf8Bytes } from "../../codec/index.ts";
import type { Clock, Entropy, Hash, HashName } from "../../crypto/index.ts";
import type { Published } from "../broker/index.ts";
import { uuid, type Account } from "../registry/index.ts";
import type { Value } from "./sql-ast.ts";
import { finite, halfAwayFromZero, MAX_TEXT, numberOf, textOf } from "./sql-value.ts";

/** What functions may ask besides their arguments. `traceId` is one for each message. */
export type FunctionContext = {
  readonly message: Published;
  readonly account: Account;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly hash: Hash;
  readonly traceId: string;
};

export type SqlFunction = {
  /** The fewest and the most arguments. */
  readonly arguments: readonly [min: number, max: number];
  readonly call: (args: readonly Value[], context: FunctionContext) => Value;
};

/** By name in lower case. Undefined arguments give undefined, except where a row says otherwise. */
export const SQL_FUNCTIONS: Readonly<Record<string, SqlFunction>> = {
  abs: numeric(Math.abs),
  acos: numeric(Math.acos),
  asin: numeric(Math.asin),
  atan: numeric(Math.atan),
  atan2: numeric2(Math.atan2),
  bitand: integers((a, b) => a & b),
  bitor: integers((a, b) => a | b),
  bitxor: integers((a, b) => a ^ b),
  ceil: numeric(Math.ceil),
  cos: numeric(Math.cos),
  cosh: numeric(Math.cosh),
  exp: numeric(Math.exp),
  floor: numeric(Math.floor),
  ln: numeric(Math.log),
  log: numeric(Math.log10),
  mod: numeric2((a, b) => a % b),
  power: numeric2((a, b) => a ** b),
  remainder: numeric2((a, b) => a % b),
  round: numeric(halfAwayFromZero),
  sign: numeric(Math.sign),
  sin: numeric(Math.sin),
  sinh: numeric(Math.sinh),
  sqrt: numeric(Math.sqrt),
  tan: numeric(Math.tan),
  tanh: numeric(Math.tanh),
  trunc: { arguments: [1, 2], call: ([value, places = 0]) => truncated(numberOf(value), numberOf(places)) },

  concat: { arguments: [1, Infinity], call: (args) => joined(args) },
  endswith: texts((text, end) => text.endsWith(end)),
  indexof: texts((text, part) => text.indexOf(part)),
  length: text((value) => value.length),
  lower: text((value) => value.toLowerCase()),
  lpad: { arguments: [2, 3], call: (args) => padded(args, (text, fill) => fill + text) },
  ltrim: text((value) => value.trimStart()),
  numbytes: text((value) => utf8Bytes(value).length),
  replace: { arguments: [3, 3], call: (args) => replaced(args) },
  rpad: { arguments: [2, 3], call: (args) => padded(args, (text, fill) => text + fill) },
  rtrim: text((value) => value.trimEnd()),
  startswith: texts((text, start) => text.startsWith(start)),
  substring: { arguments: [2, 3], call: (args) => substring(args) },
  trim: text((value) => value.trim()),
  upper: text((value) => value.toUpperCase()),
  chr: numeric1((code) =>
    Number.isInteger(code) && code >= 0 && code < 0xd800 ? String.fromCodePoint(code) : undefined,
  ),

  decode: { arguments: [2, 2], call: ([value, scheme]) => decoded(value, scheme) },
  // Its first argument may be the payload itself, which comes as its bytes in base64.
  encode: { arguments: [2, 2], call: ([value, scheme]) => encoded(value, scheme) },
  sha256: hashed("sha256"),
  sha384: hashed("sha384"),
  sha512: hashed("sha512"),

  get: { arguments: [2, 2], call: ([of, key]) => element(of, key) },
  isnull: { arguments: [1, 1], call: ([value]) => value === null },
  isundefined: { arguments: [1, 1], call: ([value]) => value === undefined },

  accountid: { arguments: [0, 0], call: (_, { account }) => account.id },
  clientid: { arguments: [0, 0], call: (_, { message }) => message.clientId || "n/a" },
  newuuid: { arguments: [0, 0], call: (_, { entropy }) => uuid(entropy) },
  principal: { arguments: [0, 0], call: (_, { message }) => message.principalId || undefined },
  timestamp: { arguments: [0, 0], call: (_, { clock }) => Math.trunc(clock.now()) },
  topic: { arguments: [0, 1], call: ([level], { message: { topic } }) => topicOr(topic, level) },
  traceid: { arguments: [0, 0], call: (_, { traceId }) => traceId },
};

/**
 * Functions that the language has and this version does not. Regular expressions are among them because a pattern can
 * take exponential time on a message that a device makes up, and rules run where all messages pass.
 */
export const ABSENT_FUNCTIONS: readonly string[] = (
  "aws_lambda bitnot get_dynamodb get_mqtt_property get_or_default get_registry_data get_secret get_thing_shadow " +
  "get_user_properties machinelearning_predict md2 md5 nanvl parse_time rand regexp_matches regexp_replace " +
  "regexp_substr sha1 sha224 sourceip sql_version time_to_epoch transform"
).split(" ");

function numeric(of: (value: number) => number): SqlFunction {
  return numeric1((value) => finite(of(value)));
}

function numeric1(of: (value: number) => Value): SqlFunction {
  return {
    arguments: [1, 1],
    call([value]) {
      const number = numberOf(value);
      return number === undefined ? undefined : of(number);
    },
  };
}

function numeric2(of: (a: number, b: number) => number): SqlFunction {
  return {
    arguments: [2, 2],
    call([first, second]) {
      const [a, b] = [numberOf(first), numberOf(second)];
      return a === undefined || b === undefined ? undefined : finite(of(a, b));
    },
  };
}

/** On whole numbers that a double holds exactly, through BigInt: the operators of numbers see 32 bits only. */
function integers(of: (a: bigint, b: bigint) => bigint): SqlFunction {
  return {
    arguments: [2, 2],
    call([first, second]) {
      const [a, b] = [numberOf(first), numberOf(second)];
      return Number.isSafeInteger(a) && Number.isSafeInteger(b)
        ? Number(of(BigInt(a ?? 0), BigInt(b ?? 0)))
        : undefined;
    },
  };
}

function text(of: (value: string) => Value): SqlFunction {
  return {
    arguments: [1, 1],
    call([value]) {
      const text = textOf(value);
      return text === undefined ? undefined : of(text);
    },
  };
}

function texts(of: (text: string, other: string) => Value): SqlFunction {
  return {
    arguments: [2, 2],
    call([first, second]) {
      const [a, b] = [textOf(first), textOf(second)];
      return a === undefined || b === undefined ? undefined : of(a, b);
    },
  };
}

function hashed(name: HashName): SqlFunction {
  return {
    arguments: [1, 1],
    call([value], { hash }) {
      const text = textOf(value);
      return text === undefined ? undefined : toHex(hash.digest(name, utf8Bytes(text)));
    },
  };
}

function truncated(value: number | undefined, places: number | undefined): Value {
  if (value === undefined || places === undefined || !Number.isInteger(places) || places < 0 || places > 15)
    return undefined;
  const scale = 10 ** places;
  return finite(Math.trunc(value * scale) / scale);
}

/** No payload has more. */
const MAX_ELEMENTS = 65_536;

/** Lists join to a list, everything else to a text. */
function joined(args: readonly Value[]): Value {
  if (args.every((each) => Array.isArray(each))) {
    const all = args.flat() as Value & readonly Value[];
    return all.length > MAX_ELEMENTS ? undefined : all;
  }
  const parts = args.map(textOf).filter((part) => part !== undefined);
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  return parts.length === 0 || size > MAX_TEXT ? undefined : parts.join("");
}

function padded([value, width, fill = " "]: readonly Value[], join: (text: string, fill: string) => string): Value {
  const [text, length, filler] = [textOf(value), numberOf(width), textOf(fill)];
  if (text === undefined || filler === undefined || filler === "") return undefined;
  if (length === undefined || !Number.isInteger(length) || length < 0 || length > MAX_TEXT) return undefined;
  if (length <= text.length) return text.slice(0, length);
  return join(text, filler.repeat(Math.ceil((length - text.length) / filler.length)).slice(0, length - text.length));
}

function replaced(args: readonly Value[]): Value {
  const [text, part, by] = args.map(textOf);
  if (text === undefined || part === undefined || by === undefined) return undefined;
  if (part === "") return text;
  const pieces = text.split(part);
  return text.length + (pieces.length - 1) * by.length > MAX_TEXT ? undefined : pieces.join(by);
}

/** From and to, counted from 0; the end is not part of it. */
function substring([value, from, to]: readonly Value[]): Value {
  const [text, start] = [textOf(value), numberOf(from)];
  const end = to === undefined ? text?.length : numberOf(to);
  if (text === undefined || start === undefined || end === undefined) return undefined;
  return text.slice(Math.max(0, Math.trunc(start)), Math.max(0, Math.trunc(end)));
}

function encoded(value: Value, scheme: Value): Value {
  const text = textOf(value);
  return text === undefined || scheme !== "base64" ? undefined : toBase64(utf8Bytes(text));
}

function decoded(value: Value, scheme: Value): Value {
  if (typeof value !== "string" || scheme !== "base64") return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(fromBase64(value));
  } catch (error) {
    if (error instanceof DecodeError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** A member of an object, an element of a list, or a character of a text, both counted from 0. */
export function element(of: Value, key: Value): Value {
  if (typeof of === "string" || Array.isArray(of)) {
    const index = numberOf(key);
    return index === undefined ? undefined : (of[index] as Value);
  }
  if (typeof of !== "object" || of === null || typeof key !== "string") return undefined;
  return Object.hasOwn(of, key) ? (of as Readonly<Record<string, Value>>)[key] : undefined;
}

/** The topic, or one of its levels, counted from 1. */
function topicOr(topic: string, level: Value): Value {
  if (level === undefined) return topic;
  const number = numberOf(level);
  return number === undefined ? undefined : topic.split("/")[number - 1];
}
