import type { CastType } from "./sql-ast.ts";
import { decimal, type SqlJson, type Value, WholeDecimal } from "./sql-number.ts";

/** The longest text that an expression may make: no message can be longer. */
export const MAX_TEXT = 256 * 1024;

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
const MAX_DEPTH = 64;

/** Whether a value has members by name. */
export function isObject(value: Value): value is { readonly [key: string]: SqlJson } {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof WholeDecimal);
}

/** A number, or the number that a text spells; undefined otherwise. */
export function numberOf(value: Value): number | undefined {
  if (typeof value === "number") return value;
  if (value instanceof WholeDecimal) return value.value;
  if (typeof value !== "string" || value.length > 40 || !NUMBER.test(value)) return undefined;
  return finite(Number(value));
}

/** A truth value, or the one that a text spells in any case; undefined otherwise. */
export function truthOf(value: Value): boolean | undefined {
  if (typeof value === "boolean") return value;
  if (typeof value !== "string") return undefined;
  const word = value.toLowerCase();
  return word === "true" ? true : word === "false" ? false : undefined;
}

/** The text of a value: JSON for lists and objects, `Undefined` for what is not there. */
export function textOf(value: Value): string | undefined {
  if (value === undefined) return undefined;
  const text = typeof value === "string" ? value : jsonOf(value);
  return text !== undefined && text.length <= MAX_TEXT ? text : undefined;
}

/** JSON text, or undefined for a value that is nested too deep to be written. */
export function jsonOf(value: SqlJson): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Infinite and undefined results are no JSON numbers. */
export function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

/**
 * Whether two values are the same; undefined where they cannot be compared. A number and a text compare as numbers. What
 * is nested deeper than 64 is equal to nothing.
 */
export function isEqual(first: Value, second: Value, depth = 0): boolean | undefined {
  const [left, right] = [plain(first), plain(second)];
  if (left === undefined || right === undefined || depth > MAX_DEPTH) return undefined;
  if (left === null || right === null) return left === right;
  if (typeof left === "object" || typeof right === "object") {
    return typeof left === typeof right ? sameStructure(left as object, right as object, depth) : undefined;
  }
  if (typeof left === typeof right) return left === right;
  const [a, b] = [numberOf(left), numberOf(right)];
  return a === undefined || b === undefined ? undefined : a === b;
}

/** 4 and 4.0 are the same number. */
function plain(value: Value): Value {
  return value instanceof WholeDecimal ? value.value : value;
}

function sameStructure(left: object, right: object, depth: number): boolean | undefined {
  if (Array.isArray(left) !== Array.isArray(right)) return undefined;
  const [a, b] = [Object.entries(left) as [string, SqlJson][], new Map(Object.entries(right) as [string, SqlJson][])];
  return a.length === b.size && a.every(([name, value]) => isEqual(value, b.get(name), depth + 1) === true);
}

/** -1, 0 or 1; undefined where the values have no order. Two texts compare as texts, otherwise numbers are needed. */
export function order(left: Value, right: Value): number | undefined {
  const isText = typeof left === "string" && typeof right === "string";
  const [a, b] = isText ? [left, right] : [numberOf(left), numberOf(right)];
  if (a === undefined || b === undefined) return undefined;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `CAST`. AWS IoT SQL reference, cast */
export function castTo(value: Value, to: CastType): Value {
  if (value === undefined || (value === null && to !== "String")) return undefined;
  switch (to) {
    case "String":
      return textOf(value);
    case "Boolean":
      return typeof value === "number" || value instanceof WholeDecimal ? numberOf(value) !== 0 : truthOf(value);
    case "Decimal": {
      const number = typeof value === "boolean" ? Number(value) : numberOf(value);
      return number === undefined ? undefined : decimal(number);
    }
    default: {
      const number = typeof value === "boolean" ? Number(value) : numberOf(value);
      return number === undefined ? undefined : halfAwayFromZero(number);
    }
  }
}

/** The nearest whole number; halves go away from zero. */
export function halfAwayFromZero(value: number): number {
  return Math.sign(value) * Math.round(Math.abs(value)) || 0;
}
