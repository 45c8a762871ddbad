import { totalmem } from "node:os";

import type { Clock, Entropy } from "../../crypto/index.ts";
import { nodeEntropy } from "../../crypto/node.ts";
import type { Trace } from "../../trace/index.ts";
import { withAwsNames } from "./api-calls.ts";
import type { Boundary } from "./node-isolation.ts";
import { withHttpCalls } from "./http-calls.ts";
import { openStarter } from "./node-starter.ts";
import { FunctionPool, type PoolLimits } from "./pool.ts";
import type { ApiCaller, FunctionRuntime } from "./runtime.ts";
import type { WorkerLimits } from "./worker.ts";

export type FunctionRuntimeOptions = {
  readonly clock: Clock;
  /** Names requests; the system's by default. */
  readonly entropy?: Entropy;
  readonly trace: Trace;
  /** Where functions' API calls go; see `allowOperations`. */
  readonly api: ApiCaller;
  /** Where code lies while the server runs; nobody else may use it, and it is emptied first. */
  readonly directory?: string;
  /** A folder whose `node_modules` every function may import from. */
  readonly layer?: string;
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
  const { clock, entropy = nodeEntropy, trace, api, limits, workerLimits, directory, layer, boundaries } = options;
  const starter = await openStarter({
    clock,
    ...(directory !== undefined && { directory }),
    ...(layer !== undefined && { layer }),
    ...(boundaries && { boundaries }),
  });
  const { warning } = starter.isolation;
  if (warning !== "") trace.emit("cloud", { kind: "process", what: "warning", detail: warning });
  return new FunctionPool({
    starter,
    clock,
    api: withHttpCalls(withAwsNames(api, trace), api, entropy),
    limits: { tmpBytes: tmpBytesHere(), ...limits },
    ...(workerLimits && { workerLimits }),
  });
}

/** Half of the memory that the server may use, which is what Linux gives a tmpfs of no size (tmpfs(5), `size`). */
function tmpBytesHere(): number {
  // Zero where nothing constrains it, or more than there is.
  return Math.min(totalmem(), process.constrainedMemory() || Infinity) / 2;
}
