/** @table What job operations answer, in the service model's words. Times are seconds since 1970 but for devices' milliseconds. */
import type { JobOrder, JobStatus, MaintenanceWindow } from "../jobs/index.ts";
import type { Json } from "../../codec/index.ts";

type Order = Partial<Omit<JobOrder, "document" | "documentSource">>;

export type JobName = { readonly jobArn: string; readonly jobId: string; readonly description?: string | undefined };

export type JobDescription = Order &
  JobName & {
    readonly status: JobStatus;
    readonly createdAt: number;
    readonly lastUpdatedAt: number;
    readonly completedAt?: number | undefined;
    readonly forceCanceled?: boolean | undefined;
    readonly reasonCode?: string | undefined;
    readonly comment?: string | undefined;
    readonly isConcurrent: boolean;
    readonly jobProcessDetails: Json;
    readonly scheduledJobRollouts?: readonly { readonly startTime: string }[];
  };

export type DescribeJobResult = { readonly documentSource?: string | undefined; readonly job: JobDescription };

export type JobSummary = {
  readonly jobArn: string;
  readonly jobId: string;
  readonly targetSelection: string;
  readonly status: JobStatus;
  readonly createdAt: number;
  readonly lastUpdatedAt: number;
  readonly completedAt?: number | undefined;
  readonly isConcurrent: boolean;
};

export type JobList = { readonly jobs: readonly JobSummary[]; readonly nextToken?: string };

export type ExecutionSummary = {
  readonly status: string;
  readonly queuedAt: number;
  readonly startedAt?: number | undefined;
  readonly lastUpdatedAt: number;
  readonly executionNumber: number;
  readonly retryAttempt?: number | undefined;
};

export type ExecutionsForJob = {
  readonly executionSummaries: readonly { readonly thingArn: string; readonly jobExecutionSummary: ExecutionSummary }[];
  readonly nextToken?: string;
};

export type ExecutionsForThing = {
  readonly executionSummaries: readonly { readonly jobId: string; readonly jobExecutionSummary: ExecutionSummary }[];
  readonly nextToken?: string;
};

export type DescribeExecutionResult = {
  readonly execution: Omit<ExecutionSummary, "retryAttempt"> & {
    readonly jobId: string;
    readonly thingArn: string;
    readonly forceCanceled: boolean;
    readonly statusDetails: { readonly detailsMap: Readonly<Record<string, string>> };
    readonly versionNumber: number;
    readonly approximateSecondsBeforeTimedOut?: number | undefined;
  };
};

export type TemplateName = { readonly jobTemplateArn: string; readonly jobTemplateId: string };

export type DescribeTemplateResult = Order &
  TemplateName & {
    readonly document: string;
    readonly documentSource?: string | undefined;
    readonly maintenanceWindows?: readonly MaintenanceWindow[] | undefined;
    readonly createdAt: number;
  };

export type TemplateList = {
  readonly jobTemplates: readonly (TemplateName & { readonly description: string; readonly createdAt: number })[];
  readonly nextToken?: string;
};

/** A pending execution as a device sees it over HTTPS; times in milliseconds. */
export type PendingSummary = {
  readonly jobId: string;
  readonly queuedAt: number;
  readonly startedAt?: number | undefined;
  readonly lastUpdatedAt: number;
  readonly versionNumber: number;
  readonly executionNumber: number;
};

export type DeviceExecution = PendingSummary & {
  readonly thingName: string;
  readonly status: string;
  readonly statusDetails: Readonly<Record<string, string>>;
  readonly approximateSecondsBeforeTimedOut?: number | undefined;
  readonly jobDocument?: string | undefined;
};
