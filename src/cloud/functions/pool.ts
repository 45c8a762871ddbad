import { Denied, Refused, UsageError } from "../../codec/index.ts";
import type { Clock } from "../../crypto/index.ts";
import type { FunctionErrorCode } from "./errors.ts";
import type {
  ApiCaller,
  Deployment,
  FunctionRuntime,
  IsolationReport,
  ProcessStarter,
  RunRequest,
  RunResult,
} from "./runtime.ts";
import { TmpBudget } from "./tmp-budget.ts";
import { FunctionWorker, WORKER_LIMITS, type WorkerLimits } from "./worker.ts";

/** Bounds of all functions together. */
export type PoolLimits = {
  /** Processes of all functions, idle ones included. */
  readonly processes: number;
  /** Processes of one function: one that loops for ever cannot take the place of all the others. */
  readonly processesPerFunction: number;
  /** Processes of one function that start at once: while they do, the ones before may be done with their work. */
  readonly startsPerFunction: number;
  /** Invocations that wait for a process. */
  readonly queue: number;
  /** How long a process is kept without work. */
  readonly idleMs: number;
  /** What all processes together have in their `/tmp`: memory of the machine. */
  readonly tmpBytes: number;
};

export const POOL_LIMITS: PoolLimits = {
  processes: 16,
  processesPerFunction: 8,
  startsPerFunction: 2,
  queue: 1000,
  idleMs: 300_000,
  tmpBytes: 1024 ** 3,
};

export type PoolOptions = {
  readonly starter: ProcessStarter;
  readonly clock: Clock;
  /** Where API calls go, after the allow-list. */
  readonly api: ApiCaller;
  readonly limits?: Partial<PoolLimits>;
  readonly workerLimits?: Partial<WorkerLimits>;
};

type Waiting = {
  readonly deployment: Deployment;
  readonly request: RunRequest;
  readonly resolve: (result: RunResult) => void;
  readonly reject: (error: unknown) => void;
};

type Idle = { readonly worker: FunctionWorker; readonly stopExpiry: () => void };

/** Runs functions on a bounded number of processes, each kept for the next invocation of the same revision. */
export class FunctionPool implements FunctionRuntime {
  readonly #options: PoolOptions;
  readonly #limits: PoolLimits;
  readonly #workerLimits: WorkerLimits;
  readonly #tmpBudget: TmpBudget;
  readonly #busy = new Set<FunctionWorker>();
  readonly #starting = new Set<FunctionWorker>();
  /** Longest idle first. */
  #idle: Idle[] = [];
  #queue: Waiting[] = [];
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#limits = { ...POOL_LIMITS, ...options.limits };
    this.#tmpBudget = new TmpBudget(this.#limits.tmpBytes);
    this.#workerLimits = { ...WORKER_LIMITS, ...options.workerLimits };
  }

  get isolation(): IsolationReport {
    return this.#options.starter.isolation;
  }

  async run(deployment: Deployment, request: RunRequest): Promise<RunResult> {
    if (this.#isClosed) throw closed();
    if (!this.isolation.runs) throw new Denied<FunctionErrorCode>("functions-unavailable", this.isolation.warning);
    if (this.#queue.length >= this.#limits.queue) {
      const message = `${this.#queue.length} invocations are waiting already`;
      throw new Refused<FunctionErrorCode>("too-many-requests", message, 429);
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ deployment, request, resolve, reject });
      this.#dispatch();
    });
  }

  retire(functionArn: string): void {
    for (const { worker } of this.#idle.slice()) {
      if (worker.deployment.functionArn === functionArn) this.#drop(worker);
    }
    this.#options.starter.forget(functionArn);
    this.#dispatch();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { reject } of this.#queue.splice(0)) reject(closed());
    for (const { worker } of this.#idle.slice()) this.#drop(worker);
    for (const worker of this.#busy) worker.kill();
    await this.#options.starter.close();
  }

  /** Starts what can start, oldest first; a function at its own bound lets others pass. */
  #dispatch(): void {
    const kept: Waiting[] = [];
    for (const waiting of this.#queue) {
      const worker = this.#workerFor(waiting.deployment);
      if (worker) void this.#work(worker, waiting);
      else kept.push(waiting);
    }
    this.#queue = kept;
  }

  #workerFor(deployment: Deployment): FunctionWorker | undefined {
    const { functionArn, revision } = deployment;
    if (this.#busy.size >= this.#limits.processes) return undefined;
    for (const { worker } of this.#idle.filter(({ worker }) => !worker.isUsable)) this.#drop(worker);
    const warm = this.#idle.findLast(
      ({ worker }) => worker.deployment.functionArn === functionArn && worker.deployment.revision === revision,
    );
    if (warm) {
      this.#release(warm);
      return warm.worker;
    }
    if (countOf(this.#busy, functionArn) >= this.#limits.processesPerFunction) return undefined;
    if (countOf(this.#starting, functionArn) >= this.#limits.startsPerFunction) return undefined;
    const oldest = this.#idle[0];
    if (oldest && this.#busy.size + this.#idle.length >= this.#limits.processes) this.#drop(oldest.worker);
    return this.#newWorker(deployment);
  }

  #newWorker(deployment: Deployment): FunctionWorker {
    const { starter, clock, api } = this.#options;
    const started = (): void => {
      this.#starting.delete(worker);
      this.#dispatch();
    };
    const limits = this.#workerLimits;
    const tmpBudget = this.#tmpBudget;
    const worker: FunctionWorker = new FunctionWorker({ deployment, starter, clock, api, limits, tmpBudget, started });
    this.#starting.add(worker);
    return worker;
  }

  async #work(worker: FunctionWorker, { request, resolve, reject }: Waiting): Promise<void> {
    this.#busy.add(worker);
    try {
      resolve(await worker.run(request));
    } catch (error) {
      worker.kill();
      reject(error);
    }
    this.#busy.delete(worker);
    this.#starting.delete(worker);
    if (worker.isUsable && !this.#isClosed) this.#keep(worker);
    this.#dispatch();
    // One that was given its next invocation at once goes on without a stop.
    if (!this.#busy.has(worker)) worker.rest();
  }

  #keep(worker: FunctionWorker): void {
    const stopExpiry = this.#options.clock.after(this.#limits.idleMs, () => this.#drop(worker));
    this.#idle.push({ worker, stopExpiry });
  }

  #drop(worker: FunctionWorker): void {
    const idle = this.#idle.find((each) => each.worker === worker);
    if (idle) this.#release(idle);
    worker.kill();
  }

  #release(idle: Idle): void {
    idle.stopExpiry();
    this.#idle = this.#idle.filter((each) => each !== idle);
  }
}

function countOf(workers: ReadonlySet<FunctionWorker>, functionArn: string): number {
  let count = 0;
  for (const { deployment } of workers) if (deployment.functionArn === functionArn) count++;
  return count;
}

function closed(): UsageError<FunctionErrorCode> {
  return new UsageError("runtime-closed", "the function runtime is closed");
}
