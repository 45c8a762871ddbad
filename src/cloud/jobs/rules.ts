/** What a job says about itself: how it is rolled out, when it is given up, how often a thing may try. */
export type JobTerms = {
  readonly jobExecutionsRolloutConfig?:
    | {
        readonly maximumPerMinute?: number;
        readonly exponentialRate?: {
          readonly baseRatePerMinute: number;
          readonly incrementFactor: number;
          readonly rateIncreaseCriteria: {
            readonly numberOfNotifiedThings?: number;
            readonly numberOfSucceededThings?: number;
          };
        };
      }
    | undefined;
  readonly abortConfig?: { readonly criteriaList: readonly AbortCriterion[] } | undefined;
  readonly timeoutConfig?: { readonly inProgressTimeoutInMinutes?: number } | undefined;
  readonly jobExecutionsRetryConfig?: { readonly criteriaList: readonly RetryCriterion[] } | undefined;
};

type AbortCriterion = {
  readonly failureType: "FAILED" | "REJECTED" | "TIMED_OUT" | "ALL";
  readonly action: "CANCEL";
  readonly thresholdPercentage: number;
  readonly minNumberOfExecutedThings: number;
};

type RetryCriterion = { readonly failureType: "FAILED" | "TIMED_OUT" | "ALL"; readonly numberOfRetries: number };

/** What becomes of a thing's turn. AWS IoT Core, "Jobs and job execution states" */
export const EXECUTION_STATUSES = [
  "QUEUED",
  "IN_PROGRESS",
  "SUCCEEDED",
  "FAILED",
  "TIMED_OUT",
  "REJECTED",
  "REMOVED",
  "CANCELED",
] as const;
export type ExecutionStatus = (typeof EXECUTION_STATUSES)[number];

/** How many executions of a job are in each state; PENDING ones are not rolled out. */
export type Counts = Readonly<Record<ExecutionStatus | "PENDING", number>>;

export const NO_COUNTS: Counts = {
  PENDING: 0,
  QUEUED: 0,
  IN_PROGRESS: 0,
  SUCCEEDED: 0,
  FAILED: 0,
  TIMED_OUT: 0,
  REJECTED: 0,
  REMOVED: 0,
  CANCELED: 0,
};

/** Whether an execution in this state is over. */
export function isTerminal(status: ExecutionStatus): boolean {
  return status !== "QUEUED" && status !== "IN_PROGRESS";
}

/** Whether a device may move its execution so. AWS IoT Core, "Job execution states" */
export function deviceMayMove(from: ExecutionStatus, to: ExecutionStatus): boolean {
  return !isTerminal(from) && ["IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED"].includes(to);
}

/** Whether a turn that ended so is tried again; `number` counts a thing's turns from 1. */
export function isRetried({ jobExecutionsRetryConfig }: JobTerms, status: ExecutionStatus, number: number): boolean {
  if (status !== "FAILED" && status !== "TIMED_OUT") return false;
  const criteria = jobExecutionsRetryConfig?.criteriaList ?? [];
  return criteria.some(
    (each) => (each.failureType === "ALL" || each.failureType === status) && number <= each.numberOfRetries,
  );
}

/** Whether so many things have failed that the job is to be cancelled. AWS IoT Core, "Job abort configuration" */
export function isAborted({ abortConfig }: JobTerms, counts: Counts): boolean {
  const { SUCCEEDED, FAILED, TIMED_OUT, REJECTED } = counts;
  const executed = SUCCEEDED + FAILED + TIMED_OUT + REJECTED;
  return (abortConfig?.criteriaList ?? []).some(({ failureType, thresholdPercentage, minNumberOfExecutedThings }) => {
    const failures = failureType === "ALL" ? FAILED + TIMED_OUT + REJECTED : counts[failureType];
    return executed > 0 && executed >= minNumberOfExecutedThings && (failures * 100) / executed >= thresholdPercentage;
  });
}

/** How many things may be notified in this minute. AWS IoT Core, "Job rollout configuration" */
export function rolloutRate({ jobExecutionsRolloutConfig }: JobTerms, counts: Counts): number {
  const { maximumPerMinute = Infinity, exponentialRate } = jobExecutionsRolloutConfig ?? {};
  if (!exponentialRate) return maximumPerMinute;
  const { baseRatePerMinute, incrementFactor, rateIncreaseCriteria } = exponentialRate;
  const { numberOfNotifiedThings, numberOfSucceededThings } = rateIncreaseCriteria;
  const notified = Object.values(counts).reduce((sum, count) => sum + count, 0) - counts.PENDING;
  const steps = numberOfNotifiedThings
    ? Math.floor(notified / numberOfNotifiedThings)
    : Math.floor(counts.SUCCEEDED / (numberOfSucceededThings ?? Infinity));
  return Math.min(maximumPerMinute, Math.floor(baseRatePerMinute * incrementFactor ** steps));
}
