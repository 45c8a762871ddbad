/** @table Jobs as devices ask for them over HTTPS. Paths and places from the service model (botocore 1.43.11, iot-jobs-data). */
import { body, OK, operation, query, required, uri } from "./operation.ts";
import { boolean, integer, map, oneOf, string } from "./shape.ts";
import type { Json } from "../../codec/index.ts";
import type { DeviceExecution, PendingSummary } from "./jobs-results.ts";

const THING_NAME = uri(string({ min: 1, max: 128, pattern: /[a-zA-Z0-9:_-]+/ }));
const DETAILS = map(
  string({ min: 1, max: 128, pattern: /[a-zA-Z0-9:_-]+/ }),
  string({ min: 1, max: 1024, pattern: /[^\p{C}]+/u }),
  {
    max: 10,
  },
);
const STEP_TIMEOUT = integer({ min: -1, max: 10_080 });

export const DEVICE_JOB_OPERATIONS = {
  GetPendingJobExecutions: operation<{
    readonly inProgressJobs: readonly PendingSummary[];
    readonly queuedJobs: readonly PendingSummary[];
  }>()({
    service: "iot-jobs-data",
    method: "GET",
    path: "/things/{thingName}/jobs",
    input: { thingName: THING_NAME },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  StartNextPendingJobExecution: operation<{ readonly execution?: DeviceExecution }>()({
    service: "iot-jobs-data",
    method: "PUT",
    path: "/things/{thingName}/jobs/$next",
    input: { thingName: THING_NAME, statusDetails: body(DETAILS), stepTimeoutInMinutes: body(STEP_TIMEOUT) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  /** The control plane has an operation of the same name. */
  DescribeDeviceJobExecution: operation<{ readonly execution?: DeviceExecution }>()({
    service: "iot-jobs-data",
    name: "DescribeJobExecution",
    method: "GET",
    path: "/things/{thingName}/jobs/{jobId}",
    input: {
      thingName: THING_NAME,
      jobId: uri(string({ min: 1, max: 64, pattern: /[a-zA-Z0-9_-]+|\$next/ })),
      includeJobDocument: query(boolean),
      executionNumber: query(integer({ min: 1 })),
    },
    output: OK,
    errors: ["ResourceNotFoundException", "TerminalStateException"],
  }),
  UpdateJobExecution: operation<{ readonly executionState: Json; readonly jobDocument?: string | undefined }>()({
    service: "iot-jobs-data",
    method: "POST",
    path: "/things/{thingName}/jobs/{jobId}",
    input: {
      thingName: THING_NAME,
      jobId: uri(string({ min: 1, max: 64, pattern: /[a-zA-Z0-9_-]+/ })),
      status: required(
        body(oneOf("QUEUED", "IN_PROGRESS", "SUCCEEDED", "FAILED", "TIMED_OUT", "REJECTED", "REMOVED", "CANCELED")),
      ),
      statusDetails: body(DETAILS),
      stepTimeoutInMinutes: body(STEP_TIMEOUT),
      expectedVersion: body(integer({ min: 0 })),
      includeJobExecutionState: body(boolean),
      includeJobDocument: body(boolean),
      executionNumber: body(integer({ min: 1 })),
    },
    output: OK,
    errors: ["ResourceNotFoundException", "InvalidStateTransitionException"],
  }),
} as const;
