export { FUNCTION_ERRORS, type FunctionErrorCode } from "./errors.ts";
export { FunctionPool, POOL_LIMITS, type PoolLimits, type PoolOptions } from "./pool.ts";
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
export { WORKER_LIMITS, type WorkerLimits } from "./worker.ts";
export { CODE_LIMITS, unzipCode } from "./zip-code.ts";
