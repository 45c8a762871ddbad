import { fromBase64, toBase64, utf8Bytes } from "../../codec/index.ts";
import { badParameter } from "./function-record.ts";

/** How Lambda's callers ask for a page. */
export type PageInput = { readonly Marker?: string; readonly MaxItems?: number };

const DEFAULT_ITEMS = 50;

/** The rows after the marker, in the order of their keys, and the marker for what follows. Throws `function-parameter`. */
export function pageOf<Row extends { readonly key: string }>(
  rows: readonly Row[],
  { Marker, MaxItems = DEFAULT_ITEMS }: PageInput,
  compare: (a: string, b: string) => number = (a, b) => (a < b ? -1 : a > b ? 1 : 0),
): { readonly shown: readonly Row[]; readonly next: { readonly NextMarker?: string } } {
  const after = Marker === undefined ? undefined : keyIn(Marker);
  const left = after === undefined ? rows : rows.filter(({ key }) => compare(key, after) > 0);
  const shown = left.slice(0, MaxItems);
  const last = shown.at(-1);
  const isMore = left.length > shown.length && last !== undefined;
  return { shown, next: isMore ? { NextMarker: toBase64(utf8Bytes(last.key)) } : {} };
}

function keyIn(marker: string): string {
  try {
    return new TextDecoder().decode(fromBase64(marker));
  } catch (cause) {
    throw badParameter(`Marker was not given by this operation: ${cause instanceof Error ? cause.message : ""}`);
  }
}
