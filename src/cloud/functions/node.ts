import type { Clock } from "../../crypto/index.ts";
import type { Trace } from "../../trace/index.ts";
import { withAwsNames } from "./api-calls.ts";
import type { Boundary } from "./node-isolation.ts";
import { openStarter } from "./node-starter.ts";
import { FunctionPool, type PoolLimits } from "./pool.ts";
import type { ApiCaller, FunctionRuntime } from "./runtime.ts";
import type { WorkerLimits } from "./worker.ts";

export type FunctionRuntimeOptions = {
  readonly clock: Clock;
  readonly trace: Trace;
  /** Where functions' API calls go; see `allowOperations`. */
  readonly api: ApiCaller;
  /** Where code lies while the server runs; nobody else may use it, and it is emptied first. */
  readonly directory?: string;
  readonly limits?: Partial<PoolLimits>;
  readonly workerLimits?: Partial<WorkerLimits>;
  /** Boundaries to try, strongest first; by default all that this machine may have. */
  readonly boundaries?: readonly Boundary[];
};

/**
 * Opens the place where functions run: tries what this machine can close, and tells in one `process` event of kind
 * `warning` what it cannot. Never throws for a machine that can close too little: then every run is refused.
 */
export async function openFunctionRuntime(options: FunctionRuntimeOptions): Promise<FunctionRuntime> {
  const { clock, trace, api, limits, workerLimits, directory, boundaries } = options;
  const starter = await openStarter({
    clock,
    ...(directory !== undefined && { directory }),
    ...(boundaries && { boundaries }),
  });
  const { warning } = starter.isolation;
  if (warning !== "") trace.emit("cloud", { kind: "process", what: "warning", detail: warning });
  return new FunctionPool({
    starter,
    clock,
    api: withAwsNames(api, trace),
    ...(limits && { limits }),
    ...(workerLimits && { workerLimits }),
  });
}
