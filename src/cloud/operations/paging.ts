import type { Page, PageRequest } from "../registry/index.ts";

/** The members by which AWS's two styles of paging ask for a page. */
type Asked = {
  readonly marker?: string;
  readonly pageSize?: number;
  readonly nextToken?: string;
  readonly maxResults?: number;
  readonly ascendingOrder?: boolean;
};

/** A page request in either style. */
export function pageRequestOf({ marker, pageSize, nextToken, maxResults, ascendingOrder }: Asked): PageRequest {
  return { token: marker ?? nextToken, limit: pageSize ?? maxResults, ascending: ascendingOrder };
}

/** A page as operations with `nextToken` answer it. */
export function tokenPage<Name extends string, Row, Item>(
  name: Name,
  { rows, next }: Page<Row>,
  itemOf: (row: Row) => Item,
): { readonly [K in Name]: readonly Item[] } & { readonly nextToken?: string } {
  const items = { [name]: rows.map(itemOf) } as unknown as { readonly [K in Name]: readonly Item[] };
  return next === undefined ? items : { ...items, nextToken: next };
}

/** A page as operations with `nextMarker` answer it. */
export function markerPage<Name extends string, Row, Item>(
  name: Name,
  { rows, next }: Page<Row>,
  itemOf: (row: Row) => Item,
): { readonly [K in Name]: readonly Item[] } & { readonly nextMarker?: string } {
  const items = { [name]: rows.map(itemOf) } as unknown as { readonly [K in Name]: readonly Item[] };
  return next === undefined ? items : { ...items, nextMarker: next };
}
