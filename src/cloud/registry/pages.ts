import type { Expression, ExpressionBuilder, ReferenceExpression, SqlBool } from "kysely";

import { DecodeError, fromBase64, toBase64, utf8Bytes } from "../../codec/index.ts";
import { invalidRequest } from "../errors.ts";

/** Which page of a list, and in which direction. `token` continues where a former page of the same list ended. */
export type PageRequest = {
  readonly limit?: number | undefined;
  readonly token?: string | undefined;
  readonly ascending?: boolean | undefined;
};

/** One page. `next` is absent on the last. */
export type Page<Row> = { readonly rows: readonly Row[]; readonly next?: string };

/** Where a page begins: behind the row with this key, whatever was inserted or deleted since. */
export type Keyset = { readonly number: number; readonly text: string };

/** A page request, read: query one row more than `limit` to see whether another page follows. */
export type PagePlan = {
  readonly limit: number;
  readonly direction: "asc" | "desc";
  readonly operator: ">" | "<";
  readonly after: Keyset | undefined;
};

const DEFAULT_LIMIT = 50;

/** Reads a page request of the list `name`. A token of another list or direction throws `UsageError` `invalid-request`. */
export function planPage(name: string, { limit = DEFAULT_LIMIT, token, ascending = false }: PageRequest): PagePlan {
  const direction = ascending ? "asc" : "desc";
  const after = token === undefined ? undefined : readToken(token, listTag(name, direction));
  return { limit, direction, operator: ascending ? ">" : "<", after };
}

/** The condition that leaves out what former pages showed: a number column, then a text column that is unique. */
export function beyond<DB, TB extends keyof DB>(
  eb: ExpressionBuilder<DB, TB>,
  { after, operator }: PagePlan,
  [number, text]: readonly [ReferenceExpression<DB, TB>, ReferenceExpression<DB, TB>],
): Expression<SqlBool> {
  if (!after) return eb.lit(true);
  // Compared as one, the two find their place in the index; compared one by one, every page would walk all before it.
  return eb(eb.refTuple(number, text), operator, eb.tuple(after.number, after.text) as never);
}

/** The page that `limit + 1` rows make. `keyOf` gives the key by which the query was ordered. */
export function pageOf<Row>(
  name: string,
  { limit, direction }: PagePlan,
  { rows, keyOf }: { readonly rows: readonly Row[]; readonly keyOf: (row: Row) => Keyset },
): Page<Row> {
  if (rows.length <= limit) return { rows };
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return last ? { rows: shown, next: writeToken(keyOf(last), listTag(name, direction)) } : { rows: shown };
}

/** A page of rows that are all at hand, in order of their keys. Throws as `planPage`. */
export function pageAmong<Row>(
  name: string,
  request: Omit<PageRequest, "ascending">,
  { rows, keyOf }: { readonly rows: readonly Row[]; readonly keyOf: (row: Row) => string },
): Page<Row> {
  const plan = planPage(name, { ...request, ascending: true });
  const after = plan.after?.text;
  const left = rows.filter((row) => after === undefined || keyOf(row) > after);
  const shown = left.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)).slice(0, plan.limit + 1);
  return pageOf(name, plan, { rows: shown, keyOf: (row) => ({ number: 0, text: keyOf(row) }) });
}

function listTag(name: string, direction: string): string {
  return `${name} ${direction}`;
}

function writeToken({ number, text }: Keyset, tag: string): string {
  return toBase64(utf8Bytes(JSON.stringify([tag, number, text])));
}

function readToken(token: string, tag: string): Keyset {
  const [found, number, text] = parseToken(token);
  if (found !== tag || !Number.isSafeInteger(number) || typeof text !== "string") {
    throw invalidRequest(`the marker was not issued by this list: need one of ${tag}`);
  }
  return { number: number as number, text };
}

function parseToken(token: string): unknown[] {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(fromBase64(token)));
    return Array.isArray(parsed) ? parsed : [];
  } catch (error) {
    if (error instanceof DecodeError || error instanceof SyntaxError) return [];
    throw error;
  }
}
