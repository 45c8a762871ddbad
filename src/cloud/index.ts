export { CLOUD_ERRORS, invalidRequest, notImplemented, type CloudErrorCode } from "./errors.ts";
export type * from "./api/services.ts";
export type { Queries, Store } from "./store/index.ts";
