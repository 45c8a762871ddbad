export * from "./api/index.ts";
export { CLOUD_ERRORS, invalidRequest, notImplemented, type CloudErrorCode } from "./errors.ts";
export { openRegistry, type Registry, type RegistryOptions, type RegistryPorts } from "./registry/index.ts";
export type { Queries, Store } from "./store/index.ts";
