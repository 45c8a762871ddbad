import { DecodeError, fromBase64, toBase64, utf8Bytes } from "../../codec/index.ts";
import { badParameter } from "./function-record.ts";

/** How Lambda's callers ask for a page. */
export type PageInput = { readonly Marker?: string; readonly MaxItems?: number };

const DEFAULT_ITEMS = 50;

/**
 * The rows of the list `name` after the marker, in the order of their keys, and the marker for what follows. A marker of
 * another list throws `function-parameter`.
 */
export function pageOf<Row extends { readonly key: string }>(
  name: string,
  { Marker, MaxItems = DEFAULT_ITEMS }: PageInput,
  { rows, compare = inOrder }: { readonly rows: readonly Row[]; readonly compare?: typeof inOrder },
): { readonly shown: readonly Row[]; readonly next: { readonly NextMarker?: string } } {
  const after = Marker === undefined ? undefined : keyIn(Marker, name);
  const left = after === undefined ? rows : rows.filter(({ key }) => compare(key, after) > 0);
  const shown = left.slice(0, MaxItems);
  const last = shown.at(-1);
  const isMore = left.length > shown.length && last !== undefined;
  return { shown, next: isMore ? { NextMarker: toBase64(utf8Bytes(JSON.stringify([name, last.key]))) } : {} };
}

function inOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function keyIn(marker: string, name: string): string {
  const [list, key] = parsed(marker);
  if (list === name && typeof key === "string") return key;
  throw badParameter(`Marker was not given by ${name}`);
}

function parsed(marker: string): unknown[] {
  try {
    const found: unknown = JSON.parse(new TextDecoder().decode(fromBase64(marker)));
    return Array.isArray(found) ? found : [];
  } catch (error) {
    if (error instanceof DecodeError || error instanceof SyntaxError) return [];
    throw error;
  }
}
