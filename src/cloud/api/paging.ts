import type { PageRequest } from "../registry/index.ts";

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
