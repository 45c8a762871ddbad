import type { ApiResponse } from "./output.ts";
import type { RawRequest } from "./sigv4.ts";

/** A request's head, with the peer's address. */
export type RequestHead = RawRequest & { readonly address: string };

/** What to do with a request whose head was read. */
export type Exchange =
  /** Nothing more is wanted: this is the answer. */
  | { readonly answer: ApiResponse }
  /** Read at most `bodyLimit` bytes, then call `complete`; call `tooLarge` where there are more. */
  | {
      readonly bodyLimit: number;
      complete(body: Uint8Array): Promise<ApiResponse>;
      tooLarge(): ApiResponse;
    };
