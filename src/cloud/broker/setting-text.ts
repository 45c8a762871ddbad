import { UsageError } from "../../codec/index.ts";
import type { BrokerErrorCode } from "./errors.ts";

/** What a number that is chosen may be. */
export type Range = { readonly min: number; readonly max: number; readonly mayBeNone?: boolean };

/** The two sides of `name=value`. Throws `UsageError` `mqtt-setting`. */
export function nameAndValue(text: string): readonly [name: string, value: string] {
  const at = text.indexOf("=");
  if (at < 0) throw settingRefused(`${quoted(text)} is not written name=value`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** A whole number within its range; `none` is `Infinity` where there may be none. Throws `UsageError` `mqtt-setting`. */
export function numberChosen(name: string, text: string, { min, max, mayBeNone = false }: Range): number {
  if (mayBeNone && text === "none") return Infinity;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  const none = mayBeNone ? ", or none" : "";
  throw settingRefused(`${name} is ${quoted(text)}, need a whole number from ${min} to ${max}${none}`);
}

/** What an operator wrote, as a message repeats it. */
export function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}

/** The refusal of what an operator chose. */
export function settingRefused(message: string): UsageError<BrokerErrorCode> {
  return new UsageError("mqtt-setting", message);
}
