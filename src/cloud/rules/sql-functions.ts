/** @table The functions of rules' SQL: how many arguments they take, and what they give. AWS IoT SQL reference, functions */
import { md5, sha1 } from "@noble/hashes/legacy.js";
import { sha224 } from "@noble/hashes/sha2.js";

import { DecodeError, fromBase64, toBase64, toHex, utf8Bytes } from "../../codec/index.ts";
import type { Entropy, Hash, HashName } from "../../crypto/index.ts";
import type { Published } from "../broker/index.ts";
import { uuid, type Account } from "../registry/index.ts";
import { md2 } from "./md2.ts";
import type { SqlVersion } from "./sql-ast.ts";
import { mqttProperty, userProperties } from "./sql-properties.ts";
import { regexpMatches, regexpReplace, regexpSubstr, type Patterns } from "./sql-regexp.ts";
import { decimal, isInt, valueIn, type Value } from "./sql-number.ts";
import { parseTime, timeToEpoch } from "./sql-time.ts";
import { finite, halfAwayFromZero, isObject, jsonOf, MAX_TEXT, numberOf, textOf } from "./sql-value.ts";

/** What functions may ask besides their arguments. `traceId` is one for each message, and so is `now`, in milliseconds. */
export type FunctionContext = {
  readonly message: Published;
  readonly version: SqlVersion;
  readonly account: Account;
  readonly now: number;
  readonly patterns: Patterns;
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
  abs: {
    arguments: [1, 1],
    call: ([value]) => alike(Math.abs, value),
  },
  acos: decimals(Math.acos),
  asin: decimals(Math.asin),
  atan: decimals(Math.atan),
  atan2: decimals2(Math.atan2),
  bitnot: {
    arguments: [1, 1],
    call([value]) {
      const number = numberOf(value);
      return Number.isSafeInteger(number) ? Number(~BigInt(number ?? 0)) : undefined;
    },
  },
  bitand: integers((a, b) => a & b),
  bitor: integers((a, b) => a | b),
  bitxor: integers((a, b) => a ^ b),
  ceil: numeric(Math.ceil),
  cos: decimals(Math.cos),
  cosh: decimals(Math.cosh),
  exp: decimals(Math.exp),
  floor: numeric(Math.floor),
  ln: decimals(Math.log),
  log: decimals(Math.log10),
  nanvl: { arguments: [2, 2], call: ([value, other]) => (value === undefined || value === null ? other : value) },
  rand: { arguments: [0, 0], call: (_, { entropy }) => decimal(randomOf(entropy)) },
  mod: numeric2((a, b) => a % b),
  power: decimals2((a, b) => a ** b),
  remainder: numeric2((a, b) => a % b),
  round: numeric(halfAwayFromZero),
  sign: numeric(Math.sign),
  sin: decimals(Math.sin),
  sinh: decimals(Math.sinh),
  sqrt: decimals(Math.sqrt),
  tan: decimals(Math.tan),
  tanh: decimals(Math.tanh),
  trunc: { arguments: [1, 2], call: ([value, places = 0]) => truncated(value, numberOf(places)) },

  concat: { arguments: [1, Infinity], call: (args) => joined(args) },
  endswith: texts((text, end) => text.endsWith(end)),
  indexof: texts((text, part) => text.indexOf(part)),
  length: text((value) => value.length),
  lower: text((value) => value.toLowerCase()),
  lpad: { arguments: [2, 3], call: (args) => padded(args, (text, fill) => fill + text) },
  ltrim: text((value) => value.trimStart()),
  numbytes: text((value) => utf8Bytes(value).length),
  regexp_matches: { arguments: [2, 2], call: (args, { patterns }) => regexpMatches(args, patterns) },
  regexp_replace: { arguments: [3, 3], call: (args, { patterns }) => regexpReplace(args, patterns) },
  regexp_substr: { arguments: [2, 2], call: (args, { patterns }) => regexpSubstr(args, patterns) },
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
  md2: digested(md2),
  md5: digested(md5),
  sha1: digested(sha1),
  sha224: digested(sha224),
  sha256: hashed("sha256"),
  sha384: hashed("sha384"),
  sha512: hashed("sha512"),

  get: { arguments: [2, 2], call: ([of, key]) => element(of, key) },
  get_or_default: {
    arguments: [2, 2],
    call: ([value, other]) => (value === undefined || value === null ? other : value),
  },
  transform: { arguments: [3, 3], call: (args) => transformed(args) },
  isnull: { arguments: [1, 1], call: ([value]) => value === null },
  isundefined: { arguments: [1, 1], call: ([value]) => value === undefined },

  accountid: { arguments: [0, 0], call: (_, { account }) => account.id },
  clientid: { arguments: [0, 0], call: (_, { message }) => message.clientId || "n/a" },
  get_mqtt_property: { arguments: [1, 1], call: ([name], { message }) => mqttProperty(message, name) },
  get_user_properties: { arguments: [0, 1], call: ([name], { message }) => userProperties(message, name) },
  newuuid: { arguments: [0, 0], call: (_, { entropy }) => uuid(entropy) },
  principal: { arguments: [0, 0], call: (_, { message }) => message.principalId || undefined },
  parse_time: { arguments: [2, 3], call: (args) => parseTime(args) },
  sourceip: { arguments: [0, 0], call: (_, { message }) => message.address },
  sql_version: { arguments: [0, 0], call: (_, { version }) => version },
  time_to_epoch: { arguments: [2, 2], call: (args) => timeToEpoch(args) },
  timestamp: { arguments: [0, 0], call: (_, { now }) => Math.trunc(now) },
  topic: { arguments: [0, 1], call: ([level], { message: { topic } }) => topicOr(topic, level) },
  traceid: { arguments: [0, 0], call: (_, { traceId }) => traceId },
};

/** Functions that the language has and this version does not: what they ask is not here. */
export const ABSENT_FUNCTIONS: readonly string[] = "get_dynamodb get_secret machinelearning_predict".split(" ");

function numeric(of: (value: number) => number): SqlFunction {
  return numeric1((value) => finite(of(value)));
}

/** What has a fraction in general is a Decimal, even where it happens to be whole. */
function decimals(of: (value: number) => number): SqlFunction {
  return numeric1((value) => asDecimal(of(value)));
}

function asDecimal(value: number): Value {
  return Number.isFinite(value) ? decimal(value) : undefined;
}

/** An Int of an Int, a Decimal of anything else. */
function alike(of: (value: number) => number, value: Value): Value {
  const number = numberOf(value);
  if (number === undefined) return undefined;
  return isInt(value) ? finite(of(number)) : asDecimal(of(number));
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

/** An Int of two Ints, else a Decimal. */
function numeric2(of: (a: number, b: number) => number): SqlFunction {
  return {
    arguments: [2, 2],
    call([first, second]) {
      const [a, b] = [numberOf(first), numberOf(second)];
      if (a === undefined || b === undefined) return undefined;
      return isInt(first) && isInt(second) ? finite(of(a, b)) : asDecimal(of(a, b));
    },
  };
}

function decimals2(of: (a: number, b: number) => number): SqlFunction {
  return {
    arguments: [2, 2],
    call([first, second]) {
      const [a, b] = [numberOf(first), numberOf(second)];
      return a === undefined || b === undefined ? undefined : asDecimal(of(a, b));
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

/** Hashes that prove nothing any more; rules use them to make short keys. */
function digested(digest: (bytes: Uint8Array) => Uint8Array): SqlFunction {
  return text((value) => toHex(digest(utf8Bytes(value))));
}

/** At least 0 and below 1, of 48 random bits. */
function randomOf(entropy: Entropy): number {
  return entropy.bytes(6).reduce((sum, byte) => sum * 256 + byte, 0) / 2 ** 48;
}

/** Every object of a list with the members of another object added. AWS IoT SQL reference, transform */
function transformed([mode, added, list]: readonly Value[]): Value {
  if (mode !== "enrichArray" || !isObject(added) || !Array.isArray(list) || !list.every(isObject)) return undefined;
  const [one, all] = [jsonOf(added), jsonOf(list)];
  if (one === undefined || all === undefined || one.length * list.length + all.length > MAX_TRANSFORMED)
    return undefined;
  return list.map((each) => ({ ...each, ...added }));
}

const MAX_TRANSFORMED = 128 * 1024;

/** A Decimal, unless no places are left of it. */
function truncated(of: Value, places: number | undefined): Value {
  const value = numberOf(of);
  if (value === undefined || places === undefined || !Number.isInteger(places) || places < 0 || places > 15)
    return undefined;
  const scale = 10 ** places;
  const number = finite(Math.trunc(value * scale) / scale);
  return number === undefined || places === 0 || isInt(of) ? number : decimal(number);
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

/** JSON where the decoded text is JSON, else the text; null where it cannot be decoded. AWS IoT SQL reference, decode */
function decoded(value: Value, scheme: Value): Value {
  if (typeof value !== "string" || scheme !== "base64") return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(fromBase64(value));
    return jsonIn(text) ?? text;
  } catch (error) {
    if (error instanceof DecodeError || error instanceof TypeError) return null;
    throw error;
  }
}

function jsonIn(text: string): Value {
  try {
    return valueIn(text);
  } catch {
    return undefined;
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
