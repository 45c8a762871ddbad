import { Conflict } from "../../codec/index.ts";
import { invalidRequest, type CloudErrorCode } from "../errors.ts";
import { settle, end, type Change } from "./changes.ts";
import type { Jobs } from "./jobs.ts";
import {
  checkVersion,
  documentFor,
  executionNamed,
  jobNamed,
  pendingOf,
  putExecution,
  type Execution,
} from "./records.ts";
import { deviceMayMove, isTerminal, type ExecutionStatus } from "./rules.ts";

/** An execution with its job's document, as JSON text, where a device wants it. */
export type Turn = { readonly execution: Execution; readonly document: string | undefined };

export type Progress = {
  readonly status: ExecutionStatus;
  readonly statusDetails?: Readonly<Record<string, string>> | undefined;
  readonly stepTimeoutInMinutes?: number | undefined;
  readonly expectedVersion?: number | undefined;
  readonly executionNumber?: number | undefined;
};

/** A refusal of an update, with the execution as it is. */
export class ExecutionConflict extends Conflict<CloudErrorCode> {
  readonly execution: Execution;

  constructor(code: "job-state" | "version-conflict", message: string, execution: Execution) {
    super(code, message);
    this.execution = execution;
  }
}

const MINUTE = 60_000;
const MAX_DETAILS = 10;

/** What a device may ask of its jobs, over MQTT and HTTPS alike. `told` runs in the order of all changes. AWS IoT Core, "Jobs device MQTT and HTTPS APIs" */
export class DeviceJobs {
  readonly #jobs: Jobs;

  constructor(jobs: Jobs) {
    this.#jobs = jobs;
  }

  /** What a thing has to do, in progress first. */
  pending(thing: string, told?: (turns: readonly Execution[]) => void): Promise<readonly Execution[]> {
    return this.#jobs.change(({ queries }) => pendingOf(queries, thing), told);
  }

  /** The next execution, put in progress if it was queued; undefined where there is none. */
  startNext(
    thing: string,
    { statusDetails, stepTimeoutInMinutes }: Pick<Progress, "statusDetails" | "stepTimeoutInMinutes">,
    told?: (turn: Turn | undefined) => void,
  ): Promise<Turn | undefined> {
    return this.#jobs.change(async (change) => {
      const { queries } = change;
      const [next] = await pendingOf(queries, thing);
      if (!next) return undefined;
      const document = documentFor((await jobNamed(queries, next.job)).order);
      if (next.status === "IN_PROGRESS") return { execution: next, document };
      const progress = { status: "IN_PROGRESS" as const, statusDetails, stepTimeoutInMinutes };
      return { execution: await proceed(change, next, progress), document };
    }, told);
  }

  /** One execution, `$next` for the next; undefined where there is none to do. Throws `NotFound`, `Conflict` `job-ended`. */
  describe(
    { thing, job, number }: { readonly thing: string; readonly job: string; readonly number?: number | undefined },
    wantsDocument: boolean,
    told?: (turn: Turn | undefined) => void,
  ): Promise<Turn | undefined> {
    return this.#jobs.change(async ({ queries }) => {
      const isNext = job === "$next";
      const execution = isNext
        ? (await pendingOf(queries, thing))[0]
        : await executionNamed(queries, { job, thing, number });
      if (!execution) return undefined;
      if (isTerminal(execution.status)) {
        const message = `The execution of job ${job} for thing ${thing} is ${execution.status}`;
        throw new Conflict<CloudErrorCode>("job-ended", message);
      }
      const { order } = await jobNamed(queries, execution.job);
      return { execution, document: wantsDocument ? documentFor(order) : undefined };
    }, told);
  }

  /** What a device says of its execution. Throws `NotFound`, `ExecutionConflict`, `UsageError`. */
  update(
    { thing, job }: { readonly thing: string; readonly job: string },
    progress: Progress,
    told?: (turn: Turn) => void,
  ): Promise<Turn> {
    return this.#jobs.change(async (change) => {
      const { queries } = change;
      const { status, expectedVersion, executionNumber: number } = progress;
      const execution = await executionNamed(queries, { job, thing, number });
      try {
        checkVersion(execution, expectedVersion);
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        throw new ExecutionConflict("version-conflict", error.message, execution);
      }
      if (!deviceMayMove(execution.status, status)) {
        const message = `The execution of job ${job} for thing ${thing} cannot go from ${execution.status} to ${status}`;
        throw new ExecutionConflict("job-state", message, execution);
      }
      const document = documentFor((await jobNamed(queries, job)).order);
      return { execution: await proceed(change, execution, progress), document };
    }, told);
  }
}

async function proceed(change: Change, execution: Execution, progress: Progress): Promise<Execution> {
  const { queries, now, told } = change;
  const { status, statusDetails, stepTimeoutInMinutes } = progress;
  const details = statusDetails ?? execution.details;
  if (Object.keys(details).length > MAX_DETAILS) throw invalidRequest(`statusDetails has over ${MAX_DETAILS} entries`);
  const job = await jobNamed(queries, execution.job);
  if (status !== "IN_PROGRESS") {
    const ended = await end(change, execution, { status, details });
    await settle(change, job, ended);
    return ended;
  }
  await told.touch(queries, execution.thing);
  const minutes = job.order.timeoutConfig?.inProgressTimeoutInMinutes;
  const jobUntil = execution.jobUntil ?? (minutes === undefined ? undefined : now + minutes * MINUTE);
  const stepUntil = stepOf(stepTimeoutInMinutes, execution.stepUntil, now);
  const until = [jobUntil, stepUntil].filter((each) => each !== undefined);
  const after: Execution = {
    ...execution,
    status,
    details,
    version: execution.version + 1,
    startedAt: execution.startedAt ?? now,
    updatedAt: now,
    jobUntil,
    stepUntil,
    dueAt: until.length === 0 ? null : Math.min(...until),
  };
  await putExecution(queries, after);
  return after;
}

/** The end of the present step: asked for anew, taken away by -1, or as it was. */
function stepOf(minutes: number | undefined, known: number | undefined, now: number): number | undefined {
  if (minutes === undefined) return known;
  return minutes === -1 ? undefined : now + minutes * MINUTE;
}
