/** @table Jobs of the control plane. Paths, places, shapes and errors from the service model (botocore 1.43.11, iot). */
import { body, OK, operation, query, required, uri } from "./operation.ts";
import { boolean, integer, list, map, number, oneOf, record, string, unavailable } from "./shape.ts";
import type {
  DescribeExecutionResult,
  DescribeJobResult,
  DescribeTemplateResult,
  ExecutionsForJob,
  ExecutionsForThing,
  JobList,
  JobName,
  TemplateList,
  TemplateName,
} from "./jobs-results.ts";

const JOB_ID = uri(string({ min: 1, max: 64, pattern: /[a-zA-Z0-9_-]+/ }));
const TEMPLATE_ID = uri(string({ min: 1, max: 64, pattern: /[a-zA-Z0-9_-]+/ }));
const THING_NAME = uri(string({ min: 1, max: 128, pattern: /[a-zA-Z0-9:_-]+/ }));
const DESCRIPTION = string({ max: 2028, pattern: /[^\p{C}]+/u });
const NAMESPACE = string({ pattern: /[a-zA-Z0-9_-]+/ });
const TARGETS = list(string({ max: 2048 }), { min: 1, max: 100 });
const RETRIED = oneOf("FAILED", "TIMED_OUT", "ALL");
const ABORTED = oneOf("FAILED", "REJECTED", "TIMED_OUT", "ALL");
const STATUS = oneOf("QUEUED", "IN_PROGRESS", "SUCCEEDED", "FAILED", "TIMED_OUT", "REJECTED", "REMOVED", "CANCELED");
const SELECTION = oneOf("CONTINUOUS", "SNAPSHOT");
const DETAILS = map(
  string({ min: 1, max: 128, pattern: /[a-zA-Z0-9:_-]+/ }),
  string({ min: 1, max: 1024, pattern: /[^\p{C}]+/u }),
  {
    max: 10,
  },
);
const PARAMETERS = map(
  string({ min: 1, max: 128, pattern: /[a-zA-Z0-9_-]+/ }),
  string({ min: 1, max: 30_720, pattern: /[^\p{C}]+/u }),
);
const EXPONENTIAL_RATE = record(
  {
    baseRatePerMinute: integer({ min: 1, max: 1000 }),
    incrementFactor: number({ min: 1.1, max: 5 }),
    rateIncreaseCriteria: record({
      numberOfNotifiedThings: integer({ min: 1 }),
      numberOfSucceededThings: integer({ min: 1 }),
    }),
  },
  ["baseRatePerMinute", "incrementFactor", "rateIncreaseCriteria"],
);
const ABORT_CRITERION = record(
  {
    failureType: ABORTED,
    action: oneOf("CANCEL"),
    thresholdPercentage: number({ min: 0, max: 100 }),
    minNumberOfExecutedThings: integer({ min: 1 }),
  },
  ["failureType", "action", "thresholdPercentage", "minNumberOfExecutedThings"],
);
const RETRY_CRITERION = record({ failureType: RETRIED, numberOfRetries: integer({ min: 0, max: 10 }) }, [
  "failureType",
  "numberOfRetries",
]);
const WINDOWS = list(
  record({ startTime: string({ min: 1, max: 256 }), durationInMinutes: integer({ min: 1, max: 1430 }) }, [
    "startTime",
    "durationInMinutes",
  ]),
  { max: 10 },
);
const SCHEDULING = record({
  startTime: string({ min: 1, max: 64 }),
  endTime: string({ min: 1, max: 64 }),
  endBehavior: oneOf("STOP_ROLLOUT", "CANCEL", "FORCE_CANCEL"),
  maintenanceWindows: WINDOWS,
});

/** How a job runs, in orders, templates and changes alike. */
const TERMS = {
  description: body(DESCRIPTION),
  presignedUrlConfig: body(
    record({ roleArn: string({ min: 20, max: 2048 }), expiresInSec: integer({ min: 60, max: 3600 }) }),
  ),
  jobExecutionsRolloutConfig: body(
    record({ maximumPerMinute: integer({ min: 1 }), exponentialRate: EXPONENTIAL_RATE }),
  ),
  abortConfig: body(record({ criteriaList: list(ABORT_CRITERION, { min: 1 }) }, ["criteriaList"])),
  timeoutConfig: body(record({ inProgressTimeoutInMinutes: integer({ min: 1, max: 10_080 }) })),
  jobExecutionsRetryConfig: body(record({ criteriaList: list(RETRY_CRITERION, { min: 1, max: 2 }) }, ["criteriaList"])),
};
const DOCUMENT = {
  documentSource: body(string({ min: 1, max: 1350 })),
  document: body(string({ max: 32_768 })),
  destinationPackageVersions: body(unavailable),
};
const TAGS = body(
  list(record({ Key: string({ min: 1, max: 128 }), Value: string({ max: 256 }) }, ["Key"]), { max: 100 }),
);
const PAGE = { maxResults: query(integer({ min: 1, max: 250 })), nextToken: query(string({ max: 2048 })) };
const NAMED = { namespaceId: query(NAMESPACE) };

export const JOB_OPERATIONS = {
  CreateJob: operation<JobName>()({
    service: "iot",
    method: "PUT",
    path: "/jobs/{jobId}",
    input: {
      jobId: JOB_ID,
      targets: required(body(TARGETS)),
      ...TERMS,
      ...DOCUMENT,
      targetSelection: body(SELECTION),
      tags: TAGS,
      namespaceId: body(NAMESPACE),
      jobTemplateArn: body(string({ min: 1, max: 1600, pattern: /arn:[!-~]+/ })),
      documentParameters: body(PARAMETERS),
      schedulingConfig: body(SCHEDULING),
    },
    output: OK,
    errors: ["ResourceNotFoundException", "ResourceAlreadyExistsException", "LimitExceededException"],
  }),
  DescribeJob: operation<DescribeJobResult>()({
    service: "iot",
    method: "GET",
    path: "/jobs/{jobId}",
    input: { jobId: JOB_ID, beforeSubstitution: query(boolean) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  UpdateJob: operation<void>()({
    service: "iot",
    method: "PATCH",
    path: "/jobs/{jobId}",
    input: { jobId: JOB_ID, ...TERMS, ...NAMED },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  CancelJob: operation<JobName>()({
    service: "iot",
    method: "PUT",
    path: "/jobs/{jobId}/cancel",
    input: {
      jobId: JOB_ID,
      reasonCode: body(string({ max: 128, pattern: /[\p{Upper}\p{Nd}_]+/u })),
      comment: body(DESCRIPTION),
      force: query(boolean),
    },
    output: OK,
    errors: ["ResourceNotFoundException", "LimitExceededException"],
  }),
  DeleteJob: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/jobs/{jobId}",
    input: { jobId: JOB_ID, force: query(boolean), ...NAMED },
    output: OK,
    errors: ["InvalidStateTransitionException", "ResourceNotFoundException", "LimitExceededException"],
  }),
  ListJobs: operation<JobList>()({
    service: "iot",
    method: "GET",
    path: "/jobs",
    input: {
      status: query(oneOf("IN_PROGRESS", "CANCELED", "COMPLETED", "DELETION_IN_PROGRESS", "SCHEDULED")),
      targetSelection: query(SELECTION),
      thingGroupName: query(string({ min: 1, max: 128, pattern: /[a-zA-Z0-9:_-]+/ })),
      thingGroupId: query(string({ min: 1, max: 128, pattern: /[a-zA-Z0-9-]+/ })),
      ...NAMED,
      ...PAGE,
    },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  GetJobDocument: operation<{ readonly document: string }>()({
    service: "iot",
    method: "GET",
    path: "/jobs/{jobId}/job-document",
    input: { jobId: JOB_ID, beforeSubstitution: query(boolean) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  AssociateTargetsWithJob: operation<JobName>()({
    service: "iot",
    method: "POST",
    path: "/jobs/{jobId}/targets",
    input: { jobId: JOB_ID, targets: required(body(TARGETS)), comment: body(DESCRIPTION), ...NAMED },
    output: OK,
    errors: ["ResourceNotFoundException", "LimitExceededException"],
  }),
  CancelJobExecution: operation<void>()({
    service: "iot",
    method: "PUT",
    path: "/things/{thingName}/jobs/{jobId}/cancel",
    input: {
      jobId: JOB_ID,
      thingName: THING_NAME,
      force: query(boolean),
      expectedVersion: body(integer({ min: 0 })),
      statusDetails: body(DETAILS),
    },
    output: OK,
    errors: ["InvalidStateTransitionException", "ResourceNotFoundException", "VersionConflictException"],
  }),
  DeleteJobExecution: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/things/{thingName}/jobs/{jobId}/executionNumber/{executionNumber}",
    input: {
      jobId: JOB_ID,
      thingName: THING_NAME,
      executionNumber: uri(integer({ min: 1 })),
      force: query(boolean),
      ...NAMED,
    },
    output: OK,
    errors: ["InvalidStateTransitionException", "ResourceNotFoundException"],
  }),
  DescribeJobExecution: operation<DescribeExecutionResult>()({
    service: "iot",
    method: "GET",
    path: "/things/{thingName}/jobs/{jobId}",
    input: { jobId: JOB_ID, thingName: THING_NAME, executionNumber: query(integer({ min: 1 })) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  ListJobExecutionsForJob: operation<ExecutionsForJob>()({
    service: "iot",
    method: "GET",
    path: "/jobs/{jobId}/things",
    input: { jobId: JOB_ID, status: query(STATUS), ...PAGE },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  ListJobExecutionsForThing: operation<ExecutionsForThing>()({
    service: "iot",
    method: "GET",
    path: "/things/{thingName}/jobs",
    input: {
      thingName: THING_NAME,
      status: query(STATUS),
      jobId: query(string({ min: 1, max: 64, pattern: /[a-zA-Z0-9_-]+/ })),
      ...NAMED,
      ...PAGE,
    },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  CreateJobTemplate: operation<TemplateName>()({
    service: "iot",
    method: "PUT",
    path: "/job-templates/{jobTemplateId}",
    input: {
      jobTemplateId: TEMPLATE_ID,
      jobArn: body(string({ min: 1, max: 1600 })),
      ...TERMS,
      ...DOCUMENT,
      description: required(body(DESCRIPTION)),
      tags: TAGS,
      maintenanceWindows: body(WINDOWS),
    },
    output: OK,
    errors: ["ResourceNotFoundException", "ConflictException", "LimitExceededException"],
  }),
  DescribeJobTemplate: operation<DescribeTemplateResult>()({
    service: "iot",
    method: "GET",
    path: "/job-templates/{jobTemplateId}",
    input: { jobTemplateId: TEMPLATE_ID },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  ListJobTemplates: operation<TemplateList>()({
    service: "iot",
    method: "GET",
    path: "/job-templates",
    input: PAGE,
    output: OK,
    errors: [],
  }),
  DeleteJobTemplate: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/job-templates/{jobTemplateId}",
    input: { jobTemplateId: TEMPLATE_ID },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
} as const;
