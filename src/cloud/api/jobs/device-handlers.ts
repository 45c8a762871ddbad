import { Conflict } from "../../../codec/index.ts";
import type { Clock } from "../../../crypto/index.ts";
import type { CloudErrorCode } from "../../errors.ts";
import { stateOf, type DeviceJobs, type Execution, type Turn } from "../../jobs/index.ts";
import type { DEVICE_JOB_OPERATIONS, DeviceExecution, HandlersOf, PendingSummary } from "../../operations/index.ts";

/** Jobs as devices ask for them over HTTPS, in AWS's words. */
export function deviceJobHandlers(jobs: DeviceJobs, clock: Clock): HandlersOf<keyof typeof DEVICE_JOB_OPERATIONS> {
  const whole = (turn: Turn | undefined) => (turn ? { execution: describe(turn, clock.now()) } : {});
  return {
    async GetPendingJobExecutions({ thingName }) {
      const pending = await jobs.pending(thingName);
      const of = (status: string) => pending.filter((each) => each.status === status).map(summaryOf);
      return { inProgressJobs: of("IN_PROGRESS"), queuedJobs: of("QUEUED") };
    },
    StartNextPendingJobExecution: async ({ thingName, ...progress }) =>
      whole(await jobs.startNext(thingName, progress)),
    async DescribeDeviceJobExecution({ thingName: thing, jobId: job, includeJobDocument, executionNumber: number }) {
      return whole(await jobs.describe({ thing, job, number }, includeJobDocument !== false));
    },
    async UpdateJobExecution({ thingName, jobId, includeJobExecutionState, includeJobDocument, ...progress }) {
      const turn = jobs.update({ thing: thingName, job: jobId }, progress);
      const { execution, document } = await turn.catch(asModelled);
      return {
        executionState: includeJobExecutionState === true ? stateOf(execution) : {},
        ...(includeJobDocument === true && { jobDocument: document }),
      };
    },
  };
}

/** Over HTTPS a version that is not the expected one has no name of its own. AWS IoT API, UpdateJobExecution */
function asModelled(error: unknown): never {
  if (!(error instanceof Conflict) || error.code !== "version-conflict") throw error;
  throw new Conflict<CloudErrorCode>("job-state", error.message, { cause: error });
}

function summaryOf({ job, queuedAt, startedAt, updatedAt, version, number }: Execution): PendingSummary {
  const times = { queuedAt, lastUpdatedAt: updatedAt, ...(startedAt !== undefined && { startedAt }) };
  return { jobId: job, ...times, versionNumber: version, executionNumber: number };
}

function describe({ execution, document }: Turn, now: number): DeviceExecution {
  const { thing: thingName, status, details: statusDetails, dueAt } = execution;
  return {
    ...summaryOf(execution),
    thingName,
    status,
    statusDetails,
    ...(dueAt !== null && { approximateSecondsBeforeTimedOut: Math.max(0, Math.floor((dueAt - now) / 1000)) }),
    ...(document !== undefined && { jobDocument: document }),
  };
}
