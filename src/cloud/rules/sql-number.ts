import type { Json } from "../../codec/index.ts";

/** JSON, in which decimals with a whole value know what they are. */
export type SqlJson = Json | WholeDecimal | readonly SqlJson[] | { readonly [key: string]: SqlJson };

/** What an expression has for a value: JSON, or undefined where the message has nothing to say. */
export type Value = SqlJson | undefined;

/**
 * A Decimal whose value is whole: 4.0 is no Int, and a double cannot tell. Any other Decimal is a plain number with a
 * fraction, and a plain whole number is an Int. AWS IoT SQL reference, data types
 */
export class WholeDecimal {
  readonly #value: number;

  constructor(value: number) {
    this.#value = value;
  }

  /** The number itself. */
  get value(): number {
    return this.#value;
  }

  /** JSON keeps the difference, too. */
  toJSON(): unknown {
    const text = String(this.#value);
    return raw(/e/.test(text) ? text : `${text}.0`);
  }
}

/** A number as a Decimal. */
export function decimal(value: number): number | WholeDecimal {
  return Number.isInteger(value) ? new WholeDecimal(value) : value;
}

/** Whether a value is an Int, which division keeps whole. */
export function isInt(value: Value): boolean {
  return typeof value === "number" && Number.isInteger(value);
}

/** Where a whole number is written like a decimal, or might be: then it is worth reading the text the slow way. */
const MAY_BE_WHOLE = /\d(?:\.0+(?!\d)|(?:\.\d+)?[eE])/;

/** JSON as a value: a number that is written with a point or an exponent is a Decimal. Throws `SyntaxError`. */
export function valueIn(text: string): Value {
  if (!MAY_BE_WHOLE.test(text)) return JSON.parse(text) as Value;
  return JSON.parse(text, ((_: string, value: unknown, { source }: { source?: string }) =>
    typeof value === "number" && /[.eE]/.test(source ?? "") ? decimal(value) : value) as Reviver) as Value;
}

type Reviver = (this: unknown, key: string, value: unknown) => unknown;

/** Text that JSON.stringify writes as it is. ECMAScript, JSON.rawJSON */
function raw(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text);
}
