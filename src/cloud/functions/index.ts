export { allowOperations, DEVICE_OPERATIONS } from "./allowed-operations.ts";
export { FUNCTION_ERRORS, type FunctionErrorCode } from "./errors.ts";
export { EVENT_LIMITS, type EventLimits } from "./event-invocations.ts";
export { FUNCTION_LOG_LIMITS, FunctionLogs, type FunctionLogLimits, type FunctionLogOptions } from "./function-logs.ts";
export { functionStore, type FunctionStore } from "./function-store.ts";
export { POOL_LIMITS, type PoolLimits } from "./pool.ts";
export type { ServiceCaller } from "./resource-policy.ts";
export type {
  ApiCaller,
  Deployment,
  FunctionFailure,
  FunctionRuntime,
  IsolationReport,
  Reach,
  RunEnd,
  RunRequest,
  RunResult,
} from "./runtime.ts";
export { Functions, type FunctionServiceOptions, type Question } from "./service.ts";
export { WORKER_LIMITS, type WorkerLimits } from "./worker.ts";
export { CODE_LIMITS, unzipCode } from "./zip-code.ts";
